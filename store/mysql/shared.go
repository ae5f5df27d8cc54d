package mysql

import (
	"slices"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store/sqlgen"
	"github.com/mainstay-run/mainstay/value"
)

// shared is a read by key as one statement answers it for many callers, whose other
// arguments are the same: key = ? becomes key IN (…), and the key is one column more,
// which tells whose row it is.
type shared struct {
	many *query.Select
	slot int // of the key
}

// sharedBy is nil for a read that is not by a key, or gives more than rows of records.
func sharedBy(q *query.Select, args []sqlgen.Arg) *shared {
	if !q.ByKey || q.GroupBy != nil || q.OrderBy != nil || q.Limit != nil || q.Offset != nil || q.PerParent != nil || q.Distinct || q.Lock != query.NoLock {
		return nil
	}
	aggregates := slices.ContainsFunc(q.Columns, func(c query.Column) bool {
		_, is := c.Expr.(query.Aggregate)
		return is
	})
	conditions := []query.Expr{q.Where}
	if all, is := q.Where.(query.And); is {
		conditions = slices.Clone(all.List)
	}
	for i, c := range conditions {
		key, param, is := keyed(c, q.From.Alias)
		if !is || aggregates || uses(args, param.Slot) != 1 {
			continue
		}
		many := *q
		conditions[i] = query.InParam{X: key, Slot: param.Slot, Type: param.Type}
		many.Where = query.And{List: conditions}
		many.Columns = append(slices.Clip(q.Columns), query.Column{Expr: key, Type: key.Type})
		return &shared{many: &many, slot: param.Slot}
	}
	return nil
}

// keyed reports whether a condition is that a column of the records is a parameter, of
// a type whose equal values have the same bytes.
func keyed(c query.Expr, alias int) (key query.Col, param query.Param, is bool) {
	equal, is := c.(query.Cmp)
	if !is || equal.Op != query.Eq {
		return key, param, false
	}
	key, isColumn := equal.L.(query.Col)
	param, isParam := equal.R.(query.Param)
	if !isColumn || !isParam || key.Alias != alias || key.Type == nil || param.Type == nil || key.Type.Kind != param.Type.Kind {
		return key, param, false
	}
	return key, param, key.Type.Kind == value.ID || key.Type.Kind == value.String
}

func uses(args []sqlgen.Arg, slot int) (n int) {
	for _, a := range args {
		if a.Slot == slot {
			n++
		}
	}
	return n
}

// alike reports whether two callers' arguments differ in nothing but the key.
func alike(a, b []any, key int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if i != key && !same(a[i], b[i]) {
			return false
		}
	}
	return true
}

// same compares arguments; those of a kind that is seldom the same are taken for different.
func same(a, b any) bool {
	switch a.(type) {
	case nil, bool, int64, string, value.UUID, value.Date, value.Time, value.Timestamp, value.Duration:
		return a == b
	}
	return false
}

// isKey reports whether what the database gave is the key that was asked for.
func isKey(raw, asked any) bool {
	b, is := raw.([]byte)
	if !is {
		return false
	}
	switch asked := asked.(type) {
	case value.UUID:
		return string(b) == string(asked[:])
	case string:
		return string(b) == asked
	}
	return false
}
