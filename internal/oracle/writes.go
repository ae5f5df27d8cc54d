package oracle

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/mainstay-run/mainstay/engine"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// write is one change of one record.
type write struct {
	by       string      // an account, "" for nobody, or theSystem
	kind     engine.Kind // Create, Update or Delete
	resource string
	id       value.UUID
	values   rule.Record // the fields that Create and Update set
	unnamed  bool        // a Create that leaves the id to the engine
}

// theSystem writes past all rules, as a job or a migration does.
const theSystem = "the system"

func (w write) String() string {
	who := w.by
	if who == "" {
		who = "nobody"
	}
	verb := map[engine.Kind]string{engine.Create: "makes", engine.Update: "changes", engine.Delete: "deletes"}[w.kind]
	text := fmt.Sprintf("%s %s %s %s", who, verb, w.resource, w.id)
	for _, name := range slices.Sorted(maps.Keys(w.values)) {
		text += fmt.Sprintf(" %s=%v", name, w.values[name])
	}
	return text
}

// on is what the rows are after the write: updated_at moves unless everything
// that changed is kept from some of the record's readers.
func (w write) on(c *design, rows []row) []row {
	after := slices.Clone(rows)
	switch w.kind {
	case engine.Create:
		rec := rule.Record{"id": w.id, "created_at": now, "updated_at": now}
		for _, f := range c.resource(w.resource).stored() {
			rec[f.name] = w.values[f.name]
		}
		return append(after, row{w.resource, rec})
	case engine.Delete:
		return slices.DeleteFunc(after, func(r row) bool { return r.record["id"] == any(w.id) })
	}
	for i, r := range after {
		if r.record["id"] != any(w.id) {
			continue
		}
		rec := maps.Clone(r.record)
		for name, v := range w.values {
			if same(rec[name], v) {
				continue
			}
			rec[name] = v
			if c.resource(w.resource).showsTime(name) {
				rec["updated_at"] = now
			}
		}
		after[i].record = rec
	}
	return after
}

func same(a, b any) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return value.Equal(a, b)
}

// showsTime reports whether everybody who reads the record reads the field.
func (r *resource) showsTime(name string) bool {
	for _, m := range r.masks {
		if m.field.name == name {
			return false
		}
	}
	return !r.field(name).hidden
}

// fits reports whether everything that the write names is in the design.
func (w write) fits(c *design) bool {
	r := c.resource(w.resource)
	if r == nil {
		return false
	}
	for name := range w.values {
		if r.field(name) == nil {
			return false
		}
	}
	return true
}

// newWrite makes a random write of anything but the caller's own account.
func newWrite(d dice, c *design, rows []row, caller *rule.Caller) (write, bool) {
	r := pick(d, c.resources)
	if len(r.read) == 0 && d.one(2) {
		r = pick(d, c.resources)
	}
	made := map[string][]value.UUID{}
	var accounts []string
	for _, old := range rows {
		made[old.resource] = append(made[old.resource], old.record["id"].(value.UUID))
		if old.resource == "Account" {
			accounts = append(accounts, old.record["email"].(string))
		}
	}
	w := write{by: theSystem, resource: r.name, kind: pick(d, []engine.Kind{engine.Create, engine.Update, engine.Update, engine.Delete})}
	if !d.one(3) && len(accounts) > 0 && len(r.read) > 0 {
		w.by = pick(d, accounts)
	}
	if w.kind == engine.Create {
		w.id = value.NewID(now.Time())
		for i := 6; i < 16; i++ {
			w.id[i] = byte(d.IntN(256))
		}
		w.id[6], w.id[8] = 0x70|w.id[6]&0xf, 0x80|w.id[8]&0x3f
		w.values = rule.Record{"id": w.id}
		if !fill(d, r, w.values, made, 1000+d.IntN(1e6)) {
			return w, false
		}
		for _, name := range []string{"id", "created_at", "updated_at"} {
			delete(w.values, name)
		}
		return w, true
	}
	if len(made[r.name]) == 0 {
		return w, false
	}
	w.id = pick(d, made[r.name])
	if caller != nil && w.id == caller.ID {
		return w, false
	}
	if w.kind == engine.Update {
		w.values = newValues(d, r, made)
		// Null is what somebody who cannot read a field sees of it; sent back, it changes nothing.
		maps.DeleteFunc(w.values, func(name string, v any) bool { return w.by != theSystem && v == nil && !r.showsTime(name) })
	}
	return w, true
}

// newValues are new values for one or two fields.
func newValues(d dice, r *resource, made map[string][]value.UUID) rule.Record {
	rec := rule.Record{}
	for range d.between(1, 2) {
		f := pick(d, r.stored())
		switch to := made[nameOf(f.target)]; {
		case f.name == "email" || f.key:
		case f.kind == "ref" && len(to) > 0:
			rec[f.name] = pick(d, to)
		case f.kind != "ref":
			rec[f.name] = randomValue(d, f)
		}
	}
	return rec
}

func nameOf(r *resource) string {
	if r == nil {
		return ""
	}
	return r.name
}

// perform carries a write out; false when it is refused and nothing was done.
func (s *stage) perform(ctx context.Context, w write) (bool, error) {
	if w.by == theSystem {
		err := store.New(s.driver).InTx(ctx, store.Write, nil, func(tx store.Tx) error { return s.system(ctx, tx, w) })
		return err == nil, nil
	}
	if _, err := s.ask(ctx, w); err != nil {
		return false, nil
	}
	return true, s.landed(ctx, w)
}

