package mongo

import (
	"slices"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store/sqlgen"
	"github.com/mainstay-run/mainstay/value"
)

// collected yields the rows of s when all of them have to be seen first: groups,
// and orders that MongoDB does not know.
func (r *run) collected(s *selection, yield func(row []any) (bool, error)) error {
	if s.counts {
		if done, err := r.counted(s, yield); done || err != nil {
			return err
		}
	}
	all, err := r.matching(s)
	if err != nil {
		return err
	}
	rows, err := r.finish(s, r.base(), all)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if going, err := yield(row); !going || err != nil {
			return err
		}
	}
	return nil
}

// counted lets MongoDB count, when all that it finds is meant.
func (r *run) counted(s *selection, yield func(row []any) (bool, error)) (done bool, err error) {
	a, err := r.ask(s)
	if err != nil || len(a.left) > 0 {
		return false, err
	}
	n := int64(0)
	if !a.none {
		if n, err = r.d.collection(s.src.table).CountDocuments(r.ctx, both(a.filter, nil)); err != nil {
			return false, err
		}
	}
	row := make([]any, len(s.columns))
	for i := range row {
		row[i] = n
	}
	_, err = yield(row)
	return true, err
}

// sorted is a frame with the values of its keys.
type sorted struct {
	*frame
	keys []any
}

// finish makes the rows of s from all its frames inside of outer.
func (r *run) finish(s *selection, outer *frame, frames []*frame) ([][]any, error) {
	if err := r.resolve(s.outNodes, frames); err != nil {
		return nil, err
	}
	if s.grouped {
		frames = r.groups(s, outer, frames)
	}
	list := make([]sorted, len(frames))
	for i, f := range frames {
		list[i] = sorted{frame: f}
		if s.parent != nil {
			list[i].keys = append(list[i].keys, s.parent(f))
		}
		for _, key := range s.order {
			list[i].keys = append(list[i].keys, key(f))
		}
	}
	keys := s.q.OrderBy
	if s.parent != nil {
		keys = append([]query.Order{{Expr: s.q.PerParent}}, keys...)
	}
	slices.SortStableFunc(list, func(a, b sorted) int { return compareKeys(keys, a.keys, b.keys) })
	if len(s.after) > 0 {
		at := make([]any, len(s.after))
		for i, v := range s.after {
			at[i] = v(outer)
		}
		list = slices.DeleteFunc(list, func(x sorted) bool { return compareKeys(keys, x.keys, at) <= 0 })
	}
	quota := r.quota(s)
	var rows [][]any
	for _, x := range list {
		if !quota.admits(x.frame) {
			continue
		}
		row := s.output(x.frame)
		if !s.q.Distinct || !slices.ContainsFunc(rows, func(other []any) bool { return slices.EqualFunc(row, other, value.Equal) }) {
			rows = append(rows, row)
		}
	}
	if s.offset != nil {
		n, _ := s.offset(outer).(int64)
		rows = rows[min(int64(len(rows)), n):]
	}
	if s.limit != nil && s.parent == nil {
		n, _ := s.limit(outer).(int64)
		rows = rows[:min(int64(len(rows)), n)]
	}
	return rows, nil
}

func compareKeys(keys []query.Order, a, b []any) int {
	for i, k := range keys {
		c := sqlgen.TypeOf(k.Expr).Compare(a[i], b[i])
		switch {
		case c == 0:
		case k.Desc:
			return -c
		default:
			return c
		}
	}
	return 0
}

// groups makes one frame of each group; without GroupBy everything is one.
func (r *run) groups(s *selection, outer *frame, frames []*frame) []*frame {
	if len(s.group) == 0 {
		all := outer.with(s.src.slot, nil)
		if len(frames) > 0 {
			*all = *frames[0]
		}
		all.group = frames
		return []*frame{all}
	}
	byKey := map[string]*frame{}
	var list []*frame
	for _, f := range frames {
		var name []byte
		for i, key := range s.group {
			name = groupName(name, sqlgen.TypeOf(s.q.GroupBy[i]), key(f))
		}
		g := byKey[string(name)]
		if g == nil {
			first := *f
			g = &first
			byKey[string(name)] = g
			list = append(list, g)
		}
		g.group = append(g.group, f)
	}
	return list
}

// groupName appends a text that is the same for equal values.
func groupName(dst []byte, t *value.Type, v any) []byte {
	if d, ok := v.(value.Decimal); ok { // 2.5 and 2.50 are equal
		if scaled, ok := d.Rescale(value.MaxPrecision, t.Scale); ok {
			v = scaled
		}
	}
	return append(t.AppendJSON(dst, v), 0)
}
