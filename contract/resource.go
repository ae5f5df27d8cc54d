package contract

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/mainstay-run/mainstay/value"
)

var resourceKeys = []string{"path", "key", "subject", "fields", "unique", "index", "check", "access", "actions", "filters", "hooks", "events", "retain"}

var (
	typeID        = &Type{Name: "uuid", Value: &value.Type{Kind: value.ID}}
	typeTimestamp = &Type{Name: "timestamp", Value: &value.Type{Kind: value.TimestampKind}}
)

// pendingResource is a resource whose entries are yet to be read.
type pendingResource struct {
	r    *Resource
	keys map[string]pair
}

func (l *loader) resourceNames() []string {
	names := make([]string, 0, len(l.c.Resources)+len(typeNames))
	for _, r := range l.c.Resources {
		names = append(names, r.Name)
	}
	return names
}

// resources declares all resources, then reads their fields, then what names fields.
func (l *loader) resources(s sections) {
	entries := s.merged["resources"]
	if len(entries) == 0 && len(l.faults) == 0 {
		l.warn(s.first, "", "the contract has no resources", "write 'resources:' and, indented, what it is about")
	}
	l.byName = make(map[string]*Resource, len(entries))
	pending := make([]pendingResource, 0, len(entries))
	for _, p := range entries {
		if r := l.declare(p); r != nil {
			pending = append(pending, pendingResource{r: r})
		}
	}
	i := 0
	for _, p := range entries {
		if i == len(pending) || pending[i].r.Name != p.name {
			continue
		}
		pending[i].keys, _ = l.record(p.value, p.name, resourceKeys...)
		l.fields(pending[i].r, pending[i].keys["fields"], p)
		i++
	}
	l.inverses()
	for _, p := range pending {
		l.details(p)
	}
}

// declare makes a resource of an entry's name.
func (l *loader) declare(p pair) *Resource {
	if !isName(p.name, true, false, 40) {
		mend := "use letters and digits, beginning with a capital, at most 40"
		if better := pascal(p.name); isName(better, true, false, 40) {
			mend = "write '" + better + "'"
		}
		l.fault(p.key.pos(), "resources", fmt.Sprintf("'%s' is no name for a resource", p.name), mend)
		return nil
	}
	words := plurals(p.name)
	r := &Resource{
		Name: p.name, Path: strings.Join(words, "-"), Table: strings.Join(words, "_"),
		Description: p.key.above(), Pos: p.key.pos(),
	}
	r.Fields = []*Field{
		{Name: "id", Resource: r, Builtin: true, Readonly: true, Type: typeID, Pos: r.Pos},
		{Name: "created_at", Resource: r, Builtin: true, Readonly: true, Type: typeTimestamp, Pos: r.Pos},
		{Name: "updated_at", Resource: r, Builtin: true, Readonly: true, Type: typeTimestamp, Pos: r.Pos},
	}
	l.c.Resources = append(l.c.Resources, r)
	l.byName[r.Name] = r
	return r
}

func (l *loader) fields(r *Resource, section, resource pair) {
	place := r.Name + ".fields"
	if section.name == "" {
		if resource.value.isMap() {
			l.fault(r.Pos, r.Name, "has no fields", "write 'fields:' and, indented, 'name: type' lines")
		}
		return
	}
	twins := map[string]string{}
	for _, p := range l.entries(section.value, place, "title: string 1..120") {
		f := l.field(p, r, fieldPlace{place: r.Name + "." + p.name})
		if twin := twins[strings.ToLower(f.Name)]; twin != "" {
			l.fault(f.Pos, r.Name+"."+f.Name, fmt.Sprintf("'%s' and '%s' differ only in capitals, which some databases do not tell apart", f.Name, twin), "rename one")
		}
		twins[strings.ToLower(f.Name)] = f.Name
		r.Fields = append(r.Fields, f)
	}
}

