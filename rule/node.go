package rule

import (
	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/value"
)

// A typed tree has two kinds of node: a record (which row?) and a value (what
// of it?). A record stands as a value as its id.

// record is a node that names one record.
type record interface {
	resource() *Resource
	// key is equal for two nodes that always name the same record in one scope.
	key() string
}

type (
	// rootRecord is the record that the expression is about: bare names.
	rootRecord struct{ res *Resource }
	// oldRecord is the record before an update.
	oldRecord struct{ res *Resource }
	// callerRecord is the signed-in account.
	callerRecord struct{ res *Resource }
	// boundRecord is the element of a quantifier over a relation.
	boundRecord struct{ v *variable }
	// derefRecord is the record that a reference points to; it is missing when the
	// reference is null or, in a request, when the caller cannot read it.
	derefRecord struct {
		base  record
		field *contract.Field
		to    *Resource
		// handle and sight are set in a request's expression only.
		handle *Handle
		sight  *Sight
	}
)

func (r rootRecord) resource() *Resource   { return r.res }
func (r oldRecord) resource() *Resource    { return r.res }
func (r callerRecord) resource() *Resource { return r.res }
func (r boundRecord) resource() *Resource  { return r.v.res }
func (r derefRecord) resource() *Resource  { return r.to }

func (r rootRecord) key() string   { return "root" }
func (r oldRecord) key() string    { return "old" }
func (r callerRecord) key() string { return "caller" }
func (r boundRecord) key() string  { return r.v.key }
func (r derefRecord) key() string  { return r.base.key() + "." + r.field.Name }

// variable is the name that a quantifier binds: a record of res, or an element of type elem.
type variable struct {
	name string
	key  string // unique within its expression
	res  *Resource
	elem *value.Type
	// sight is set in a request's expression, for a relation.
	sight *Sight
}

// node is a node that has a value; t is nil for the bare literal null.
type node interface{ typ() *value.Type }

type (
	// lit is a constant of the text. slot ≥ 0: the value is env.Literals[slot].
	lit struct {
		v    any
		t    *value.Type
		slot int
	}
	// field is a stored field of a record.
	field struct {
		rec    record
		f      *contract.Field
		handle *Handle // requests only
	}
	// identity is a record's id.
	identity struct{ rec record }
	// element is the variable of a quantifier over a list.
	element struct{ v *variable }
	// member is a part of a struct value.
	member struct {
		x    node
		name string
		t    *value.Type
	}
	// nowNode is the request's time.
	nowNode struct{}
	// inputNode is a member of an action's input, or (name "") a filter's parameter.
	inputNode struct {
		name string
		t    *value.Type
	}
	// list is a list written out; only the right side of `in`.
	list struct{ items []node }

	logic struct {
		and   bool // else or
		items []node
	}
	not    struct{ x node }
	isNull struct {
		x   node
		not bool
	}
	compare struct {
		op   query.Op
		l, r node
	}
	// within is `x in l`: l is a list written out or a list value.
	within struct{ x, l node }
	// choice is c ? a : b.
	choice struct {
		c, a, b node
		t       *value.Type
	}
	arith struct {
		op   query.ArithOp
		l, r node
		t    *value.Type
	}
	// call is a function of query.Func over values.
	call struct {
		fn   query.Func
		args []node
		t    *value.Type
	}
	// quantifier is exists (or all) over a relation (many, from base) or a list value.
	quantifier struct {
		all  bool
		v    *variable
		base record          // relation
		many *contract.Field // relation
		list node            // list
		body node
		// handle is set for a relation in a request's expression.
		handle *Handle
	}
)

var (
	boolType      = query.Bool
	intType       = &value.Type{Kind: value.BigInt}
	floatType     = &value.Type{Kind: value.Float}
	stringType    = &value.Type{Kind: value.String}
	idType        = &value.Type{Kind: value.ID}
	dateType      = &value.Type{Kind: value.DateKind}
	timeType      = &value.Type{Kind: value.TimeKind}
	timestampType = &value.Type{Kind: value.TimestampKind}
	durationType  = &value.Type{Kind: value.DurationKind}
)

// maxPrecision is the most digits that a decimal carries on every database.
const maxPrecision = 34

func (n lit) typ() *value.Type   { return n.t }
func (n field) typ() *value.Type { return n.f.Type.Value }
func (n identity) typ() *value.Type {
	return &value.Type{Kind: value.ID, Resource: n.rec.resource().Name}
}
func (n element) typ() *value.Type    { return n.v.elem }
func (n member) typ() *value.Type     { return n.t }
func (n nowNode) typ() *value.Type    { return timestampType }
func (n inputNode) typ() *value.Type  { return n.t }
func (n list) typ() *value.Type       { return &value.Type{Kind: value.List} }
func (n logic) typ() *value.Type      { return boolType }
func (n not) typ() *value.Type        { return boolType }
func (n isNull) typ() *value.Type     { return boolType }
func (n compare) typ() *value.Type    { return boolType }
func (n within) typ() *value.Type     { return boolType }
func (n choice) typ() *value.Type     { return n.t }
func (n arith) typ() *value.Type      { return n.t }
func (n call) typ() *value.Type       { return n.t }
func (n quantifier) typ() *value.Type { return boolType }

// children lists the value nodes directly below n.
func children(n node) []node {
	switch n := n.(type) {
	case member:
		return []node{n.x}
	case list:
		return n.items
	case logic:
		return n.items
	case not:
		return []node{n.x}
	case isNull:
		return []node{n.x}
	case compare:
		return []node{n.l, n.r}
	case within:
		return []node{n.x, n.l}
	case choice:
		return []node{n.c, n.a, n.b}
	case arith:
		return []node{n.l, n.r}
	case call:
		return n.args
	case quantifier:
		if n.list != nil {
			return []node{n.list, n.body}
		}
		return []node{n.body}
	}
	return nil
}

// recordOf is the record that n itself reads, nil when it reads none.
func recordOf(n node) record {
	switch n := n.(type) {
	case field:
		return n.rec
	case identity:
		return n.rec
	case quantifier:
		if n.many != nil {
			return n.base
		}
	}
	return nil
}

// walk calls visit for n and everything below it until visit says false for a branch.
func walk(n node, visit func(node) bool) {
	if !visit(n) {
		return
	}
	for _, c := range children(n) {
		walk(c, visit)
	}
}

// start is the record that a path begins at.
func start(r record) record {
	for {
		d, ok := r.(derefRecord)
		if !ok {
			return r
		}
		r = d.base
	}
}
