package mongo

import (
	"context"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mainstay-run/mainstay/value"
)

// run is one execution of a statement.
type run struct {
	*statement
	d       *Driver
	ctx     context.Context // with the session
	args    []any
	started *frame         // without a row
	limits  map[int]*asked // what MongoDB is asked for a selection, by its number
	wholes  map[int]*keys
}

// asked is a selection for the arguments of a run: what MongoDB is asked to find,
// and what of the condition is left to be judged here.
type asked struct {
	match
	left []*condition
}

// keys are the values of a sub-select that sees nothing around it.
type keys struct {
	list []any
	set  map[any]bool // nil: they are compared one by one
}

func (k *keys) has(v any) bool {
	if k.set != nil {
		return v != nil && k.set[v]
	}
	return in(v, k.list) == true
}

func (d *Driver) run(ctx context.Context, s *statement, args []any) *run {
	return &run{statement: s, d: d, ctx: ctx, args: args, limits: map[int]*asked{}, wholes: map[int]*keys{}}
}

func (r *run) base() *frame {
	if r.started == nil {
		r.started = &frame{run: r, rows: make([][]any, r.slots), elements: make([]any, r.elements)}
	}
	return r.started
}

// ask finds out what MongoDB is asked for s.
func (r *run) ask(s *selection) (*asked, error) {
	if a := r.limits[s.id]; a != nil {
		return a, nil
	}
	a := &asked{}
	var list []match
	for _, c := range s.where {
		m, err := c.match(r)
		if err != nil {
			return nil, err
		}
		list = append(list, m)
		if !m.exact {
			a.left = append(a.left, c)
		}
	}
	a.match = allOf(list)
	r.limits[s.id] = a
	return a, nil
}

// batchSize is how many rows are judged at once when something has to be asked
// about them.
const batchSize = 256

// find reads the documents of s that more (may be nil) and what it is asked for
// admit, as rows, some at a time. yield returns false to break off.
func (r *run) find(s *selection, more bson.D, o *options.FindOptionsBuilder, yield func([][]any) (bool, error)) error {
	a, err := r.ask(s)
	if err != nil || a.none {
		return err
	}
	cursor, err := r.d.collection(s.src.table).Find(r.ctx, both(a.filter, more), o.SetProjection(s.src.projection()))
	if err != nil {
		return err
	}
	defer cursor.Close(context.WithoutCancel(r.ctx))
	var batch [][]any
	for cursor.Next(r.ctx) {
		row, err := s.src.row(cursor.Current)
		if err != nil {
			return err
		}
		batch = append(batch, row)
		if len(batch) < batchSize && cursor.RemainingBatchLength() > 0 {
			continue
		}
		if going, err := yield(batch); !going || err != nil {
			return err
		}
		batch = nil
	}
	if err := cursor.Err(); err != nil {
		return err
	}
	if len(batch) > 0 {
		_, err = yield(batch)
	}
	return err
}

func both(a, b bson.D) bson.D {
	switch {
	case len(a) == 0 && len(b) == 0:
		return bson.D{}
	case len(a) == 0:
		return b
	case len(b) == 0:
		return a
	}
	return bson.D{{Key: "$and", Value: bson.A{a, b}}}
}

func (s *source) projection() bson.D {
	fields := bson.D{}
	withKey := false
	for _, c := range s.columns {
		fields = append(fields, bson.E{Key: c.field, Value: 1})
		withKey = withKey || c.field == keyField
	}
	if !withKey && len(fields) > 0 {
		fields = append(fields, bson.E{Key: keyField, Value: 0})
	}
	if len(fields) == 0 {
		fields = bson.D{{Key: keyField, Value: 1}}
	}
	return fields
}

// row decodes a document; what it does not hold is null.
func (s *source) row(document bson.Raw) ([]any, error) {
	row := make([]any, len(s.columns))
	for i, c := range s.columns {
		v, err := decode(c.typ, document.Lookup(c.field))
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", s.Name, c.field, err)
		}
		row[i] = v
	}
	return row, nil
}

