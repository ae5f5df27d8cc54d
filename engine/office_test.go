package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// office is testdata/office.yaml on a real database with a few people in it.
type office struct {
	t    testing.TB
	e    *Engine
	set  *rule.Set
	db   *store.DB
	made int
	open store.Tx // see together
	// ann and bob are staff, hr may read everything, admin the vault.
	ann, bob, hr, admin *auth.Principal
}

// noon is the time at which every request of a test is made.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// readOffice compiles the contract.
func readOffice(t testing.TB) (*contract.Contract, *rule.Set) {
	t.Helper()
	return compile(t, readFile(t, "testdata/office.yaml"))
}

func openOffice(t testing.TB) *office {
	t.Helper()
	c, set := readOffice(t)
	o := &office{t: t, set: set}
	o.e, o.db = serve(t, c, set, func() time.Time { return noon })
	o.together(func() {
		o.ann, o.bob = o.account("ann@office.example", "staff"), o.account("bob@office.example", "staff")
		o.hr, o.admin = o.account("hr@office.example", "hr"), o.account("admin@office.example", "admin")
	})
	return o
}

// account makes a User and is signed in as it.
func (o *office) account(email, role string) *auth.Principal {
	id := o.put("User", values{"email": email, "role": role})
	return &auth.Principal{Caller: &rule.Caller{ID: id, Record: rule.Record{
		"id": id, "email": email, "role": role, "created_at": o.stamp(), "updated_at": o.stamp(),
	}}}
}

func (o *office) stamp() value.Timestamp { return value.Timestamp(noon.UnixMilli()) }

type values map[string]any

// put stores a record, past all rules. Ids count up, so that their order is that
// of making.
func (o *office) put(resource string, v values) value.UUID {
	o.t.Helper()
	r := o.set.Resource(resource)
	o.made++
	id := value.UUID{6: 0x70, 8: 0x80, 14: byte(o.made >> 8), 15: byte(o.made)}
	if given, ok := v["id"].(value.UUID); ok {
		id = given
	}
	insert := &query.Insert{Table: r.Table, Columns: []query.Named{{Name: revisionColumn, Type: intType}}}
	args := []any{int64(1)}
	for _, f := range r.Fields {
		if !f.Stored() {
			continue
		}
		var x any
		switch {
		case f.Name == "id":
			x = id
		case f.Builtin:
			x = o.stamp()
		case v[f.Name] != nil:
			x = v[f.Name]
		case f.Type.Name == "list":
			x = []any{}
		case f.Type.Name == "bool":
			x = true
		case !f.Optional && f.Type.Name == "enum":
			x = f.Type.Value.Enum[0]
		case !f.Optional && f.Type.Name == "int":
			x = int64(0)
		}
		insert.Columns = append(insert.Columns, query.Named{Name: f.Name, Type: f.Type.Value})
		args = append(args, x)
	}
	o.write(func(tx store.Tx) error {
		_, err := tx.Insert(o.t.Context(), insert, args)
		return err
	})
	for _, f := range r.Fields {
		text, ok := v[f.Name].(string)
		if !f.Search || !ok {
			continue
		}
		words := &query.Insert{Table: r.Table + "_words", Columns: []query.Named{{Name: "word", Type: wordType}, {Name: "field", Type: wordType}, {Name: "id", Type: idType(r)}}}
		for _, w := range value.Words(text) {
			o.write(func(tx store.Tx) error {
				_, err := tx.Insert(o.t.Context(), words, []any{w, f.Name, id})
				return err
			})
		}
	}
	return id
}

func (o *office) write(fn func(store.Tx) error) {
	o.t.Helper()
	run := func(tx store.Tx) error { return o.db.InTx(o.t.Context(), store.Write, nil, fn) }
	if o.open != nil {
		run = fn
	}
	if err := run(o.open); err != nil {
		o.t.Fatal(err)
	}
}

// together makes what fn makes in one transaction.
func (o *office) together(fn func()) {
	o.t.Helper()
	err := o.db.InTx(o.t.Context(), store.Write, nil, func(tx store.Tx) error {
		o.open = tx
		defer func() { o.open = nil }()
		fn()
		return nil
	})
	if err != nil {
		o.t.Fatal(err)
	}
}

func decimal(t testing.TB, text string) value.Decimal {
	d, err := value.ParseDecimal(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (o *office) employee(name string, v values) value.UUID {
	o.t.Helper()
	v["name"] = name
	return o.put("Employee", v)
}

// do runs an operation that must succeed.
func (o *office) do(who *auth.Principal, op Operation) *Result {
	o.t.Helper()
	res, err := o.e.Do(context.Background(), who, &op)
	if err != nil {
		o.t.Fatalf("%+v: %v", op.Query, err)
	}
	return res
}

// refused runs an operation that must fail with this kind.
func (o *office) refused(who *auth.Principal, op Operation, kind problem.Kind) *problem.Error {
	o.t.Helper()
	res, err := o.e.Do(context.Background(), who, &op)
	if err == nil {
		o.t.Fatalf("%+v: not refused: %s", op.Query, res.Body)
	}
	if problem.KindOf(err) != kind {
		o.t.Fatalf("%+v: %v, want %s", op.Query, err, kind)
	}
	p, _ := err.(*problem.Error)
	return p
}

func (o *office) list(who *auth.Principal, resource string, q Query) page {
	o.t.Helper()
	return o.page(o.do(who, Operation{Kind: List, Resource: o.set.Resource(resource), Query: q}))
}

func (o *office) get(who *auth.Principal, resource string, id value.UUID, q Query) string {
	o.t.Helper()
	return string(o.do(who, Operation{Kind: Get, Resource: o.set.Resource(resource), ID: id.String(), Query: q}).Body)
}

// page is a list's answer, decoded.
type page struct {
	Items      []map[string]any
	Next, Prev *string
	Total      *int64
	*Result    `json:"-"`
}

func (o *office) page(res *Result) page {
	o.t.Helper()
	p := page{Result: res}
	if err := json.Unmarshal(res.Body, &p); err != nil {
		o.t.Fatalf("%v: %s", err, res.Body)
	}
	return p
}

// names are the values of one member of the page's items, joined by a space.
func (p page) names(member string) string {
	var out []string
	for _, item := range p.Items {
		out = append(out, fmt.Sprint(item[member]))
	}
	return strings.Join(out, " ")
}

// change sets columns of a record, past all rules.
func (o *office) change(resource string, id value.UUID, v values) {
	o.t.Helper()
	r := o.set.Resource(resource)
	update := &query.Update{Table: query.Table{Name: r.Table, Alias: 1}}
	args := []any{id}
	for name, x := range v {
		t := intType
		if f := r.Field(name); f != nil {
			t = f.Type.Value
		}
		update.Set = append(update.Set, query.Assign{Column: query.Named{Name: name, Type: t}, Value: query.Param{Slot: len(args), Type: t}})
		args = append(args, x)
	}
	update.Where = equals(idColumn(r, 1), query.Param{Slot: 0, Type: idType(r)})
	o.write(func(tx store.Tx) error {
		n, err := tx.Update(o.t.Context(), update, args)
		if err == nil && n != 1 {
			o.t.Errorf("%d records changed", n)
		}
		return err
	})
}