// inverses finds the references that many fields are the other end of.
func (l *loader) inverses() {
	for _, m := range l.manys {
		target := m.field.Type.Target
		back := target.Field(m.name)
		owner := m.field.Resource.Name
		var refs []string
		for _, f := range target.Fields {
			if f.Type.Name == "ref" && f.Type.Target == m.field.Resource {
				refs = append(refs, f.Name)
			}
		}
		switch {
		case m.name == "" && len(refs) == 0:
			l.fault(m.pos, m.place, "the other end of a reference is named by its resource and field", fmt.Sprintf("write '%s: %s' among the fields of %s, and 'many %s.%s' here", snake(owner), owner, target.Name, target.Name, snake(owner)))
		case m.name == "":
			for i := range refs {
				refs[i] = "'many " + target.Name + "." + refs[i] + "'"
			}
			l.fault(m.pos, m.place, "the other end of a reference is named by its resource and field", "write "+orList(refs))
		case back == nil && len(refs) == 0:
			l.fault(m.pos, m.place, fmt.Sprintf("%s has no field '%s', and none that refers to %s", target.Name, m.name, owner), fmt.Sprintf("write '%s: %s' among the fields of %s", snake(owner), owner, target.Name))
		case back == nil && len(refs) == 1:
			l.fault(m.pos, m.place, fmt.Sprintf("%s has no field '%s'", target.Name, m.name), "did you mean '"+refs[0]+"'?")
		case back == nil:
			l.unknown(m.pos, m.place, "reference", m.name, refs)
		case back.Type.Name == "unknown":
		case back.Type.Name != "ref":
			l.fault(m.pos, m.place, fmt.Sprintf("%s.%s is no reference", target.Name, m.name), "name the field of type "+owner)
		case back.Type.Target != m.field.Resource:
			l.fault(m.pos, m.place, fmt.Sprintf("%s.%s refers to %s, not to %s", target.Name, m.name, back.Type.Target.Name, owner), "name the field of type "+owner)
		default:
			m.field.Type.Inverse = back
			continue
		}
		m.field.Type = unknownType()
	}
}

// details reads what a resource says about its fields.
func (l *loader) details(p pendingResource) {
	r := p.r
	if _, ok := p.keys["access"]; !ok && p.keys != nil {
		l.warn(r.Pos, r.Name, "has no 'access' and serves nobody", "write 'access:' and, indented, 'read: …' and 'write: …'")
	}
	for _, key := range resourceKeys {
		section, ok := p.keys[key]
		if !ok || section.value.isBroken() {
			continue
		}
		place := r.Name + "." + key
		switch key {
		case "path":
			l.path(r, section.value, place)
		case "key":
			l.key(r, section.value, place)
		case "subject":
			if r.Subject, ok = l.boolean(section.value, place); ok && r.Subject {
				l.unbuilt(section.key.pos(), place, "export and erasure of a person's data are")
			}
		case "unique":
			l.uniques(r, section.value, place)
		case "index":
			l.indexes(r, section.value, place)
		case "check":
			l.checks(r, section.value, place)
		case "access":
			l.access(r, section.value, place)
		case "actions":
			l.actions(r, section.value, place)
		case "filters":
			l.filters(r, section.value, place)
		case "hooks":
			l.later = append(l.later, func() { l.hooks(r, section.value, place) })
		case "events":
			l.later = append(l.later, func() { l.events(r, section, place) })
		case "retain":
			l.retain(r, section, place)
		}
	}
}

func (l *loader) path(r *Resource, v node, place string) {
	t, ok := l.word(v, place)
	if !ok {
		return
	}
	if kebab(t.s) != t.s || !isLetter(t.s[0]) || len(t.s) > 60 {
		l.fault(t.pos, place, fmt.Sprintf("'%s' is no path", t.s), "write one segment of lower-case words with hyphens, such as 'job-postings'")
		return
	}
	r.Path = t.s
}

var keyKinds = wordSet("slug string email int bigint")

func (l *loader) key(r *Resource, v node, place string) {
	f := l.fieldNamed(r, v, place)
	if f == nil {
		return
	}
	switch {
	case f.Type.Name == "unknown":
		return
	case !f.Unique || f.Optional:
		l.fault(v.pos(), place, fmt.Sprintf("'%s' does not name one record: it is not unique or not required", f.Name), namingWords(f))
	case !keyKinds[f.Type.Name] || f.Encrypted || f.Hidden:
		l.fault(v.pos(), place, fmt.Sprintf("'%s' cannot stand in a path", f.Name), "a key is a slug, string, email, int or bigint that is neither hidden nor encrypted")
	default:
		r.Key = f
	}
}

// namingWords says which words f lacks, or has too many, to name one record.
func namingWords(f *Field) string {
	switch {
	case !f.Optional:
		return "add 'unique' to its words"
	case f.Unique:
		return "take 'optional' out of its words"
	}
	return "add 'unique' to its words, and take 'optional' out"
}

// fieldNamed reads the name of one of r's fields; nil when there is none.
func (l *loader) fieldNamed(r *Resource, v node, place string) *Field {
	t, ok := l.word(v, place)
	if !ok {
		return nil
	}
	return l.findField(r, t, place)
}

func (l *loader) findField(r *Resource, t text, place string) *Field {
	f := r.Field(t.s)
	if f == nil {
		names := make([]string, 0, len(r.Fields))
		for _, f := range r.Fields {
			names = append(names, f.Name)
		}
		l.unknown(t.pos, place, "field", t.s, names)
	}
	return f
}

