package schema

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/value"
)

// field makes a stored field; kind names the type as the contract does.
func field(name, kind string, v *value.Type) *contract.Field {
	return &contract.Field{Name: name, Type: &contract.Type{Name: kind, Value: v}}
}

func builtins() []*contract.Field {
	fields := []*contract.Field{
		field("id", "uuid", &value.Type{Kind: value.ID}),
		field("created_at", "timestamp", &value.Type{Kind: value.TimestampKind}),
		field("updated_at", "timestamp", &value.Type{Kind: value.TimestampKind}),
	}
	for _, f := range fields {
		f.Builtin = true
	}
	return fields
}

func reference(name string, target *contract.Resource) *contract.Field {
	f := field(name, "ref", &value.Type{Kind: value.ID, Resource: target.Name})
	f.Type.Target = target
	return f
}

// hiring is a company with postings, the postings written first.
func hiring() *contract.Contract {
	company := &contract.Resource{Name: "Company", Table: "companies", Fields: builtins()}
	posting := &contract.Resource{Name: "Posting", Table: "postings", Fields: builtins()}

	slug := field("slug", "slug", &value.Type{Kind: value.String})
	slug.Unique, slug.Type.Max = true, int64(80)
	members := &contract.Field{Name: "postings", Type: &contract.Type{Name: "many", Target: posting}}
	company.Fields = append(company.Fields, slug, members)

	title := field("title", "string", &value.Type{Kind: value.String})
	title.Search, title.Type.Max = true, int64(120)
	location := field("location", "string", &value.Type{Kind: value.String})
	location.Optional, location.Index = true, true
	salary := field("salary", "decimal", &value.Type{Kind: value.DecimalKind, Precision: 12, Scale: 2})
	salary.Optional = true
	status := field("status", "enum", &value.Type{Kind: value.Enum, Enum: []string{"draft", "open"}})
	status.Default = &contract.Expr{Source: "draft"}
	skills := field("skills", "list", &value.Type{Kind: value.List, Elem: &value.Type{Kind: value.String}})
	employer, agency := reference("company", company), reference("agency", company)
	agency.Optional, agency.OnDelete = true, "clear"
	posting.Fields = append(posting.Fields, employer, agency, title, location, salary, status, skills)
	posting.Unique = [][]*contract.Field{{employer, title}}
	posting.Indexes = [][]contract.IndexKey{{{Field: status}, {Field: posting.Field("created_at"), Desc: true}}}

	return &contract.Contract{Name: "hiring", Resources: []*contract.Resource{posting, company}}
}

func TestOf(t *testing.T) {
	s := Of(hiring())
	var names []string
	for _, table := range s.Tables {
		names = append(names, table.Name)
	}
	want := "mainstay_credentials mainstay_sessions mainstay_keys mainstay_idempotency mainstay_meta companies postings postings_words"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("tables\n got %s\nwant %s", got, want)
	}

	var columns []string
	for _, c := range s.Table("postings").Columns {
		columns = append(columns, c.Name)
	}
	want = "id created_at updated_at _revision company agency title location salary status skills"
	if got := strings.Join(columns, " "); got != want {
		t.Errorf("columns\n got %s\nwant %s", got, want)
	}

	postings := s.Table("postings")
	if c := postings.Column("company"); c.References != "companies" || c.OnDelete != Refuse || c.Nullable {
		t.Errorf("company is %+v", c)
	}
	if c := postings.Column("agency"); c.OnDelete != Clear || !c.Nullable {
		t.Errorf("agency is %+v", c)
	}
	if c := postings.Column("title"); c.MaxLength != 120 {
		t.Errorf("title is %+v", c)
	}
	if c := postings.Column("status"); c.Default != "draft" {
		t.Errorf("status is %+v", c)
	}

	indexes := map[string]string{}
	for _, table := range s.Tables[5:] {
		for _, x := range table.Indexes {
			indexes[x.Name] = uniqueWord(x) + keys(x)
		}
	}
	if diff := cmp.Diff(map[string]string{
		"companies__slug__unique":           "unique slug",
		"postings__company__title__unique":  "unique company, title",
		"postings__status__created_at_desc": "status, -created_at, -id",
		"postings__location":                "location, id",
		"postings__agency":                  "agency, id",
		"postings_words__id":                "id",
		// none on company: the unique index begins with it
	}, indexes); diff != "" {
		t.Error(diff)
	}
}

