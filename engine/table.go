package engine

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// table is how records of one resource are written. Nothing in it depends on a
// caller: what a caller may do is decided before it is used.
type table struct {
	r        *rule.Resource
	fields   []*contract.Field          // the stored ones, in the contract's order, which is that of columns
	insert   *query.Insert              // fields, then the revision
	insertIf [credentials]*query.Insert // insert, if the caller is unchanged
	byID     *query.Select              // fields, then the revision
	holders  [credentials]*query.Select // byID, of an account with a credential that counts
	confirms [credentials]*query.Select // whether an account is unchanged, not holding it
	remove   *query.Delete
	search   []*contract.Field
	// The words of search fields:
	insertWords *query.Insert
	dropWords   *query.Delete
	clears      []clearing
	drags       []drag
	// relational are the rules of a create or an update that follow relations; follows:
	// a check or a default does.
	relational []*rule.Expr
	follows    bool

	mu      sync.Mutex
	updates map[string]*query.Update
	related map[string]*query.Select
}

// writePlans are the statements of the write path: by resource, and by view for
// those that hold rules.
type writePlans struct {
	lock   sync.RWMutex
	tables map[*rule.Resource]*table
	rows   map[planKey]*rowPlan
	login  *query.Select

	batchRoutes batchRoutes

	numbers  sync.Map // of the contract's rules, for the keys of rows: *rule.Expr → uint64
	numbered atomic.Uint64
}

const maxRowPlans = 2048

// number tells the contract's rules apart.
func (p *writePlans) number(e *rule.Expr) uint64 {
	n, ok := p.numbers.Load(e)
	if !ok {
		n, _ = p.numbers.LoadOrStore(e, p.numbered.Add(1))
	}
	return n.(uint64)
}

// table finds how r is written.
func (e *Engine) table(r *rule.Resource) *table {
	p := &e.writePlans
	p.lock.RLock()
	t := p.tables[r]
	p.lock.RUnlock()
	if t != nil {
		return t
	}
	t = e.newTable(r)
	p.lock.Lock()
	defer p.lock.Unlock()
	if kept := p.tables[r]; kept != nil {
		return kept
	}
	if p.tables == nil {
		p.tables = map[*rule.Resource]*table{}
	}
	p.tables[r] = t
	return t
}

func (e *Engine) newTable(r *rule.Resource) *table {
	t := &table{r: r, updates: map[string]*query.Update{}, related: map[string]*query.Select{}}
	t.insert = &query.Insert{Table: r.Table}
	for _, f := range r.Fields {
		if f.Stored() && f.Type.Value != nil {
			t.fields = append(t.fields, f)
			t.insert.Columns = append(t.insert.Columns, named(f))
		}
		if f.Search {
			t.search = append(t.search, f)
		}
	}
	t.insert.Columns = append(t.insert.Columns, query.Named{Name: revisionColumn, Type: intType})
	t.insertIf[byNobody] = t.insert
	if e.set.Contract.Accounts != nil {
		for by := byAccount; by < credentials; by++ {
			t.insertIf[by] = &query.Insert{Table: r.Table, Columns: t.insert.Columns, If: e.unchanged(by, len(t.insert.Columns))}
		}
	}
	one := equals(idColumn(r, 1), query.Param{Slot: 0, Type: idType(r)})
	t.byID = &query.Select{From: query.Table{Name: r.Table, Alias: 1}, Columns: t.columns(1), Where: one, Lock: query.ForShare}
	if e.isAccounts(r) {
		for by := byAccount; by < credentials; by++ {
			t.holders[by] = holder(r, by, 1, 0)
			t.holders[by].Columns = t.columns(1)
			t.confirms[by] = e.unchanged(by, 0)
			t.confirms[by].Lock = query.NoLock
		}
	}
	t.remove = &query.Delete{Table: query.Table{Name: r.Table, Alias: 1}, Where: one}
	if len(t.search) > 0 {
		t.insertWords = &query.Insert{Table: r.Table + "_words", OnConflictIgnore: true, Columns: []query.Named{
			{Name: "word", Type: wordType}, {Name: "field", Type: wordType}, {Name: "id", Type: idType(r)},
		}}
		t.dropWords = &query.Delete{Table: query.Table{Name: r.Table + "_words", Alias: 1}, Where: query.And{List: []query.Expr{
			one, query.InParam{X: query.Col{Alias: 1, Name: "field", Type: wordType}, Slot: 1, Type: wordType},
		}}}
	}
	e.follow(t)
	e.relations(t)
	return t
}

func named(f *contract.Field) query.Named { return query.Named{Name: f.Name, Type: f.Type.Value} }

