package engine

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/sqlgen"
	"github.com/mainstay-run/mainstay/value"
)

// Explanation is how a read comes to its answer: what an operator may know, and no
// value of a record or of the request.
type Explanation struct {
	Caller     CallerExplained      `json:"caller"`
	Rules      []RuleExplained      `json:"rules"`
	Statements []StatementExplained `json:"statements"`
	Advice     []Advice             `json:"advice"`
	// Refused is the error that the caller gets instead of an answer.
	Refused string `json:"refused,omitempty"`
	// Notes are what could not be found out, and why.
	Notes []string `json:"notes,omitempty"`
}

// CallerExplained is who asks.
type CallerExplained struct {
	Resource string   `json:"resource,omitempty"` // of the account; empty: nobody is signed in
	ID       string   `json:"id,omitempty"`
	Scopes   []string `json:"scopes,omitempty"`
}

// RuleExplained is the read rule of a resource as it applies to the caller.
type RuleExplained struct {
	Resource string            `json:"resource"`
	Rule     string            `json:"rule"` // as written; empty: nobody may read
	Verdict  string            `json:"verdict"`
	Branches []BranchExplained `json:"branches"`
	// Hidden are fields that do not exist for the caller, Masked those that are null on
	// some records.
	Hidden []string `json:"hidden"`
	Masked []string `json:"masked"`
}

// BranchExplained is one of the ways in which a rule may hold.
type BranchExplained struct {
	Text    string `json:"text"`
	Verdict string `json:"verdict"` // always, never, or by record
}

// StatementExplained is one statement with what it took.
type StatementExplained struct {
	Tree       []string `json:"tree"`
	SQL        string   `json:"sql"`
	Parameters []string `json:"parameters"` // types, in the order of the placeholders
	Plan       []string `json:"plan"`
	Rows       int      `json:"rows"`
	Millis     float64  `json:"ms"`
	Indexes    []string `json:"indexes"`
	Scans      []string `json:"scans"` // tables read whole
	Sorts      bool     `json:"sorts"` // outside an index
}

var verdicts = map[rule.Verdict]string{rule.Always: "always", rule.Never: "never", rule.Depends: "by record"}

// seen is a statement that ran.
type seen struct {
	q    *query.Select
	args []any
}

// Explain carries out a read for who and tells how. With advise, indexes that are
// missing are looked for and tried on copies of their tables. It refuses what is no
// read; the read's own refusals are InvalidFilter and the like, but a record that is
// not there is explained.
func (e *Engine) Explain(ctx context.Context, who *auth.Principal, op *Operation, advise bool) (*Explanation, error) {
	var ran []seen
	driver := e.db.Driver()
	watched := store.Watch(driver, func(q *query.Select, args []any) {
		ran = append(ran, seen{q, slices.Clone(args)})
	})
	own := New(e.set, store.New(watched), e.keys, e.opts)
	out := &Explanation{Rules: []RuleExplained{}, Statements: []StatementExplained{}, Advice: []Advice{}}
	if err := own.carryOut(ctx, who, op); err != nil {
		if problem.KindOf(err) != problem.NotFound && problem.KindOf(err) != problem.Forbidden {
			return nil, err
		}
		out.Refused = err.Error()
	}
	c := own.begin(who)
	out.Caller = explainCaller(e, c)
	if op.Resource != nil {
		out.rules(c, append([]*rule.Resource{op.Resource}, e.handedOver(ran)...))
	}
	for i, s := range ran {
		plan, err := driver.Try(ctx, s.q, s.args, nil)
		if err != nil {
			return nil, fmt.Errorf("explain statement %d: %w", i+1, err)
		}
		out.Statements = append(out.Statements, explainStatement(s.q, plan))
		if !advise {
			continue
		}
		if err := e.advise(ctx, out, s, plan); err != nil {
			return nil, fmt.Errorf("look for indexes of statement %d: %w", i+1, err)
		}
	}
	return out, nil
}

// carryOut carries out a read and drops the answer.
func (e *Engine) carryOut(ctx context.Context, who *auth.Principal, op *Operation) error {
	switch op.Kind {
	case List, Get, Count, Aggregate, Export:
	default:
		return problem.Errorf(problem.InvalidParameter, "only reads can be explained")
	}
	res, err := e.Do(ctx, who, op)
	if err != nil || res.Stream == nil {
		return err
	}
	return res.Stream(io.Discard)
}

func explainCaller(e *Engine, c *call) CallerExplained {
	if c.who.Caller == nil {
		return CallerExplained{}
	}
	return CallerExplained{Resource: e.set.Contract.Accounts.Resource.Name, ID: c.who.Caller.ID.String(), Scopes: c.who.Scopes}
}

