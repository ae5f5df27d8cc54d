package engine

import (
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/value"
)

// where lowers what chooses the records of a request: the row rule first, then
// every condition, each through the caller's view.
func (a *ask) where(l *rule.Lowering, alias int) (query.Expr, error) {
	conditions := []query.Expr{l.RowRule(a.sight, alias)}
	if a.parent != nil {
		conditions = append(conditions, equals(l.Column(a.parent, alias), literal(l, a.parent.Field.Type.Value, a.under.at+1)))
	}
	for _, q := range a.equal {
		if q.filter != nil {
			conditions = append(conditions, l.Declared(q.filter, alias, func(env *rule.Env) any { return env.Literals[q.at] }))
			continue
		}
		column := l.Column(q.field, alias)
		values := make([]query.Expr, q.n)
		for i := range values {
			values[i] = literal(l, q.field.Field.Type.Value, q.at+i)
		}
		if q.n == 1 {
			conditions = append(conditions, equals(column, values[0]))
		} else {
			conditions = append(conditions, query.In{X: column, List: values})
		}
	}
	if text := a.op.Query.Filter; text != "" {
		if a.filter == nil {
			e, _, err := a.sight.ParseFilter(text)
			if err != nil {
				return nil, err
			}
			a.filter = e
		}
		conditions = append(conditions, l.Filter(a.filter, alias))
	}
	return all(append(conditions, a.searched(l, alias)...)), nil
}

// literal is a parameter that each request fills from its literals.
func literal(l *rule.Lowering, t *value.Type, at int) query.Param {
	return l.Param(t, func(env *rule.Env) any { return env.Literals[at] })
}

func equals(a, b query.Expr) query.Expr { return query.Cmp{Op: query.Eq, L: a, R: b} }

// all holds when all conditions do; those that always hold are left out.
func all(conditions []query.Expr) query.Expr {
	var kept []query.Expr
	for _, c := range conditions {
		if k, ok := c.(query.Const); ok && k.Value == true {
			continue
		}
		kept = append(kept, c)
	}
	switch len(kept) {
	case 0:
		return nil
	case 1:
		return kept[0]
	}
	return query.And{List: kept}
}

func either(conditions []query.Expr) query.Expr {
	if len(conditions) == 1 {
		return conditions[0]
	}
	return query.Or{List: conditions}
}

func idType(r *rule.Resource) *value.Type { return r.Field("id").Type.Value }

func idColumn(r *rule.Resource, alias int) query.Col {
	return query.Col{Alias: alias, Name: "id", Type: idType(r)}
}
