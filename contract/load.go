package contract

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Single is the file that is a whole contract, Parts the folder that holds one in
// parts instead.
const (
	Single = "contract.yaml"
	Parts  = "contract"
)

// Files lists the files in folder that are a contract: contract.yaml and every
// contract/*.yaml, as far as they are there. Load refuses to have both.
func Files(folder string) (single string, parts []string) {
	single = filepath.Join(folder, Single)
	if _, err := os.Stat(single); err != nil {
		single = ""
	}
	entries, _ := os.ReadDir(filepath.Join(folder, Parts)) // no such folder: no parts
	for _, e := range entries {
		if filepath.Ext(e.Name()) == ".yaml" {
			parts = append(parts, filepath.Join(folder, Parts, e.Name()))
		}
	}
	return single, parts
}

// Load reads the contract in folder: contract.yaml, or every contract/*.yaml.
// See Parse for what it gives back.
func Load(folder string) (*Contract, []Fault) {
	single, names := Files(folder)
	if single != "" {
		if len(names) > 0 {
			return nil, []Fault{{Pos: Pos{single, 1, 1}, What: "there is a contract.yaml and a folder contract/", Mend: "keep one of them"}}
		}
		names = []string{single}
	}
	if info, err := os.Stat(folder); err == nil && !info.IsDir() {
		return nil, []Fault{{Pos: Pos{folder, 1, 1}, What: "a contract is named by its folder", Mend: "name its folder: " + around(folder)}}
	}
	if len(names) == 0 {
		what, mend := "there is no contract.yaml here", "write one, or name the folder that holds it"
		if other, _ := filepath.Glob(filepath.Join(globSafe(folder), "contract*.yml")); len(other) > 0 {
			mend = "rename " + filepath.Base(other[0]) + " to contract.yaml"
		}
		return nil, []Fault{{Pos: Pos{filepath.Join(folder, Single), 1, 1}, What: what, Mend: mend}}
	}
	files := make(map[string][]byte, len(names))
	var faults []Fault
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			faults = append(faults, Fault{Pos: Pos{name, 1, 1}, What: "the file cannot be read: " + cause(err)})
			continue
		}
		files[name] = data
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return Parse(files)
}

// around is the folder of the contract that a file may belong to.
func around(file string) string {
	folder := filepath.Dir(file)
	if filepath.Base(folder) == Parts {
		folder = filepath.Dir(folder)
	}
	return folder
}

// cause is an error of the file system without the path that the fault names already.
func cause(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// globSafe quotes the signs of a folder's name that mean something in a pattern.
func globSafe(folder string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(folder)
}

// Parse reads the files of one contract, by name, and checks everything but its
// expressions, which package rule does. All faults come in one run, sorted by
// place. The contract is whole when none of them is more than a warning;
// otherwise it is what could be made of it, with Type.Name "unknown" where a
// type could not be read, or nil when there is nothing or a whole file is unread.
func Parse(files map[string][]byte) (*Contract, []Fault) {
	l := &loader{c: &Contract{BasePath: "/v1"}}
	var read []*file
	unread := false
	for _, name := range sortedKeys(files) {
		l.c.Files = append(l.c.Files, name)
		f := l.read(name, files[name])
		if f == nil {
			unread = true
			continue
		}
		root := node{f.root, f}
		l.strict(root)
		if !root.isMap() {
			if !root.isBroken() {
				l.fault(root.pos(), "", "a contract is a mapping of names to values", "begin with 'mainstay: 1'")
			}
			continue
		}
		read = append(read, f)
	}
	if len(read) == 0 || unread { // what is missing would be told as faults of the rest
		return nil, Sort(l.faults)
	}
	l.contract(l.merge(read))
	slices.SortStableFunc(l.c.Unbuilt, byPlace)
	return l.c, Sort(l.faults)
}

func sortedKeys(files map[string][]byte) []string {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// sections are the contract's top-level entries; those that hold names are merged
// over all files.
type sections struct {
	single map[string]pair
	merged map[string][]pair
	places map[string]Pos // of the merged entries, by section and name
	first  Pos
}

var singles = []string{"mainstay", "name", "description", "base", "accounts", "cors"}
var merging = []string{"rules", "resources", "services", "subscriptions", "jobs"}

func (l *loader) merge(files []*file) sections {
	s := sections{map[string]pair{}, map[string][]pair{}, map[string]Pos{}, Pos{files[0].name, 1, 1}}
	for _, f := range files {
		for _, p := range (node{f.root, f}).pairs() {
			switch {
			case slices.Contains(singles, p.name):
				first, again := s.single[p.name]
				if again && p.name != "mainstay" {
					l.fault(p.key.pos(), p.name, fmt.Sprintf("stands twice, first at %s", first.key.pos()), "remove one")
					continue
				}
				if again && p.value.n.Value != first.value.n.Value {
					l.fault(p.value.pos(), p.name, fmt.Sprintf("differs from %s", first.value.pos()), "all files of a contract are of one version")
					continue
				}
				s.single[p.name] = p
			case slices.Contains(merging, p.name):
				l.mergeSection(&s, p)
			default:
				l.unknown(p.key.pos(), "", "section", p.name, append(slices.Clone(singles), merging...))
			}
		}
	}
	return s
}

func (l *loader) mergeSection(s *sections, section pair) {
	if section.value.isBroken() || section.value.isEmpty() {
		if section.value.isEmpty() {
			l.fault(section.key.pos(), section.name, "is empty", "write its entries under it, indented, or leave it out")
		}
		return
	}
	if !section.value.isMap() {
		l.fault(section.value.pos(), section.name, "is not a mapping", "write 'name: …' entries under it, indented")
		return
	}
	for _, p := range section.value.pairs() {
		place := section.name + "." + p.name
		if first, twice := s.places[place]; twice {
			l.fault(p.key.pos(), place, fmt.Sprintf("stands twice, first at %s", first), "remove one, or join the two")
			continue
		}
		s.places[place] = p.key.pos()
		s.merged[section.name] = append(s.merged[section.name], p)
	}
}

// contract reads the sections in the order in which they need each other.
func (l *loader) contract(s sections) {
	l.header(s)
	l.rules(s.merged["rules"])
	l.resources(s)
	l.accounts(s.single["accounts"])
	l.services(s.merged["services"])
	for _, then := range l.later {
		then()
	}
	l.subscriptions(s.merged["subscriptions"])
	l.jobs(s.merged["jobs"])
	l.whole()
}
