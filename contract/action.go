package contract

import (
	"fmt"
	"slices"
	"strings"
)

// taken are names that an action cannot have: the operations of every resource
// and the events that they are told by.
var taken = wordSet("list get create update replace delete query count aggregate batch export import read write all field set created updated deleted")

func (l *loader) actions(r *Resource, v node, place string) {
	for _, p := range l.entries(v, place, "close: {move: status open -> closed, allow: owner == caller}") {
		here := place + "." + p.name
		l.actionName(r, p, here)
		m, ok := l.record(p.value, here, "move", "allow", "input", "set")
		if !ok {
			continue
		}
		a := &Action{Name: p.name, Description: p.key.above(), Pos: p.key.pos()}
		if mv, ok := m["move"]; ok {
			a.Move = l.move(r, mv.value, here+".move")
		}
		if allow, ok := m["allow"]; ok {
			a.Allow, _ = l.expr(allow.value, here+".allow")
		} else {
			l.fault(p.key.pos(), here, "says nobody who may do it", "write 'allow: …'")
		}
		if in, ok := m["input"]; ok {
			a.Input = l.inputs(in.value, here+".input")
		}
		if set, ok := m["set"]; ok {
			a.Set = l.assigns(r, set.value, here+".set", a.Move)
		}
		if m["move"].name == "" && m["set"].name == "" {
			l.fault(p.key.pos(), here, "changes nothing", "write 'move: …' or 'set: {…}'")
		}
		r.Actions = append(r.Actions, a)
	}
}

func (l *loader) actionName(r *Resource, p pair, place string) {
	f := r.Field(p.name)
	switch {
	case !isName(p.name, false, true, 50):
		mend := "use letters, digits and _, beginning with a lower-case letter"
		if better := snake(p.name); isName(better, false, true, 50) {
			mend = "write '" + better + "'"
		}
		l.fault(p.key.pos(), place, fmt.Sprintf("'%s' is no name for an action", p.name), mend)
	case taken[p.name]:
		l.fault(p.key.pos(), place, fmt.Sprintf("'%s' is an operation or event of every resource", p.name), "choose another name, such as '"+p.name+"_"+snake(r.Name)+"'")
	case f != nil && f.Type.Name == "many":
		l.fault(p.key.pos(), place, fmt.Sprintf("'%s' is a relation of %s too, and both have the path /%s/{id}/%s", p.name, r.Name, r.Path, kebab(p.name)), "choose another name")
	}
}

// move reads "status draft|paused -> open".
func (l *loader) move(r *Resource, v node, place string) *Move {
	t, ok := l.word(v, place)
	if !ok {
		return nil
	}
	const mend = "write 'status draft|paused -> open'"
	ways, to, found := strings.Cut(t.s, "->")
	list := pieces(t.cut(0, len(ways)))
	goal := t.cut(len(t.s)-len(to), len(t.s)).trim()
	if !found || len(list) < 2 || goal.s == "" || strings.ContainsAny(goal.s, " |>") {
		l.fault(t.pos, place, "a move names a field, the words it may come from and the one it goes to", mend)
		return nil
	}
	f := l.findField(r, list[0].text(), place)
	if f == nil || f.Type.Name == "unknown" {
		return nil
	}
	if f.Type.Name != "enum" {
		l.fault(list[0].pos(), place, fmt.Sprintf("'%s' is no enum", f.Name), "a move goes from word to word of an enum")
		return nil
	}
	m := &Move{Field: f, To: goal.s}
	sound := l.state(f, goal, place)
	for _, p := range list[1:] {
		from := 0
		for i := 0; i <= len(p.s); i++ {
			if i < len(p.s) && p.s[i] != '|' {
				continue
			}
			if from < i {
				w := p.text().cut(from, i)
				sound = l.from(m, w, place) && sound
			}
			from = i + 1
		}
	}
	if !sound || len(m.From) == 0 {
		return nil
	}
	if !f.Readonly {
		l.warn(list[0].pos(), place, fmt.Sprintf("'%s' can also be written directly, past the moves", f.Name), fmt.Sprintf("write 'readonly' at %s.%s", r.Name, f.Name))
	}
	return m
}

