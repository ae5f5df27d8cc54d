package seed

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/brianvoe/gofakeit/v7"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/engine"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

const (
	// tries is how often a record is made anew until it keeps to the contract.
	tries = 200
	// past is how far back made-up records seem to have been created.
	past = 60 * 24 * time.Hour
)

// Generate adds n made-up records of each resource, all or none. They refer to
// each other, never to records that were there before. The same number makes the
// same records on the same day. Made-up accounts cannot sign in.
func Generate(ctx context.Context, db *store.DB, set *rule.Set, n int, number uint64) (*Report, error) {
	made, short, err := generate(set, n, number, time.Now())
	if err != nil {
		return nil, err
	}
	err = db.InTx(ctx, store.Write, nil, func(tx store.Tx) error {
		return insert(ctx, tx, made, db.Driver().Limits())
	})
	var violated *store.ConstraintError
	if errors.As(err, &violated) && violated.Kind == store.Unique {
		return nil, fmt.Errorf("%w: choose another number to make other records", explain(set, err))
	}
	if err != nil {
		return nil, explain(set, err)
	}
	return &Report{Loaded: true, Records: len(made), Short: short}, nil
}

// maker makes records up. Everything random comes from one source, in one order.
type maker struct {
	set    *rule.Set
	random *rand.Rand
	fake   *gofakeit.Faker
	now    time.Time
	world  *world
	taken  map[string]bool                        // see uniqueKey
	unused map[*contract.Field][]value.UUID       // targets that a unique reference can still name
	picked map[*contract.Field]int                // which of them was taken last
	fields map[*rule.Resource][]*contract.Field   // stored
	kin    map[*contract.Field][]kinship          // by reference: where a fitting value may be found
	keys   map[*rule.Resource][][]*contract.Field // uniqueFields
}

// kinship is a way from a record to a record that suits its reference: what the
// other reference `via` refers to has the field `field`. A posting's company, for
// one, is best the company of its description.
type kinship struct{ via, field *contract.Field }

func newMaker(set *rule.Set, number uint64, now time.Time) *maker {
	source := rand.NewPCG(number, 0)
	return &maker{
		set: set, random: rand.New(source), fake: gofakeit.NewFaker(source, false),
		now: now.UTC().Truncate(24 * time.Hour), world: newWorld(set),
		taken: map[string]bool{}, unused: map[*contract.Field][]value.UUID{},
		picked: map[*contract.Field]int{}, fields: map[*rule.Resource][]*contract.Field{},
		kin: map[*contract.Field][]kinship{}, keys: map[*rule.Resource][][]*contract.Field{},
	}
}

// SignUp makes up the body with which somebody can sign up, an object in JSON;
// nil when there is none, for one because it had to name a record.
func SignUp(set *rule.Set, password string, number uint64) []byte {
	account := set.Resource(set.Contract.Accounts.Resource.Name)
	m := newMaker(set, number, time.Now())
	m.prepare(account)
	record, _ := m.record(account, 0, 1)
	if record == nil {
		return nil
	}
	var body []byte
	for _, f := range stored(account) {
		v := record[f.Name]
		switch {
		case f.Builtin || f.Default != nil || f.Optional || f.Readonly:
		case f.Type.Name == "ref":
			return nil
		default:
			body = append(value.AppendString(append(body, ','), f.Name), ':')
			body = f.Type.Value.AppendJSON(body, v)
		}
	}
	body = append(value.AppendString(append(body, `,"password":`...), password), '}')
	body[0] = '{'
	return body
}

func generate(set *rule.Set, n int, number uint64, now time.Time) (made []row, short []string, err error) {
	m := newMaker(set, number, now)
	resources, err := creationOrder(set)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range resources {
		m.prepare(r)
		for i := range n {
			rec, why := m.record(r, i, n)
			if rec == nil {
				short = append(short, fmt.Sprintf("%d of %d records of %s were made: %s", i, n, r.Name, why))
				break
			}
			made = append(made, row{resource: r, record: rec})
		}
	}
	return made, short, nil
}

// creationOrder puts the targets of references first. References that may be
// null give way where resources refer to each other in a circle.
func creationOrder(set *rule.Set) ([]*rule.Resource, error) {
	var ordered []*rule.Resource
	state := map[string]int{} // 1: being visited, 2: in place
	var visit func(r *rule.Resource) error
	visit = func(r *rule.Resource) error {
		state[r.Name] = 1
		for _, optional := range []bool{false, true} {
			for _, f := range r.Fields {
				if f.Type.Name != "ref" || f.Optional != optional {
					continue
				}
				target := set.Resource(f.Type.Target.Name)
				switch {
				case state[target.Name] == 1 && !optional:
					return fmt.Errorf("seed: records of %s cannot be made up: %s.%s is required and leads back to them", target.Name, r.Name, f.Name)
				case state[target.Name] == 0:
					if err := visit(target); err != nil {
						return err
					}
				}
			}
		}
		state[r.Name] = 2
		ordered = append(ordered, r)
		return nil
	}
	for _, r := range set.Contract.Resources {
		if state[r.Name] == 0 {
			if err := visit(set.Resource(r.Name)); err != nil {
				return nil, err
			}
		}
	}
	return ordered, nil
}

