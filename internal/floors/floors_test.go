package floors

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

const module = "github.com/mainstay-run/mainstay/"

// floors says who may import whom, lowest floor first: a room may import rooms
// on the lines above its own, never beside or below it. ARCHITECTURE.md says
// what each room is for. Do not change it to make a build pass.
const floors = `
	value     problem   examples  socket
	contract  keyring   observe   conformance
	query     schema    openapi
	rule      store     store/sqlgen
	migrate   store/sqlite  store/postgres  store/mysql  store/mongo  store/storetest
	auth      move
	engine
	api       seed
	server
	cmd/mainstay`

// outside are folders with rules of their own: test rooms and what users read.
var outside = []string{"internal", "docs", "bench", "sdk"}

// clients are modules that speak to a database, and the rooms that may import them.
var clients = map[string][]string{
	"database/sql":              {"store/mysql"}, // the interfaces that its client speaks
	"modernc.org/":              {"store/sqlite"},
	"zombiezen.com/go/sqlite":   {"store/sqlite"},
	"github.com/jackc/":         {"store/postgres"},
	"github.com/go-sql-driver/": {"store/mysql"},
	"go.mongodb.org/":           {"store/mongo"},
}

// drivers are imported where the program is put together and nowhere else.
var drivers = []string{"store/sqlite", "store/postgres", "store/mysql", "store/mongo"}

// TestHouse reads the files itself: asking the go command instead lets a cached
// green result hide an import that was added later.
func TestHouse(t *testing.T) {
	rooms := parse(t, os.DirFS("../.."))
	for _, fault := range inspect(rooms) {
		t.Error(fault)
	}
	for room := range floorOf() {
		if rooms[room] == nil {
			t.Errorf("%s stands on a floor but has no Go file", room)
		}
	}
}

// TestHouseRefuses shows that each rule of the house can fail.
func TestHouseRefuses(t *testing.T) {
	long := "package engine\nfunc f() {\n" + strings.Repeat("\t_ = 0\n", 120) + "}\n"
	wide := "package engine\ntype Wide interface {\n" + methods(9) + "}\n"
	for _, tt := range []struct{ name, file, source, want string }{
		{"unknown room", "utils/a.go", "package utils", "utils stands on no floor"},
		{"upward import", "query/a.go", `package query; import _ "` + module + `engine"`, "query imports engine"},
		{"sibling import", "api/a.go", `package api; import _ "` + module + `seed"`, "api imports seed"},
		{"driver outside the program's root", "server/a.go", `package server; import _ "` + module + `store/sqlite"`, "server imports store/sqlite: only cmd/mainstay"},
		{"database client outside a driver", "engine/a.go", `package engine; import _ "modernc.org/sqlite"`, "engine imports modernc.org/sqlite"},
		{"database/sql", "store/sqlite/a.go", `package sqlite; import _ "database/sql"`, "store/sqlite imports database/sql"},
		{"test room in the program", "api/a.go", `package api; import _ "` + module + `internal/dbtest"`, "api imports internal/dbtest"},
		{"long function", "engine/a.go", long, "engine/a.go: f has 122 lines"},
		{"wide interface", "engine/a.go", wide, "engine/a.go: interface Wide has 9 methods"},
		{"drawer for everything", "engine/helpers.go", "package engine", "engine/helpers.go is not named by a topic"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rooms := parse(t, fstest.MapFS{tt.file: {Data: []byte(tt.source)}})
			got := inspect(rooms)
			if len(got) != 1 || !strings.HasPrefix(got[0], tt.want) {
				t.Errorf("got %q, want one fault beginning with %q", got, tt.want)
			}
		})
	}
}

func methods(n int) string {
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, "\tM%d()\n", i)
	}
	return s.String()
}

// file is one parsed file of a room, with its path from the module's root.
type file struct {
	path string
	set  *token.FileSet
	ast  *ast.File
}

func floorOf() map[string]int {
	floor := map[string]int{}
	for i, line := range strings.Split(strings.TrimSpace(floors), "\n") {
		for _, room := range strings.Fields(line) {
			floor[room] = i + 1
		}
	}
	return floor
}

// inspect holds every room against the rules, in the order of their names.
func inspect(rooms map[string][]file) (faults []string) {
	floor := floorOf()
	for _, room := range slices.Sorted(maps.Keys(rooms)) {
		if floor[room] == 0 {
			faults = append(faults, room+" stands on no floor: add it to floors and to ARCHITECTURE.md, or put the code in a room that is there")
			continue
		}
		for _, f := range rooms[room] {
			faults = append(faults, imports(floor, room, f)...)
			faults = append(faults, sizes(f)...)
		}
	}
	return faults
}

func imports(floor map[string]int, room string, f file) (faults []string) {
	for _, spec := range f.ast.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		if fault := client(room, imported); fault != "" {
			faults = append(faults, fault)
		}
		target, ours := strings.CutPrefix(imported, module)
		switch {
		case !ours:
		case slices.Contains(drivers, target) && room != "cmd/mainstay":
			faults = append(faults, fmt.Sprintf("%s imports %s: only cmd/mainstay puts a driver in", room, target))
		case floor[target] == 0:
			faults = append(faults, fmt.Sprintf("%s imports %s, which stands on no floor (%s)", room, target, f.path))
		case floor[target] >= floor[room]:
			faults = append(faults, fmt.Sprintf("%s imports %s, which is not on a lower floor (%s)", room, target, f.path))
		}
	}
	return faults
}

func client(room, imported string) string {
	for prefix, rooms := range clients {
		name := strings.TrimSuffix(prefix, "/")
		if (imported == name || strings.HasPrefix(imported, name+"/")) && !slices.Contains(rooms, room) {
			return fmt.Sprintf("%s imports %s: only a driver speaks to its database", room, imported)
		}
	}
	return ""
}

// parse reads every Go file of the program below root, by room.
func parse(t *testing.T, root fs.FS) map[string][]file {
	t.Helper()
	rooms := map[string][]file{}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (slices.Contains(outside, name) || d.Name() == "testdata" || name != "." && strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		case !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		source, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, name, source, parser.ParseComments|parser.SkipObjectResolution)
		rooms[path.Dir(name)] = append(rooms[path.Dir(name)], file{path: name, set: set, ast: parsed})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return rooms
}
