package contract

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
)

func editorSchemaOf(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("contract.schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("contract.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// asJSON is a YAML text as the JSON value that an editor validates.
func asJSON(t *testing.T, text []byte) any {
	t.Helper()
	var v any
	if err := yaml.Load(text, &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestSchemaAcceptsTheExample(t *testing.T) {
	text, err := os.ReadFile("testdata/hiring/contract.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := editorSchemaOf(t).Validate(asJSON(t, text)); err != nil {
		t.Error(err)
	}
}

func TestSchemaAcceptsTheTourOfTheLanguage(t *testing.T) {
	text, err := os.ReadFile("testdata/tour.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := editorSchemaOf(t).Validate(asJSON(t, text)); err != nil {
		t.Error(err)
	}
	_, faults := Parse(map[string][]byte{"tour.yaml": text})
	for _, f := range faults {
		t.Error(f)
	}
}

func TestSchemaRefusesTypicalMistakes(t *testing.T) {
	schema := editorSchemaOf(t)
	field := func(s string) string { return "resources: {A: {fields: {a: " + s + "}}}" }
	for _, text := range []string{
		"mainstay: 2",
		"name: My API",
		"base: v1",
		"ressources: {}",
		"accounts: {signup: open}",
		"accounts: {resource: User, signup: opne}",
		"accounts: {resource: User, password: {min: 4}}",
		"cors: {origins: [app.example.com]}",
		"cors: {credentials: true}",
		"resources: {post: {fields: {a: int}}}",
		"resources: {Post: {access: {read: true}}}",
		"resources: {Post: {fields: {}}}",
		"resources: {Post: {fields: {Title: int}}}",
		"resources: {Post: {field: {a: int}}}",
		"resources: {Post: {fields: {a: int}, acess: {read: true}}}",
		"resources: {Post: {fields: {a: int}, access: {raed: true}}}",
		"resources: {Post: {fields: {a: int}, access: {read: }}}",
		"resources: {Post: {fields: {a: int}, access: {list: true}}}",
		"resources: {Post: {fields: {a: int}, access: {field: true}}}",
		"resources: {Post: {fields: {a: int}, unique: [a]}}",
		"resources: {Post: {fields: {a: int}, actions: {go: {set: {a: 1}}}}}",
		"resources: {Post: {fields: {a: int}, actions: {go: {allow: true}}}}",
		"resources: {Post: {fields: {a: int}, actions: {go: {allow: true, move: status}}}}",
		"resources: {Post: {fields: {a: int}, filters: {x: {input: int}}}}",
		"resources: {Post: {fields: {a: int}, hooks: {befor create: x}}}",
		"resources: {Post: {fields: {a: int}, retain: {keep: long, since: a, then: erase}}}",
		field("strin"), field("integer"), field("varchar(80)"), field("optional"), field("decimal"), field("enum"), field("many Post"), field("many"),
		field(""), field("{type: decimal 12}"), field("{type: string, optonal: true}"), field("[string, int]"), field("[]"), field("{}"), field("[[int]]"),
		"services: {a: {}}", "services: {a: {url: mailto}}",
		"subscriptions: {a: {events: [x], to: service a}}", "subscriptions: {a: {events: [x.y], to: nowhere}}",
		"jobs: {a: {every: 1d, where: true}}", "jobs: {a: {every: 1d, update: A, where: true}}", "jobs: {a: {every: daily, delete: A, where: true}}",
	} {
		if schema.Validate(asJSON(t, []byte(text))) == nil {
			t.Errorf("accepted: %s", text)
		}
	}
}

// TestSchemaKnowsEveryWord keeps the schema's lists beside the parser's.
func TestSchemaKnowsEveryWord(t *testing.T) {
	var document struct {
		Properties map[string]any
		Defs       map[string]struct {
			Properties           map[string]any
			Pattern, Description string
		} `json:"$defs"`
	}
	if err := json.Unmarshal(Schema(), &document); err != nil {
		t.Fatal(err)
	}
	for _, key := range append(append([]string{}, singles...), merging...) {
		if document.Properties[key] == nil {
			t.Errorf("no section %s", key)
		}
	}
	for _, key := range resourceKeys {
		if document.Defs["resource"].Properties[key] == nil {
			t.Errorf("no key %s of a resource", key)
		}
	}
	for _, key := range longKeys {
		if document.Defs["longForm"].Properties[key] == nil {
			t.Errorf("no key %s of a field's long form", key)
		}
	}
	short := document.Defs["shortForm"]
	for _, name := range typeNames {
		if !strings.Contains(short.Pattern, name) || !strings.Contains(short.Description, name) {
			t.Errorf("no type %s", name)
		}
	}
	for _, word := range fieldWordList {
		if !strings.Contains(short.Description, word) {
			t.Errorf("no word %s", word)
		}
	}
}
