package openapi

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/mainstay-run/mainstay/contract"
)

var rewrite = flag.Bool("update", false, "rewrite the golden files")

// A small contract's whole document, to be read.
func TestDocumentOfASmallContract(t *testing.T) {
	const file = "testdata/small.txtar"
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c, faults := contract.Parse(map[string][]byte{"contract.yaml": archive.Files[0].Data})
	if c == nil {
		t.Fatal(faults)
	}
	text, err := YAML(describe(t, c, Options{}))
	if err != nil {
		t.Fatal(err)
	}
	if *rewrite {
		archive.Files = append(archive.Files[:1], txtar.File{Name: "openapi.yaml", Data: text})
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(archive.Files[1].Data), string(text)); diff != "" {
		t.Errorf("the document has changed (-want +got):\n%s", diff)
	}
}

// The example's document in outline: an operation or a schema a line.
func TestOutlineOfTheExample(t *testing.T) {
	const file = "testdata/hiring.outline"
	got := outline(decode(t, describe(t, load(t, contracts[0]), Options{})))
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the outline has changed (-want +got):\n%s", diff)
	}
}

func outline(doc map[string]any) string {
	var lines []string
	operations(doc, func(path, method string, op map[string]any) {
		var params, results []string
		list, _ := op["parameters"].([]any)
		for _, p := range list {
			p := p.(map[string]any)
			name, _ := p["name"].(string)
			if ref, ok := p["$ref"].(string); ok {
				p := doc["components"].(map[string]any)["parameters"].(map[string]any)[ref[strings.LastIndex(ref, "/")+1:]]
				name = p.(map[string]any)["name"].(string)
			}
			params = append(params, name)
		}
		for status, r := range op["responses"].(map[string]any) {
			if status < "300" {
				results = append(results, strings.TrimSpace(status+" "+content(r.(map[string]any))))
			}
		}
		slices.Sort(results)
		body := ""
		if b, ok := op["requestBody"].(map[string]any); ok {
			body = " ← " + content(b)
		}
		lines = append(lines, fmt.Sprintf("%s %s %s(%s)%s → %s", path, strings.ToUpper(method), op["operationId"],
			strings.Join(params, " "), body, strings.Join(results, ", ")))
	})
	slices.Sort(lines)
	lines = append(lines, "")
	schemas := doc["components"].(map[string]any)["schemas"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		lines = append(lines, name+": "+kind(schemas[name].(map[string]any)))
	}
	return strings.Join(lines, "\n") + "\n"
}

func content(o map[string]any) string {
	for media, m := range mapOf(o["content"]) {
		k := kind(mapOf(mapOf(m)["schema"]))
		if media != "application/json" {
			k = media + " " + k
		}
		return k
	}
	return ""
}

func mapOf(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

// kind is a schema in a few words: what is not required has a question mark.
func kind(s map[string]any) string {
	if ref, ok := s["$ref"].(string); ok {
		return ref[strings.LastIndex(ref, "/")+1:]
	}
	if one, ok := s["oneOf"].([]any); ok {
		var kinds []string
		for _, o := range one {
			kinds = append(kinds, kind(o.(map[string]any)))
		}
		return strings.Join(kinds, "|")
	}
	if enum, ok := s["enum"].([]any); ok {
		return fmt.Sprint(enum)
	}
	text := fmt.Sprint(s["type"])
	switch t := s["type"].(type) {
	case nil:
		return "any"
	case []any:
		text = fmt.Sprintf("%s|null", t[0])
	}
	if format, ok := s["format"].(string); ok {
		text = strings.Replace(text, "string", format, 1)
	}
	if strings.HasPrefix(text, "array") {
		return strings.Replace(text, "array", "["+kind(mapOf(s["items"]))+"]", 1)
	}
	if properties := mapOf(s["properties"]); properties != nil {
		required, _ := s["required"].([]any)
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(properties)) {
			mark := "?"
			if slices.Contains(required, any(name)) {
				mark = ""
			}
			parts = append(parts, name+mark+" "+kind(properties[name].(map[string]any)))
		}
		return strings.Join(parts, ", ")
	}
	return text
}
