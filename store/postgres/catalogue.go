package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store/sqlgen"
)

// What the catalogues say of all tables at once: the table, a separator, and a thing as
// sqlgen.Things has it.
const (
	columnsQuery = `SELECT o.relname || chr(31) || 'column ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || coalesce((SELECT ' COLLATE ' || quote_ident(l.collname) FROM pg_collation l WHERE l.oid = a.attcollation), '') || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END || chr(31) || a.attname
FROM pg_class o JOIN pg_attribute a ON a.attrelid = o.oid WHERE o.relkind = 'r' AND o.relnamespace = current_schema()::regnamespace AND a.attnum > 0 AND NOT a.attisdropped`
	referencesQuery = `SELECT o.relname || chr(31) || 'reference ' || a.attname || ' to ' || t.relname || ' on delete ' || CASE c.confdeltype WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null' ELSE 'no action' END || chr(31) || c.conname
FROM pg_constraint c JOIN pg_class o ON o.oid = c.conrelid JOIN pg_class t ON t.oid = c.confrelid JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
WHERE o.relkind = 'r' AND o.relnamespace = current_schema()::regnamespace AND c.contype = 'f'`
	// indexesQuery leaves those of constraints to foreignQuery.
	indexesQuery = `SELECT o.relname || chr(31) || CASE WHEN i.indisprimary THEN 'primary key' ELSE 'index ' || c.relname || CASE WHEN i.indisunique THEN ' unique' ELSE '' END END || ' on ' ||
coalesce((SELECT string_agg(a.attname || CASE WHEN i.indoption[k.place - 1] & 1 = 1 THEN ' desc' ELSE '' END, ', ' ORDER BY k.place)
FROM unnest(i.indkey) WITH ORDINALITY AS k(attnum, place) JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum), 'nothing') ||
CASE WHEN i.indexprs IS NOT NULL THEN ' and an expression' ELSE '' END || CASE WHEN i.indpred IS NOT NULL THEN ' of some rows' ELSE '' END || chr(31) || c.relname
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class o ON o.oid = i.indrelid WHERE o.relkind = 'r' AND o.relnamespace = current_schema()::regnamespace
AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('u', 'x'))`
	// foreignQuery finds whatever else was made by somebody in the schema: what it is, a
	// separator, and the statement that mends it.
	foreignQuery = `WITH ours AS (SELECT *, quote_ident(relname) AS quoted FROM pg_class WHERE relnamespace = current_schema()::regnamespace),
other(what, mend) AS (SELECT kind || ' ' || relname, 'DROP ' || upper(replace(kind, 'partitioned ', '')) || ' ' || quoted
	FROM (SELECT *, CASE relkind WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' WHEN 'p' THEN 'partitioned table' ELSE 'view' END AS kind FROM ours WHERE relkind IN ('v', 'm', 'f', 'p')) AS tables
UNION ALL SELECT 'trigger ' || t.tgname || ' on ' || c.relname, 'DROP TRIGGER ' || quote_ident(t.tgname) || ' ON ' || c.quoted FROM pg_trigger t JOIN ours c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal
UNION ALL SELECT 'rule ' || r.rulename || ' on ' || c.relname, 'DROP RULE ' || quote_ident(r.rulename) || ' ON ' || c.quoted FROM pg_rewrite r JOIN ours c ON c.oid = r.ev_class WHERE c.relkind = 'r'
UNION ALL SELECT 'constraint ' || k.conname || ' on ' || c.relname, 'ALTER TABLE ' || c.quoted || ' DROP CONSTRAINT ' || quote_ident(k.conname) FROM pg_constraint k JOIN ours c ON c.oid = k.conrelid WHERE k.contype IN ('c', 'x', 'u'))
SELECT what || ' is not one of mainstay''s' || chr(31) || mend FROM other
UNION ALL SELECT 'column ' || c.relname || '.' || a.attname || ' has a default that is not one of mainstay''s' || chr(31) || 'ALTER TABLE ' || c.quoted || ' ALTER COLUMN ' || quote_ident(a.attname) || CASE a.attgenerated WHEN '' THEN ' DROP DEFAULT' ELSE ' DROP EXPRESSION' END FROM pg_attrdef f JOIN ours c ON c.oid = f.adrelid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = f.adnum WHERE c.relkind = 'r'
UNION ALL SELECT 'table ' || relname || ' has row level security, which hides rows' || chr(31) || 'ALTER TABLE ' || quoted || ' DISABLE ROW LEVEL SECURITY' FROM ours WHERE relkind = 'r' AND relrowsecurity
UNION ALL SELECT 'table ' || relname || ' is not logged, so that a crash empties it' || chr(31) || 'ALTER TABLE ' || quoted || ' SET LOGGED' FROM ours WHERE relkind = 'r' AND relpersistence = 'u'
UNION ALL SELECT 'index ' || c.relname || ' is not valid' || chr(31) || 'REINDEX INDEX ' || c.quoted FROM pg_index i JOIN ours c ON c.oid = i.indexrelid WHERE NOT i.indisvalid
ORDER BY 1`
)

