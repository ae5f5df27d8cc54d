package oracle

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-run/mainstay/value"
)

// trial is everything that a failure needs to be seen again.
type trial struct {
	design    *design
	rows      []row
	request   request
	writes    []write   // of G1: what world B has had done to it
	narrowing narrowing // of G3
}

// shrinking is how long a failure is made smaller.
const shrinking = 20 * time.Second

// smallest takes away parts of a trial as long as it still fails, and says what
// is left. fails gives the difference, "" when there is none.
func (tr trial) smallest(difference string, fails func(trial) string) string {
	deadline := time.Now().Add(shrinking)
	for again := true; again; {
		again = false
		for _, smaller := range tr.smaller() {
			if time.Now().After(deadline) {
				break
			}
			if d := fails(smaller); d != "" {
				tr, difference, again = smaller, d, true
				break
			}
		}
	}
	return difference + "\n\n" + tr.String()
}

func (tr trial) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n", tr.request, tr.design.text())
	for _, r := range tr.rows {
		fmt.Fprintf(&b, "%s%s\n", r.resource, recordText(tr.design, r))
	}
	for _, w := range tr.writes {
		fmt.Fprintf(&b, "only in world B: %s\n", w)
	}
	if tr.narrowing.how != "" {
		fmt.Fprintf(&b, "with less right: %s\n", tr.narrowing)
	}
	return b.String()
}

func recordText(c *design, r row) string {
	var b strings.Builder
	for _, res := range c.resources {
		if res.name != r.resource {
			continue
		}
		names := []string{"id", "created_at", "updated_at"}
		for _, f := range res.stored() {
			names = append(names, f.name)
		}
		for _, name := range names {
			fmt.Fprintf(&b, " %s=%v", name, r.record[name])
		}
	}
	return b.String()
}

// smaller are trials with one thing less, the greatest things first.
func (tr trial) smaller() []trial {
	var all []trial
	for _, rows := range fewerRows(tr.rows) {
		t := tr
		t.rows = rows
		all = append(all, t)
	}
	for i := range tr.writes {
		t := tr
		t.writes = without(tr.writes, i)
		all = append(all, t)
	}
	for _, q := range tr.request.smaller() {
		t := tr
		t.request = q
		all = append(all, t)
	}
	for _, c := range tr.design.smaller() {
		t := tr
		t.design = c
		t.rows = slices.DeleteFunc(slices.Clone(tr.rows), func(r row) bool { return c.resource(r.resource) == nil })
		if c.resource(tr.request.resource) != nil {
			all = append(all, t)
		}
	}
	return all
}

func without[T any](list []T, i int) []T {
	return slices.Delete(slices.Clone(list), i, i+1)
}

// fewerRows leaves out halves, quarters and single rows, with what refers to them.
func fewerRows(rows []row) [][]row {
	var all [][]row
	for size := len(rows) / 2; size >= 1; size /= 2 {
		for from := 0; from+size <= len(rows); from += size {
			all = append(all, leaveOut(rows, from, size))
		}
	}
	return all
}

func leaveOut(rows []row, from, size int) []row {
	gone := map[value.UUID]bool{}
	for _, r := range rows[from : from+size] {
		gone[r.record["id"].(value.UUID)] = true
	}
	var kept []row
	for i, r := range rows {
		refers := i >= from && i < from+size
		for name, v := range r.record {
			id, ok := v.(value.UUID)
			refers = refers || ok && name != "id" && gone[id]
		}
		if refers {
			gone[r.record["id"].(value.UUID)] = true
		} else {
			kept = append(kept, r)
		}
	}
	return kept
}

