package contract

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the expected faults in testdata")

// TestFaults reads testdata/faults: each case is NAME.yaml (or NAME/FILE.yaml for
// a contract of several files) and NAME.faults, what is expected of it. A case
// that does not say 'mainstay:' gets the header appended, where it moves no line.
func TestFaults(t *testing.T) {
	for _, file := range goldens(t) {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		group := strings.TrimSuffix(filepath.Base(file), ".txtar")
		cases, order := map[string]map[string][]byte{}, []string{}
		want := map[string]*txtar.File{}
		for i := range archive.Files {
			f := &archive.Files[i]
			name, part, found := strings.Cut(strings.TrimSuffix(f.Name, ".yaml"), "/")
			switch {
			case strings.HasSuffix(f.Name, ".faults"):
				want[strings.TrimSuffix(f.Name, ".faults")] = f
				continue
			case !found:
				part = "contract"
			}
			if cases[name] == nil {
				cases[name] = map[string][]byte{}
				order = append(order, name)
			}
			cases[name][part+".yaml"] = withHeader(f.Data)
		}
		for _, name := range order {
			t.Run(group+"/"+name, func(t *testing.T) {
				got := faultLines(cases[name])
				switch expected := want[name]; {
				case expected == nil:
					t.Errorf("%s: no %s.faults; got\n%s", file, name, got)
				case *update:
					expected.Data = []byte(got)
				default:
					if diff := cmp.Diff(string(expected.Data), got); diff != "" {
						t.Errorf("%s (-want +got):\n%s", file, diff)
					}
				}
			})
		}
		if *update {
			if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func goldens(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/faults/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	return files
}

// withHeader appends the header when it is missing. A text that begins with a
// quote is a Go string, for signs that a plain text cannot show.
func withHeader(data []byte) []byte {
	if s := strings.TrimSpace(string(data)); strings.HasPrefix(s, `"`) {
		if raw, err := strconv.Unquote(s); err == nil {
			return []byte(raw)
		}
	}
	if strings.Contains(string(data), "mainstay:") {
		return data
	}
	return append(data[:len(data):len(data)], "mainstay: 1\nname: test\n"...)
}

// faultLines are the faults of a contract, then what is not built, one a line.
// The name of a single file is left out.
func faultLines(files map[string][]byte) string {
	c, faults := Parse(files)
	if c != nil {
		for _, u := range c.Unbuilt {
			u.What = "(" + u.What + ")"
			faults = append(faults, u)
		}
	}
	var b strings.Builder
	for _, f := range faults {
		line := f.String()
		if len(files) == 1 {
			line = strings.ReplaceAll(line, "contract.yaml:", "")
		}
		fmt.Fprintln(&b, line)
	}
	return b.String()
}

// reporters are the functions whose text argument becomes a fault's What, by the
// argument's index.
var reporters = map[string]int{"fault": 2, "warn": 2, "unbuilt": 2, "report": 2, "syntax": 2, "unknown": 2, "wrong": 1, "told": 0}

// TestEveryFaultHasACase reads this package's own source and looks for each
// fault's text among the expected ones.
func TestEveryFaultHasACase(t *testing.T) {
	var all strings.Builder
	for _, file := range goldens(t) {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if strings.HasSuffix(f.Name, ".faults") {
				all.Write(f.Data)
			}
		}
	}
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	// Shown by TestOutsizedFilesAreRefused, whose files are too long for a golden.
	all.WriteString("the file is larger than 8 MiB\nnested much too deeply\ntoo many lines cannot be read: from here on nothing is checked\n")
	verb := regexp.MustCompile(`%[0-9]*[a-zA-Z]`)
	for _, source := range sources {
		if strings.HasSuffix(source, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, source, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for call := range calls(file) {
			for _, text := range faultTexts(call) {
				parts := verb.Split(text, -1)
				for i := range parts {
					parts[i] = regexp.QuoteMeta(parts[i])
				}
				if !regexp.MustCompile(strings.Join(parts, `.+?`)).MatchString(all.String()) {
					t.Errorf("%s: no case in testdata/faults shows %q", files.Position(call.Pos()), text)
				}
			}
		}
	}
}

func calls(file *ast.File) iter.Seq[*ast.CallExpr] {
	return func(yield func(*ast.CallExpr) bool) {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			return !ok || yield(call)
		})
	}
}

// faultTexts are the string literals of a call that become a fault's What.
func faultTexts(call *ast.CallExpr) []string {
	name := ""
	switch f := call.Fun.(type) {
	case *ast.Ident:
		name = f.Name
	case *ast.SelectorExpr:
		name = f.Sel.Name
	}
	index, ok := reporters[name]
	if !ok || index >= len(call.Args) {
		return nil
	}
	arg := call.Args[index]
	if inner, ok := arg.(*ast.CallExpr); ok && len(inner.Args) > 0 {
		arg = inner.Args[0]
	}
	for {
		sum, ok := arg.(*ast.BinaryExpr)
		if !ok {
			break
		}
		arg = sum.X
	}
	literal, ok := arg.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return nil
	}
	text, err := strconv.Unquote(literal.Value)
	if err != nil {
		return nil
	}
	return []string{text}
}
