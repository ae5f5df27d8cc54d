package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// workshop is testdata/workshop.yaml on a real database. Ann leads the team
// "acme", Bob is a member of it, Cid of "rivals" only; Adi is an admin.
type workshop struct {
	testing.TB
	e                  *Engine
	set                *rule.Set
	db                 *store.DB
	now                time.Time
	ann, bob, cid, adi *auth.Principal
	acme, rivals       string // ids
}

func openWorkshop(t testing.TB) *workshop {
	t.Helper()
	w := openEmpty(t, readFile(t, "testdata/workshop.yaml"))
	w.ann, w.bob, w.cid, w.adi = w.user("ann", "guest"), w.user("bob", "guest"), w.user("cid", "guest"), w.user("adi", "admin")
	w.acme = w.id(w.ann, "POST /teams", `{"name":"Acme","slug":"acme"}`)
	w.rivals = w.id(w.cid, "POST /teams", `{"name":"Rivals","slug":"rivals"}`)
	join := func(team string, who *auth.Principal, lead bool) {
		id, err := value.ParseID(team)
		if err != nil {
			t.Fatal(err)
		}
		w.put("Membership", rule.Record{"team": id, "user": who.Caller.ID, "lead": lead})
	}
	join(w.acme, w.ann, true)
	join(w.acme, w.bob, false)
	join(w.rivals, w.cid, true)
	return w
}

// openEmpty serves a contract on a new database.
func openEmpty(t testing.TB, text string) *workshop {
	t.Helper()
	c, set := compile(t, text)
	w := &workshop{TB: t, set: set, now: noon}
	w.e, w.db = serve(t, c, set, func() time.Time { return w.now })
	return w
}

// user makes an account past all rules, without a password.
func (w *workshop) user(name, role string) *auth.Principal {
	w.Helper()
	rec := w.put("User", rule.Record{"email": name + "@example.org", "name": name, "role": role})
	return &auth.Principal{Caller: &rule.Caller{ID: rec["id"].(value.UUID), Record: rec}}
}

// put stores a record past all rules; what is not given is null.
func (w *workshop) put(resource string, rec rule.Record) rule.Record {
	w.Helper()
	now := value.TimestampOf(w.now)
	rec["id"], rec["created_at"], rec["updated_at"], rec[revisionColumn] = value.NewID(w.now), now, now, int64(1)
	t := w.e.table(w.set.Resource(resource))
	var args []any
	for _, column := range t.insert.Columns {
		args = append(args, rec[column.Name])
	}
	err := w.db.InTx(w.Context(), store.Write, nil, func(tx store.Tx) error {
		_, err := tx.Insert(w.Context(), t.insert, args)
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return rec
}

// request is "METHOD /path?query" with a body; "" is none.
func (w *workshop) request(line, body string) *Operation {
	w.Helper()
	method, target, _ := strings.Cut(line, " ")
	path, params, _ := strings.Cut(target, "?")
	op := &Operation{Body: []byte(body)}
	for pair := range strings.SplitSeq(params, "&") {
		switch name, v, _ := strings.Cut(pair, "="); name {
		case "":
		case "filter":
			op.Query.Filter = v
		case "search":
			op.Query.Search = v
		case "fields":
			op.Query.Fields = v
		case "include":
			op.Query.Include = v
		case "max_affected":
			fmt.Sscan(v, &op.MaxAffected)
		case "atomic":
			op.NotAtomic = v == "false"
		default:
			op.Query.Equal = append(op.Query.Equal, Equal{name, []string{v}})
		}
	}
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	if parts[0] == "batch" {
		op.Kind = Transact
		return op
	}
	for _, r := range w.set.Contract.Resources {
		if r.Path == parts[0] {
			op.Resource = w.set.Resource(r.Name)
		}
	}
	if op.Resource == nil {
		w.Fatalf("no resource at %s", path)
	}
	if len(parts) > 1 {
		op.ID = parts[1]
	}
	kinds := map[string]Kind{
		"POST 1": Create, "PATCH 2": Update, "PUT 2": Replace, "DELETE 2": Delete, "POST 3": Act, "GET 2": Get, "GET 1": List,
		"PATCH 1": UpdateWhere, "DELETE 1": DeleteWhere,
	}
	op.Kind = kinds[fmt.Sprint(method, " ", len(parts))]
	if len(parts) == 3 {
		op.Action = parts[2]
	}
	if len(parts) == 2 && parts[1] == "batch" {
		op.Kind, op.ID = Bulk, ""
	}
	return op
}

func (w *workshop) do(who *auth.Principal, line, body string, change ...func(*Operation)) (*Result, error) {
	w.Helper()
	op := w.request(line, body)
	for _, f := range change {
		f(op)
	}
	return w.e.Do(w.Context(), who, op)
}

// ok runs a request that must succeed and gives its JSON object, nil without a body.
func (w *workshop) ok(who *auth.Principal, line, body string, change ...func(*Operation)) map[string]any {
	w.Helper()
	res, err := w.do(who, line, body, change...)
	if err != nil {
		w.Fatalf("%s %s: %v", line, body, err)
	}
	return object(w, res.Body)
}

func object(w *workshop, body []byte) map[string]any {
	w.Helper()
	if body == nil {
		return nil
	}
	var out map[string]any
	if err := json.Unmarshal(body, &out); err != nil {
		w.Fatalf("%v: %s", err, body)
	}
	return out
}

// id runs a request that must make a record.
func (w *workshop) id(who *auth.Principal, line, body string) string {
	w.Helper()
	res, err := w.do(who, line, body)
	if err != nil {
		w.Fatalf("%s %s: %v", line, body, err)
	}
	if res.Created == "" {
		w.Fatalf("%s %s: nothing was made: %s", line, body, res.Body)
	}
	return res.Created
}

// no runs a request that must be refused, and gives the refusal as
// "kind pointer:code …".
func (w *workshop) no(who *auth.Principal, line, body string, change ...func(*Operation)) string {
	w.Helper()
	res, err := w.do(who, line, body, change...)
	if err == nil {
		w.Fatalf("%s %s: not refused: %s", line, body, res.Body)
	}
	return refusalText(err)
}

func refusalText(err error) string {
	var p *problem.Error
	if !errors.As(err, &p) {
		return "error: " + err.Error()
	}
	text := string(p.Kind)
	for _, f := range p.Fields {
		text += " " + f.Pointer + f.Parameter + ":" + f.Code
	}
	return text
}

// refuses runs cases of "who, request, body, refusal".
type refusalCase struct {
	name, line, body, want string
}

func (w *workshop) refuses(who *auth.Principal, cases []refusalCase) {
	w.Helper()
	for _, tt := range cases {
		w.TB.(*testing.T).Run(tt.name, func(t *testing.T) {
			inner := *w
			inner.TB = t
			if got := inner.no(who, tt.line, tt.body); got != tt.want {
				t.Errorf("%s %s\n got %s\nwant %s", tt.line, tt.body, got, tt.want)
			}
		})
	}
}

// task makes a task of Acme.
func (w *workshop) task(fields string) string {
	w.Helper()
	if fields != "" {
		fields = "," + fields
	}
	return w.id(w.ann, "POST /tasks", fmt.Sprintf(`{"team":%q,"title":"Saw wood"%s}`, w.acme, fields))
}

// total counts the records of a resource that who can read.
func (w *workshop) total(who *auth.Principal, resource string) string {
	w.Helper()
	res, err := w.e.Do(w.Context(), who, &Operation{Kind: Count, Resource: w.set.Resource(resource)})
	if err != nil {
		w.Fatal(err)
	}
	return string(res.Body)
}
