package engine

import (
	"slices"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/value"
)

func TestPointers(t *testing.T) {
	root := spot{}
	for _, tt := range []struct {
		at   spot
		want string
	}{
		{root, "#"},
		{root.member("skills").at(0).member("name"), "#/skills/0/name"},
		{root.member(""), "#/"},
		{root.member("a/b~c"), "#/a~1b~0c"},
		{root.member("größe \"%"), "#/gr%C3%B6%C3%9Fe%20%22%25"},
		{root.member(strings.Repeat("x", 100)), "#/" + strings.Repeat("x", 64) + "%E2%80%A6"},
	} {
		if got := tt.at.String(); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}

func TestFaultsOfABodyAreBounded(t *testing.T) {
	w := openWorkshop(t)
	_, err := w.do(w.ann, "POST /tasks", `{"title":"abc",`+names(5000)+`}`)
	if got := strings.Count(refusalText(err), "#/"); got != maxFaults {
		t.Errorf("%d faults are told, want %d", got, maxFaults)
	}
	if !strings.Contains(err.Error(), "5001 fields are invalid") {
		t.Errorf("%.200s", err)
	}
}

// names are n unknown members.
func names(n int) string {
	var out []string
	for i := range n {
		out = append(out, `"unknown`+strings.Repeat("a", i%7)+value.UUID{byte(i >> 8), byte(i)}.String()+`":1`)
	}
	return strings.Join(out, ",")
}

// decoderOf makes a caller for whom Task's fields are open, without a database.
func decoderOf(tb testing.TB) (*call, *rule.Sight) {
	tb.Helper()
	_, set := compile(tb, readFile(tb, "testdata/workshop.yaml"))
	e := New(set, nil, testKeys(tb), Options{})
	id := value.UUID{15: 1}
	call := e.begin(&auth.Principal{Caller: &rule.Caller{ID: id, Record: rule.Record{"id": id, "role": "guest"}}})
	return call, call.view.Resource("Task")
}

// FuzzBody: what a body decodes to is canonical. Written as JSON and decoded
// again it is the same, in the same words, and no bound of the contract is left.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		`{"team":"0192f0c1-7b3a-7cc2-9d1e-2f4a5b6c7d8e","title":"Saw wood","code":" A-b ","effort":1e1,"ratio":-0.0,"price":"00.5","due":"2024-02-29","urgent":true,"home":"https://a.example/ü?q#f"}`,
		`{"team":"0192F0C1-7B3A-7CC2-9D1E-2F4A5B6C7D8E","title":"  x  ","mail":" A@B.example","note":"a\r\n\tb\u2028","steps":[{"text":"😀","level":"nice","due":null},{"text":"a"}],"extra":{"b":1.0,"a":[1e30,-0,"\ud83d\ude00"]}}`,
		`{"team":"0192f0c1-7b3a-7cc2-9d1e-2f4a5b6c7d8e","title":"abc","place":{"city":"Graz","zip":null,"floor":-3},"helpers":["0192f0c1-7b3a-7cc2-9d1e-2f4a5b6c7d8f"],"parent":null,"seen":9007199254740991,"extra":null}`,
		`{"title":"\u0000"}`, `{"a":1,"a":2}`, `[[[[`, `{"effort":1E400}`, `nul`, "\xff", `{"extra":1e1000000}`,
	} {
		f.Add([]byte(seed))
	}
	call, sight := decoderOf(f)
	env := &rule.Env{Now: call.env.Now}
	// read decodes a body and writes it as JSON, completed.
	read := func(t *testing.T, body []byte) (text []byte, ok bool) {
		j, err := decodeBody(body)
		if err != nil {
			return nil, false
		}
		b := &reader{}
		in, _ := b.newInput(call, sight, b.object(j, spot{}))
		if len(b.faults) > 0 {
			if b.err(call) == nil {
				t.Fatal("faults without an error")
			}
			return nil, false
		}
		text = []byte{'{'}
		for i, f := range in.fields {
			v := b.complete(sight.Resource, f.Type, in.values[i], spot{}.member(f.Name), env)
			if code, detail := outside(f.Type, v); code != "" && !(f.Optional && v == nil) {
				t.Fatalf("%s %s: %v", f.Name, detail, v)
			}
			if len(text) > 1 {
				text = append(text, ',')
			}
			text = f.Type.Value.AppendJSON(append(value.AppendString(text, f.Name), ':'), v)
		}
		return append(text, '}'), len(b.faults) == 0
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		first, ok := read(t, body)
		if !ok {
			return
		}
		second, ok := read(t, first)
		if !ok {
			t.Fatalf("%s is not read again", first)
		}
		if !slices.Equal(first, second) {
			t.Fatalf("\nfirst  %s\nsecond %s", first, second)
		}
	})
}
