package contract

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLoad(t *testing.T) {
	const header = "mainstay: 1\nname: test\n"
	const post = "resources:\n  Post:\n    fields: {title: string}\n    access: {read: true}\n"
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  string // of the only fault, without the folder; "" for none
	}{
		{"one file", map[string]string{"contract.yaml": header + post}, ""},
		{"a folder", map[string]string{"contract/a.yaml": header, "contract/b.yaml": post, "contract/notes.txt": "x"}, ""},
		{"nothing", nil, "contract.yaml:1:1: there is no contract.yaml here; write one, or name the folder that holds it"},
		{"another ending", map[string]string{"contract.yml": header}, "contract.yaml:1:1: there is no contract.yaml here; rename contract.yml to contract.yaml"},
		{"both", map[string]string{"contract.yaml": header, "contract/b.yaml": post}, "contract.yaml:1:1: there is a contract.yaml and a folder contract/; keep one of them"},
		{"a folder of that name", map[string]string{"contract.yaml/x": ""}, "contract.yaml:1:1: the file cannot be read: is a directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "a [folder]")
			for name, text := range tt.files {
				path := filepath.Join(folder, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			c, faults := Load(folder)
			var got []string
			for _, f := range faults {
				got = append(got, strings.ReplaceAll(f.String(), folder+"/", ""))
			}
			if strings.Join(got, "\n") != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
			if (c != nil) != (tt.want == "") {
				t.Errorf("contract is %v", c)
			}
		})
	}
}

func TestOutsizedFilesAreRefused(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"long", "mainstay: 1\n# " + strings.Repeat("x", maxFileBytes), "the file is larger than 8 MiB"},
		{"deep", "mainstay: 1\nname: " + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000), "nested much too deeply"},
		{"wide", "mainstay: 1\nname: test\nrules:\n" + strings.Repeat("  a: x\n", 1_000), "stands twice"},
		{"all wrong", "mainstay: 1\nname: test\nrules:\n" + strings.Repeat("  a: @x\n", 10_000), "too many lines cannot be read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, faults := Parse(map[string][]byte{"contract.yaml": []byte(tt.text)})
			for _, f := range faults {
				if strings.Contains(f.What, tt.want) {
					return
				}
			}
			t.Errorf("no fault says %q: %v", tt.want, faults)
		})
	}
}

func TestExpressionsKnowTheirPlace(t *testing.T) {
	const text = `mainstay: 1
name: test
rules:
  plain: a == b
  single: 'a == ''x'' && mark'
  double: "a == \"x\" && mark"
  escaped: "\u0061 && mark"
  inline: {x: 1}
  folded: a &&
    b &&

    mark
  literal: |
    a &&
      b &&
    mark
  folded_block: >
    a &&
    mark
  quoted_lines: "a &&
    ü && mark"
  signs: a == '' &&
    "\d" == b && mark
  after: 'ü == "ä" && mark'
`
	c, _ := Parse(map[string][]byte{"c.yaml": []byte(text)})
	lines := strings.Split(text, "\n")
	seen := 0
	for _, r := range c.Rules {
		at := strings.Index(r.Expr.Source, "mark")
		if at < 0 {
			continue
		}
		seen++
		pos := r.Expr.At(at)
		got := string([]rune(lines[pos.Line-1])[pos.Col-1:])
		if !strings.HasPrefix(got, "mark") {
			t.Errorf("%s: 'mark' is said to be at %s, where %q stands", r.Name, pos, got)
		}
		first := string([]rune(lines[r.Expr.Pos.Line-1])[r.Expr.Pos.Col-1:])
		if r.Name != "escaped" && !strings.HasPrefix(first, r.Expr.Source[:1]) {
			t.Errorf("%s: begins at %s, where %q stands", r.Name, r.Expr.Pos, first)
		}
	}
	if seen != 9 {
		t.Errorf("%d rules seen, want 8", seen)
	}
}
