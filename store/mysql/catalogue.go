package mysql

import (
	"context"
	"slices"
	"strings"

	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store/sqlgen"
)

// catalogue is what the database says that it holds.
type catalogue struct {
	flavour *flavour
	tables  []string
	engines map[string]string         // of the tables
	keyed   []string                  // tables whose keys are told, see keyedQuery
	foreign []sqlgen.Difference       // what is not of mainstay's
	things  map[string][]sqlgen.Thing // by table
}

// Each query gives, in one column, the table, a separator and a thing as sqlgen.Things has
// it. The widths of integers, which mean nothing, are said by MariaDB. What
// is joined stands in sub-selects with DISTINCT: so MariaDB reads each part of its
// catalogue once, not once for each row of the other.
const (
	tablesQuery  = "SELECT CONCAT(TABLE_NAME, '\x1f', LOWER(COALESCE(ENGINE, TABLE_TYPE))) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME"
	columnsQuery = "SELECT CONCAT(TABLE_NAME, '\x1fcolumn ', COLUMN_NAME, ' '," + `
	CASE WHEN DATA_TYPE IN ('tinyint', 'bigint') THEN CONCAT(DATA_TYPE, IF(COLUMN_TYPE LIKE '%unsigned%', ' unsigned', '')) ELSE COLUMN_TYPE END,
	COALESCE(CONCAT(' COLLATE ', COLLATION_NAME), ''), IF(IS_NULLABLE = 'NO', ' not null', ''),
	IF(EXTRA LIKE '%GENERATED%' AND EXTRA NOT LIKE '%DEFAULT_GENERATED%', '` + computed + `', ''), '` + "\x1f" + `', COLUMN_NAME)
FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION`
	referencesQuery = "SELECT CONCAT(k.TABLE_NAME, '\x1freference '," + ` k.COLUMN_NAME, ' to ', k.REFERENCED_TABLE_NAME, ' on delete ',
	IF(r.DELETE_RULE IN ('CASCADE', 'SET NULL'), LOWER(r.DELETE_RULE), 'no action'), '` + "\x1f" + `', k.CONSTRAINT_NAME)
FROM information_schema.KEY_COLUMN_USAGE AS k JOIN (SELECT DISTINCT TABLE_NAME, CONSTRAINT_NAME, DELETE_RULE
	FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE()) AS r
	ON r.TABLE_NAME = k.TABLE_NAME AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME
WHERE k.TABLE_SCHEMA = DATABASE()`
	// keyedQuery lists the tables whose keys are told. MariaDB keeps the keys of a table,
	// references among them, from who may only read it.
	keyedQuery   = "SELECT DISTINCT TABLE_NAME FROM information_schema.TABLE_CONSTRAINTS WHERE TABLE_SCHEMA = DATABASE() AND CONSTRAINT_TYPE = 'PRIMARY KEY'"
	indexesQuery = "SELECT CONCAT(TABLE_NAME, '\x1f'," + ` IF(INDEX_NAME = 'PRIMARY', 'primary key', CONCAT('index ', INDEX_NAME, IF(MAX(NON_UNIQUE), '', ' unique'))), ' on ',
	GROUP_CONCAT(CONCAT(COALESCE(COLUMN_NAME, 'an expression'), IF(SUB_PART IS NOT NULL AND NON_UNIQUE = 0, '(prefix)', ''), IF(COLLATION = 'D', ' desc', '')) ORDER BY SEQ_IN_INDEX SEPARATOR ', '), '` + "\x1f" + `', INDEX_NAME)
FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() GROUP BY TABLE_NAME, INDEX_NAME`
	// foreignQuery finds whatever else was made by somebody, each with the statement that
	// takes it away. MariaDB tells of the check that a column of JSON has by its type like
	// of any other.
	foreignQuery = "SELECT CONCAT('trigger ', TRIGGER_NAME, ' on ', EVENT_OBJECT_TABLE, ' is not one of mainstay''s\x1fDROP TRIGGER `', REPLACE(TRIGGER_NAME, '`', '``'), '`') FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()" + `
UNION ALL SELECT CONCAT('constraint ', t.CONSTRAINT_NAME, ' on ', t.TABLE_NAME, ` + "' is not one of mainstay''s\x1fALTER TABLE `', REPLACE(t.TABLE_NAME, '`', '``'), '` DROP CONSTRAINT `', REPLACE(t.CONSTRAINT_NAME, '`', '``'), '`')" + ` FROM information_schema.TABLE_CONSTRAINTS AS t
	JOIN (SELECT DISTINCT CONSTRAINT_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE()) AS k
	ON k.CONSTRAINT_NAME = t.CONSTRAINT_NAME
	WHERE t.TABLE_SCHEMA = DATABASE() AND t.CONSTRAINT_TYPE = 'CHECK' AND k.CHECK_CLAUSE NOT LIKE 'json_valid(%'`
	// indexColumnsQuery names the columns of an index of a table.
	indexColumnsQuery = `SELECT COLUMN_NAME FROM information_schema.STATISTICS
WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND INDEX_NAME = ? ORDER BY SEQ_IN_INDEX`
)