// differences lists how the tables that are there differ from s.
func differences(ctx context.Context, c *conn, s *schema.Schema, there []string) ([]sqlgen.Difference, error) {
	var list []sqlgen.Difference
	foreign, err := c.list(ctx, foreignQuery)
	if err != nil {
		return nil, err
	}
	for _, text := range foreign {
		what, mend, _ := strings.Cut(text, sqlgen.ThingSeparator)
		list = append(list, sqlgen.Difference{What: what, Mend: mend})
	}
	for _, name := range there {
		if s.Table(name) == nil && name != metaTable {
			list = append(list, sqlgen.ForeignTable(name, "DROP TABLE "+dialect.Quoted(name)))
		}
	}
	have := map[string][]sqlgen.Thing{} // by table
	for _, query := range []string{columnsQuery, referencesQuery, indexesQuery} {
		texts, err := c.list(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, text := range texts {
			table, text, _ := strings.Cut(text, sqlgen.ThingSeparator)
			// "time(3) without time zone" and the like are the long names of ours.
			have[table] = append(have[table], sqlgen.ThingOf(shortNames.Replace(text)))
		}
	}
	for _, t := range s.Tables {
		if !slices.Contains(there, t.Name) {
			there = append(there, t.Name)
			exists := func(table string) bool { return slices.Contains(there, table) }
			list = append(list, sqlgen.MissingTable(t.Name, dialect.CreateTable(t, exists)...))
			continue
		}
		want := sqlgen.Things(t, func(c *schema.Column) string { return columnType(c.Type, 0) })
		list = append(list, sqlgen.Differences(t, have[t.Name], want, mender{})...)
	}
	return list, nil
}

var shortNames = strings.NewReplacer("timestamp(3) with time zone", "timestamptz(3)", "time(3) without time zone", "time(3)")

type mender struct{}

var _ sqlgen.Mender = mender{}

func (mender) Make(t *schema.Table, lacks sqlgen.Thing) string {
	switch lacks.Kind {
	case sqlgen.Column:
		return dialect.AddColumn(schema.AddColumn{Table: t.Name, Column: t.Column(lacks.Name)})
	case sqlgen.Reference:
		return dialect.AddReference(t.Name, t.Column(lacks.Name))
	case sqlgen.Index:
		return dialect.CreateIndex(t, t.Index(lacks.Name))
	}
	return fmt.Sprintf(`ALTER TABLE "%s" ADD PRIMARY KEY ("%s")`, t.Name, strings.Join(t.PrimaryKey, `", "`))
}

func (mender) Drop(t *schema.Table, has sqlgen.Thing) string {
	switch has.Kind {
	case sqlgen.Column:
		return dialect.DropColumn(t.Name, has.Name)
	case sqlgen.Index:
		return dialect.DropIndex(&schema.Index{Name: has.Name})
	}
	return fmt.Sprintf(`ALTER TABLE "%s" DROP CONSTRAINT %s`, t.Name, dialect.Quoted(has.Name))
}

func (mender) Change(t *schema.Table, c *schema.Column, _ sqlgen.Thing) string {
	null := "SET"
	if c.Nullable {
		null = "DROP"
	}
	return fmt.Sprintf(`ALTER TABLE "%s" ALTER COLUMN "%s" TYPE %s USING "%[2]s"::%[4]s, ALTER COLUMN "%[2]s" %[5]s NOT NULL`,
		t.Name, c.Name, columnType(c.Type, 0), typeName(c.Type), null)
}