// ask sends a write to the engine.
func (s *stage) ask(ctx context.Context, w write) (*engine.Result, error) {
	op := &engine.Operation{Kind: w.kind, Resource: s.set.Resource(w.resource), ID: w.id.String()}
	if w.kind != engine.Delete {
		op.Body = s.body(w)
	}
	if w.kind == engine.Create {
		op.ID = ""
	}
	return s.engine.Do(ctx, principal(s.caller(w.by)), op)
}

// body is the write as JSON.
func (s *stage) body(w write) []byte {
	r := s.set.Resource(w.resource)
	body := []byte{'{'}
	if w.kind == engine.Create && !w.unnamed {
		body = append(value.AppendString(append(body, `"id":`...), w.id.String()), ',')
	}
	for _, name := range slices.Sorted(maps.Keys(w.values)) {
		body = append(value.AppendString(body, name), ':')
		body = append(r.Field(name).Type.Value.AppendJSON(body, w.values[name]), ',')
	}
	if len(body) > 1 {
		body = body[:len(body)-1]
	}
	return append(body, '}')
}

// landed reports a write whose record is not afterwards what it must be.
func (s *stage) landed(ctx context.Context, w write) error {
	return s.holds(ctx, w, w.on(s.design, s.rows))
}

// holds reports a record that is not what these rows say.
func (s *stage) holds(ctx context.Context, w write, rows []row) error {
	var want rule.Record
	for _, r := range rows {
		if r.record["id"] == any(w.id) {
			want = r.record
		}
	}
	got, err := s.read(ctx, w.resource, w.id)
	if err != nil {
		return err
	}
	if (got == nil) != (want == nil) {
		return fmt.Errorf("after %s: the record is %v, but must be %v", w, got, want)
	}
	for name, v := range want {
		if !same(got[name], v) {
			return fmt.Errorf("after %s: %s is %v, but must be %v", w, name, got[name], v)
		}
	}
	return nil
}

// read reads a record past all rules, nil when there is none.
func (s *stage) read(ctx context.Context, resource string, id value.UUID) (rule.Record, error) {
	r := s.set.Resource(resource)
	q := &query.Select{From: query.Table{Name: r.Table, Alias: 1}, Where: byID(r)}
	var names []string
	for _, f := range r.Fields {
		if f.Stored() {
			names = append(names, f.Name)
			q.Columns = append(q.Columns, query.Column{Expr: query.Col{Alias: 1, Name: f.Name, Type: f.Type.Value}, Type: f.Type.Value})
		}
	}
	var rec rule.Record
	err := store.New(s.driver).InTx(ctx, store.ReadOne, nil, func(tx store.Tx) error {
		for got, err := range tx.Select(ctx, q, []any{id}) {
			if err != nil {
				return err
			}
			rec = rule.Record{}
			for i, name := range names {
				if rec[name], err = got.Value(i); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return rec, err
}

func byID(r *rule.Resource) query.Expr {
	t := r.Field("id").Type.Value
	return query.Cmp{Op: query.Eq, L: query.Col{Alias: 1, Name: "id", Type: t}, R: query.Param{Type: t}}
}

// system writes as a job or a migration does: past the rules, with everything
// that goes with a write.
func (s *stage) system(ctx context.Context, tx store.Tx, w write) error {
	r := s.set.Resource(w.resource)
	index := r.Table + schema.WordsSuffix
	if w.kind == engine.Delete {
		_, err := tx.Delete(ctx, &query.Delete{Table: query.Table{Name: r.Table, Alias: 1}, Where: byID(r)}, []any{w.id})
		return err
	}
	var rec rule.Record
	for i, after := range w.on(s.design, s.rows) {
		if after.record["id"] != any(w.id) {
			continue
		}
		if rec = after.record; w.kind == engine.Update && maps.EqualFunc(rec, s.rows[i].record, same) {
			return nil // nothing changes
		}
	}
	if w.kind == engine.Create {
		if err := s.insert(ctx, tx, r.Table, rec); err != nil {
			return err
		}
		return s.insert(ctx, tx, index, wordsOf(r, rec)...)
	}
	q := &query.Update{Table: query.Table{Name: r.Table, Alias: 1}, Where: byID(r)}
	args := []any{w.id}
	for _, f := range r.Fields {
		if f.Stored() && f.Name != "id" {
			q.Set = append(q.Set, query.Assign{Column: query.Named{Name: f.Name, Type: f.Type.Value}, Value: query.Param{Slot: len(args), Type: f.Type.Value}})
			args = append(args, rec[f.Name])
		}
	}
	bigint := &value.Type{Kind: value.BigInt}
	q.Set = append(q.Set, query.Assign{Column: query.Named{Name: "_revision", Type: bigint}, Value: query.Arith{Op: query.Add,
		L: query.Col{Alias: 1, Name: "_revision", Type: bigint}, R: query.Const{Value: int64(1), Type: bigint}, Type: bigint}})
	if _, err := tx.Update(ctx, q, args); err != nil {
		return err
	}
	if s.inserts[index] == nil {
		return nil
	}
	if _, err := tx.Delete(ctx, &query.Delete{Table: query.Table{Name: index, Alias: 1}, Where: byID(r)}, []any{w.id}); err != nil {
		return err
	}
	return s.insert(ctx, tx, index, wordsOf(r, rec)...)
}
