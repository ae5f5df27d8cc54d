package rule

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/value"
)

var (
	mutations    = flag.Int("rule.mutations", 1000, "contracts to spoil at random")
	mutationSeed = flag.Uint64("rule.seed", 1, "which mutation to begin with; a failure names its own")
)

// TestMutatedContractsNeverPanicNorWidenAccess spoils a contract in many ways.
// Whatever comes of it, reading it ends well, every fault has its place, and where
// it is still a contract though nothing about access was touched, neither nobody
// nor somebody of whom only the account is known may do more than before.
func TestMutatedContractsNeverPanicNorWidenAccess(t *testing.T) {
	source, err := os.ReadFile("../examples/hiring/contract.yaml")
	if err != nil {
		t.Fatal(err)
	}
	before := powers(t, string(source))
	accepted, compared := 0, 0
	for seed := *mutationSeed; seed < *mutationSeed+uint64(*mutations); seed++ {
		m := newMutant(string(source), seed)
		set, faults := read(t, m)
		if set == nil {
			continue
		}
		accepted++
		if len(faults) > 0 && !faults[0].Warning || m.access {
			continue
		}
		compared++
		after := powersOf(set)
		for _, what := range slices.Sorted(maps.Keys(after)) {
			was, known := before[what]
			if after[what] > was && (known || strings.HasPrefix(what, "nobody")) { // a new name may be an old one misspelt
				t.Errorf("-rule.seed %d: %s becomes %s, it was %s, by %s", seed, what, after[what], was, m.done)
			}
		}
	}
	t.Logf("%d mutations, %d still contracts, %d of them outside access", *mutations, accepted, compared)
	if accepted == 0 || compared == 0 || accepted == *mutations {
		t.Error("the mutations are too bad or too good to tell anything")
	}
}

// read parses and compiles a mutant; nil when it has faults.
func read(t *testing.T, m *mutant) (set *Set, faults []contract.Fault) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("-rule.seed %d: %v after %s\n%s", m.seed, p, m.done, m.text())
		}
	}()
	text := m.text()
	c, faults := contract.Parse(map[string][]byte{"contract.yaml": []byte(text)})
	if c != nil {
		var more []contract.Fault
		set, more = Compile(c)
		faults = append(faults, more...)
	}
	broken := false
	lines := strings.Count(text, "\n") + 1
	for _, f := range faults {
		broken = broken || !f.Warning
		if f.Pos.File != "contract.yaml" || f.Pos.Line < 1 || f.Pos.Line > lines || f.Pos.Col < 1 || f.What == "" {
			t.Errorf("-rule.seed %d: a fault has no place or says nothing: %q, after %s", m.seed, f, m.done)
		}
	}
	if c == nil && !broken {
		t.Errorf("-rule.seed %d: no contract and no fault, after %s", m.seed, m.done)
	}
	if broken || c == nil {
		return nil, faults
	}
	return set, faults
}

// mutant is a text with one to three changes.
type mutant struct {
	seed   uint64
	random *rand.Rand
	lines  []string
	fixed  []bool // lines that say who may do what
	access bool   // one of those was touched
	done   string // what was changed, for people
}

// aboutAccess finds the lines that say who may do what: blocks of rules and of
// access, and the `allow` of an action.
func aboutAccess(lines []string) []bool {
	fixed := make([]bool, len(lines))
	inside := -1 // the indent of the block's first line
	for i, line := range lines {
		word := strings.TrimLeft(line, " ")
		indent := len(line) - len(word)
		if inside >= 0 && word != "" && indent <= inside {
			inside = -1
		}
		if word == "access:" || word == "rules:" {
			inside = indent
		}
		fixed[i] = inside >= 0 || strings.Contains(line, "allow:")
	}
	return fixed
}

func newMutant(source string, seed uint64) *mutant {
	m := &mutant{seed: seed, random: rand.New(rand.NewPCG(seed, 0)), lines: strings.Split(source, "\n")}
	m.fixed = aboutAccess(m.lines)
	for range 1 + m.random.IntN(1+m.random.IntN(3)) {
		m.mutate()
	}
	return m
}

func (m *mutant) text() string { return strings.Join(m.lines, "\n") }

// touch notes that line i is changed, so that it is compared with its like only
// when it does not speak of access.
func (m *mutant) touch(i int, what string) {
	m.access = m.access || m.fixed[i]
	m.done += fmt.Sprintf("[%s at line %d: %.80q] ", what, i+1, m.lines[i])
}

func (m *mutant) insert(i int, line string, fixed bool) {
	m.lines = slices.Insert(m.lines, i, line)
	m.fixed = slices.Insert(m.fixed, i, fixed)
}

var words = regexp.MustCompile(`[A-Za-z_]+|[0-9]+|[^\sA-Za-z0-9_]`)