func (l *loader) state(f *Field, t text, place string) bool {
	if slices.Contains(f.Type.Value.Enum, t.s) {
		return true
	}
	mend := "write " + orList(f.Type.Value.Enum)
	if best := nearest(t.s, f.Type.Value.Enum); best != "" {
		mend = "did you mean '" + best + "'?"
	}
	l.fault(t.pos, place, fmt.Sprintf("'%s' is no word of %s", t.s, f.Name), mend)
	return false
}

func (l *loader) from(m *Move, t text, place string) bool {
	if !l.state(m.Field, t, place) {
		return false
	}
	switch {
	case slices.Contains(m.From, t.s):
		l.fault(t.pos, place, fmt.Sprintf("'%s' is named twice", t.s), "leave one out")
	case t.s == m.To:
		l.fault(t.pos, place, fmt.Sprintf("a move from '%s' to '%s' moves nothing", t.s, t.s), "leave it out")
	default:
		m.From = append(m.From, t.s)
		return true
	}
	return false
}

// inputs reads an action's input: {reason: string 1..500}.
func (l *loader) inputs(v node, place string) []*Field {
	var list []*Field
	for _, p := range l.entries(v, place, "reason: string 1..500") {
		list = append(list, l.field(p, nil, fieldPlace{place: place + "." + p.name, in: ofInput}))
	}
	return list
}

// assigns reads {opened_at: now, reason: input.reason}.
func (l *loader) assigns(r *Resource, v node, place string, move *Move) []*Assign {
	var list []*Assign
	for _, p := range l.entries(v, place, "closed_at: now") {
		here := place + "." + p.name
		e, ok := l.expr(p.value, here)
		f := l.findField(r, p.key.text(), here)
		if f == nil {
			continue
		}
		pos := p.key.pos()
		switch {
		case f.Builtin:
			l.fault(pos, here, fmt.Sprintf("'%s' is kept by the server itself", f.Name), "leave it out")
		case f.Type.Name == "many":
			l.fault(pos, here, fmt.Sprintf("'%s' is the other end of a reference and is not stored here", f.Name), "set the reference")
		case f.Fixed:
			l.fault(pos, here, fmt.Sprintf("'%s' is fixed: it never changes after create", f.Name), "leave it out, or 'fixed'")
		case move != nil && move.Field == f:
			l.fault(pos, here, fmt.Sprintf("the move sets '%s' already", f.Name), "leave it out")
		case ok:
			list = append(list, &Assign{Field: f, Expr: e})
		}
	}
	return list
}

// filters reads declared filters: senior: {input: int, where: years >= input}.
func (l *loader) filters(r *Resource, v node, place string) {
	for _, p := range l.entries(v, place, "senior: {input: int, where: years >= input}") {
		here := place + "." + p.name
		switch {
		case !isName(p.name, false, true, 50):
			l.fault(p.key.pos(), here, fmt.Sprintf("'%s' is no name for a filter", p.name), "use letters, digits and _, beginning with a lower-case letter")
		case control[p.name]:
			l.fault(p.key.pos(), here, fmt.Sprintf("'%s' is a control word of requests", p.name), "choose another name")
		case r.Field(p.name) != nil:
			l.fault(p.key.pos(), here, fmt.Sprintf("'%s' is a field too, and ?%s=… asks for its value", p.name, p.name), "choose another name")
		}
		m, ok := l.record(p.value, here, "input", "where")
		if !ok {
			continue
		}
		f := &Filter{Name: p.name, Description: p.key.above(), Pos: p.key.pos()}
		if in, ok := m["input"]; ok {
			in.name = "parameter"
			f.Input = l.field(in, nil, fieldPlace{place: here + ".input", in: ofFilter})
			f.Input.Name, f.Input.Description = "input", ""
		}
		where, ok := m["where"]
		if !ok {
			l.fault(p.key.pos(), here, "says no condition", "write 'where: …'")
			continue
		}
		if f.Where, ok = l.expr(where.value, here+".where"); ok {
			r.Filters = append(r.Filters, f)
		}
	}
}
