package sqlite

import (
	"slices"
	"strings"

	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store/sqlgen"
)

const (
	tablesQuery = `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name`
	// foreignQuery finds what would change behind everybody's back what is written or
	// read, and the statement that takes it away.
	foreignQuery = `SELECT type || ' ' || name || iif(type = 'trigger', ' on ' || tbl_name, '') || ' is not one of mainstay''s' || char(31) ||
'DROP ' || upper(type) || ' "' || replace(name, '"', '""') || '"' FROM sqlite_schema WHERE type IN ('trigger', 'view') ORDER BY type, name`
	// thingsQuery gives the things of a table as sqlgen.Things does.
	thingsQuery = `SELECT 'column ' || name || ' ' || type || iif("notnull", ' not null', '') || char(31) || name FROM pragma_table_info(?1)
UNION ALL SELECT 'primary key on ' || group_concat(name, ', ' ORDER BY pk) FROM pragma_table_info(?1) WHERE pk HAVING count(*) > 0
UNION ALL SELECT 'reference ' || "from" || ' to ' || "table" || ' on delete ' || lower(on_delete) || char(31) || "from" FROM pragma_foreign_key_list(?1)
UNION ALL SELECT 'index ' || i.name || iif(i."unique", ' unique', '') || ' on ' ||
(SELECT group_concat(coalesce(x.name, 'an expression') || iif(x."desc", ' desc', ''), ', ' ORDER BY x.seqno) FROM pragma_index_xinfo(i.name) AS x WHERE x.key) || iif(i.partial, ' of some rows', '') || char(31) || i.name
FROM pragma_index_list(?1) AS i WHERE i.origin = 'c'`
)

// differences lists how the tables that are there differ from s.
func differences(c *conn, s *schema.Schema) ([]sqlgen.Difference, error) {
	var list []sqlgen.Difference
	foreign, err := c.list(foreignQuery)
	if err != nil {
		return nil, err
	}
	for _, text := range foreign {
		what, drop, _ := strings.Cut(text, sqlgen.ThingSeparator)
		list = append(list, sqlgen.Difference{What: what, Mend: drop})
	}
	there, err := c.list(tablesQuery)
	if err != nil {
		return nil, err
	}
	for _, name := range there {
		if s.Table(name) == nil && name != metaTable {
			list = append(list, sqlgen.ForeignTable(name, "DROP TABLE "+dialect.Quoted(name)))
		}
	}
	look, err := c.prepare(thingsQuery) // once: tables may be many
	if err != nil {
		return nil, err
	}
	defer look.finalize()
	for _, t := range s.Tables {
		if !slices.Contains(there, t.Name) {
			list = append(list, sqlgen.MissingTable(t.Name, dialect.CreateTable(t, always)...))
			continue
		}
		lines, err := look.list(t.Name)
		if err != nil {
			return nil, err
		}
		have := make([]sqlgen.Thing, len(lines))
		for i, line := range lines {
			have[i] = sqlgen.ThingOf(line)
		}
		// A column that is not ours goes with its reference.
		have = slices.DeleteFunc(have, func(x sqlgen.Thing) bool { return x.Kind == sqlgen.Reference && t.Column(x.Name) == nil })
		want := sqlgen.Things(t, func(c *schema.Column) string { return columnType(c.Type, c.MaxLength) })
		list = append(list, sqlgen.Differences(t, have, want, mender{})...)
	}
	return list, nil
}

// mender: of a table that is there SQLite changes no column, key or reference.
type mender struct{}

var _ sqlgen.Mender = mender{}

func (mender) Make(t *schema.Table, lacks sqlgen.Thing) string {
	switch lacks.Kind {
	case sqlgen.Column:
		return dialect.AddColumn(schema.AddColumn{Table: t.Name, Column: t.Column(lacks.Name)})
	case sqlgen.Index:
		return dialect.CreateIndex(t, t.Index(lacks.Name))
	}
	return ""
}

func (mender) Drop(t *schema.Table, has sqlgen.Thing) string {
	switch has.Kind {
	case sqlgen.Column:
		return dialect.DropColumn(t.Name, has.Name)
	case sqlgen.Index:
		return dialect.DropIndex(&schema.Index{Name: has.Name})
	}
	return ""
}

func (mender) Change(*schema.Table, *schema.Column, sqlgen.Thing) string { return "" }
