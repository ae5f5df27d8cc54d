package contract

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

func TestTheExamplesAreInCanonicalLayout(t *testing.T) {
	for _, name := range []string{"testdata/hiring/contract.yaml", "testdata/tour.yaml", "../examples/hiring/contract.yaml"} {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Format("contract.yaml", src)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(src), string(got)); diff != "" {
			t.Errorf("%s (-is +canonical):\n%s", name, diff)
		}
	}
}

func TestFormat(t *testing.T) {
	const file = "testdata/format/layout.txtar"
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(archive.Files); i += 2 {
		in, out := archive.Files[i], &archive.Files[i+1]
		t.Run(strings.TrimSuffix(in.Name, ".in"), func(t *testing.T) {
			src := in.Data
			if s := strings.TrimSpace(string(src)); strings.HasPrefix(s, `"`) {
				raw, err := strconv.Unquote(s)
				if err != nil {
					t.Fatal(err)
				}
				src = []byte(raw)
			}
			got, err := Format("contract.yaml", src)
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				out.Data = got
			}
			if diff := cmp.Diff(string(out.Data), string(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			checkFormat(t, src)
		})
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFormatSaysWhatCannotBeRead(t *testing.T) {
	for _, tt := range []struct{ src, want string }{
		{"rules:\n  a: !x\n  b: x ? y : z\n", "contract.yaml:2:6: rules.a: '!x' is a YAML tag with an empty value, not a negation; put the whole value in single quotes: '!x'\n" +
			"contract.yaml:3:12: rules.b: the ' : ' of a '?:' ends the value here; put the whole value in single quotes: 'x ? y : z'"},
		{"- a\n", "contract.yaml:1:1: a contract is a mapping of names to values; begin with 'mainstay: 1'"},
		{"", "contract.yaml:1:1: the file is empty; begin with 'mainstay: 1'"},
	} {
		if _, err := Format("contract.yaml", []byte(tt.src)); err == nil || err.Error() != tt.want {
			t.Errorf("Format(%q)\n got %v\nwant %s", tt.src, err, tt.want)
		}
	}
}

// checkFormat holds Format to its two promises: a second time changes nothing,
// and the contract is the same.
func checkFormat(t *testing.T, src []byte) {
	t.Helper()
	once, err := Format("contract.yaml", src)
	if err != nil {
		if strings.Contains(err.Error(), "please report") {
			t.Fatalf("%v:\n%s", err, src)
		}
		return
	}
	twice, err := Format("contract.yaml", once)
	if err != nil {
		t.Fatalf("the second time: %v\n%s", err, once)
	}
	if diff := cmp.Diff(string(once), string(twice)); diff != "" {
		t.Errorf("the second time (-once +twice):\n%s", diff)
	}
	before, faultsBefore := Parse(map[string][]byte{"c": src})
	after, faultsAfter := Parse(map[string][]byte{"c": once})
	if diff := cmp.Diff(describe(before), describe(after)); diff != "" {
		t.Errorf("the contract changed:\n%s\n%s\n---\n%s", diff, src, once)
	}
	if diff := cmp.Diff(said(faultsBefore), said(faultsAfter)); diff != "" {
		t.Errorf("the faults changed:\n%s\n%s\n---\n%s", diff, src, once)
	}
}

var places = regexp.MustCompile(`c:[0-9]+:[0-9]+`)

func said(faults []Fault) map[string]int {
	list := map[string]int{}
	for _, f := range faults {
		list[strings.Join(strings.Fields(places.ReplaceAllString(f.What, "")), "")]++
	}
	return list
}

func TestFormatKeepsEveryGolden(t *testing.T) {
	for _, text := range corpus(t) {
		checkFormat(t, text)
	}
}

// TestFormatOfBrokenContracts damages the examples a little, again and again: a
// letter or line lost, one too many, indented otherwise, the end missing.
func TestFormatOfBrokenContracts(t *testing.T) {
	const signs = " :#{}[]|,!&*'\"\n-=>.?@%\\x"
	random := rand.New(rand.NewPCG(1, 2))
	all := corpus(t)
	examples := all[len(all)-2:]
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	for round := range rounds {
		lines := strings.Split(string(examples[round%2]), "\n")
		for range 1 + random.IntN(4) {
			i := random.IntN(len(lines))
			at := random.IntN(len(lines[i]) + 1)
			sign := string(signs[random.IntN(len(signs))])
			switch random.IntN(6) {
			case 0:
				lines[i] = lines[i][:at] + sign + lines[i][at:]
			case 1:
				lines[i] = lines[i][:at] + lines[i][min(at+1, len(lines[i])):]
			case 2:
				lines = append(lines[:i:i], lines[i+1:]...)
			case 3:
				lines[i] = " " + lines[i]
			case 4:
				lines[i] = strings.TrimPrefix(lines[i], "  ")
			case 5:
				if random.IntN(10) == 0 {
					lines = lines[:i+1]
				}
			}
		}
		checkFormat(t, []byte(strings.Join(lines, "\n")))
	}
}

// corpus is every contract of the golden files.
func corpus(t testing.TB) [][]byte {
	t.Helper()
	var list [][]byte
	files, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if !strings.HasSuffix(f.Name, ".faults") {
				list = append(list, f.Data)
			}
		}
	}
	for _, file := range []string{"testdata/tour.yaml", "testdata/hiring/contract.yaml"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, text)
	}
	return list
}

// FuzzParse: nothing makes Parse or Format panic, every fault has a place within
// the file, and what can be formatted stays the same contract.
func FuzzParse(f *testing.F) {
	for _, text := range corpus(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 20_000 {
			return
		}
		lines := strings.Count(string(src), "\n") + 1
		c, faults := Parse(map[string][]byte{"c": src})
		for _, fault := range faults {
			if fault.Pos.Line < 1 || fault.Pos.Line > lines || fault.Pos.Col < 1 {
				t.Errorf("a place outside of the file: %s\n%s", fault, src)
			}
		}
		if c == nil && len(faults) == 0 {
			t.Error("neither a contract nor a fault")
		}
		checkFormat(t, src)
	})
}