func (d *Driver) catalogue(ctx context.Context, c *conn) (catalogue, error) {
	there := catalogue{flavour: d.flavour, engines: map[string]string{}, things: map[string][]sqlgen.Thing{}}
	tables, err := c.list(ctx, tablesQuery)
	if err != nil {
		return there, err
	}
	for _, text := range tables {
		table, engine, _ := strings.Cut(text, sqlgen.ThingSeparator)
		there.tables = append(there.tables, table)
		there.engines[table] = engine
	}
	for _, query := range []string{columnsQuery, referencesQuery, indexesQuery} {
		texts, err := c.list(ctx, query)
		if err != nil {
			return there, err
		}
		for _, text := range texts {
			table, text, _ := strings.Cut(text, sqlgen.ThingSeparator)
			there.things[table] = append(there.things[table], sqlgen.ThingOf(text))
		}
	}
	if there.keyed, err = c.list(ctx, keyedQuery); err != nil {
		return there, err
	}
	foreign, err := c.list(ctx, foreignQuery)
	for _, text := range foreign {
		what, drop, _ := strings.Cut(text, sqlgen.ThingSeparator)
		there.foreign = append(there.foreign, sqlgen.Difference{What: what, Mend: drop})
	}
	return there, err
}

// differences lists how the tables that are there differ from s.
func (there catalogue) differences(s *schema.Schema) []sqlgen.Difference {
	list := slices.Clone(there.foreign)
	for _, name := range there.tables {
		quoted := there.flavour.dialect.Quoted(name)
		switch {
		case there.engines[name] == view:
			list = append(list, sqlgen.Difference{What: "view " + name + " is not one of mainstay's", Mend: "DROP VIEW " + quoted})
		case s.Table(name) == nil && name != metaTable:
			list = append(list, sqlgen.ForeignTable(name, "DROP TABLE "+quoted))
		}
	}
	for _, t := range s.Tables {
		engine, ok := there.engines[t.Name]
		if !ok || engine == view {
			create, _ := there.flavour.createTable(t) // it was made once
			list = append(list, sqlgen.MissingTable(t.Name, create))
			continue
		}
		if engine != "innodb" {
			list = append(list, sqlgen.Difference{What: "table " + t.Name + " is not kept by InnoDB but by " + engine, Mend: "ALTER TABLE `" + t.Name + "` ENGINE=InnoDB"})
		}
		want := sqlgen.Things(t, func(c *schema.Column) string { return there.flavour.dialect.ColumnType(c.Type, c.MaxLength) })
		key := func(x sqlgen.Thing) bool { return x.Kind == sqlgen.PrimaryKey }
		if slices.ContainsFunc(there.things[t.Name], key) && !slices.Contains(there.keyed, t.Name) { // who asks may only read, see Barred
			want = slices.DeleteFunc(want, func(x sqlgen.Thing) bool { return x.Kind == sqlgen.Reference })
		}
		list = append(list, sqlgen.Differences(t, there.thingsOf(t), want, there)...)
	}
	return list
}

const view = "view"

// thingsOf are those of a table, without the indexes that the database makes for
// references that have none.
func (there catalogue) thingsOf(t *schema.Table) []sqlgen.Thing {
	return slices.DeleteFunc(slices.Clone(there.things[t.Name]), func(x sqlgen.Thing) bool {
		_, column, _ := strings.Cut(x.Line, " on ")
		c := t.Column(column)
		return x.Kind == sqlgen.Index && c != nil && c.References != "" && x.Name == referenceName(t.Name, column)
	})
}
