package contract

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// loader reads one contract and gathers what is wrong with it.
type loader struct {
	c      *Contract
	byName map[string]*Resource
	faults []Fault
	manys  []pendingMany
	later  []func() // what needs every resource's fields
}

func (l *loader) fault(pos Pos, place, what, mend string) {
	l.faults = append(l.faults, Fault{Pos: pos, Place: place, What: what, Mend: mend})
}

func (l *loader) warn(pos Pos, place, what, mend string) {
	l.faults = append(l.faults, Fault{Pos: pos, Place: place, What: what, Mend: mend, Warning: true})
}

// unbuilt notes what is right but not carried out by this version.
func (l *loader) unbuilt(pos Pos, place, what string) {
	l.c.Unbuilt = append(l.c.Unbuilt, Fault{Pos: pos, Place: place, What: what + " not built yet"})
}

// unknown reports a name that is not among those that could stand there.
func (l *loader) unknown(pos Pos, place, kind, name string, among []string) {
	mend := ""
	if best := nearest(name, among); best != "" {
		mend = "did you mean '" + best + "'?"
	} else if len(among) > 0 && len(among) <= 20 {
		mend = "there is " + orList(among)
	}
	l.fault(pos, place, fmt.Sprintf("no %s '%s'", kind, name), mend)
}

// Sort orders faults by file, line and column, and drops repetitions.
func Sort(faults []Fault) []Fault {
	slices.SortStableFunc(faults, byPlace)
	return slices.Compact(faults)
}

func byPlace(a, b Fault) int {
	return cmp.Or(
		strings.Compare(a.Pos.File, b.Pos.File),
		cmp.Compare(a.Pos.Line, b.Pos.Line),
		cmp.Compare(a.Pos.Col, b.Pos.Col),
	)
}

// orList writes names as a reader would: "a, b or c".
func orList(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// nearest is the name that was most likely meant, "" when none is near enough.
func nearest(name string, among []string) string {
	best, bound := "", min(max(1, len(name)/3), len(name)-1)+1
	folded := strings.ToLower(name)
	for _, a := range among {
		d := distance(folded, strings.ToLower(a))
		if d == 0 && a != name {
			return a
		}
		if d < bound {
			best, bound = a, d
		}
	}
	return best
}

// distance counts the letters to insert, remove, replace or swap with their
// neighbour that turn a into b.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	var rows [3][65]int
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		row, above, above2 := &rows[i%3], &rows[(i+2)%3], &rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], above2[j-2]+1)
			}
		}
	}
	return rows[len(a)%3][len(b)]
}
