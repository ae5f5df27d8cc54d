package rule

import (
	"fmt"
	"strings"
	"sync"

	"github.com/mainstay-run/mainstay/contract"
)

// View is what a class of callers may see: all callers for whom the same rules
// fold to always or never share one View, so it may key caches. It is immutable.
type View struct {
	set    *Set
	fold   folder
	sights map[string]*Sight
	// verdicts are those of the contract's rules.
	verdicts map[*Expr]Verdict
}

// maxViews bounds the views kept; a contract has a handful.
const maxViews = 256

// viewCache keeps views by the outcomes of the set's atoms.
type viewCache struct {
	mu    sync.RWMutex
	byKey map[string]*View
}

// View finds the view of env's caller at env's time.
func (s *Set) View(env *Env) *View {
	var buf [64]byte
	key := buf[:0]
	for _, a := range s.atoms {
		key = append(key, byte(a.evaluate(env)))
	}
	s.views.mu.RLock()
	v := s.views.byKey[string(key)]
	s.views.mu.RUnlock()
	if v != nil {
		return v
	}
	v = s.newView(key)
	s.views.mu.Lock()
	defer s.views.mu.Unlock()
	if kept := s.views.byKey[string(key)]; kept != nil {
		return kept
	}
	if s.views.byKey == nil || len(s.views.byKey) >= maxViews {
		s.views.byKey = map[string]*View{}
	}
	s.views.byKey[string(key)] = v
	return v
}

func (s *Set) newView(key []byte) *View {
	v := &View{set: s, fold: folder{decided: make(map[string]outcomes, len(key))}, sights: make(map[string]*Sight, len(s.resources))}
	for i, o := range key {
		v.fold.decided[s.atoms[i].text] = outcomes(o)
	}
	v.verdicts = make(map[*Expr]Verdict)
	for _, r := range s.Contract.Resources {
		for _, e := range s.resources[r.Name].rules() {
			if e != nil {
				v.verdicts[e] = v.judge(e)
			}
		}
	}
	for _, r := range s.Contract.Resources {
		if res := s.resources[r.Name]; res.serves() {
			v.sights[r.Name] = &Sight{Resource: res, View: v, byName: map[string]*Handle{}, declared: map[string]*Expr{}}
		}
	}
	for _, sight := range v.sights {
		sight.addStored()
	}
	for _, sight := range v.sights {
		sight.addRelations()
	}
	for _, sight := range v.sights {
		sight.arrange()
	}
	return v
}

// serves reports whether any rule lets anybody do anything with the resource.
func (r *Resource) serves() bool { return len(r.Access) > 0 }

// Verdict is what rule e (nil: nobody) says for this view's callers before any row is seen.
func (v *View) Verdict(e *Expr) Verdict {
	if e == nil {
		return Never
	}
	if known, ok := v.verdicts[e]; ok {
		return known
	}
	return v.judge(e)
}

func (v *View) judge(e *Expr) Verdict {
	switch o := v.fold.fold(e.root); {
	case o == mayBeTrue:
		return Always
	case o&mayBeTrue == 0:
		return Never
	}
	return Depends
}

// Resource is how this view's callers see a resource. nil when the resource has
// no access rule at all (an unknown path); when Read is Never the Sight is there
// and Readable is false (an empty list, 404).
func (v *View) Resource(name string) *Sight { return v.sights[name] }

// Sight is one resource in one View.
type Sight struct {
	Resource *Resource
	View     *View
	Readable bool
	// Whole: every stored field is readable on every readable record, so that the
	// revision may serve as the ETag.
	Whole bool
	// Handles are the fields that exist for the callers, in the contract's order,
	// built-ins first; hidden fields and those whose rule is Never are not among them.
	Handles []*Handle

	byName   map[string]*Handle
	declared map[string]*Expr
}

// Declared is a declared filter as this Sight's callers may use it; nil when the
// contract declares none of this name, or it names what they cannot see. Its
// parameter reaches the statement through Lowering.Declared.
func (s *Sight) Declared(name string) *Expr { return s.declared[name] }