// resolve finds out what nodes ask, for all frames.
func (r *run) resolve(nodes []node, frames []*frame) error {
	if len(frames) == 0 {
		return nil
	}
	for _, n := range nodes {
		if err := n.resolve(r, frames); err != nil {
			return err
		}
	}
	return nil
}

// sift keeps the frames of s that its joins and what is left of its condition admit.
func (r *run) sift(s *selection, frames []*frame) ([]*frame, error) {
	a, err := r.ask(s)
	if err != nil {
		return nil, err
	}
	for _, j := range s.joins {
		if err := r.join(j, frames); err != nil {
			return nil, err
		}
	}
	for _, c := range a.left {
		if err := r.resolve(c.nodes, frames); err != nil {
			return nil, err
		}
		frames = slices.DeleteFunc(frames, func(f *frame) bool { return c.holds(f) != true })
	}
	return frames, nil
}

// join gives each frame the row of j that belongs to it.
func (r *run) join(j *joined, frames []*frame) error {
	found, err := r.candidates(j.selection, frames)
	if err != nil {
		return err
	}
	if found, err = r.sift(j.selection, found); err != nil {
		return err
	}
	slot := j.src.slot
	for _, f := range found {
		if f.parent.rows[slot] == nil {
			f.parent.rows[slot] = f.rows[slot]
		}
	}
	return nil
}

// candidates are the frames with a row of s inside each of frames: those that its
// key looks up, or all.
func (r *run) candidates(s *selection, frames []*frame) ([]*frame, error) {
	if s.key == nil {
		var all [][]any
		err := r.find(s, nil, options.Find(), func(rows [][]any) (bool, error) {
			all = append(all, rows...)
			return true, nil
		})
		var out []*frame
		for _, f := range frames {
			for _, row := range all {
				out = append(out, f.with(s.src.slot, row))
			}
		}
		return out, err
	}
	wanted := make([]any, len(frames))
	var list []any
	met := map[any]bool{}
	for i, f := range frames {
		v := s.key.outer(f)
		wanted[i] = v
		if v != nil && !met[v] {
			met[v] = true
			list = append(list, v)
		}
	}
	rows := map[any][][]any{}
	for some := range slices.Chunk(list, maxKeys) {
		m := among(s.key.field, s.key.typ, some)
		if !m.exact {
			return nil, fmt.Errorf("mongo: keys of kind %d cannot be looked up", s.key.typ.Kind)
		}
		err := r.find(s, m.filter, options.Find(), func(found [][]any) (bool, error) {
			for _, row := range found {
				rows[row[s.key.column]] = append(rows[row[s.key.column]], row)
			}
			return true, nil
		})
		if err != nil {
			return nil, err
		}
	}
	var out []*frame
	for i, f := range frames {
		if wanted[i] == nil {
			continue
		}
		for _, row := range rows[wanted[i]] {
			out = append(out, f.with(s.src.slot, row))
		}
	}
	return out, nil
}

// lookUp gives what a sub-select hands over inside each of frames.
func (r *run) lookUp(s *selection, frames []*frame) ([][]any, error) {
	found, err := r.candidates(s, frames)
	if err != nil {
		return nil, err
	}
	if found, err = r.sift(s, found); err != nil {
		return nil, err
	}
	of := map[*frame][]*frame{}
	for _, f := range found {
		of[f.parent] = append(of[f.parent], f)
	}
	results := make([][]any, len(frames))
	for i, f := range frames {
		rows, err := r.finish(s, f, of[f])
		if err != nil {
			return nil, err
		}
		results[i] = firsts(rows)
	}
	return results, nil
}

// firsts is the first value of each row; a row without columns is there all the same.
func firsts(rows [][]any) []any {
	out := make([]any, len(rows))
	for i, row := range rows {
		out[i] = true
		if len(row) > 0 {
			out[i] = row[0]
		}
	}
	return out
}

// whole gives the values of a sub-select that sees nothing around it, at least one
// more than most when there are more; 0: all.
func (r *run) whole(s *selection, most int) (*keys, error) {
	if k := r.wholes[s.id]; k != nil {
		return k, nil
	}
	k := &keys{}
	met := map[any]bool{}
	distinct := len(s.q.Columns) > 0 && hashable(s.q.Columns[0].Type)
	err := r.rows(s, func(row []any) (bool, error) {
		v := firsts([][]any{row})[0]
		if distinct {
			if met[v] {
				return true, nil
			}
			met[v] = true
		}
		k.list = append(k.list, v)
		return most == 0 || len(k.list) <= most, nil
	})
	if distinct {
		k.set = met
	}
	r.wholes[s.id] = k
	return k, err
}

