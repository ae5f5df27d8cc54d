package oracle

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/engine"
	"github.com/mainstay-run/mainstay/problem"
)

const perStage = 60 // requests on one contract with its data

// G2: the engine's answer over the database is what the naive model says.
func TestG2EngineAnswersAsTheModelDoes(t *testing.T) { onEach(t, engineAnswersAsTheModelDoes) }

func engineAnswersAsTheModelDoes(t *arena) {
	t.stages(0, t.count, func(t *arena, d dice) int {
		c := newDesign(d)
		rows := newRows(d, c)
		s := t.set(c, rows)
		for range perStage {
			q := newRequest(d, s)
			if difference := s.check(t, q); difference != "" {
				t.refute(trial{design: c, rows: rows, request: q}.smallest(difference, func(tr trial) string { return tr.g2(t) }))
			}
		}
		s.tearDown()
		return perStage
	})
}

// g2 sets a trial up anew and checks its request; "" too when it cannot be set up.
func (tr trial) g2(t *arena) string {
	s, err := setUp(t, tr.design, tr.rows)
	if err != nil {
		return ""
	}
	defer s.tearDown()
	return s.check(t, tr.request)
}

// check asks the engine and the model; "" when they agree.
func (s *stage) check(t *arena, q request) string {
	m, err := s.model(q.caller)
	if err != nil {
		return err.Error()
	}
	want := m.answer(q)
	got, err := s.do(t.Context(), q, "")
	if err != nil || len(want.faults) > 0 {
		return compareFaults(err, want)
	}
	if q.kind == engine.Export {
		return compareExport(got, want.items)
	}
	if q.kind != engine.List {
		if string(got.Body) != want.body {
			return fmt.Sprintf("the engine answers\n%s\nthe model\n%s", got.Body, want.body)
		}
		return ""
	}
	return s.checkPages(t, q, got, want.items)
}

func compareExport(got *engine.Result, items []string) string {
	var b bytes.Buffer
	if err := got.Stream(&b); err != nil {
		return err.Error()
	}
	want := ""
	for _, item := range items {
		want += item + "\n"
	}
	if b.String() != want {
		return fmt.Sprintf("the engine exports\n%s\nthe model\n%s", b.String(), want)
	}
	return ""
}

func compareFaults(err error, want answer) string {
	if err == nil {
		return fmt.Sprintf("the engine answers, but the model finds %v", want.faults)
	}
	for _, fault := range want.faults {
		if problem.KindOf(err) != problem.KindOf(fault) {
			continue
		}
		var a, b *problem.Error
		if errors.As(err, &a) && errors.As(fault, &b) && b.Detail != "" && a.Error() != b.Error() {
			return fmt.Sprintf("the engine says %v, the model %v", err, fault)
		}
		return ""
	}
	return fmt.Sprintf("the engine says %v, the model %v", err, want.faults)
}

// checkPages compares the first page and, for a walk, all of them and the way back.
func (s *stage) checkPages(t *arena, q request, got *engine.Result, items []string) string {
	limit, offset := limitOf(q), 0
	if q.offset != "" {
		fmt.Sscan(q.offset, &offset)
	}
	at := min(offset, len(items))
	for pages := 0; ; pages++ {
		end := min(at+limit, len(items))
		if difference := samePage(q, got, items, at, end, pages > 0 || offset > 0); difference != "" {
			return difference
		}
		if !q.walk || got.Next == "" {
			break
		}
		next, err := s.do(t.Context(), q, got.Next)
		if err != nil {
			return fmt.Sprintf("page %d: %v", pages+2, err)
		}
		got, at = next, end
	}
	for q.walk && got.Prev != "" {
		prev, err := s.do(t.Context(), q, got.Prev)
		if err != nil {
			return fmt.Sprintf("the page before: %v", err)
		}
		from := max(at-limit, 0)
		if difference := samePage(q, prev, items, from, at, from > 0); difference != "" {
			return "on the way back: " + difference
		}
		got, at = prev, from
	}
	return ""
}

// samePage compares a page with items[from:to].
func samePage(q request, got *engine.Result, items []string, from, to int, before bool) string {
	var b bytes.Buffer
	cursor := func(name, text string) {
		if text == "" {
			fmt.Fprintf(&b, `,"%s":null`, name)
		} else {
			fmt.Fprintf(&b, `,"%s":"%s"`, name, text)
		}
	}
	fmt.Fprintf(&b, `{"items":[%s]`, strings.Join(items[from:to], ","))
	cursor("next", got.Next)
	cursor("prev", got.Prev)
	if q.exact {
		fmt.Fprintf(&b, `,"total":%d`, len(items))
	}
	b.WriteByte('}')
	if !bytes.Equal(got.Body, b.Bytes()) {
		return fmt.Sprintf("records %d to %d of %d: the engine answers\n%s\nthe model\n%s", from, to, len(items), got.Body, b.Bytes())
	}
	if to > from && (got.Next != "") != (to < len(items)) {
		return fmt.Sprintf("records %d to %d of %d: next is %q", from, to, len(items), got.Next)
	}
	if to > from && (got.Prev != "") != before {
		return fmt.Sprintf("records %d to %d of %d: prev is %q", from, to, len(items), got.Prev)
	}
	return ""
}
