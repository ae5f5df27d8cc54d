package sqlgen

import (
	"fmt"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/value"
)

var (
	float = &value.Type{Kind: value.Float}
	count = &value.Type{Kind: value.Int}
)

// TypeOf is the type of an expression's value; conditions are Bool.
func TypeOf(e query.Expr) *value.Type {
	var t *value.Type
	switch e := e.(type) {
	case query.Col:
		t = e.Type
	case query.Param:
		t = e.Type
	case query.Const:
		t = e.Type
	case query.Scalar:
		t = e.Sub.Columns[0].Type
	case query.Case:
		t = e.Type
	case query.Arith:
		t = e.Type
	case query.Call:
		t = e.Type
	case query.Member:
		t = e.Type
	case query.Elem:
		t = e.Type
	case query.Aggregate:
		t = e.Type
	}
	if t == nil {
		return query.Bool
	}
	return t
}

// meet gives the types in which two operands of a comparison meet. A placeholder
// or constant adapts to the other side, so that an index on a column still serves.
func meet(l, t query.Expr) (left, right *value.Type) {
	left, right = TypeOf(l), TypeOf(t)
	if bound(l) {
		return asType(left, right), right
	}
	if bound(t) {
		return left, asType(right, left)
	}
	return left, right
}

func bound(e query.Expr) bool {
	switch e.(type) {
	case query.Param, query.Const:
		return true
	}
	return false
}

// as renders e so that it can be compared with values of type t: an integer that
// meets a decimal or a float becomes one, and of two decimals the one with fewer
// digits after the point gets the other's.
func (r *renderer) as(e query.Expr, t *value.Type, render func(query.Expr) string) string {
	from := TypeOf(e)
	to := asType(from, t)
	if to == from {
		return render(e)
	}
	switch e := e.(type) {
	case query.Param:
		return render(query.Param{Slot: e.Slot, Type: to})
	case query.Const:
		return render(query.Const{Value: widened(e.Value, to), Type: to})
	}
	switch {
	case to.Kind == value.Float:
		return render(query.Call{Func: query.ToFloat, Args: []query.Expr{e}, Type: to})
	case from.Kind != value.DecimalKind:
		return render(query.Call{Func: query.ToDecimal, Args: []query.Expr{e}, Type: to})
	case r.d.Rescale == "" || from.Scale >= to.Scale:
		return render(e)
	}
	return fmt.Sprintf(r.d.Rescale, render(e), to.Scale)
}

// asType is the type in which a value of type from meets one of type t.
func asType(from, t *value.Type) *value.Type {
	integer := from.Kind == value.Int || from.Kind == value.BigInt
	switch {
	case integer && t.Kind == value.DecimalKind:
		return &value.Type{Kind: value.DecimalKind, Precision: value.MaxPrecision, Scale: t.Scale}
	case integer && t.Kind == value.Float:
		return float
	case from.Kind == value.DecimalKind && t.Kind == value.DecimalKind && from.Scale != t.Scale:
		return t
	}
	return from
}

func widened(v any, t *value.Type) any {
	n, ok := v.(int64)
	switch {
	case !ok:
		return v
	case t.Kind == value.Float:
		return float64(n)
	default:
		return value.DecimalOf(n)
	}
}