func (m *mutant) mutate() {
	i := m.random.IntN(len(m.lines))
	line := m.lines[i]
	other := m.random.IntN(len(m.lines))
	switch m.random.IntN(12) {
	case 0: // a bit of a byte
		m.touch(i, "bit")
		m.edit(i, func(b []byte) []byte { b[m.random.IntN(len(b))] ^= 1 << m.random.IntN(8); return b })
	case 1:
		m.touch(i, "byte")
		m.edit(i, func(b []byte) []byte { b[m.random.IntN(len(b))] = m.letter(); return b })
	case 2:
		m.touch(i, "byte more")
		m.edit(i, func(b []byte) []byte { return slices.Insert(b, m.random.IntN(len(b)), m.letter()) })
	case 3:
		m.touch(i, "byte less")
		m.edit(i, func(b []byte) []byte { at := m.random.IntN(len(b)); return slices.Delete(b, at, at+1) })
	case 4: // a word, by another of the text
		m.touch(i, "word")
		mine, theirs := words.FindAllStringIndex(line, -1), words.FindAllString(m.lines[other], -1)
		if len(mine) > 0 && len(theirs) > 0 {
			at := mine[m.random.IntN(len(mine))]
			m.lines[i] = line[:at[0]] + theirs[m.random.IntN(len(theirs))] + line[at[1]:]
		}
	case 5:
		m.touch(i, "word less")
		if mine := words.FindAllStringIndex(line, -1); len(mine) > 0 {
			at := mine[m.random.IntN(len(mine))]
			m.lines[i] = line[:at[0]] + line[at[1]:]
		}
	case 6:
		m.touch(i, "line less")
		if len(m.lines) > 1 {
			m.lines, m.fixed = slices.Delete(m.lines, i, i+1), slices.Delete(m.fixed, i, i+1)
		}
	case 7:
		m.touch(i, "line copied")
		m.touch(other, "to here")
		m.insert(other, line, m.fixed[i])
	case 8:
		m.touch(i, "line moved")
		m.touch(other, "to here")
		m.lines[i], m.lines[other] = m.lines[other], m.lines[i]
	case 9:
		m.touch(i, "indent")
		if rest, deep := strings.CutPrefix(line, "  "); deep && m.random.IntN(2) == 0 {
			m.lines[i] = rest
		} else {
			m.lines[i] = strings.Repeat(" ", 1+m.random.IntN(3)) + line
		}
	case 10:
		m.touch(i, "end cut off")
		m.edit(i, func(b []byte) []byte { return b[:m.random.IntN(len(b))] })
	case 11:
		m.touch(i, "all that follows cut off")
		if m.random.IntN(8) == 0 {
			m.lines, m.fixed, m.access = m.lines[:i+1], m.fixed[:i+1], true
		}
	}
}

func (m *mutant) edit(i int, change func([]byte) []byte) {
	if m.lines[i] != "" {
		m.lines[i] = string(change([]byte(m.lines[i])))
	}
}

// letter is a byte, often one that means something.
func (m *mutant) letter() byte {
	const signs = "{}[]()|&!?:;,.#'\"\\-+*/=<>@%`~^ \t\r\n\x00\xff0129azAZ_"
	return signs[m.random.IntN(len(signs))]
}

// power is how much a rule lets somebody do.
type power int

const (
	noPower power = iota
	somePower
	fullPower
)

func (p power) String() string { return [...]string{"never", "sometimes", "always"}[p] }

func powers(t *testing.T, source string) map[string]power {
	t.Helper()
	set, faults := compileText(t, source)
	if set == nil {
		t.Fatal(faults)
	}
	return powersOf(set)
}

// powersOf is what nobody, and somebody signed in, may do by the rules alone.
func powersOf(set *Set) map[string]power {
	list := map[string]power{}
	for who, caller := range map[string]*Caller{"nobody": nil, "somebody": {ID: value.UUID{6: 0x70, 8: 0x80, 15: 9}, Record: Record{}}} {
		v := set.View(&Env{Caller: caller})
		grade := func(what string, e *Expr) {
			list[who+" "+what] = map[Verdict]power{Never: noPower, Depends: somePower, Always: fullPower}[v.Verdict(e)]
		}
		for _, r := range set.Contract.Resources {
			res := set.Resource(r.Name)
			grade("reads "+r.Name, res.Read)
			grade("creates "+r.Name, res.Create)
			grade("updates "+r.Name, res.Update)
			grade("deletes "+r.Name, res.Delete)
			for f, e := range res.ReadField {
				grade("reads "+r.Name+"."+f.Name, e)
			}
			for f, e := range res.WriteField {
				grade("sets "+r.Name+"."+f.Name, e)
			}
			for name, a := range res.Actions {
				grade("does "+r.Name+"."+name, a.Allow)
			}
		}
	}
	return list
}

// TestPowersTellWidenedAccess shows that the comparison above can fail.
func TestPowersTellWidenedAccess(t *testing.T) {
	source, err := os.ReadFile("../examples/hiring/contract.yaml")
	if err != nil {
		t.Fatal(err)
	}
	before := powers(t, string(source))
	for _, tt := range []struct{ old, new, what string }{
		{"create: owner == caller", "create: true", "nobody creates Company"},
		{"create: owner == caller", "create: owner == owner", "nobody creates Company"},
		{"read:  user == caller || member", "read: user == caller || role == \"owner\"", "nobody reads Membership"},
		{"update: id == caller.id", "update: caller != null", "somebody updates User"},
		{"field rating, note: recruiter", "field rating, note: rating > 3", "nobody reads Application.rating"},
		{"set cover:          candidate.user == caller", "set cover: true", "nobody sets Application.cover"},
		{"pause: {move: status open -> paused, allow: recruiter}", "pause: {move: status open -> paused, allow: true}", "nobody does Posting.pause"},
		{"recruiter: company.members.exists(m, m.user == caller && ", "recruiter: company.members.exists(m, ", "nobody updates Posting"},
	} {
		spoilt := strings.Replace(string(source), tt.old, tt.new, 1)
		if after := powers(t, spoilt); after[tt.what] <= before[tt.what] {
			t.Errorf("%s: %s was %s and is %s", tt.new, tt.what, before[tt.what], after[tt.what])
		}
	}
}
