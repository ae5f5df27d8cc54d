package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"time"
)

// alike sends the first few requests of every scenario to all systems that have it and
// compares what they answer with Mainstay's: a fast wrong answer is no figure. A system
// that fails or answers something else does not take part in that scenario.
func alike(db *database, names []string, asks []ask) (failed []failure) {
	for _, name := range names {
		if scenarioNamed(name).mix {
			continue // its parts are compared
		}
		for _, s := range db.systems {
			if s.dialect[name] == nil {
				continue
			}
			if err := s.alike(db.systems[0], scenarioNamed(name), asks); err != nil {
				progress("%s %s: %s: %s", db.name, name, s.name, err)
				failed = append(failed, failure{db.name, name, s.name, err.Error()})
				delete(s.dialect, name)
			}
		}
	}
	return failed
}

func (s *system) alike(first *system, scenario scenario, asks []ask) error {
	if scenario.lines {
		asks = asks[:1] // they are all the same
	}
	for _, a := range asks {
		got, err := s.dialect[scenario.name](a).read(s.addr, scenario)
		if err != nil {
			return err
		}
		request := first.dialect[scenario.name]
		if s == first || request == nil || s.brief && scenario.writes {
			continue
		}
		want, err := request(a).read(first.addr, scenario)
		if err != nil {
			return err
		}
		if !reflect.DeepEqual(got, want) {
			return fmt.Errorf("it answers otherwise than %s:\n%s\n%s", first.name, shown(got), shown(want))
		}
	}
	return nil
}

func shown(v any) string {
	b, _ := json.Marshal(v)
	return string(b[:min(len(b), 1500)])
}

// read gives the answer in the form in which all systems' answers are the same.
func (m message) read(addr string, s scenario) (any, error) {
	body, err := m.sent(addr)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	if s.lines {
		return digest(body)
	}
	var v any
	if err := json.NewDecoder(body).Decode(&v); err != nil {
		return nil, err
	}
	return comparable(v, s.makes), nil
}

// digest stands for lines of JSON: how many, the first of them and a hash of all.
func digest(r io.Reader) (any, error) {
	lines := json.NewDecoder(r)
	sum := sha256.New()
	n, first := 0, any(nil)
	for {
		var v any
		err := lines.Decode(&v)
		if err == io.EOF {
			return map[string]any{"lines": n, "first": first, "sum": hex.EncodeToString(sum.Sum(nil))}, nil
		}
		if err != nil {
			return nil, err
		}
		v = comparable(v, false)
		if n++; n == 1 {
			first = v
		}
		if err := json.NewEncoder(sum).Encode(v); err != nil {
			return nil, err
		}
	}
}

// answer is the body of a message's answer, which must be JSON.
func (m message) answer(addr string) (any, error) {
	body, err := m.sent(addr)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	var v any
	return v, json.NewDecoder(body).Decode(&v)
}

// sent is the body of a message's answer, which must be a success; close it.
func (m message) sent(addr string) (io.ReadCloser, error) {
	r, err := http.NewRequest(m.method, "http://"+addr+m.path, strings.NewReader(m.body))
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(m.header) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		r.Header.Set(name, value)
	}
	if m.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if m.authorization != "" {
		r.Header.Set("Authorization", m.authorization)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode/100 != 2 {
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body)
		return nil, fmt.Errorf("status %d: %.1000s", answer.StatusCode, text)
	}
	return answer.Body, nil
}

// own are members that one system has and another has not.
var own = []string{"updated_at", "next", "prev", "previous", "total", "collectionId", "collectionName", "page", "perPage", "totalItems", "totalPages", "_links", "createdAt", "updatedAt", "className", "ACL"}

// comparable is a body as every system could have written it: without the peers' own
// spelling of ids, times, relations and pages, and of a new record nothing that the
// server made.
func comparable(v any, made bool) any {
	switch v := v.(type) {
	case map[string]any:
		return comparableRecord(v, made)
	case []any:
		for i := range v {
			v[i] = comparable(v[i], made)
		}
	case string:
		if uuid.MatchString(v) {
			return short(v)
		}
		if at, err := time.Parse("2006-01-02T15:04:05.999Z", strings.Replace(v, " ", "T", 1)); err == nil {
			return at.UnixMilli()
		}
	}
	return v
}

func comparableRecord(v map[string]any, made bool) any {
	switch v["__type"] { // Parse's values that are no records
	case "Date":
		return comparable(v["iso"], made)
	case "Pointer":
		return v["objectId"]
	}
	delete(v, "__type")
	switch data := v["data"].(type) { // Directus' answers
	case []any:
		v = map[string]any{"items": data}
	case map[string]any:
		v = data
	}
	for _, name := range own {
		delete(v, name)
	}
	if made {
		delete(v, "id")
		delete(v, "created_at")
	}
	for from, to := range map[string]string{"results": "items", "company_id": "company", "job_id": "job", "objectId": "id"} {
		if member, ok := v[from]; ok {
			v[to] = member
			delete(v, from)
		}
	}
	if with, ok := v["expand"].(map[string]any); ok { // PocketBase's relations
		delete(v, "expand")
		maps.Copy(v, with)
	}
	if lists, ok := v["_embedded"].(map[string]any); ok { // HAL's page
		for _, list := range lists {
			v["items"] = list
		}
		delete(v, "_embedded")
	}
	for name, member := range v {
		v[name] = comparable(member, made)
	}
	return v
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