// smaller are requests with one part less.
func (q request) smaller() []request {
	var all []request
	add := func(change func(q *request)) {
		c := q
		change(&c)
		all = append(all, c)
	}
	if q.filter != nil {
		add(func(q *request) { q.filter = nil })
		for _, e := range q.filter.smaller() {
			add(func(q *request) { q.filter = &e })
		}
	}
	for i := range q.equal {
		add(func(q *request) { q.equal = without(q.equal, i) })
	}
	for _, list := range []func(q *request) *[]string{
		func(q *request) *[]string { return &q.sort }, func(q *request) *[]string { return &q.fields },
		func(q *request) *[]string { return &q.include }, func(q *request) *[]string { return &q.by },
		func(q *request) *[]string { return &q.measures },
	} {
		for i := range *list(&q) {
			add(func(q *request) { *list(q) = without(*list(q), i) })
		}
	}
	for _, text := range []func(q *request) *string{
		func(q *request) *string { return &q.search }, func(q *request) *string { return &q.limit }, func(q *request) *string { return &q.offset },
	} {
		if *text(&q) != "" {
			add(func(q *request) { *text(q) = "" })
		}
	}
	if q.exact || q.walk {
		add(func(q *request) { q.exact, q.walk = false, false })
	}
	return all
}

// smaller are the parts of a condition, and the condition with a smaller part.
func (e expr) smaller() []expr {
	var all []expr
	if !e.binds {
		all = append(all, e.parts...)
	}
	for i, p := range e.parts {
		for _, s := range p.smaller() {
			c := e
			c.parts = slices.Clone(e.parts)
			c.parts[i] = s
			all = append(all, c)
		}
	}
	return all
}

// withoutResource leaves out a resource and what refers to it.
func (c *design) withoutResource(i int) *design {
	gone := c.resources[i].name
	d := &design{}
	for _, r := range without(c.resources, i) {
		kept := *r
		kept.fields = slices.DeleteFunc(slices.Clone(r.fields), func(f *field) bool { return f.target != nil && f.target.name == gone })
		d.resources = append(d.resources, &kept)
	}
	d.relink()
	return d
}

// smaller are designs with a rule, a part of a rule, a field or a resource less.
// Some of them are no valid contracts.
func (c *design) smaller() []*design {
	var all []*design
	add := func(i int, change func(r *resource)) {
		d := &design{resources: slices.Clone(c.resources)}
		r := *c.resources[i]
		change(&r)
		d.resources[i] = &r
		d.relink()
		all = append(all, d)
	}
	for i, r := range c.resources {
		if i > 0 {
			all = append(all, c.withoutResource(i))
		}
		if len(r.read) > 0 && r.read[0].text() != "true" {
			add(i, func(r *resource) { r.read = []expr{{format: "true"}} })
		}
		for k := range r.read {
			if len(r.read) > 1 {
				add(i, func(r *resource) { r.read = without(r.read, k) })
			}
			for _, e := range r.read[k].smaller() {
				add(i, func(r *resource) { r.read = slices.Clone(r.read); r.read[k] = e })
			}
		}
		for k := range r.masks {
			add(i, func(r *resource) { r.masks = without(r.masks, k) })
			for _, e := range r.masks[k].rule.smaller() {
				add(i, func(r *resource) { r.masks = slices.Clone(r.masks); r.masks[k].rule = e })
			}
		}
		for _, rules := range []func(r *resource) *[]expr{
			func(r *resource) *[]expr { return &r.create }, func(r *resource) *[]expr { return &r.update }, func(r *resource) *[]expr { return &r.remove },
		} {
			if list := *rules(r); len(list) > 0 && list[0].text() != "true" {
				add(i, func(r *resource) { *rules(r) = []expr{{format: "true"}} })
				for k := range list {
					add(i, func(r *resource) { *rules(r) = list[k : k+1] })
					for _, e := range list[k].smaller() {
						add(i, func(r *resource) { *rules(r) = slices.Clone(list); (*rules(r))[k] = e })
					}
				}
			}
		}
		for k := range r.sets {
			add(i, func(r *resource) { r.sets = without(r.sets, k) })
			for _, e := range r.sets[k].rule.smaller() {
				add(i, func(r *resource) { r.sets = slices.Clone(r.sets); r.sets[k].rule = e })
			}
		}
		for k, f := range r.fields {
			if f.name != "email" {
				add(i, func(r *resource) { r.fields = without(r.fields, k) })
			}
		}
	}
	return all
}
