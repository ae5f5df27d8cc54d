package engine

import (
	"fmt"
	"strings"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/rule"
)

// Bounds on `fields` and `include`; what they bring in is bounded by maxRecords.
const (
	maxPaths = 100 // paths in one parameter
	maxHops  = 4   // relations in one path
	maxKids  = 20  // relations in one answer
)

// want is the tree of what an answer shows of one resource.
type want struct {
	sight *rule.Sight
	// trimmed: only names and kids are shown, not every field.
	trimmed bool
	names   map[string]bool
	kids    map[string]*want
}

// wanted understands `fields` and `include`. A name that does not exist for the
// caller is a fault, whatever the reason that it does not.
func wanted(sight *rule.Sight, fields, include string) (*want, []problem.Field) {
	root := &want{sight: sight}
	var faults []problem.Field
	count := 0
	each := func(parameter, text string, reach func(path string) *problem.Field) {
		if text == "" {
			return
		}
		paths := strings.Split(text, ",")
		if len(paths) > maxPaths {
			faults = append(faults, badParameter(parameter, "max", "must list at most %d names", maxPaths))
			return
		}
		for _, path := range paths {
			if fault := reach(path); fault != nil {
				fault.Parameter = parameter
				faults = append(faults, *fault)
			}
		}
	}
	each("include", include, func(path string) *problem.Field {
		_, fault := root.hop(path, strings.Split(path, "."), &count)
		return fault
	})
	each("fields", fields, func(path string) *problem.Field {
		return root.show(path, strings.Split(path, "."), &count)
	})
	if count > maxKids {
		faults = append(faults, badParameter("include", "max", "must reach at most %d relations", maxKids))
	}
	return root, faults
}

// hop walks relations from w, making what is not there yet.
func (w *want) hop(path string, parts []string, count *int) (*want, *problem.Field) {
	if len(parts) > maxHops {
		return nil, &problem.Field{Code: "max", Detail: fmt.Sprintf("%q goes over more than %d relations", path, maxHops)}
	}
	for i, name := range parts {
		kid := w.kids[name]
		if kid == nil {
			h := w.sight.Handle(name)
			var target *rule.Sight
			if h != nil {
				target = relation(h)
			}
			if target == nil && (h == nil || !h.Field.Stored()) {
				return nil, unknownField(path, i, w.sight, isRelation)
			}
			if target == nil {
				return nil, &problem.Field{Code: "type", Detail: fmt.Sprintf("%q: %q is not a relation", path, name)}
			}
			kid = &want{sight: target}
			if w.kids == nil {
				w.kids = map[string]*want{}
			}
			w.kids[name] = kid
			*count++
		}
		w = kid
	}
	return w, nil
}

// show adds one path of `fields`, whose last part is a field, a relation or "*".
func (w *want) show(path string, parts []string, count *int) *problem.Field {
	root, way, last := w, parts[:len(parts)-1], parts[len(parts)-1]
	end, fault := w.hop(path, way, count)
	if fault != nil {
		return fault
	}
	h := end.sight.Handle(last)
	if h == nil && last != "*" {
		return unknownField(path, len(way), end.sight, isShown)
	}
	for w.trimmed = true; len(way) > 0; way = way[1:] {
		w = w.kids[way[0]]
		w.trimmed = true
	}
	if h != nil && !h.Field.Stored() {
		_, fault = root.hop(path, parts, count) // a list is shown by including it
		return fault
	}
	if end.names == nil {
		end.names = map[string]bool{}
	}
	end.names[last] = true
	return nil
}

// shows reports whether the field stands in the answer without being included.
func (w *want) shows(h *rule.Handle) bool {
	if !h.Field.Stored() || h.Field.Type.Value == nil {
		return false
	}
	return !w.trimmed || w.names["*"] || w.names[h.Field.Name]
}

// relation is the sight behind a relation that may be included, nil when h is
// none: a field that is no relation, a target that serves nobody, a list whose
// way back does not exist for the caller.
func relation(h *rule.Handle) *rule.Sight {
	t := h.Field.Type
	if t.Target == nil || t.Name != "ref" && t.Name != "many" {
		return nil
	}
	target := h.Target()
	if target == nil || t.Name == "many" && target.Handle(t.Inverse.Name) == nil {
		return nil
	}
	return target
}

func isRelation(h *rule.Handle) bool { return relation(h) != nil }

// isShown reports whether the field can stand in an answer.
func isShown(h *rule.Handle) bool { return h.Field.Stored() || isRelation(h) }

// unknownField is the one answer for a name that is misspelt and for one that
// the caller may not read: part i of path, of those in sight that fit there.
func unknownField(path string, i int, sight *rule.Sight, fits func(*rule.Handle) bool) *problem.Field {
	var names []string
	for _, h := range sight.Handles {
		if fits(h) {
			names = append(names, h.Field.Name)
		}
	}
	detail := fmt.Sprintf("there is no field %q", path)
	parts := strings.Split(path, ".")
	if near := contract.Closest(parts[i], names); near != "" {
		parts[i] = near
		detail += "; did you mean '" + strings.Join(parts, ".") + "'?"
	}
	return &problem.Field{Code: "unknown", Detail: detail}
}

// noColumn is unknownField where a path cannot stand, whatever its names.
func noColumn(name string, sight *rule.Sight, fits func(*rule.Handle) bool) *problem.Field {
	if strings.Contains(name, ".") {
		return &problem.Field{Code: "format", Detail: fmt.Sprintf("%q: paths are not possible here", name)}
	}
	return unknownField(name, 0, sight, fits)
}

// badParameter is one fault of a query.
func badParameter(name, code, format string, args ...any) problem.Field {
	return problem.Field{Parameter: name, Code: code, Detail: fmt.Sprintf(format, args...)}
}
