package openapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/mainstay-run/mainstay/contract"
)

// contracts are what every document test runs on: the example, and a contract
// with what the example leaves out.
var contracts = []string{"../examples/hiring/contract.yaml", "testdata/everything.yaml"}

func load(t testing.TB, file string) *contract.Contract {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(file))
	if err != nil {
		t.Fatal(err)
	}
	c, faults := contract.Parse(map[string][]byte{"contract.yaml": text})
	for _, f := range faults {
		if !f.Warning {
			t.Error(f)
		}
	}
	if c == nil {
		t.FailNow()
	}
	return c
}

func describe(t testing.TB, c *contract.Contract, o Options) []byte {
	t.Helper()
	doc, err := Document(c, o)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func each(t *testing.T, test func(t *testing.T, doc []byte, o Options)) {
	for _, file := range contracts {
		for _, version := range []string{"3.1", "3.0"} {
			t.Run(fmt.Sprintf("%s %s", filepath.Base(filepath.Dir(file)), version), func(t *testing.T) {
				o := Options{Version: version}
				test(t, describe(t, load(t, file), o), o)
			})
		}
	}
}

func TestDocumentIsValidWithItsExamples(t *testing.T) {
	each(t, func(t *testing.T, doc []byte, o Options) {
		loaded, err := openapi3.NewLoader().LoadFromData(doc)
		if err != nil {
			t.Fatal(err)
		}
		if err := loaded.Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
			t.Error(err)
		}
	})
}

