package conformance

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/mainstay-run/mainstay/internal/dbtest"
)

// wardsContract lets nurses who are on a ward write notes.
const wardsContract = `mainstay: 1
name: wards
accounts:
  resource: User
  signup: open
  api_keys: true
resources:
  Ward:
    fields:
      name: string
    access:
      all: true
  User:
    fields:
      email: email unique
      role:  enum nurse|guest = nurse
      ward:  Ward optional on delete clear
      home:  Ward optional on delete cascade
    access:
      read:   true
      update: caller != null
      delete: caller != null
  Note:
    fields:
      text: string 1..50 unique
      hand: string ..20 optional
    access:
      read:   true
      create: caller.role == 'nurse' && caller.ward != null
      update: caller.role == 'nurse' && caller.ward != null
`

// wards are two programs on one database, so that what one of them takes the other may
// remember; on a file it is one.
type wards struct {
	t          *testing.T
	here, away string // where rights are taken, and where they are used
	boss       string // a token
	notes      int
}

// TestARightThatWasTakenDoesNotCount takes rights of callers whom a program remembers:
// no write that begins after the answer is done, or refused for anything else.
func TestARightThatWasTakenDoesNotCount(t *testing.T) {
	kinds, _ := dbtest.Kinds()
	for _, kind := range kinds {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			w := openWards(t, kind)
			for _, tt := range []struct {
				name string
				take func(n *nurse)
				want int
			}{
				{"signed out", func(n *nurse) { w.must(204, n.token, "POST /auth/logout", "") }, 401},
				{"another password", func(n *nurse) {
					w.must(200, n.token, "POST /auth/password", `{"password":"a long enough one","new_password":"another long one"}`)
				}, 401},
				{"a key withdrawn", func(n *nurse) {
					made := w.must(201, n.token, "POST /auth/keys", `{"name":"k"}`)
					n.used = made["key"].(string)
					n.write(201, "before")
					w.must(204, n.token, "DELETE /auth/keys/"+made["id"].(string), "")
				}, 401},
				{"a key, and another password", func(n *nurse) {
					n.used = w.must(201, n.token, "POST /auth/keys", `{"name":"k"}`)["key"].(string)
					n.write(201, "before")
					w.must(200, n.token, "POST /auth/password", `{"password":"a long enough one","new_password":"another long one"}`)
				}, 401},
				{"a role", func(n *nurse) { w.must(200, w.boss, "PATCH /users/"+n.id, `{"role":"guest"}`) }, 403},
				{"a role, with those of others", func(n *nurse) {
					w.must(200, w.boss, `PATCH /users?filter=id=="`+n.id+`"&max_affected=1`, `{"role":"guest"}`)
				}, 403},
				{"a role, in a batch", func(n *nurse) {
					w.must(200, w.boss, `POST /users/batch`, `{"operations":[{"update":{"id":"`+n.id+`","role":"guest"}}]}`)
				}, 403},
				{"a role, by oneself", func(n *nurse) { w.must(200, n.token, "PATCH /users/"+n.id, `{"role":"guest"}`) }, 403},
				{"a ward that is gone", func(n *nurse) { w.must(204, w.boss, "DELETE /wards/"+n.ward, "") }, 403},
				{"a home that is gone, and who lived there", func(n *nurse) {
					home := w.must(201, w.boss, "POST /wards", `{"name":"home"}`)["id"].(string)
					w.must(200, w.boss, "PATCH /users/"+n.id, `{"home":"`+home+`"}`)
					n.write(201, "before")
					w.must(204, w.boss, "DELETE /wards/"+home, "")
				}, 401},
				{"an account", func(n *nurse) { w.must(204, w.boss, "DELETE /users/"+n.id, "") }, 401},
			} {
				t.Run(tt.name, func(t *testing.T) {
					w.t = t
					n := w.nurse(strings.ReplaceAll(strings.ReplaceAll(tt.name, " ", "-"), ",", ""))
					note := n.write(201, "their own")
					tt.take(n)
					n.fails(note, tt.want)
				})
			}
		})
	}
}