// prepare finds what all records of r need.
func (m *maker) prepare(r *rule.Resource) {
	m.keys[r], m.fields[r] = uniqueFields(r), stored(r)
	for _, f := range r.Fields {
		if f.Type.Name != "ref" {
			continue
		}
		if f.Unique {
			for _, rec := range m.world.inOrder[f.Type.Target.Name] {
				m.unused[f] = append(m.unused[f], rec["id"].(value.UUID))
			}
		}
		for _, via := range r.Fields {
			if via == f || via.Type.Name != "ref" {
				continue
			}
			for _, field := range via.Type.Target.Fields {
				if field.Type.Name == "ref" && field.Type.Target.Name == f.Type.Target.Name {
					m.kin[f] = append(m.kin[f], kinship{via, field})
				}
			}
		}
	}
}

// record makes record i of n; nil with the reason when none keeps to the contract.
func (m *maker) record(r *rule.Resource, i, n int) (rec rule.Record, why string) {
	created := value.TimestampOf(m.now.Add(-past + past/time.Duration(n)*time.Duration(i)))
	for try := range tries {
		rec = rule.Record{"id": m.id(created), "created_at": created, "updated_at": created}
		if why = m.fill(r, rec, try); why != "" {
			continue
		}
		if why = m.broken(r, rec); why == "" {
			m.keep(r, rec)
			return rec, ""
		}
	}
	return nil, why
}

// fill gives the fields their values; the reason when one has none.
func (m *maker) fill(r *rule.Resource, rec rule.Record, try int) (why string) {
	env := &rule.Env{Now: rec["created_at"].(value.Timestamp), Record: rec, World: m.world}
	for _, f := range m.fields[r] {
		if _, done := rec[f.Name]; !done && (f.Default == nil || chosen(f)) {
			rec[f.Name] = m.value(f, try)
		}
	}
	m.align(r, rec)
	for _, f := range m.fields[r] {
		if _, done := rec[f.Name]; done {
			continue
		}
		v, faults := engine.DefaultValue(r, f, env)
		if v == nil || len(faults) > 0 {
			v = m.value(f, try) // such as = caller: nobody calls
		}
		rec[f.Name] = v
	}
	for _, f := range m.fields[r] {
		if rec[f.Name] == nil && !f.Optional {
			return "there is nothing left that " + f.Name + " could be"
		}
	}
	return ""
}

// chosen says that a value of its own tells more than the default.
func chosen(f *contract.Field) bool { return f.Type.Name == "enum" || f.Type.Name == "bool" }

// align lets references agree that lead to the same kind of record by two ways.
func (m *maker) align(r *rule.Resource, rec rule.Record) {
	for _, f := range r.Fields {
		kin := m.kin[f]
		if len(kin) == 0 || rec[f.Name] == nil || f.Unique || m.random.IntN(20) == 0 {
			continue
		}
		k := kin[m.random.IntN(len(kin))]
		id, ok := rec[k.via.Name].(value.UUID)
		if !ok {
			continue
		}
		if other, ok := m.world.Lookup(k.via.Type.Target.Name, id); ok && other[k.field.Name] != nil {
			rec[f.Name] = other[k.field.Name]
		}
	}
}

// broken says which check or unique field a record breaks; empty: none.
func (m *maker) broken(r *rule.Resource, rec rule.Record) (why string) {
	for _, fields := range m.keys[r] {
		if key, ok := uniqueKey(r, fields, rec); ok && m.taken[key] {
			return "further ones would have the same " + orList(names(fields), "and")
		}
	}
	env := &rule.Env{Now: value.TimestampOf(m.now), Record: rec, World: m.world}
	for _, c := range r.Checks {
		if !c.Expr.Holds(env) {
			return fmt.Sprintf("none of %d tries held that %s", tries, c.Sentence)
		}
	}
	return ""
}

func (m *maker) keep(r *rule.Resource, rec rule.Record) {
	m.world.add(r.Name, rec)
	for _, fields := range m.keys[r] {
		if key, ok := uniqueKey(r, fields, rec); ok {
			m.taken[key] = true
		}
	}
	for _, f := range m.fields[r] {
		ids, at := m.unused[f], m.picked[f]
		if at < len(ids) && rec[f.Name] == ids[at] {
			ids[at] = ids[len(ids)-1]
			m.unused[f] = ids[:len(ids)-1]
		}
	}
}

// reference picks a record that was made before, nil when there is none.
func (m *maker) reference(f *contract.Field) any {
	if f.Unique {
		if ids := m.unused[f]; len(ids) > 0 {
			m.picked[f] = m.random.IntN(len(ids))
			return ids[m.picked[f]]
		}
		return nil
	}
	if records := m.world.inOrder[f.Type.Target.Name]; len(records) > 0 {
		return records[m.random.IntN(len(records))]["id"]
	}
	return nil
}

// id makes a UUID of version 7 whose random part is the maker's.
func (m *maker) id(created value.Timestamp) value.UUID {
	var u value.UUID
	binary.BigEndian.PutUint64(u[:8], uint64(created)<<16|0x7000|m.random.Uint64()&0xfff)
	binary.BigEndian.PutUint64(u[8:], m.random.Uint64()&(1<<62-1)|1<<63)
	return u
}
