package rule

import (
	"fmt"
	"strings"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/value"
)

// Branch is one of the ways in which a condition may hold.
type Branch struct {
	Text    string // in the contract's language; a request's own values are ?
	Verdict Verdict
}

// Branches takes e (nil: none) apart at its outermost || and says of each part what
// it comes to for this view's callers before any row is seen.
func (v *View) Branches(e *Expr) []Branch {
	if e == nil {
		return nil
	}
	parts := []node{e.root}
	if l, ok := e.root.(logic); ok && !l.and {
		parts = l.items
	}
	out := make([]Branch, len(parts))
	for i, n := range parts {
		out[i] = Branch{Text: spelt(n), Verdict: Depends}
		switch o := v.fold.fold(n); {
		case o == mayBeTrue:
			out[i].Verdict = Always
		case o&mayBeTrue == 0:
			out[i].Verdict = Never
		}
	}
	return out
}

var (
	signs        = map[query.Op]string{query.Eq: "==", query.Ne: "!=", query.Lt: "<", query.Le: "<=", query.Gt: ">", query.Ge: ">="}
	calculations = map[query.ArithOp]string{query.Add: "+", query.Sub: "-", query.Mul: "*", query.Div: "/"}
	functions    = map[query.Func]string{query.Contains: "contains", query.StartsWith: "startsWith", query.EndsWith: "endsWith",
		query.Lower: "lower", query.Upper: "upper", query.Size: "size"}
)

// spelt is a node as the contract would write it.
func spelt(n node) string {
	switch n := n.(type) {
	case lit:
		if n.slot >= 0 {
			return "?"
		}
		return speltValue(n)
	case field:
		return under(n.rec, n.f.Name)
	case identity:
		return speltRecord(n.rec)
	case element:
		return n.v.name
	case member:
		return spelt(n.x) + "." + n.name
	case nowNode:
		return "now"
	case inputNode:
		if n.name == "" {
			return "input"
		}
		return "input." + n.name
	case list:
		return "[" + joined(n.items, ", ") + "]"
	case logic:
		if n.and {
			return joined(n.items, " && ")
		}
		return "(" + joined(n.items, " || ") + ")"
	case not:
		return "!(" + spelt(n.x) + ")"
	case isNull:
		if n.not {
			return spelt(n.x) + " != null"
		}
		return spelt(n.x) + " == null"
	case compare:
		return spelt(n.l) + " " + signs[n.op] + " " + spelt(n.r)
	case within:
		return spelt(n.x) + " in " + spelt(n.l)
	case choice:
		return "(" + spelt(n.c) + " ? " + spelt(n.a) + " : " + spelt(n.b) + ")"
	case arith:
		return "(" + spelt(n.l) + " " + calculations[n.op] + " " + spelt(n.r) + ")"
	case call:
		return speltCall(n)
	case quantifier:
		word, over := "exists", ""
		if n.all {
			word = "all"
		}
		if n.list != nil {
			over = spelt(n.list)
		} else {
			over = under(n.base, n.many.Name)
		}
		return fmt.Sprintf("%s.%s(%s, %s)", over, word, n.v.name, spelt(n.body))
	}
	return "…"
}

func speltValue(n lit) string {
	if n.v == nil {
		return "null"
	}
	t := n.t
	if _, whole := n.v.(int64); t == nil || whole {
		return fmt.Sprint(n.v)
	}
	text := string(t.AppendJSON(nil, n.v))
	if t.Kind == value.TimestampKind || t.Kind == value.DurationKind || t.Kind == value.DecimalKind {
		name := map[value.Kind]string{value.TimestampKind: "timestamp", value.DurationKind: "duration", value.DecimalKind: "decimal"}[t.Kind]
		return name + "(" + text + ")"
	}
	return text
}

func speltCall(n call) string {
	name, args := functions[n.fn], n.args
	switch n.fn {
	case query.Contains, query.StartsWith, query.EndsWith:
		return spelt(args[0]) + "." + name + "(" + spelt(args[1]) + ")"
	case query.Negate:
		return "-" + spelt(args[0])
	}
	if name == "" { // a conversion that the checker put in
		return spelt(args[0])
	}
	return name + "(" + joined(args, ", ") + ")"
}

func joined(list []node, between string) string {
	parts := make([]string, len(list))
	for i, n := range list {
		parts[i] = spelt(n)
	}
	return strings.Join(parts, between)
}

func speltRecord(r record) string {
	switch r := r.(type) {
	case rootRecord:
		return "id"
	case oldRecord:
		return "old.id"
	case callerRecord:
		return "caller"
	case boundRecord:
		return r.v.name
	case derefRecord:
		return under(r.base, r.field.Name)
	}
	return "…"
}

// under is the name of something of a record.
func under(r record, name string) string {
	switch r := r.(type) {
	case rootRecord:
		return name
	case oldRecord:
		return "old." + name
	case callerRecord:
		return "caller." + name
	case boundRecord:
		return r.v.name + "." + name
	case derefRecord:
		return under(r.base, r.field.Name) + "." + name
	}
	return name
}
