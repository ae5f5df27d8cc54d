package schema

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mainstay-run/mainstay/value"
)

func TestDiffOfTheSameSchemaIsNothing(t *testing.T) {
	steps, refusals := Diff(Of(hiring()), Of(hiring()))
	if len(steps)+len(refusals) > 0 {
		t.Errorf("steps %v, refusals %v", steps, refusals)
	}
}

func TestDiffOfANewDatabaseMakesEveryTable(t *testing.T) {
	want := Of(hiring())
	steps, refusals := Diff(&Schema{}, want)
	if len(steps) != len(want.Tables) || len(refusals) > 0 {
		t.Fatalf("steps %v, refusals %v", steps, refusals)
	}
	if got := steps[6].String(); got != "create table postings (11 columns)" {
		t.Errorf("got %q", got)
	}
}

func TestDiff(t *testing.T) {
	text := &value.Type{Kind: value.String}
	for _, tt := range []struct {
		name     string
		change   func(postings *Table)
		steps    []string
		refusals []string
	}{
		{name: "a nullable column",
			change: func(p *Table) { p.Columns = append(p.Columns, &Column{Name: "note", Type: text, Nullable: true}) },
			steps:  []string{"add column postings.note"}},
		{name: "a column with a default",
			change: func(p *Table) { p.Columns = append(p.Columns, &Column{Name: "note", Type: text, Default: "-"}) },
			steps:  []string{`add column postings.note ("-" in the records that exist)`}},
		{name: "a searchable column",
			change: func(p *Table) {
				p.Columns = append(p.Columns, &Column{Name: "note", Type: text, Nullable: true, Search: true})
			},
			steps: []string{"add column postings.note"}},
		{name: "a searchable column with a default",
			change: func(p *Table) {
				p.Columns = append(p.Columns, &Column{Name: "note", Type: text, Default: "-", Search: true})
			},
			refusals: []string{"column postings.note would be added as searchable with a default"}},
		{name: "a column made searchable",
			change:   func(p *Table) { p.Column("location").Search = true },
			refusals: []string{"column postings.location would become searchable"}},
		{name: "a column no longer searchable",
			change:   func(p *Table) { p.Column("title").Search = false },
			refusals: []string{"column postings.title would no longer be searchable"}},
		{name: "a required column",
			change:   func(p *Table) { p.Columns = append(p.Columns, &Column{Name: "note", Type: text}) },
			refusals: []string{"column postings.note would be added as required"}},
		{name: "a column less",
			change:   func(p *Table) { p.Columns = p.Columns[:len(p.Columns)-1] },
			refusals: []string{"column postings.skills would be dropped"}},
		{name: "another type",
			change:   func(p *Table) { p.Column("title").Type = &value.Type{Kind: value.Int} },
			refusals: []string{"column postings.title would change its type"}},
		{name: "another type of element",
			change: func(p *Table) {
				p.Column("skills").Type = &value.Type{Kind: value.List, Elem: &value.Type{Kind: value.Int}}
			},
			refusals: []string{"column postings.skills would change its type"}},
		{name: "a longer string",
			change: func(p *Table) { p.Column("title").MaxLength = 200 },
			steps:  []string{"widen column postings.title"}},
		{name: "an unbounded string",
			change: func(p *Table) { p.Column("title").MaxLength = 0 },
			steps:  []string{"widen column postings.title"}},
		{name: "a shorter string",
			change:   func(p *Table) { p.Column("title").MaxLength = 20 },
			refusals: []string{"column postings.title would hold at most 20 characters"}},
		{name: "a bounded string",
			change:   func(p *Table) { p.Column("location").MaxLength = 20 },
			refusals: []string{"column postings.location would hold at most 20 characters"}},
		{name: "more values of an enum",
			change: func(p *Table) {
				p.Column("status").Type = &value.Type{Kind: value.Enum, Enum: []string{"draft", "open", "closed"}}
			},
			steps: []string{"widen column postings.status"}},
		{name: "another order of an enum, which a law may be about",
			change: func(p *Table) {
				p.Column("status").Type = &value.Type{Kind: value.Enum, Enum: []string{"open", "draft"}}
			},
			steps: []string{`hold "salary >= 0" against the records of postings`, "widen column postings.status"}},
		{name: "another value of an enum",
			change: func(p *Table) {
				p.Column("status").Type = &value.Type{Kind: value.Enum, Enum: []string{"draft", "closed"}}
			},
			refusals: []string{"column postings.status would lose the value open"}},
		{name: "more digits",
			change: func(p *Table) {
				p.Column("salary").Type = &value.Type{Kind: value.DecimalKind, Precision: 14, Scale: 2}
			},
			steps: []string{"widen column postings.salary"}},
		{name: "fewer digits",
			change: func(p *Table) {
				p.Column("salary").Type = &value.Type{Kind: value.DecimalKind, Precision: 10, Scale: 2}
			},
			refusals: []string{"column postings.salary would have at most 10 digits"}},
		{name: "another scale",
			change: func(p *Table) {
				p.Column("salary").Type = &value.Type{Kind: value.DecimalKind, Precision: 14, Scale: 4}
			},
			refusals: []string{"column postings.salary would have 4 digits after the point instead of 2"}},
		{name: "an optional column made required",
			change:   func(p *Table) { p.Column("salary").Nullable = false },
			refusals: []string{"column postings.salary would become required"}},
		{name: "a required column made optional",
			change:   func(p *Table) { p.Column("title").Nullable = true },
			refusals: []string{"column postings.title would become optional"}},
		{name: "another target",
			change:   func(p *Table) { p.Column("company").References = "postings" },
			refusals: []string{"column postings.company would refer to postings instead of companies"}},
		{name: "another way to delete",
			change:   func(p *Table) { p.Column("company").OnDelete = Cascade },
			refusals: []string{"column postings.company would cascade instead of refuse when its target is deleted"}},
		{name: "another primary key",
			change:   func(p *Table) { p.PrimaryKey = []string{"title"} },
			refusals: []string{"table postings would get another primary key"}},
		{name: "a new index",
			change: func(p *Table) { p.AddIndex(IndexColumn{"title", true}) },
			steps:  []string{"create index on postings (-title, -id)"}},
		{name: "a new unique index",
			change: func(p *Table) { p.AddUnique("title") },
			steps:  []string{"create unique index on postings (title)"}},
		{name: "an index less",
			change: func(p *Table) { p.Indexes = p.Indexes[:len(p.Indexes)-1] },
			steps:  []string{"drop index on postings (location, id)"}},
		{name: "a unique index less",
			change:   func(p *Table) { p.Indexes = p.Indexes[1:] },
			refusals: []string{"unique index on postings (company, title) would be dropped"}},
		{name: "an index with other columns under its name",
			change: func(p *Table) {
				p.Indexes[1] = &Index{Name: p.Indexes[1].Name, Columns: []IndexColumn{{Name: "status"}}}
			},
			steps: []string{"drop index on postings (status, -created_at, -id)", "create index on postings (status)"}},
		{name: "another law",
			change: func(p *Table) { p.Laws = []*Law{{Text: "salary >= 1"}} },
			steps:  []string{`hold "salary >= 1" against the records of postings`, `no longer hold "salary >= 0" against the records of postings`}},
		{name: "a law before every other step",
			change: func(p *Table) {
				p.Laws = append(p.Laws, &Law{Text: "title != location"})
				p.AddUnique("title")
			},
			steps: []string{`hold "title != location" against the records of postings`, "create unique index on postings (title)"}},
		{name: "a law that may be about a new column, whose own bounds come with it",
			change: func(p *Table) {
				p.Columns = append(p.Columns, &Column{Name: "note", Type: text, Nullable: true})
				p.Laws = append(p.Laws, &Law{Text: "note != title"}, &Law{Text: "size(note) >= 1", Column: "note"})
			},
			steps: []string{`hold "note != title" against the records of postings`, "add column postings.note"}},
		{name: "a unique index in place of another",
			change: func(p *Table) {
				p.Indexes = p.Indexes[:len(p.Indexes)-1]
				p.AddUnique("location")
			},
			steps: []string{"create unique index on postings (location)", "drop index on postings (location, id)"}},
		{name: "what records may break before what cannot be taken back",
			change: func(p *Table) {
				p.Columns = append(p.Columns, &Column{Name: "note", Type: text, Nullable: true})
				p.AddUnique("note")
				p.AddUnique("title")
				p.Laws = []*Law{{Text: "note != title"}}
			},
			steps: []string{`hold "note != title" against the records of postings`, "create unique index on postings (title)",
				"add column postings.note", "create unique index on postings (note)", `no longer hold "salary >= 0" against the records of postings`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			have, want := Of(hiring()), Of(hiring())
			for _, s := range []*Schema{have, want} {
				s.Table("postings").Laws = []*Law{{Text: "salary >= 0"}}
			}
			tt.change(want.Table("postings"))
			steps, refusals := Diff(have, want)
			var gotSteps, gotRefusals []string
			for _, s := range steps {
				gotSteps = append(gotSteps, s.String())
			}
			for _, r := range refusals {
				gotRefusals = append(gotRefusals, r.What)
				if r.Why == "" {
					t.Errorf("%s: no reason", r.What)
				}
			}
			if diff := cmp.Diff(tt.steps, gotSteps); diff != "" {
				t.Errorf("steps %s", diff)
			}
			if diff := cmp.Diff(tt.refusals, gotRefusals); diff != "" {
				t.Errorf("refusals %s", diff)
			}
		})
	}
}