// isEmpty reports a count that leaves nothing.
func (r *run) isEmpty(s *selection) bool {
	if s.limit == nil || s.parent != nil {
		return false
	}
	n, _ := s.limit(r.base()).(int64)
	return n <= 0
}

// rows yields what s, which sees nothing around it, hands over: as it comes when
// MongoDB brings it in order, else when everything has been seen.
func (r *run) rows(s *selection, yield func(row []any) (bool, error)) error {
	if r.isEmpty(s) {
		return nil
	}
	if s.sort == nil || s.grouped || s.q.Distinct {
		return r.collected(s, yield)
	}
	a, err := r.ask(s)
	if err != nil {
		return err
	}
	o, skip, left := r.paged(s, len(a.left) == 0)
	quota := r.quota(s)
	return r.find(s, nil, o, func(rows [][]any) (bool, error) {
		frames, err := r.sift(s, r.framed(s, rows))
		if err == nil {
			err = r.resolve(s.outNodes, frames)
		}
		if err != nil {
			return false, err
		}
		for _, f := range frames {
			switch {
			case !quota.admits(f):
				continue
			case skip > 0:
				skip--
				continue
			}
			going, err := yield(s.output(f))
			if left--; !going || left == 0 || err != nil {
				return false, err
			}
		}
		return true, nil
	})
}

// paged is how the rows of s are asked for, and how many of them are passed over
// here, and handed over (negative: all). When all that is found is meant, MongoDB
// counts.
func (r *run) paged(s *selection, exact bool) (o *options.FindOptionsBuilder, skip, left int64) {
	o, left = options.Find(), -1
	if len(s.sort) > 0 {
		o.SetSort(sortDocument(s.sort))
	}
	if s.offset != nil {
		skip, _ = s.offset(r.base()).(int64)
	}
	if s.limit != nil && s.parent == nil {
		left, _ = s.limit(r.base()).(int64)
	}
	if !exact || s.parent != nil {
		return o, skip, left
	}
	if skip > 0 {
		o.SetSkip(skip)
	}
	if left > 0 {
		o.SetLimit(left)
	}
	return o, 0, left
}

func (r *run) framed(s *selection, rows [][]any) []*frame {
	frames := make([]*frame, len(rows))
	for i, row := range rows {
		frames[i] = r.base().with(s.src.slot, row)
	}
	return frames
}

// output is what s hands over of a frame.
func (s *selection) output(f *frame) []any {
	row := make([]any, len(s.columns))
	for i, column := range s.columns {
		row[i] = column(f)
	}
	return row
}

// matching is all frames of s, in no order.
func (r *run) matching(s *selection) ([]*frame, error) {
	var all []*frame
	err := r.find(s, nil, options.Find(), func(rows [][]any) (bool, error) {
		frames, err := r.sift(s, r.framed(s, rows))
		all = append(all, frames...)
		return true, err
	})
	return all, err
}

func sortDocument(keys []sortKey) bson.D {
	out := make(bson.D, len(keys))
	for i, k := range keys {
		direction := 1
		if k.desc {
			direction = -1
		}
		out[i] = bson.E{Key: k.field, Value: direction}
	}
	return out
}

// quota admits so many rows of each parent, whose rows come together.
type quota struct {
	parent eval
	most   int64
	last   any
	n      int64
}

func (r *run) quota(s *selection) *quota {
	q := &quota{parent: s.parent, most: -1}
	if s.parent != nil && s.limit != nil {
		q.most, _ = s.limit(r.base()).(int64)
	}
	return q
}

func (q *quota) admits(f *frame) bool {
	if q.most < 0 {
		return true
	}
	parent := q.parent(f)
	if q.n == 0 || !value.Equal(parent, q.last) {
		q.n = 0
	}
	q.last = parent
	q.n++
	return q.n <= q.most
}