func openWards(t *testing.T, kind dbtest.Kind) *wards {
	t.Helper()
	s := &shop{contract: t.TempDir(), folder: t.TempDir()}
	s.save(t, wardsContract)
	database := kind.URL(t)
	s.migrateTo(t, database)
	serve := func() string {
		p := start(t, command(s.serveFrom(database)...))
		if p.url == "" {
			t.Fatalf("it does not serve:\n%s", &p.out)
		}
		t.Cleanup(func() {
			if p.stop(t) != 0 || strings.Contains(p.out.String(), `"level":"ERROR"`) {
				t.Errorf("it ends with %d and logged\n%s", p.code, &p.out)
			}
		})
		return p.url + "/v1"
	}
	w := &wards{t: t, here: serve()}
	w.away = w.here
	if kind.Name != "SQLite" { // a file has one writer
		w.away = serve()
	}
	w.boss = w.nurse("boss").token
	return w
}

// nurse is an account on a ward of its own.
type nurse struct {
	w               *wards
	id, ward, token string
	used            string // what it writes with
}

func (w *wards) nurse(name string) *nurse {
	w.t.Helper()
	made := w.must(201, "", "POST /auth/signup", fmt.Sprintf(`{"email":"%s@example.org","password":"a long enough one"}`, name))
	n := &nurse{w: w, token: made["token"].(string), id: made["account"].(map[string]any)["id"].(string)}
	n.used = n.token
	n.ward = w.must(201, n.token, "POST /wards", `{"name":"w"}`)["id"].(string)
	w.must(200, n.token, "PATCH /users/"+n.id, `{"ward":"`+n.ward+`"}`)
	return n
}

// write makes a note where rights are used, and gives its id.
func (n *nurse) write(want int, what string) string {
	n.w.t.Helper()
	n.w.notes++
	made := n.w.send(want, n.w.away, n.used, "POST /notes", fmt.Sprintf(`{"text":"%d %s","hand":"left"}`, n.w.notes, what))
	id, _ := made["id"].(string)
	return id
}

// fails writes in every way, while the boss does, who is still who they were.
func (n *nurse) fails(note string, want int) {
	n.w.t.Helper()
	w := n.w
	taken := fmt.Sprintf(`{"text":"%d their own","hand":"left"}`, w.notes)
	ways := []struct{ line, body string }{
		{"POST /notes", `{"text":"after"}`},
		{"PATCH /notes/" + note, `{"text":"after"}`},
		{"PATCH /notes/" + note, `{"hand":"left"}`}, // which it is
		{"POST /notes", taken},
		{"PATCH /notes/" + note + "?fields=id", `{"hand":"right"}`},
	}
	var group sync.WaitGroup
	for i := range 4 * len(ways) {
		w.notes++
		own := fmt.Sprintf(`{"text":"%d of the boss"}`, w.notes)
		group.Go(func() { w.send(201, w.away, w.boss, "POST /notes", own) })
		way := ways[i%len(ways)]
		group.Go(func() { w.send(want, w.away, n.used, way.line, way.body) })
	}
	group.Wait()
	left := w.must(200, w.boss, "GET /notes/"+note, "")
	if text, _ := left["text"].(string); left["hand"] != "left" || !strings.HasSuffix(text, "their own") {
		w.t.Errorf("the note is %v", left)
	}
	if after := w.must(200, w.boss, `GET /notes/count?filter=text=="after"`, ""); after["total"] != 0.0 {
		w.t.Errorf("afterwards there are %v", after)
	}
}

// must sends a request to where rights are taken.
func (w *wards) must(want int, token, line, body string) map[string]any {
	w.t.Helper()
	return w.send(want, w.here, token, line, body)
}

func (w *wards) send(want int, at, token, line, body string) map[string]any {
	w.t.Helper()
	method, path, _ := strings.Cut(line, " ")
	r, err := http.NewRequest(method, at+strings.ReplaceAll(path, `"`, "%22"), strings.NewReader(body))
	if err != nil {
		w.t.Error(err)
		return nil
	}
	if body == "" {
		r.Body, r.ContentLength = nil, 0
	} else {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Error(err)
		return nil
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != want {
		w.t.Errorf("%s %s: %d, want %d: %s %v", line, body, res.StatusCode, want, text, err)
	}
	var out map[string]any
	_ = json.Unmarshal(text, &out) // what is missing shows where it is looked for
	return out
}