// columns are the table's fields and the revision, of the row alias.
func (t *table) columns(alias int) []query.Column {
	out := make([]query.Column, 0, len(t.fields)+1)
	for _, f := range t.fields {
		out = append(out, query.Column{Expr: query.Col{Alias: alias, Name: f.Name, Type: f.Type.Value}, Type: f.Type.Value})
	}
	return append(out, query.Column{Expr: query.Col{Alias: alias, Name: revisionColumn, Type: intType}, Type: intType})
}

// record reads what columns selected, the first of them being column from.
func (t *table) record(row store.Row, from int) (rule.Record, error) {
	rec := make(rule.Record, len(t.fields)+1)
	var err error
	for i, f := range t.fields {
		if rec[f.Name], err = row.Value(from + i); err != nil {
			return nil, err
		}
	}
	rec[revisionColumn], err = row.Value(from + len(t.fields))
	return rec, err
}

// showsTime reports whether a change of f moves updated_at: a change that not
// everybody who can read the record may see must not.
func showsTime(r *rule.Resource, f *contract.Field) bool {
	return r.ReadField[f] == nil && !f.Hidden
}

// update finds the statement that sets these fields; its arguments are their values, the
// revision, the id and the revision before, then those of e.unchanged.
func (e *Engine) update(t *table, changed []*contract.Field, by credential) *query.Update {
	var room [128]byte
	key := append(room[:0], '0'+byte(by))
	for _, f := range changed {
		key = append(append(key, f.Name...), ',')
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if q := t.updates[string(key)]; q != nil {
		return q
	}
	q := &query.Update{Table: query.Table{Name: t.r.Table, Alias: 1}, If: e.unchanged(by, len(changed)+3)}
	for i, f := range changed {
		q.Set = append(q.Set, query.Assign{Column: named(f), Value: query.Param{Slot: i, Type: f.Type.Value}})
	}
	n := len(changed)
	revision := query.Named{Name: revisionColumn, Type: intType}
	q.Set = append(q.Set, query.Assign{Column: revision, Value: query.Param{Slot: n, Type: intType}})
	q.Where = query.And{List: []query.Expr{
		equals(idColumn(t.r, 1), query.Param{Slot: n + 1, Type: idType(t.r)}),
		equals(query.Col{Alias: 1, Name: revisionColumn, Type: intType}, query.Param{Slot: n + 2, Type: intType}),
	}}
	if len(t.updates) >= maxRowPlans/8 {
		clear(t.updates)
	}
	t.updates[string(key)] = q
	return q
}

// relatedBy finds the statement that lists the records whose field holds an id.
func (t *table) relatedBy(field string) *query.Select {
	t.mu.Lock()
	defer t.mu.Unlock()
	q := t.related[field]
	if q == nil {
		f := t.r.Field(field)
		q = &query.Select{
			From: query.Table{Name: t.r.Table, Alias: 1}, Columns: t.columns(1), Lock: query.ForShare,
			Where:   equals(query.Col{Alias: 1, Name: f.Name, Type: f.Type.Value}, query.Param{Slot: 0, Type: f.Type.Value}),
			OrderBy: []query.Order{{Expr: idColumn(t.r, 1), NotNull: true}},
		}
		t.related[field] = q
	}
	return q
}

// records runs a Select whose first columns are t.columns.
func (t *table) records(ctx context.Context, tx store.Tx, q *query.Select, args ...any) ([]rule.Record, error) {
	var out []rule.Record
	for row, err := range tx.Select(ctx, q, args) {
		if err != nil {
			return nil, err
		}
		rec, err := t.record(row, 0)
		if err != nil {
			return nil, err
		}
		out = append(out, rec)
	}
	return out, nil
}

// row appends the values of a record's row.
func (t *table) row(args []any, rec rule.Record) []any {
	args = slices.Grow(args, len(t.insert.Columns))
	for _, column := range t.insert.Columns {
		args = append(args, rec[column.Name])
	}
	return args
}

// addWords puts the words of these fields of records into the index.
func (t *table) addWords(ctx context.Context, tx store.Tx, fields []*contract.Field, recs ...rule.Record) error {
	var args []any
	for _, rec := range recs {
		for _, f := range fields {
			text, _ := rec[f.Name].(string)
			for _, word := range value.Words(text) {
				args = append(args, word, f.Name, rec["id"])
			}
		}
	}
	if len(args) == 0 {
		return nil
	}
	_, err := tx.Insert(ctx, t.insertWords, args)
	return err
}

// changeWords puts the words of those of the changed fields that are searched in place
// of what is there.
func (t *table) changeWords(ctx context.Context, tx store.Tx, rec rule.Record, changed []*contract.Field) error {
	var fields []*contract.Field
	var names []any
	for _, f := range changed {
		if f.Search {
			fields, names = append(fields, f), append(names, f.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	if _, err := tx.Delete(ctx, t.dropWords, []any{rec["id"], names}); err != nil {
		return err
	}
	return t.addWords(ctx, tx, fields, rec)
}
