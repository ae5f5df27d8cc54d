// Package rule is expressions: access rules, checks, defaults, actions and the
// filters of requests. They are written in CEL's grammar, checked against the
// contract into one typed tree, given their meaning by a naive evaluator, and
// lowered into query conditions for the databases. What null means, and that
// unknown is never yes, is decided here and nowhere else.
//
// Two kinds of expression never mix: a *rule* of the contract sees relations
// whole; a *request's* expression sees every hop through its caller's View.
package rule

import (
	"cel.dev/cel-go/common/ast"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/value"
)

// Set is a contract whose every expression is checked and typed.
type Set struct {
	Contract  *contract.Contract
	resources map[string]*Resource
	atoms     []atom // what a View depends on, see view.go
	views     viewCache
	trees     map[string]*ast.AST // the named rules that could be read, by name
}

// Resource finds a resource by name, nil when there is none.
func (s *Set) Resource(name string) *Resource { return s.resources[name] }

// Resource is a resource with its compiled expressions.
type Resource struct {
	*contract.Resource
	// Who may do it; several entries of the contract are joined by ||. nil: nobody.
	Read, Create, Update, Delete *Expr
	// ReadField and WriteField are the `field` and `set` rules; no entry: no rule.
	ReadField, WriteField map[*contract.Field]*Expr
	Checks                []*Check
	Defaults              map[*contract.Field]*Expr
	Actions               map[string]*Action
	Filters               map[string]*Expr // declared filters by name; Env.Input is the parameter

	self *value.Type // of a record of it as a value: its id
}

// Check is an invariant with the sentence that its violation shows.
type Check struct {
	Sentence string
	Expr     *Expr
}

// Action is an action with its compiled expressions.
type Action struct {
	*contract.Action
	Allow *Expr
	Set   map[*contract.Field]*Expr
}

// Record is one record's stored values by field name, id and built-ins included.
type Record map[string]any

// Caller is the signed-in account; a nil *Caller is nobody.
type Caller struct {
	ID     value.UUID
	Record Record // the account's record, all stored fields
}

// World lets the evaluator follow relations. It sees everything: the views of
// requests are applied by the evaluator itself.
type World interface {
	// Lookup finds a record by id.
	Lookup(resource string, id value.UUID) (Record, bool)
	// Related lists the records of resource whose reference field holds id, by id.
	Related(resource, field string, id value.UUID) []Record
}

// Env is what an expression may read besides its own text.
type Env struct {
	Caller *Caller
	Now    value.Timestamp
	Record Record // bare names
	Old    Record // old.
	Input  any    // an action's input (map[string]any) or a declared filter's parameter
	// Literals are the values of a request's expression, in the order written;
	// see Shape.
	Literals []any
	World    World
}

// Verdict is what a rule says before any row is seen.
type Verdict uint8

// The verdicts.
const (
	Depends Verdict = iota // on the row
	Always
	Never
)