// handedOver are the resources whose records the statements hand over.
func (e *Engine) handedOver(ran []seen) (out []*rule.Resource) {
	for _, s := range ran {
		tables := []string{s.q.From.Name}
		for _, j := range s.q.Joins {
			tables = append(tables, j.Table.Name)
		}
		for _, t := range tables {
			if r := e.resourceOf(t); r != nil {
				out = append(out, r)
			}
		}
	}
	return out
}

// resourceOf finds the resource of a table, nil for tables of our own.
func (e *Engine) resourceOf(table string) *rule.Resource {
	for _, r := range e.set.Contract.Resources {
		if r.Table == table {
			return e.set.Resource(r.Name)
		}
	}
	return nil
}

// rules tells how each of the resources is read by the caller, once.
func (x *Explanation) rules(c *call, resources []*rule.Resource) {
	told := map[*rule.Resource]bool{}
	for _, r := range resources {
		sight := c.view.Resource(r.Name)
		if told[r] || sight == nil {
			continue
		}
		told[r] = true
		one := RuleExplained{Resource: r.Name, Verdict: verdicts[c.view.Verdict(r.Read)], Branches: []BranchExplained{}, Hidden: []string{}, Masked: []string{}}
		if r.Read != nil {
			one.Rule = r.Read.String()
		}
		for _, b := range c.view.Branches(r.Read) {
			one.Branches = append(one.Branches, BranchExplained{b.Text, verdicts[b.Verdict]})
		}
		for _, f := range r.Fields {
			switch h := sight.Handle(f.Name); {
			case h == nil:
				one.Hidden = append(one.Hidden, f.Name)
			case h.Masked:
				one.Masked = append(one.Masked, f.Name)
			}
		}
		x.Rules = append(x.Rules, one)
	}
}

func explainStatement(q *query.Select, plan *store.Plan) StatementExplained {
	notNil := func(list []string) []string { return append([]string{}, list...) }
	return StatementExplained{
		Tree: drawn(q), SQL: plan.Statement, Parameters: parameters(q, plan.Slots), Plan: notNil(plan.Lines),
		Rows: plan.Rows, Millis: millis(plan.Took),
		Indexes: notNil(plan.Indexes), Scans: notNil(plan.Scans), Sorts: plan.Sorts,
	}
}

func millis(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}

// parameters are the types of a statement's arguments, in the order of its placeholders.
func parameters(q *query.Select, slots []int) []string {
	types := map[int]string{}
	visit := func(e query.Expr) {
		switch e := e.(type) {
		case query.Param:
			types[e.Slot] = typeText(e.Type)
		case query.InParam:
			types[e.Slot] = "list of " + typeText(e.Type)
		}
	}
	for _, e := range q.Expressions() {
		sqlgen.Walk(e, visit)
	}
	list := make([]string, len(slots))
	for i, slot := range slots {
		list[i] = types[slot]
	}
	return list
}

var kinds = map[value.Kind]string{
	value.Bool: "bool", value.Int: "int", value.BigInt: "bigint", value.Float: "float", value.String: "string", value.Enum: "enum",
	value.DateKind: "date", value.TimeKind: "time", value.TimestampKind: "timestamp", value.DurationKind: "duration",
	value.ID: "id", value.JSON: "json", value.List: "list", value.Struct: "struct",
}

func typeText(t *value.Type) string {
	switch {
	case t == nil:
		return "int" // of a limit
	case t.Kind == value.DecimalKind:
		return fmt.Sprintf("decimal %d,%d", t.Precision, t.Scale)
	case t.Kind == value.Enum:
		return "enum " + strings.Join(t.Enum, "|")
	}
	return kinds[t.Kind]
}

// Account is who an account would be, found by its e-mail address as at signing in,
// for explaining; NotFound when there is none.
func (e *Engine) Account(ctx context.Context, email string) (*auth.Principal, error) {
	a, r, err := e.accounts()
	if err != nil {
		return nil, problem.Errorf(problem.NotFound, "nobody can sign in: the contract has no accounts")
	}
	found, err := e.findLogin(ctx, e.begin(nil), a, r, strings.ToLower(strings.TrimSpace(email)))
	if err != nil {
		return nil, err
	}
	id, ok := found.rec["id"].(value.UUID)
	if !ok {
		return nil, problem.Errorf(problem.NotFound, "there is no account with this e-mail address")
	}
	return &auth.Principal{Caller: &rule.Caller{ID: id, Record: found.rec}}, nil
}
