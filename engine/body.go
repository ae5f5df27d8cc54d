package engine

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/value"
)

// Bounds on a body.
const (
	maxDepth  = 64   // nested lists and objects
	maxFaults = 100  // told of one body
	maxItems  = 1000 // of a list whose contract does not say
)

// decodeBody reads a request's JSON strictly; MalformedJSON says what and where.
func decodeBody(body []byte) (any, error) {
	j, err := value.DecodeJSON(body, maxDepth)
	if err != nil {
		return nil, problem.Errorf(problem.MalformedJSON, "the body is not well-formed: %s", err)
	}
	return j, nil
}

// Codes of faults that decide the kind of the whole answer.
const (
	codeUnknown   = "unknown"
	codeForbidden = "forbidden" // the caller can read the field but not write it
)

// reader turns JSON into values of the contract's types and gathers everything
// that is wrong with it.
type reader struct {
	faults []problem.Field
	more   int // faults that are not told
}

func (b *reader) fault(at spot, code, format string, args ...any) {
	if len(b.faults) == maxFaults {
		b.more++
		return
	}
	b.faults = append(b.faults, problem.Field{Pointer: at.String(), Code: code, Detail: fmt.Sprintf(format, args...)})
}

// unknown is a member that is misspelt or does not exist for the caller; the two
// must not be told apart.
func (b *reader) unknown(at spot) { b.fault(at, codeUnknown, "there is no such field") }

// err is one error for all faults: UnknownField when nothing else is wrong,
// Forbidden when only fields are in it that the caller may not write.
func (b *reader) err(c *call) error {
	if len(b.faults) == 0 {
		return nil
	}
	only := func(code string) bool {
		return !slices.ContainsFunc(b.faults, func(f problem.Field) bool { return f.Code != code })
	}
	kind := problem.Validation
	switch {
	case only(codeUnknown):
		kind = problem.UnknownField
	case only(codeForbidden):
		kind = problem.Forbidden
		if c.who.Caller == nil {
			kind = problem.Unauthenticated
		}
	}
	err := problem.Invalid(kind, b.faults)
	switch {
	case only(codeForbidden) && len(b.faults) == 1:
		err.Detail = "there is a field that you may not write"
	case only(codeForbidden):
		err.Detail = fmt.Sprintf("there are %d fields that you may not write", len(b.faults)+b.more)
	case b.more > 0:
		err.Detail = fmt.Sprintf("%d fields are invalid, of which these are the first", len(b.faults)+b.more)
	}
	return err
}

// object is the members of a JSON object.
func (b *reader) object(j any, at spot) map[string]any {
	members, ok := j.(map[string]any)
	if !ok {
		b.fault(at, "type", "must be an object")
	}
	return members
}

// strangers reports the members that are not among fields.
func (b *reader) strangers(members map[string]any, fields []*contract.Field, at spot) {
	b.unless(members, at, func(name string) bool {
		return slices.ContainsFunc(fields, func(f *contract.Field) bool { return f.Name == name })
	})
}

// only reports the members that are none of names.
func (b *reader) only(members map[string]any, at spot, names ...string) {
	b.unless(members, at, func(name string) bool { return slices.Contains(names, name) })
}

func (b *reader) unless(members map[string]any, at spot, known func(name string) bool) {
	var strange []string
	for name := range members {
		if !known(name) {
			strange = append(strange, name)
		}
	}
	slices.Sort(strange)
	for _, name := range strange {
		b.unknown(at.member(name))
	}
}

// field reads the value of f. In a patch, a struct holds only the members that
// were sent; else what is missing and has no default is a fault. Structs are
// completed by complete. ok is false when there was a fault.
func (b *reader) field(f *contract.Field, j any, at spot, patch bool) (v any, ok bool) {
	if j != nil {
		return b.value(f.Type, j, at, patch)
	}
	if !f.Dispensable() {
		b.fault(at, "required", "must not be null")
		return nil, false
	}
	return emptied(f), true
}

// emptied is what null stands for: lists are empty, never null.
func emptied(f *contract.Field) any {
	if f.Type.Name == "list" {
		return []any{}
	}
	return nil
}

func (b *reader) value(t *contract.Type, j any, at spot, patch bool) (any, bool) {
	switch t.Name {
	case "list":
		return b.list(t, j, at)
	case "struct":
		return b.structure(t, j, at, patch)
	}
	v, err := t.Value.FromJSON(j)
	if err != nil {
		b.fault(at, wrongness(t.Value, j), "%s", misread(t, err))
		return nil, false
	}
	if text, isText := v.(string); isText && t.Value.Kind == value.String {
		stored, err := value.Format(t.Name, text)
		if err != nil {
			b.fault(at, "format", "%s", err)
			return nil, false
		}
		if stored != text {
			v = stored
		}
	}
	if code, detail := outside(t, v); code != "" {
		b.fault(at, code, "%s", detail)
		return nil, false
	}
	return v, true
}

// misread says why a value of type t could not be read.
func misread(t *contract.Type, err error) string {
	if t.Name != "ref" {
		return err.Error()
	}
	text := strings.Replace(err.Error(), "an id", "the id of a "+t.Target.Name, 1)
	if t.Target.Key != nil {
		text += "; a key addresses it in a path alone"
	}
	return text
}

// wrongness is the code of JSON that does not fit a type: its very type, or only its text.
func wrongness(t *value.Type, j any) string {
	_, text := j.(string)
	_, number := j.(value.Number)
	switch t.Kind {
	case value.Enum:
		if text {
			return "enum"
		}
	case value.Int, value.Float:
		if number {
			return "format"
		}
	case value.Bool:
	default:
		if text {
			return "format"
		}
	}
	return "type"
}

