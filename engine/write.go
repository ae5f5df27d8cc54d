package engine

import (
	"context"
	"errors"
	"slices"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// work is one write transaction: a request's, or one member's of a bulk that is
// not atomic. It begins anew when the transaction has to be run again.
type work struct {
	e  *Engine
	c  *call
	tx store.Tx
	// single: the first statement that writes is all, and nothing is held before it.
	single bool
	// wrote: it was sent.
	wrote bool
	// accounts are those that were changed, whose callers must be read again.
	accounts []value.UUID
	// gone are the ids of deleted records that could be given again.
	gone []value.UUID
	// manyAccounts: which ones is not known.
	manyAccounts bool
	// shown and referred are bytes: of the records in the answer so far, and of what
	// references in a batch stood for.
	shown, referred int
	// written is the record at hand, whose references were not all looked for.
	written written
	// named are the outcomes of a batch's operations that have a name.
	named map[string]*outcome
}

// env is what rules may read about a record, in this transaction.
func (w *work) env(rec, old rule.Record) *rule.Env {
	env := w.c.env
	env.Record, env.Old = rec, old
	return &env
}

// outcome is what one operation did.
type outcome struct {
	status int // 200, 201 or 204
	r      *rule.Resource
	id     value.UUID
	body   []byte
	tag    string
	// members are the outcomes of a bulk's or a batch's operations.
	members []*outcome
	count   int // of records affected, when counted
	counted bool
	name    string // of an operation in a batch
	parts   any    // body, decoded, once a later operation refers to it
}

// step is an operation that is understood, allowed as far as can be told without
// a record, and waits for its transaction.
type step func(ctx context.Context, w *work) (*outcome, error)

// write carries out every operation that changes something. The order of answers
// is that of docs/writing.md: a rule that no record can satisfy, the body, the
// record, its rules, what it refers to, its checks, the database's constraints.
func (e *Engine) write(ctx context.Context, c *call, op *Operation) (res *Result, err error) {
	if op.Kind == Bulk && op.NotAtomic {
		return e.bulkSingly(ctx, c, op)
	}
	err = e.asNow(c, func(c *call) error {
		res, err = e.writeOnce(ctx, c, op)
		return err
	})
	return res, err
}

func (e *Engine) writeOnce(ctx context.Context, c *call, op *Operation) (*Result, error) {
	do, err := e.prepare(c, op)
	if err != nil {
		return nil, err
	}
	if op.ID == "" && (len(op.IfMatch) > 0 || slices.Contains(op.IfNoneMatch, "*")) {
		return nil, problem.Errorf(problem.PreconditionFailed, "this path is no record; it has no entity tag")
	}
	leave, err := e.searchTurn(ctx, op)
	if err != nil {
		return nil, err
	}
	defer leave()
	out, replayed, err := e.commit(ctx, c, op, do)
	if err != nil {
		return nil, err
	}
	res := out.result(op)
	res.Replayed, res.Statements = replayed, c.stats.Statements
	return res, nil
}

// prepare understands op.
func (e *Engine) prepare(c *call, op *Operation) (step, error) {
	switch op.Kind {
	case Transact:
		return e.prepareBatch(c, op)
	case Bulk:
		return e.prepareBulk(c, op)
	case UpdateWhere, DeleteWhere:
		return e.prepareWhere(c, op)
	}
	var body any
	if op.Kind != Delete && (op.Kind != Act || len(op.Body) > 0) {
		var err error
		if body, err = decodeBody(op.Body); err != nil {
			return nil, err
		}
	}
	return e.prepareOne(c, op, body)
}

// prepareOne understands an operation on one record; body is its JSON.
func (e *Engine) prepareOne(c *call, op *Operation, body any) (step, error) {
	s, err := c.writable(op.Resource)
	if err != nil {
		return nil, err
	}
	if err := plainQuery(c, s, op); err != nil {
		return nil, err
	}
	switch op.Kind {
	case Create:
		return e.prepareCreate(c, s, op, body)
	case Update, Replace:
		return e.prepareUpdate(c, s, op, body)
	case Delete:
		return e.prepareDelete(c, s, op)
	case Act:
		return e.prepareAction(c, s, op, body)
	}
	return nil, problem.Errorf(problem.Internal, "this operation is not built")
}

// writable is how the caller sees r, to write it.
func (c *call) writable(r *rule.Resource) (*rule.Sight, error) {
	s := c.view.Resource(r.Name)
	if s == nil {
		return nil, NotFound()
	}
	if !c.scoped(r, "write") {
		return nil, c.outOfScope(r, "write")
	}
	return s, nil
}

// allowed refuses a rule that no record can satisfy.
func (c *call) allowed(e *rule.Expr) error {
	if c.view.Verdict(e) == rule.Never {
		return c.refused()
	}
	return nil
}

// plainQuery refuses parameters that a write of one record does not have, and
// faults in those that it has.
func plainQuery(c *call, s *rule.Sight, op *Operation) error {
	if op.Query.given() == 0 && len(op.Query.Equal) == 0 {
		return nil
	}
	a := newAsk(c, s, op)
	defer a.release()
	a.only(pFields | pInclude)
	for i := range op.Query.Equal {
		a.noParameter(op.Query.Equal[i].Name)
	}
	_, faults := a.wanted()
	return a.refused(faults...)
}

// commit runs do in a transaction, once per Idempotency-Key.
func (e *Engine) commit(ctx context.Context, c *call, op *Operation, do step) (out *outcome, replayed bool, err error) {
	mode := store.Write
	switch one := op.Kind == Create || op.Kind == Update; {
	case one && c.single:
		mode = store.WriteOne
	case c.alone && (one || op.Kind == Bulk || op.Kind == Transact):
		mode = store.WriteRows
	}
	var w *work
	run := func(tx store.Tx) error {
		w = &work{e: e, c: c, tx: tx, single: mode == store.WriteOne}
		out, replayed = nil, false
		if !w.single { // else the write itself requires it
			if err := w.sameCaller(ctx); err != nil {
				return err
			}
		}
		var err error
		if op.IdempotencyKey == "" {
			out, err = do(ctx, w)
		} else {
			out, replayed, err = w.once(ctx, op, do)
		}
		if err != nil || w.single && !w.wrote {
			return w.confirmed(ctx, err)
		}
		return w.remember(ctx)
	}
	if mode == store.WriteOne && op.Kind == Update { // the record is selected first
		err = e.db.InTurn(ctx, &c.stats, run)
	} else {
		err = e.db.InTx(ctx, mode, &c.stats, run)
	}
	if errors.Is(err, errOvertaken) { // now the record and the caller are held
		mode = store.WriteRows
		err = e.db.InTx(ctx, mode, &c.stats, run)
	}
	if err != nil {
		return nil, false, err
	}
	w.committed()
	return out, replayed, nil
}

// errOvertaken ends a write whose record, or whose caller, may have changed since they
// were read.
var errOvertaken = errors.New("engine: the record or its caller was changed meanwhile")

// committed forgets callers whose accounts were changed.
func (w *work) committed() {
	if w.manyAccounts {
		w.e.auth.ForgetAll()
	}
	for _, id := range w.accounts {
		w.e.auth.Forget(id)
	}
}

// touched notes that a record was written.
func (w *work) touched(r *rule.Resource, id value.UUID) {
	if w.e.isAccounts(r) {
		w.accounts = append(w.accounts, id)
	}
}

// done is the outcome of a write, with the record as its maker may see it now: rec,
// or what is stored with this id where that is nil.
func (w *work) done(ctx context.Context, status int, op *Operation, id value.UUID, rec rule.Record) (*outcome, error) {
	out := &outcome{status: status, r: op.Resource, id: id}
	if op.Minimal || !w.c.scoped(op.Resource, "read") {
		return out, nil
	}
	var err error
	out.body, out.tag, _, err = w.e.fetch(ctx, w.tx, w.c, op.Resource, id, rec, op.Query.Fields, op.Query.Include)
	if w.shown += len(out.body); w.shown > maxAnswer && err == nil {
		err = tooLarge()
	}
	return out, err
}

// preconditions compares entity tags with rec, the record before the change, as the
// caller sees it (RFC 9110, 13.1).
func (w *work) preconditions(ctx context.Context, op *Operation, rec rule.Record) error {
	if len(op.IfMatch) == 0 && len(op.IfNoneMatch) == 0 {
		return nil
	}
	_, tag, _, err := w.e.fetch(ctx, w.tx, w.c, op.Resource, rec["id"].(value.UUID), rec, "", "")
	if err != nil {
		return err
	}
	if len(op.IfMatch) > 0 && !w.e.etagMatches(op.IfMatch, tag) {
		return problem.Errorf(problem.PreconditionFailed, "the record has changed since you read it")
	}
	if len(op.IfNoneMatch) > 0 && w.e.etagSeen(op.IfNoneMatch, tag) {
		return problem.Errorf(problem.PreconditionFailed, "the record is already there")
	}
	return nil
}

// lawful refuses a record, as it would be stored, that its rule (nil: admitted
// already) or the checks that read one of changed (nil: all) do not admit. A
// check that is unknown fails.
func (w *work) lawful(r *rule.Resource, admit *rule.Expr, changed []*contract.Field, env *rule.Env, found truths) error {
	if admit != nil && !w.c.holds(admit, env, found) {
		return w.c.refused()
	}
	var broken []problem.Field
	for _, check := range checksOf(r, changed) {
		if !w.c.holds(check.Expr, env, found) {
			broken = append(broken, problem.Field{Pointer: "#", Code: "check", Detail: check.Sentence})
		}
	}
	if len(broken) == 0 {
		return nil
	}
	err := problem.Invalid(problem.CheckViolation, broken)
	err.Detail = "this must hold: " + broken[0].Detail
	return err
}

func checksOf(r *rule.Resource, changed []*contract.Field) []*rule.Check {
	var out []*rule.Check
	for _, check := range r.Checks {
		if changed == nil || slices.ContainsFunc(changed, check.Expr.Reads) {
			out = append(out, check)
		}
	}
	return out
}

// laws are the rules that lawful judges by.
func laws(r *rule.Resource, admit *rule.Expr, changed []*contract.Field) []*rule.Expr {
	out := []*rule.Expr{admit}
	for _, check := range checksOf(r, changed) {
		out = append(out, check.Expr)
	}
	return out
}

// violated turns a constraint that the database found violated into the answer,
// naming only what the caller sent; in is nil where that is no field.
func violated(err error, in *input) error {
	var c *store.ConstraintError
	if !errors.As(err, &c) {
		return err
	}
	if c.Kind == store.Reference {
		return problem.Wrap(err, problem.ReferenceViolation, "a record that this one refers to is no longer there")
	}
	p := problem.Wrap(err, problem.UniqueViolation, "another record has these values already")
	for _, name := range c.Columns {
		if in != nil && in.sends(name) {
			p.Fields = append(p.Fields, problem.Field{Pointer: spot{}.member(name).String(), Code: "unique", Detail: "is already taken"})
		}
	}
	if len(p.Fields) > 1 {
		for i := range p.Fields {
			p.Fields[i].Detail = "is already taken in this combination"
		}
	}
	return p
}