func (l *loader) checks(r *Resource, v node, place string) {
	for _, p := range l.entries(v, place, "the range runs upwards: low <= high") {
		if e, ok := l.expr(p.value, place+"."+p.name); ok {
			r.Checks = append(r.Checks, &Check{Sentence: p.name, Expr: e})
		}
	}
}

// keyLists reads [[a, b], [c]].
func (l *loader) keyLists(v node, place string) []node {
	if v.isBroken() {
		return nil
	}
	if !v.isList() || len(v.n.Content) == 0 {
		l.fault(v.pos(), place, "is not a list of lists", "write [[a, b]]")
		return nil
	}
	var lists []node
	for _, item := range v.items() {
		switch {
		case item.isBroken():
		case !item.isList() || len(item.n.Content) == 0:
			l.fault(item.pos(), place, "each entry is the list of its fields", "write [[a, b]], with two brackets")
			return lists
		default:
			lists = append(lists, item)
		}
	}
	return lists
}

func (l *loader) uniques(r *Resource, v node, place string) {
	for _, list := range l.keyLists(v, place) {
		var fields []*Field
		for _, item := range list.items() {
			if f := l.fieldNamed(r, item, place); f != nil && l.canIndex(f, item.pos(), place) {
				fields = append(fields, f)
			}
		}
		if len(fields) < len(list.n.Content) {
			continue
		}
		keys := make([]IndexKey, 0, len(fields))
		for _, f := range fields {
			keys = append(keys, IndexKey{Field: f})
		}
		if l.indexFits(keys, list.pos(), place) {
			r.Unique = append(r.Unique, fields)
		}
	}
}

func (l *loader) indexes(r *Resource, v node, place string) {
	for _, list := range l.keyLists(v, place) {
		var keys []IndexKey
		for _, item := range list.items() {
			t, ok := l.word(item, place)
			if !ok {
				continue
			}
			desc := strings.HasPrefix(t.s, "-")
			if desc {
				t = t.cut(1, len(t.s))
			}
			if f := l.findField(r, t, place); f != nil && l.canIndex(f, t.pos, place) {
				keys = append(keys, IndexKey{f, desc})
			}
		}
		if len(keys) == len(list.n.Content) && l.indexFits(keys, list.pos(), place) {
			r.Indexes = append(r.Indexes, keys)
		}
	}
}

func (l *loader) canIndex(f *Field, pos Pos, place string) bool {
	if f.Type.Name == "unknown" {
		return false
	}
	longest, _ := f.Type.Max.(int64)
	switch {
	case f.Type.Name == "text" || lengthKinds[f.Type.Name] && longest > maxIndexed:
		l.fault(pos, place, fmt.Sprintf("'%s' is too long: what is unique or indexed has at most %d characters", f.Name, maxIndexed), fmt.Sprintf("give it the type '%s', beside its other words", indexable(f.Type)))
	case !isScalarKind(f.Type.Name):
		l.fault(pos, place, fmt.Sprintf("'%s' has no order: %s cannot be unique or indexed", f.Name, kindWords(f.Type)), "leave it out")
	case f.Encrypted && !f.Lookup:
		l.fault(pos, place, fmt.Sprintf("'%s' is encrypted and cannot be compared", f.Name), "write 'encrypted lookup' at the field, or leave it out")
	default:
		return true
	}
	return false
}

// indexable is t, a text that is too long, at the greatest length that is indexed.
func indexable(t *Type) string {
	name, from := t.Name, ""
	if name == "text" {
		name = "string"
	}
	if least, _ := t.Min.(int64); least > 0 && least <= maxIndexed {
		from = strconv.FormatInt(least, 10)
	}
	return fmt.Sprintf("%s %s..%d", name, from, maxIndexed)
}

// indexFits reports a field named twice and an index too wide for some database.
func (l *loader) indexFits(keys []IndexKey, pos Pos, place string) bool {
	bytes := 0
	for i, k := range keys {
		for _, before := range keys[:i] {
			if before.Field == k.Field {
				l.fault(pos, place, fmt.Sprintf("'%s' stands twice in one list", k.Field.Name), "remove one")
				return false
			}
		}
		bytes += indexBytes(k.Field)
	}
	if bytes > maxIndexBytes {
		l.fault(pos, place, fmt.Sprintf("these fields take up to %d bytes together, and %d is the most an index holds on every database", bytes, maxIndexBytes), "shorten the strings, or leave one out")
		return false
	}
	if len(keys) > 16 {
		l.fault(pos, place, "more than 16 fields in one list", "no database indexes more everywhere")
		return false
	}
	return true
}

func (l *loader) resource(name string) *Resource { return l.byName[name] }
