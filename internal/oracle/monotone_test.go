package oracle

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/mainstay-run/mainstay/engine"
)

// G3: taking a right away never gives anybody more, and nobody never has more
// than somebody. Only requests without a filter say so: a filter may ask for null.
func TestG3LessRightNeverGivesMore(t *testing.T) { onEach(t, lessRightNeverGivesMore) }

func lessRightNeverGivesMore(t *arena) {
	const narrowings, requests = 4, 10
	t.stages(2_000_000, t.count/5, func(t *arena, d dice) (asked int) {
		c := newDesign(d)
		tr := trial{design: c, rows: fewRows(d, c)}
		wide := t.set(c, tr.rows)
		for range narrowings {
			tr.narrowing = newNarrowing(d, c)
			less := tr.narrowing.on(c)
			if less == nil {
				continue
			}
			narrow := t.set(less, tr.rows)
			for range requests {
				tr.request = newRequest(d, wide).plain()
				if difference := more(t, narrow, wide, tr.request, tr.request); difference != "" {
					t.refute(tr.smallest(difference, func(tr trial) string { return tr.g3(t) }))
				}
				asked++
			}
			narrow.tearDown()
		}
		wide.tearDown()
		return asked
	})
}

func TestG3NobodyHasNoMoreThanSomebody(t *testing.T) { onEach(t, nobodyHasNoMoreThanSomebody) }

func nobodyHasNoMoreThanSomebody(t *arena) {
	t.stages(3_000_000, t.count/5, func(t *arena, d dice) (asked int) {
		d.somebody = true // the rules do not ask for nobody
		c := newDesign(d)
		tr := trial{design: c, rows: fewRows(d, c)}
		s := t.set(c, tr.rows)
		for range 20 {
			tr.request = newRequest(d, s).plain()
			if tr.request.caller == "" {
				continue
			}
			if difference := tr.nobody(t, s); difference != "" {
				t.refute(tr.smallest(difference, func(tr trial) string {
					s, err := setUp(t, tr.design, tr.rows)
					if err != nil {
						return ""
					}
					defer s.tearDown()
					return tr.nobody(t, s)
				}))
			}
			asked++
		}
		s.tearDown()
		return asked
	})
}

func (tr trial) nobody(t *arena, s *stage) string {
	asNobody := tr.request
	asNobody.caller = ""
	return more(t, s, s, asNobody, tr.request)
}

// g3 repeats a trial.
func (tr trial) g3(t *arena) string {
	less := tr.narrowing.on(tr.design)
	if less == nil {
		return ""
	}
	wide, err := setUp(t, tr.design, tr.rows)
	if err != nil {
		return ""
	}
	defer wide.tearDown()
	narrow, err := setUp(t, less, tr.rows)
	if err != nil {
		return ""
	}
	defer narrow.tearDown()
	return more(t, narrow, wide, tr.request, tr.request)
}

// fewRows are so few that no list inside a record is cut.
func fewRows(d dice, c *design) []row {
	rows := newRows(d, c)
	return rows[:min(len(rows), 100)]
}

// plain is the request without what null may answer or what depends on places in
// an order: it asks for all pages, by id.
func (q request) plain() request {
	q.filter, q.sort, q.fields, q.offset, q.exact, q.limit = nil, nil, nil, "", false, "3"
	// A declared filter may ask for null as well.
	q.equal = slices.DeleteFunc(slices.Clone(q.equal), func(e engine.Equal) bool { return e.Name == "declared" })
	if q.kind == engine.Aggregate || q.kind == engine.Export {
		q.kind, q.by, q.measures = engine.Count, nil, nil
	}
	return q
}

// more says what the narrow side answers that the wide one does not.
func more(t *arena, narrow, wide *stage, less, same request) string {
	small, err := everything(t, narrow, less)
	if err != nil {
		return "" // a refusal tells no more
	}
	large, err := everything(t, wide, same)
	if err != nil {
		return fmt.Sprintf("with less right there is an answer, with more: %v", err)
	}
	if at := beyond("", small, large); at != "" {
		return fmt.Sprintf("%s: with less right the answer is\n%s\nwith more\n%s", at, text(small), text(large))
	}
	return ""
}

func text(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

// everything is all that a request answers, whatever the number of pages.
func everything(t *arena, s *stage, q request) (any, error) {
	var items []any
	cursor := ""
	for {
		res, err := s.do(t.Context(), q, cursor)
		if err != nil {
			return nil, err
		}
		var body map[string]any
		if err := json.Unmarshal(res.Body, &body); err != nil {
			return nil, err
		}
		if q.kind != engine.List {
			return body, nil
		}
		items = append(items, body["items"].([]any)...)
		if cursor = res.Next; cursor == "" {
			return items, nil
		}
	}
}

// beyond is the place where small holds something that large does not; "" when
// there is none.
func beyond(at string, small, large any) string {
	switch small := small.(type) {
	case nil:
		return ""
	case float64:
		n, ok := large.(float64)
		if at == "/total" && ok && small <= n {
			return ""
		}
	case map[string]any:
		other, ok := large.(map[string]any)
		if !ok {
			return at
		}
		for name, v := range small {
			if _, there := other[name]; !there {
				return at + "/" + name
			}
			if place := beyond(at+"/"+name, v, other[name]); place != "" {
				return place
			}
		}
		return ""
	case []any:
		if records(small) {
			return beyondRecords(at, small, large)
		}
	}
	if !reflect.DeepEqual(small, large) {
		return at
	}
	return ""
}

func records(list []any) bool {
	if len(list) == 0 {
		return true
	}
	first, ok := list[0].(map[string]any)
	return ok && first["id"] != nil
}

func beyondRecords(at string, small []any, large any) string {
	byID := map[any]any{}
	list, ok := large.([]any)
	if !ok && len(small) > 0 {
		return at
	}
	for _, rec := range list {
		if m, ok := rec.(map[string]any); ok {
			byID[m["id"]] = m
		}
	}
	for i, rec := range small {
		place := fmt.Sprintf("%s/%d", at, i)
		other, there := byID[rec.(map[string]any)["id"]]
		if !there {
			return place
		}
		if at := beyond(place, rec, other); at != "" {
			return at
		}
	}
	return ""
}
