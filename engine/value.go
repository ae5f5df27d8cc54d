package engine

import (
	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/rule"
)

// ReadValue turns JSON, in the form that value.DecodeJSON gives, into a value of
// r's field f just as the body of a create does: formats and bounds are checked,
// members of structs that are not there get their defaults, evaluated in env.
// The pointers of the faults begin at the value itself, "#".
func ReadValue(r *rule.Resource, f *contract.Field, j any, env *rule.Env) (any, []problem.Field) {
	b := &reader{}
	v, ok := b.field(f, j, spot{}, false)
	if ok {
		v = b.complete(r, f.Type, v, spot{}, env)
	}
	return v, b.faults
}

// DefaultValue is the value of r's field f in a new record that was made without
// it; a required field without a default is a fault.
func DefaultValue(r *rule.Resource, f *contract.Field, env *rule.Env) (any, []problem.Field) {
	b := &reader{}
	v := b.missing(r, f, spot{}, env)
	return v, b.faults
}
