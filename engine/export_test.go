package engine

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/problem"
)

func (o *office) export(who *auth.Principal, format string, q Query) string {
	o.t.Helper()
	var b bytes.Buffer
	res := o.do(who, Operation{Kind: Export, Format: format, Resource: o.set.Resource("Employee"), Query: q})
	if err := res.Stream(&b); err != nil {
		o.t.Fatal(err)
	}
	return b.String()
}

func TestExport(t *testing.T) {
	o := openOffice(t)
	dev := o.put("Department", values{"name": "R, D & \"Q\"", "slug": "dev"})
	o.employee("Eve", values{"department": dev, "age": int64(-0), "salary": decimal(t, "-1.50"), "nickname": "x", "account": o.ann.Caller.ID,
		"tags": []any{"a", `b"c`}, "address": map[string]any{"street": "High\nSt", "city": nil}})
	o.employee("=cmd|' /C calc'!A0", values{"nickname": "-5", "account": o.ann.Caller.ID, "score": -2.5})
	o.employee("Hidden", values{"active": false})

	t.Run("ndjson is one record a line, as in a list", func(t *testing.T) {
		lines := strings.Split(strings.TrimSuffix(o.export(o.ann, "ndjson", Query{}), "\n"), "\n")
		body := string(o.list(o.ann, "Employee", Query{}).Body)
		if want := `{"items":[` + strings.Join(lines, ",") + `],"next":null,"prev":null}`; body != want {
			t.Errorf("got  %s\nwant %s", want, body)
		}
	})
	t.Run("ndjson with a reference", func(t *testing.T) {
		if got, want := o.export(o.ann, "ndjson", Query{Fields: "age,department.slug", Filter: `name == "Eve"`}), `{"department":{"slug":"dev"},"age":0}`+"\n"; got != want {
			t.Error(got)
		}
	})
	t.Run("csv", func(t *testing.T) {
		got := o.export(o.hr, "csv", Query{Fields: "name,department.name,age,score,salary,nickname,started,tags,address,active", Sort: "-id", Filter: "active"})
		want := "name,department.name,age,score,started,salary,nickname,tags,address,active\r\n" +
			"'=cmd|' /C calc'!A0,,0,-2.5,,,'-5,[],,true\r\n" +
			`Eve,"R, D & ""Q""",0,,,-1.50,x,"[""a"",""b\""c""]","{""street"":""High\nSt"",""city"":null}",true` + "\r\n"
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
	t.Run("csv is read back by any reader", func(t *testing.T) {
		rows, err := csv.NewReader(strings.NewReader(o.export(o.hr, "csv", Query{}))).ReadAll()
		if err != nil || len(rows) != 4 || rows[0][0] != "id" {
			t.Errorf("%d rows, %v", len(rows), err)
		}
	})
	t.Run("a csv of nothing is its header", func(t *testing.T) {
		if got := o.export(o.ann, "csv", Query{Filter: "false", Fields: "name,age"}); got != "name,age\r\n" {
			t.Errorf("%q", got)
		}
		if got := o.export(o.ann, "ndjson", Query{Filter: "false"}); got != "" {
			t.Errorf("%q", got)
		}
		res := o.do(o.ann, Operation{Kind: Export, Format: "csv", Resource: o.set.Resource("Vault"), Query: Query{Fields: "secret"}})
		var b bytes.Buffer
		if err := res.Stream(&b); err != nil || b.String() != "secret\r\n" {
			t.Errorf("%q, %v", b.String(), err)
		}
	})
	t.Run("formulas are escaped, whatever they begin with", func(t *testing.T) {
		for _, text := range []string{"=1", "+1", "-1", "@x", "\tx", "\rx", "＝1", "  =1", "\ufeff=1"} {
			cell := string(appendCell(nil, text))
			if !strings.HasPrefix(strings.Trim(cell, `"`), "'") {
				t.Errorf("%q became %s", text, cell)
			}
		}
		for _, text := range []string{"a=1", "1-1", "x@y"} {
			if cell := string(appendCell(nil, text)); cell != text {
				t.Errorf("%q became %s", text, cell)
			}
		}
	})
	t.Run("refused", func(t *testing.T) {
		employees := o.set.Resource("Employee")
		for _, q := range []Query{{Fields: "notes.body"}, {Fields: "salary"}, {Sort: "tags"}} {
			o.refused(o.ann, Operation{Kind: Export, Format: "csv", Resource: employees, Query: q}, problem.InvalidParameter)
		}
		o.refused(o.ann, Operation{Kind: Export, Format: "csv", Resource: employees, Query: Query{Limit: "5"}}, problem.UnknownParameter)
		o.refused(o.ann, Operation{Kind: Export, Format: "xlsx", Resource: employees}, problem.NotFound)
	})
}

// pieces notes how an export is written and fails at a given number of bytes.
type pieces struct {
	largest, total, failAt int
}

var errFull = errors.New("full")

func (p *pieces) Write(b []byte) (int, error) {
	p.largest = max(p.largest, len(b))
	p.total += len(b)
	if p.failAt > 0 && p.total > p.failAt {
		return 0, errFull
	}
	return len(b), nil
}

var _ io.Writer = (*pieces)(nil)

func TestExportIsStreamed(t *testing.T) {
	o := openOffice(t)
	o.together(func() {
		for i := range 300 {
			o.employee(fmt.Sprintf("E%03d", i), values{"bio": strings.Repeat("long ", 200)})
		}
	})
	op := Operation{Kind: Export, Format: "ndjson", Resource: o.set.Resource("Employee")}
	t.Run("in pieces", func(t *testing.T) {
		var p pieces
		if err := o.do(o.ann, op).Stream(&p); err != nil {
			t.Fatal(err)
		}
		if p.total < 300_000 || p.largest > 2*exportBuffer {
			t.Errorf("%d bytes in pieces of up to %d", p.total, p.largest)
		}
	})
	t.Run("and ends when the reader has gone", func(t *testing.T) {
		p := pieces{failAt: exportBuffer + 1}
		if err := o.do(o.ann, op).Stream(&p); !errors.Is(err, errFull) {
			t.Error(err)
		}
		if p.total > 3*exportBuffer {
			t.Errorf("%d bytes were written", p.total)
		}
	})
}