func TestDiffOfStructs(t *testing.T) {
	number, text := &value.Type{Kind: value.Int}, &value.Type{Kind: value.String}
	skill := func(members ...value.Member) *Schema {
		list := &value.Type{Kind: value.List, Elem: &value.Type{Kind: value.Struct, Members: members}}
		return &Schema{Tables: []*Table{{Name: "jobs", Columns: []*Column{{Name: "skills", Type: list}}}}}
	}
	have := skill(value.Member{Name: "name", Type: text}, value.Member{Name: "years", Type: number})
	for _, tt := range []struct {
		name          string
		want          *Schema
		step, refusal string
	}{
		{"one member more", skill(value.Member{Name: "name", Type: text}, value.Member{Name: "years", Type: number}, value.Member{Name: "level", Type: text}),
			"", "column jobs.skills would have other members"},
		{"another order", skill(value.Member{Name: "years", Type: number}, value.Member{Name: "name", Type: text}),
			"", "column jobs.skills would have other members"},
		{"another type", skill(value.Member{Name: "name", Type: text}, value.Member{Name: "years", Type: text}),
			"", "column jobs.skills.years would change its type"},
		{"an optional member", skill(value.Member{Name: "name", Type: text}, value.Member{Name: "years", Type: number, Optional: true}),
			"widen column jobs.skills", ""},
	} {
		steps, refusals := Diff(have, tt.want)
		var step, refusal string
		if len(steps) > 0 {
			step = steps[0].String()
		}
		if len(refusals) > 0 {
			refusal = refusals[0].What
		}
		if step != tt.step || refusal != tt.refusal || len(steps)+len(refusals) != 1 {
			t.Errorf("%s: %v, %v", tt.name, steps, refusals)
		}
	}
}

func TestDiffRefusesToDropATable(t *testing.T) {
	want := Of(hiring())
	want.Tables = want.Tables[:len(want.Tables)-1]
	steps, refusals := Diff(Of(hiring()), want)
	if len(steps) > 0 || len(refusals) != 1 || refusals[0].What != "table postings_words would be dropped" {
		t.Errorf("steps %v, refusals %v", steps, refusals)
	}
}
