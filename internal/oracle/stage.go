package oracle

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/engine"
	"github.com/mainstay-run/mainstay/keyring"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// stage is a contract with its data, served by the engine on a new database.
type stage struct {
	design   *design
	rows     []row
	set      *rule.Set
	world    *world
	engine   *engine.Engine
	driver   store.Driver
	tearDown func()                   // ends the database; must be called
	inserts  map[string]*query.Insert // by table
	models   map[string]*model        // by caller
	shadows  map[string]*rule.Set     // of the models, by contract
	stored   map[*field][]any         // values that records hold
}

// compile reads a contract and checks its expressions.
func compile(text string) (*rule.Set, error) {
	c, faults := contract.Parse(map[string][]byte{"contract.yaml": []byte(text)})
	if err := asError(faults); err != nil {
		return nil, err
	}
	set, faults := rule.Compile(c)
	return set, asError(faults)
}

func asError(faults []contract.Fault) error {
	var said []string
	for _, f := range faults {
		if !f.Warning {
			said = append(said, f.String())
		}
	}
	if len(said) > 0 {
		return fmt.Errorf("oracle: the contract is not valid:\n%s", strings.Join(said, "\n"))
	}
	return nil
}

// maxGroups is small, so that aggregates come to it.
const maxGroups = 8

// setUp serves a design with rows. tearDown must be called.
func setUp(t *arena, c *design, rows []row) (*stage, error) {
	set, err := compile(c.text())
	if err != nil {
		return nil, err
	}
	driver, drop := t.database()
	s := &stage{design: c, rows: rows, set: set, world: newWorld(rows), driver: driver, tearDown: drop, models: map[string]*model{}, shadows: map[string]*rule.Set{}, stored: map[*field][]any{}}
	for _, r := range c.resources {
		for _, f := range r.stored() {
			for _, rec := range s.world.order[r.name] {
				if v := rec[f.name]; v != nil && f.kind != "list" && f.kind != "struct" && f.kind != "json" && f.kind != "ref" {
					s.stored[f] = append(s.stored[f], v)
				}
			}
		}
	}
	if err := s.fill(t.Context(), s.tables(t.whole)); err != nil {
		drop()
		return nil, err
	}
	if err := s.serve(); err != nil {
		drop()
		return nil, err
	}
	return s, nil
}

// serve begins to serve what stands in the database; its clock stands still.
func (s *stage) serve() error {
	keys, err := keyring.FromSecret([]byte(strings.Repeat("o", 32)))
	if err != nil {
		return err
	}
	s.engine = engine.New(s.set, store.New(s.driver), keys, engine.Options{Now: func() time.Time { return now.Time() }, MaxGroups: maxGroups})
	return nil
}

// fill makes the tables and inserts the rows, past all rules.
func (s *stage) fill(ctx context.Context, tables []*schema.Table) error {
	s.inserts = map[string]*query.Insert{}
	var steps []schema.Step
	for _, t := range tables {
		steps = append(steps, schema.CreateTable{Table: t})
		q := &query.Insert{Table: t.Name}
		for _, c := range t.Columns {
			q.Columns = append(q.Columns, query.Named{Name: c.Name, Type: c.Type})
		}
		s.inserts[t.Name] = q
	}
	if err := s.driver.Apply(ctx, steps...); err != nil {
		return err
	}
	return store.New(s.driver).InTx(ctx, store.Write, nil, func(tx store.Tx) error {
		words := map[string][]rule.Record{}
		for _, r := range s.rows {
			res := s.set.Resource(r.resource)
			if err := s.insert(ctx, tx, res.Table, r.record); err != nil {
				return fmt.Errorf("oracle: inserting %s %v: %w", r.resource, r.record, err)
			}
			index := res.Table + schema.WordsSuffix
			words[index] = append(words[index], wordsOf(res, r.record)...)
		}
		for index, list := range words {
			if err := s.insert(ctx, tx, index, list...); err != nil {
				return fmt.Errorf("oracle: inserting words: %w", err)
			}
		}
		return nil
	})
}

// tables are those that the stage's requests come to: where nobody may write, those
// of the contract alone, unless the whole is asked for.
func (s *stage) tables(whole bool) []*schema.Table {
	all := schema.Of(s.set.Contract).Tables
	if whole || s.design.writable() {
		return all
	}
	return all[len(schema.System()):]
}

// insert adds records to a table.
func (s *stage) insert(ctx context.Context, tx store.Tx, table string, records ...rule.Record) error {
	if len(records) == 0 {
		return nil
	}
	q := s.inserts[table]
	var args []any
	for _, rec := range records {
		for _, column := range q.Columns {
			v := rec[column.Name]
			if column.Name == schema.Revision {
				v = int64(1)
			}
			args = append(args, v)
		}
	}
	_, err := tx.Insert(ctx, q, args)
	return err
}

// wordsOf is what stands in the search index of a record.
func wordsOf(r *rule.Resource, rec rule.Record) []rule.Record {
	var words []rule.Record
	for _, f := range r.Fields {
		text, _ := rec[f.Name].(string)
		if !f.Search {
			continue
		}
		for _, word := range value.Words(text) {
			words = append(words, rule.Record{"word": word, "field": f.Name, "id": rec["id"]})
		}
	}
	return words
}

// caller is the account of this name, or nobody.
func (s *stage) caller(email string) *rule.Caller {
	for _, rec := range s.world.order["Account"] {
		if rec["email"] == any(email) {
			return &rule.Caller{ID: rec["id"].(value.UUID), Record: rec}
		}
	}
	return nil
}

func principal(c *rule.Caller) *auth.Principal {
	if c == nil {
		return auth.Nobody
	}
	return &auth.Principal{Caller: c}
}

// do asks the engine.
func (s *stage) do(ctx context.Context, q request, cursor string) (*engine.Result, error) {
	return s.engine.Do(ctx, principal(s.caller(q.caller)), q.operation(s.set, cursor))
}