func TestDefaultsThatAreLiterals(t *testing.T) {
	enum := &value.Type{Kind: value.Enum, Enum: []string{"draft", "open"}}
	text := &value.Type{Kind: value.String}
	for _, tt := range []struct {
		typ    *value.Type
		source string
		want   any
	}{
		{enum, "draft", "draft"},
		{enum, `"open"`, "open"},
		{enum, "status", nil},
		{text, `"a\nb"`, "a\nb"},
		{text, `'a "b"'`, `a "b"`},
		{text, "title", nil},
		{text, `"a" + "b"`, nil},
		{&value.Type{Kind: value.Int}, " 3 ", int64(3)},
		{&value.Type{Kind: value.Int}, "1 + 2", nil},
		{&value.Type{Kind: value.Bool}, "true", true},
		{&value.Type{Kind: value.Float}, "0.5", 0.5},
		{&value.Type{Kind: value.TimestampKind}, "now", nil},
		{&value.Type{Kind: value.TimestampKind}, `timestamp("1970-01-01T00:00:01Z")`, value.Timestamp(1000)},
		{&value.Type{Kind: value.TimestampKind}, `"1970-01-01T00:00:01Z"`, nil},
		{&value.Type{Kind: value.DurationKind}, `duration("PT1S")`, value.Duration(1000)},
		{&value.Type{Kind: value.DateKind}, `"1970-01-02"`, value.Date(1)},
		{&value.Type{Kind: value.DateKind}, "day", nil},
		{&value.Type{Kind: value.DecimalKind, Precision: 9, Scale: 0}, `decimal("2")`, value.DecimalOf(2)},
		{&value.Type{Kind: value.DecimalKind, Precision: 9, Scale: 0}, "2", value.DecimalOf(2)},
		{&value.Type{Kind: value.DecimalKind, Precision: 9, Scale: 0}, "price", nil},
		{&value.Type{Kind: value.ID}, "caller", nil},
		{&value.Type{Kind: value.List, Elem: text}, "[]", []any{}},
	} {
		if diff := cmp.Diff(tt.want, constant(tt.typ, tt.source)); diff != "" {
			t.Errorf("%s: %s", tt.source, diff)
		}
	}
}

func TestNamesOfIndexes(t *testing.T) {
	long := strings.Repeat("very_", 20)
	a, b := indexName("postings", []string{long, "a"}, true), indexName("postings", []string{long, "b"}, true)
	if len(a) > maxName || len(b) > maxName || a == b || a != indexName("postings", []string{long, "a"}, true) {
		t.Errorf("%q (%d bytes), %q", a, len(a), b)
	}
	if a, b := indexName("a_b", []string{"c"}, false), indexName("a", []string{"b_c"}, false); a == b {
		t.Errorf("both are named %s", a)
	}
}

func TestNeedIndexUsesWhatIsThere(t *testing.T) {
	table := Of(hiring()).Table("postings")
	count := len(table.Indexes)
	table.NeedIndex("id")
	table.NeedIndex("company")
	table.NeedIndex("title", "company")
	table.NeedIndex("status")
	if len(table.Indexes) != count {
		t.Errorf("added %s", keys(table.Indexes[count]))
	}
	table.NeedIndex("title")
	table.NeedIndex("status", "location")
	if len(table.Indexes) != count+2 {
		t.Errorf("%d indexes, want %d", len(table.Indexes), count+2)
	}
}

func TestRecordedSchemaIsReadBack(t *testing.T) {
	s := Of(hiring())
	structs := &value.Type{Kind: value.List, Elem: &value.Type{Kind: value.Struct, Members: []value.Member{
		{Name: "years", Type: &value.Type{Kind: value.Int}, Optional: true},
		{Name: "level", Type: &value.Type{Kind: value.Enum, Enum: []string{"must", "nice"}}},
	}}}
	s.Tables = append(s.Tables, &Table{Name: "extra", PrimaryKey: []string{"id"}, Columns: []*Column{{Name: "id", Type: structs}}})

	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back Schema
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	for _, table := range s.Tables {
		for _, c := range table.Columns {
			c.Default = nil // not recorded
		}
	}
	if diff := cmp.Diff(s, &back); diff != "" {
		t.Error(diff)
	}
}

func TestSchemaOfANewerVersionIsRefused(t *testing.T) {
	for _, text := range []string{
		`{"tables":[],"views":[]}`,
		`{"tables":[{"name":"a","primary_key":["id"],"columns":[{"name":"id","type":{"kind":"vector"}}]}]}`,
		`{"tables":[{"name":"a","primary_key":["id"],"columns":[{"name":"id","type":{"kind":"list"}}]}]}`,
	} {
		var s Schema
		if err := json.Unmarshal([]byte(text), &s); err == nil {
			t.Errorf("%s was read", text)
		}
	}
}