func (b *reader) list(t *contract.Type, j any, at spot) (any, bool) {
	items, ok := j.([]any)
	if !ok {
		b.fault(at, "type", "must be a list")
		return nil, false
	}
	if code, detail := outside(t, items); code != "" {
		b.fault(at, code, "%s", detail)
		return nil, false
	}
	list := make([]any, len(items))
	for i, item := range items {
		here := at.at(i)
		if item == nil {
			b.fault(here, "required", "must not be null")
			ok = false
			continue
		}
		v, fits := b.value(t.Elem, item, here, false)
		list[i], ok = v, ok && fits
	}
	return list, ok
}

func (b *reader) structure(t *contract.Type, j any, at spot, patch bool) (any, bool) {
	members := b.object(j, at)
	if members == nil {
		return nil, false
	}
	before := len(b.faults) + b.more
	given := make(map[string]any, len(t.Members))
	for _, f := range t.Members {
		here := at.member(f.Name)
		j, sent := members[f.Name]
		switch {
		case sent:
			given[f.Name], _ = b.field(f, j, here, patch)
		case !patch && !f.Dispensable() && f.Default == nil:
			b.fault(here, "required", "is required")
		}
	}
	b.strangers(members, t.Members, at)
	return given, len(b.faults)+b.more == before
}

// outside says with a stable code how v, a value of type t, leaves the contract's
// bounds; "" when it does not.
func outside(t *contract.Type, v any) (code, detail string) {
	if v == nil {
		return "", ""
	}
	low, high, what := t.Min, t.Max, func(bound any) string { return strings.Trim(string(t.Value.AppendJSON(nil, bound)), `"`) }
	switch t.Value.Kind {
	case value.List:
		most := int64(t.MaxItems)
		if most == 0 {
			most = maxItems
		}
		low, high, v = int64(t.MinItems), most, int64(len(v.([]any)))
		what = func(bound any) string { return counted(bound, "item") }
	case value.String:
		v = int64(utf8.RuneCountInString(v.(string)))
		what = func(bound any) string { return counted(bound, "character") }
	case value.Struct, value.JSON, value.Bool, value.Enum, value.ID:
		return "", ""
	}
	verb := "be"
	if t.Value.Kind == value.List || t.Value.Kind == value.String {
		verb = "have"
	}
	if low != nil && value.Compare(v, low) < 0 {
		return "min", fmt.Sprintf("must %s at least %s", verb, what(low))
	}
	if high != nil && value.Compare(v, high) > 0 {
		return "max", fmt.Sprintf("must %s at most %s", verb, what(high))
	}
	return "", ""
}

// counted is n things in words: 1 item, 2 items.
func counted(n any, thing string) string {
	if n == int64(1) {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// merged is old with the members of patch put over it, members of structs within
// structs too (RFC 7396); what neither has is left out.
func merged(t *contract.Type, old, patch any) any {
	given, isStruct := patch.(map[string]any)
	if t.Name != "struct" || !isStruct {
		return patch
	}
	stored, _ := old.(map[string]any)
	out := make(map[string]any, len(t.Members))
	for _, f := range t.Members {
		if v, sent := given[f.Name]; sent {
			out[f.Name] = merged(f.Type, stored[f.Name], v)
		} else if stored != nil {
			out[f.Name] = stored[f.Name]
		}
	}
	return out
}

// complete gives the members of structs that are not there their defaults, else
// null; a required one without is a fault. It never changes v itself.
func (b *reader) complete(r *rule.Resource, t *contract.Type, v any, at spot, env *rule.Env) any {
	switch v := v.(type) {
	case []any:
		if t.Name != "list" {
			return v
		}
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = b.complete(r, t.Elem, item, at.at(i), env)
		}
		return list
	case map[string]any:
		out := make(map[string]any, len(t.Members))
		for _, f := range t.Members {
			here := at.member(f.Name)
			if given, there := v[f.Name]; there {
				out[f.Name] = b.complete(r, f.Type, given, here, env)
			} else {
				out[f.Name] = b.missing(r, f, here, env)
			}
		}
		return out
	}
	return v
}

// missing is the value of a field that was not sent.
func (b *reader) missing(r *rule.Resource, f *contract.Field, at spot, env *rule.Env) any {
	d := r.Defaults[f]
	if d == nil {
		if !f.Dispensable() {
			b.fault(at, "required", "is required")
		}
		return emptied(f)
	}
	v := b.complete(r, f.Type, d.Eval(env), at, env)
	if v == nil {
		v = emptied(f)
	}
	b.stored(f, v, at)
	return v
}

// stored reports a value made by the contract's own expressions that the
// contract's own types refuse.
func (b *reader) stored(f *contract.Field, v any, at spot) {
	if v == nil && !f.Dispensable() {
		b.fault(at, "required", "is required")
	} else if code, detail := outside(f.Type, v); code != "" {
		b.fault(at, code, "%s", detail)
	}
}

// idWindow is how far from now a client's id may say that it was made.
const idWindow = 24 * time.Hour

// newID reads the id that a client gives a record.
func (b *reader) newID(j any, now value.Timestamp, at spot) (value.UUID, bool) {
	text, ok := j.(string)
	if !ok {
		b.fault(at, "type", "must be a string")
		return value.UUID{}, false
	}
	id, err := value.ParseID(text)
	if err != nil {
		b.fault(at, "format", "%s", err)
		return value.UUID{}, false
	}
	if !freshID(id, now) {
		b.fault(at, "format", "must be a UUID of version 7 made within a day of now")
		return value.UUID{}, false
	}
	return id, true
}

func freshID(id value.UUID, now value.Timestamp) bool {
	age := now.Time().Sub(id.Time())
	return id.Version() == 7 && id[8]&0xc0 == 0x80 && age < idWindow && age > -idWindow
}
