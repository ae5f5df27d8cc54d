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
	tearDown func()               // ends the database; must be called
	models   map[string]*model    // by caller
	shadows  map[string]*rule.Set // of the models, by contract
	stored   map[*field][]any     // values that records hold
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
	if err := s.fill(t.Context()); err != nil {
		drop()
		return nil, err
	}
	keys, err := keyring.FromSecret([]byte(strings.Repeat("o", 32)))
	if err != nil {
		drop()
		return nil, err
	}
	s.engine = engine.New(set, store.New(driver), keys, engine.Options{Now: func() time.Time { return now.Time() }, MaxGroups: maxGroups})
	return s, nil
}

// fill makes the tables and inserts the rows, past all rules.
func (s *stage) fill(ctx context.Context) error {
	tables := map[string]*schema.Table{}
	for _, table := range schema.Of(s.set.Contract).Tables {
		tables[table.Name] = table
		if err := s.driver.Apply(ctx, schema.CreateTable{Table: table}); err != nil {
			return err
		}
	}
	return store.New(s.driver).InTx(ctx, store.Write, nil, func(tx store.Tx) error {
		for _, r := range s.rows {
			res := s.set.Resource(r.resource)
			if err := insert(ctx, tx, tables[res.Table], r.record); err != nil {
				return fmt.Errorf("oracle: inserting %s %v: %w", r.resource, r.record, err)
			}
			if err := insertWords(ctx, tx, tables[res.Table+"_words"], res, r.record); err != nil {
				return err
			}
		}
		return nil
	})
}

func insert(ctx context.Context, tx store.Tx, table *schema.Table, rec rule.Record) error {
	q := &query.Insert{Table: table.Name}
	var args []any
	for _, column := range table.Columns {
		q.Columns = append(q.Columns, query.Named{Name: column.Name, Type: column.Type})
		v := rec[column.Name]
		if column.Name == "_revision" {
			v = int64(1)
		}
		args = append(args, v)
	}
	_, err := tx.Insert(ctx, q, args)
	return err
}

// insertWords fills the search index of a record.
func insertWords(ctx context.Context, tx store.Tx, words *schema.Table, r *rule.Resource, rec rule.Record) error {
	if words == nil {
		return nil
	}
	for _, f := range r.Fields {
		text, _ := rec[f.Name].(string)
		if !f.Search {
			continue
		}
		for _, word := range value.Words(text) {
			if err := insert(ctx, tx, words, rule.Record{"word": word, "field": f.Name, "id": rec["id"]}); err != nil {
				return err
			}
		}
	}
	return nil
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
