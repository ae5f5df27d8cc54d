package conformance

import "testing"

func TestMatch(t *testing.T) {
	for _, tt := range []struct{ name, want, got, fault string }{
		{"the same", `{"a":[1,"x",null,true]}`, `{"a":[1,"x",null,true]}`, ""},
		{"another value", `{"a":{"b":1}}`, `{"a":{"b":2}}`, `/a/b is 2, want 1`},
		{"a number's text", `[1.50]`, `[1.5]`, `/0 is 1.5, want 1.50`},
		{"a missing member", `{"a":1}`, `{}`, `/a is not there`},
		{"a member too many", `{}`, `{"a":1}`, `/a is not expected: 1`},
		{"more members", `{"…":"…"}`, `{"a":1}`, ""},
		{"an item too many", `[1]`, `[1,2]`, `/ has 2 items, want 1: [1,2]`},
		{"more items", `[1,"…"]`, `[1,2,3]`, ""},
		{"too few items", `[1,2,"…"]`, `[1]`, `/ has 1 items, want 2: [1]`},
		{"a wildcard", `["<uuid>","<time>","<number>","<any>"]`, `["0193e8b0-0000-7000-8000-000000000000","2026-11-22T10:00:00.000Z",-4,null]`, ""},
		{"a wildcard inside", `"/v1/postings/<uuid>"`, `"/v1/postings/7"`, `/ is "/v1/postings/7", want "/v1/postings/<uuid>"`},
		{"null is no text", `"<text>"`, `null`, `/ is null, want "<text>"`},
		{"empty is no text", `"<text>"`, `""`, `/ is "", want "<text>"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if err := matchJSON(tt.want, tt.got, map[string]string{}); err != nil {
				got = err.Error()
			}
			if got != tt.fault {
				t.Errorf("got %q, want %q", got, tt.fault)
			}
		})
	}
	if err := matchJSON(`{"a":"<uuid:id>","b":["${id}"]}`, `{"a":"0193e8b0-0000-7000-8000-000000000000","b":["other"]}`, map[string]string{}); err == nil {
		t.Error("what was kept is not compared")
	}
	vars := map[string]string{}
	if err := matchText(`"<text:tag>"; n=<number:n>`, `"r1"; n=4`, vars); err != nil || vars["tag"] != "r1" || vars["n"] != "4" {
		t.Errorf("%v, %v", vars, err)
	}
}