// Examples are held to their schemas by a second validator too, formats included.
func TestExamplesValidate(t *testing.T) {
	each(t, func(t *testing.T, doc []byte, o Options) {
		if o.Version == "3.0" {
			t.Skip("3.0 schemas are no JSON Schema")
		}
		root := decode(t, doc)
		compiler := jsonschema.NewCompiler()
		compiler.DefaultDraft(jsonschema.Draft2020)
		compiler.AssertFormat()
		if err := compiler.AddResource("openapi.json", root); err != nil {
			t.Fatal(err)
		}
		schemas := root["components"].(map[string]any)["schemas"].(map[string]any)
		count := 0
		for name, s := range schemas {
			examples, _ := s.(map[string]any)["examples"].([]any)
			schema, err := compiler.Compile("openapi.json#/components/schemas/" + name)
			if err != nil {
				t.Fatal(err)
			}
			for _, example := range examples {
				count++
				if err := schema.Validate(example); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		if count < 10 {
			t.Errorf("only %d examples", count)
		}
	})
}

func TestDocumentIsTheSameEveryTime(t *testing.T) {
	each(t, func(t *testing.T, doc []byte, o Options) {
		for _, file := range contracts {
			first := describe(t, load(t, file), o)
			for range 3 {
				if again := describe(t, load(t, file), o); !bytes.Equal(first, again) {
					t.Fatal("the document differs from one time to the next")
				}
			}
		}
	})
}

func TestEveryReferenceIsThereAndEveryComponentUsed(t *testing.T) {
	each(t, func(t *testing.T, doc []byte, o Options) {
		root := decode(t, doc)
		used := map[string]bool{}
		visit(root, func(path string, o map[string]any) {
			if ref, ok := o["$ref"].(string); ok {
				used[ref] = true
			}
		})
		components := root["components"].(map[string]any)
		defined := map[string]bool{}
		for _, kind := range []string{"schemas", "responses", "parameters", "headers"} {
			for name := range components[kind].(map[string]any) {
				ref := "#/components/" + kind + "/" + name
				defined[ref] = true
				if !used[ref] {
					t.Errorf("%s is not used", ref)
				}
			}
		}
		for ref := range used {
			if !defined[ref] {
				t.Errorf("%s is not defined", ref)
			}
		}
	})
}

// Flat schemas are what generators make clean classes of.
func TestSchemasAreFlat(t *testing.T) {
	each(t, func(t *testing.T, doc []byte, o Options) {
		root := decode(t, doc)
		components := root["components"].(map[string]any)["schemas"].(map[string]any)
		visit(root, func(path string, s map[string]any) {
			if s["allOf"] != nil || s["anyOf"] != nil {
				t.Errorf("%s: allOf or anyOf", path)
			}
			if s["properties"] == nil || s["type"] != "object" {
				return
			}
			name := strings.TrimPrefix(path, "/components/schemas/")
			if components[name] == nil {
				t.Errorf("%s: an object without a name of its own", path)
			}
		})
	})
}

func TestOnlyInputsRefuseUnknownMembers(t *testing.T) {
	doc := describe(t, load(t, contracts[0]), Options{})
	schemas := decode(t, doc)["components"].(map[string]any)["schemas"].(map[string]any)
	for name, strict := range map[string]bool{
		"Posting": false, "PostingPage": false, "JobDescriptionSkill": false, "Problem": false, "Session": false,
		"PostingCreate": true, "PostingUpdate": true, "JobDescriptionSkillCreate": true, "ApplicationReject": true,
		"UserSignup": true, "PostingQuery": true, "PostingBatch": true,
	} {
		s, ok := schemas[name].(map[string]any)
		if !ok {
			t.Errorf("there is no schema %s", name)
			continue
		}
		if got := s["additionalProperties"] == false; got != strict {
			t.Errorf("%s: additionalProperties false is %t, want %t", name, got, strict)
		}
	}
}

// What the server makes up by itself the document does not ask for.
func TestListsThatMayBeEmptyAreNotRequired(t *testing.T) {
	c, faults := contract.Parse(map[string][]byte{"contract.yaml": []byte(`
mainstay: 1
name: shelf
resources:
  Book:
    fields:
      title:    string 1..20
      tags:     [string 1..20]
      chapters: {type: ["string 1..20"], items: 1..9}
      print:    {pages: int, plates: [int]}
    access: {all: true}
`)})
	if c == nil {
		t.Fatal(faults)
	}
	schemas := decode(t, describe(t, c, Options{}))["components"].(map[string]any)["schemas"].(map[string]any)
	for name, want := range map[string]string{"BookCreate": "[title chapters print]", "BookPrintCreate": "[pages]"} {
		if got := fmt.Sprint(schemas[name].(map[string]any)["required"]); got != want {
			t.Errorf("%s requires %s, want %s", name, got, want)
		}
	}
}

func TestOperationsHaveOneTagOneSuccessAndDescribedErrors(t *testing.T) {
	each(t, func(t *testing.T, doc []byte, o Options) {
		ids := map[string]bool{}
		operations(decode(t, doc), func(path, method string, op map[string]any) {
			id := op["operationId"].(string)
			if ids[id] {
				t.Errorf("two operations are called %s", id)
			}
			ids[id] = true
			if tags := op["tags"].([]any); len(tags) != 1 {
				t.Errorf("%s: tags %v", id, tags)
			}
			media := map[string]bool{}
			for status, r := range op["responses"].(map[string]any) {
				content, _ := r.(map[string]any)["content"].(map[string]any)
				for m := range content {
					media[m] = true
				}
				if status >= "400" && r.(map[string]any)["$ref"] == nil {
					t.Errorf("%s: %s is not a shared response", id, status)
				}
			}
			if len(media) > 1 {
				t.Errorf("%s: several media types of success: %v", id, media)
			}
			for _, status := range []string{"400", "401", "403", "404", "500", "503"} {
				if op["responses"].(map[string]any)[status] == nil {
					t.Errorf("%s: %s is not described", id, status)
				}
			}
		})
	})
}

func TestParametersAreScalarsOrFormArrays(t *testing.T) {
	each(t, func(t *testing.T, doc []byte, o Options) {
		params := decode(t, doc)["components"].(map[string]any)["parameters"].(map[string]any)
		for name, p := range params {
			p := p.(map[string]any)
			schema := p["schema"].(map[string]any)
			switch {
			case schema["type"] == "array" && p["style"] != "form", schema["type"] == "object":
				t.Errorf("%s: %v", name, schema)
			}
		}
	})
}

func TestAccessRulesAreSaidInWords(t *testing.T) {
	doc := decode(t, describe(t, load(t, contracts[0]), Options{}))
	found := map[string]string{}
	operations(doc, func(path, method string, op map[string]any) {
		found[op["operationId"].(string)], _ = op["description"].(string)
	})
	for id, want := range map[string]string{
		"listCompanies":     "Anybody may.",
		"createPosting":     "`recruiter`: `company.members.exists(m, m.user == caller && m.role in [\"owner\", \"recruiter\"])`",
		"closePosting":      "Moves `status` from `open`, `paused` to `closed`",
		"getApplication":    "`candidate.user == caller || recruiter`",
		"createApplication": "candidate.user == caller && posting.status == \"open\"",
	} {
		if !strings.Contains(found[id], want) {
			t.Errorf("%s is described as %q, without %q", id, found[id], want)
		}
	}
}

func TestWhatNobodyMayDoIsLeftOut(t *testing.T) {
	doc := decode(t, describe(t, load(t, contracts[0]), Options{}))
	if doc["paths"].(map[string]any)["/users"].(map[string]any)["post"] != nil {
		t.Error("nobody may create a user, and yet it is described")
	}
}

func TestAnotherVersionIsRefused(t *testing.T) {
	if _, err := Document(load(t, contracts[0]), Options{Version: "2.0"}); err == nil {
		t.Error("version 2.0 is not refused")
	}
}

func TestYAMLMeansTheSame(t *testing.T) {
	for _, file := range contracts {
		doc := describe(t, load(t, file), Options{})
		text, err := YAML(doc)
		if err != nil {
			t.Fatal(err)
		}
		var fromYAML any
		if err := yaml.Unmarshal(text, &fromYAML); err != nil {
			t.Fatal(err)
		}
		want, _ := json.Marshal(decode(t, doc))
		got, err := json.Marshal(fromYAML)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(normal(t, got), normal(t, want)) {
			t.Errorf("%s: the YAML means something else than the JSON", file)
		}
	}
}

// decode reads a document; every number is a json.Number's text.
func decode(t testing.TB, doc []byte) map[string]any {
	t.Helper()
	root, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	return root.(map[string]any)
}

// normal is JSON with its members sorted and its numbers in one form.
func normal(t testing.TB, doc []byte) []byte {
	t.Helper()
	var v any
	if err := json.Unmarshal(doc, &v); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// operations visits every operation of a document.
func operations(doc map[string]any, visit func(path, method string, op map[string]any)) {
	for path, methods := range doc["paths"].(map[string]any) {
		for method, op := range methods.(map[string]any) {
			visit(path, method, op.(map[string]any))
		}
	}
}

// visit walks every object of a document but the examples.
func visit(root map[string]any, do func(path string, o map[string]any)) {
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			do(path, v)
			for name, inner := range v {
				if name != "example" && name != "examples" {
					walk(path+"/"+name, inner)
				}
			}
		case []any:
			for i, inner := range v {
				walk(fmt.Sprintf("%s/%d", path, i), inner)
			}
		}
	}
	walk("", root)
}