// Handle is a field that exists for a View's callers; there is no other way to a column.
type Handle struct {
	Field *contract.Field
	Sight *Sight
	// Masked: the field rule depends on the row; where it does not hold the value is null.
	Masked bool

	mask *Expr
}

// Handle finds a field by name; nil for unknown and unreadable alike.
func (s *Sight) Handle(name string) *Handle { return s.byName[name] }

// Target is the Sight at the other end of a reference or many handle; nil when
// the target serves nobody.
func (h *Handle) Target() *Sight {
	if h.Field.Type.Target == nil {
		return nil
	}
	return h.Sight.View.sights[h.Field.Type.Target.Name]
}

func (s *Sight) addStored() {
	s.Readable = s.View.Verdict(s.Resource.Read) != Never
	s.Whole = true
	for _, f := range s.Resource.Fields {
		if f.Stored() {
			s.add(f)
		}
	}
}

// add makes the handle of a field unless its rule denies it whatever the row.
func (s *Sight) add(f *contract.Field) {
	if f.Hidden {
		s.Whole = false // a write to it moves the revision and must not be seen
		return
	}
	h := &Handle{Field: f, Sight: s}
	if mask := s.Resource.ReadField[f]; mask != nil {
		switch s.View.Verdict(mask) {
		case Never:
			s.Whole = false
			return
		case Depends:
			s.Whole = false
			h.Masked, h.mask = true, mask
		}
	}
	s.byName[f.Name] = h
}

// addRelations makes the handles of many fields whose other end the callers can read.
func (s *Sight) addRelations() {
	for _, f := range s.Resource.Fields {
		if f.Stored() || f.Type.Target == nil {
			continue
		}
		if to := s.View.sights[f.Type.Target.Name]; to != nil && to.byName[f.Type.Inverse.Name] != nil {
			whole := s.Whole
			s.add(f)
			s.Whole = whole // relations are no part of the record
		}
	}
}

func (s *Sight) arrange() {
	for _, f := range s.Resource.Fields {
		if h := s.byName[f.Name]; h != nil {
			s.Handles = append(s.Handles, h)
		}
	}
	for _, f := range s.Resource.Resource.Filters {
		p := place{set: s.View.set, res: s.Resource, sight: s, param: f.Input, declared: true}
		if e, flaws := checkText(p, f.Where.Source, nil); len(flaws) == 0 {
			s.declared[f.Name] = e
		}
	}
}

// atomText is equal for two nodes that mean the same for every caller.
func atomText(n node) string {
	var b strings.Builder
	writeNode(&b, n)
	return b.String()
}

// writeNode writes a node as an unambiguous text; it is for keys, not for people.
func writeNode(b *strings.Builder, n node) {
	fmt.Fprintf(b, "(%T", n)
	switch n := n.(type) {
	case lit:
		fmt.Fprintf(b, " %d %T %v", n.slot, n.v, n.v)
	case field:
		b.WriteString(" " + n.rec.key() + " " + n.f.Name)
	case identity:
		b.WriteString(" " + n.rec.key())
	case element:
		b.WriteString(" " + n.v.key)
	case member:
		b.WriteString(" " + n.name)
	case inputNode:
		b.WriteString(" " + n.name)
	case logic:
		fmt.Fprintf(b, " %t", n.and)
	case isNull:
		fmt.Fprintf(b, " %t", n.not)
	case compare:
		fmt.Fprintf(b, " %d", n.op)
	case arith:
		fmt.Fprintf(b, " %d", n.op)
	case call:
		fmt.Fprintf(b, " %d", n.fn)
	case quantifier:
		fmt.Fprintf(b, " %t %s", n.all, n.v.key)
		if n.base != nil {
			b.WriteString(" " + n.base.key() + " " + n.many.Name)
		}
	}
	for _, c := range children(n) {
		writeNode(b, c)
	}
	b.WriteByte(')')
}
