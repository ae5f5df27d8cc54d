package mysql

import (
	"context"
	"slices"
	"strings"

	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store/sqlgen"
)

// catalogue is what the database says that it holds: its tables, and of each some
// lines of text, as sqlgen.ColumnLines and its like give them.
type catalogue struct {
	flavour *flavour
	tables  []string
	keyed   []string                       // tables whose keys are told, see keyedQuery
	foreign []string                       // what is not of mainstay's
	lines   map[string]map[string][]string // by query, by table
}

// Each query gives, in one column, the table, a tab and a line of text; a name
// holds no tab. The widths of integers, which mean nothing, are said by MariaDB. What
// is joined stands in sub-selects with DISTINCT: so MariaDB reads each part of its
// catalogue once, not once for each row of the other.
const (
	tablesQuery  = "SELECT CONCAT(TABLE_NAME, '\t', LOWER(COALESCE(ENGINE, TABLE_TYPE))) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME"
	columnsQuery = `SELECT CONCAT(c.TABLE_NAME, '	column ', c.COLUMN_NAME, ' ',
	CASE WHEN c.DATA_TYPE IN ('tinyint', 'bigint') THEN CONCAT(c.DATA_TYPE, IF(c.COLUMN_TYPE LIKE '%unsigned%', ' unsigned', '')) ELSE c.COLUMN_TYPE END,
	COALESCE(CONCAT(' COLLATE ', c.COLLATION_NAME), ''), IF(c.IS_NULLABLE = 'NO', ' not null', ''), COALESCE(CONCAT(' key ', k.SEQ_IN_INDEX), ''))
FROM information_schema.COLUMNS AS c LEFT JOIN (SELECT DISTINCT TABLE_NAME, COLUMN_NAME, SEQ_IN_INDEX
	FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND INDEX_NAME = 'PRIMARY') AS k
	ON k.TABLE_NAME = c.TABLE_NAME AND k.COLUMN_NAME = c.COLUMN_NAME
WHERE c.TABLE_SCHEMA = DATABASE() ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION`
	referencesQuery = `SELECT CONCAT(k.TABLE_NAME, '	reference ', k.COLUMN_NAME, ' to ', k.REFERENCED_TABLE_NAME, ' on delete ',
	IF(r.DELETE_RULE IN ('CASCADE', 'SET NULL'), LOWER(r.DELETE_RULE), 'no action'))
FROM information_schema.KEY_COLUMN_USAGE AS k JOIN (SELECT DISTINCT TABLE_NAME, CONSTRAINT_NAME, DELETE_RULE
	FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE()) AS r
	ON r.TABLE_NAME = k.TABLE_NAME AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME
WHERE k.TABLE_SCHEMA = DATABASE()`
	// keyedQuery lists the tables whose keys are told. MariaDB keeps the keys of a table,
	// references among them, from who may only read it.
	keyedQuery   = "SELECT DISTINCT TABLE_NAME FROM information_schema.TABLE_CONSTRAINTS WHERE TABLE_SCHEMA = DATABASE() AND CONSTRAINT_TYPE = 'PRIMARY KEY'"
	indexesQuery = `SELECT CONCAT(TABLE_NAME, '	index ', INDEX_NAME, IF(MAX(NON_UNIQUE), '', ' unique'), ' on ',
	GROUP_CONCAT(CONCAT(COLUMN_NAME, IF(SUB_PART IS NOT NULL AND NON_UNIQUE = 0, '(prefix)', ''), IF(COLLATION = 'D', ' desc', '')) ORDER BY SEQ_IN_INDEX SEPARATOR ', '))
FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND INDEX_NAME <> 'PRIMARY' GROUP BY TABLE_NAME, INDEX_NAME`
	// foreignQuery finds whatever else was made by somebody, a sentence each. MariaDB
	// tells of the check that a column of JSON has by its type like of any other.
	foreignQuery = `SELECT CONCAT('trigger ', TRIGGER_NAME, ' on ', EVENT_OBJECT_TABLE, ' is not one of mainstay''s') FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()
UNION ALL SELECT CONCAT('constraint ', t.CONSTRAINT_NAME, ' on ', t.TABLE_NAME, ' is not one of mainstay''s') FROM information_schema.TABLE_CONSTRAINTS AS t
	JOIN (SELECT DISTINCT CONSTRAINT_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE()) AS k
	ON k.CONSTRAINT_NAME = t.CONSTRAINT_NAME
	WHERE t.TABLE_SCHEMA = DATABASE() AND t.CONSTRAINT_TYPE = 'CHECK' AND k.CHECK_CLAUSE NOT LIKE 'json_valid(%'
UNION ALL SELECT CONCAT('column ', TABLE_NAME, '.', COLUMN_NAME, ' is computed') FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND EXTRA LIKE '%GENERATED%' AND EXTRA NOT LIKE '%DEFAULT_GENERATED%'`
	// indexColumnsQuery names the columns of an index of a table.
	indexColumnsQuery = `SELECT COLUMN_NAME FROM information_schema.STATISTICS
WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND INDEX_NAME = ? ORDER BY SEQ_IN_INDEX`
)

func (d *Driver) catalogue(ctx context.Context, c *conn) (catalogue, error) {
	there := catalogue{flavour: d.flavour, lines: map[string]map[string][]string{}}
	for _, query := range []string{tablesQuery, columnsQuery, referencesQuery, indexesQuery} {
		list, err := c.list(ctx, query)
		if err != nil {
			return there, err
		}
		byTable := map[string][]string{}
		for _, entry := range list {
			table, line, _ := strings.Cut(entry, "\t")
			byTable[table] = append(byTable[table], line)
			if query == tablesQuery {
				there.tables = append(there.tables, table)
			}
		}
		there.lines[query] = byTable
	}
	var err error
	if there.keyed, err = c.list(ctx, keyedQuery); err != nil {
		return there, err
	}
	there.foreign, err = c.list(ctx, foreignQuery)
	return there, err
}

// differences lists how the tables that are there differ from s.
func (there catalogue) differences(s *schema.Schema) []string {
	list := slices.Clone(there.foreign)
	for _, name := range there.tables {
		if s.Table(name) == nil && name != metaTable {
			list = append(list, "table "+name+" is not one of mainstay's")
		}
	}
	for _, t := range s.Tables {
		if !slices.Contains(there.tables, t.Name) {
			list = append(list, "table "+t.Name+" is missing")
			continue
		}
		if engine := there.lines[tablesQuery][t.Name][0]; engine != "innodb" {
			list = append(list, "table "+t.Name+" is not kept by InnoDB but by "+engine)
		}
		typeName := func(c *schema.Column) string { return there.flavour.dialect.ColumnType(c.Type, c.MaxLength) }
		list = append(list, sqlgen.Differences(t.Name, there.lines[columnsQuery][t.Name], sqlgen.ColumnLines(t, typeName))...)
		if slices.Contains(there.keyed, t.Name) { // else who asks may only read, see Barred
			list = append(list, sqlgen.Differences(t.Name, there.lines[referencesQuery][t.Name], sqlgen.ReferenceLines(t))...)
		}
		list = append(list, sqlgen.Differences(t.Name, there.indexes(t), sqlgen.IndexLines(t))...)
	}
	return list
}

// indexes are those of a table, without the ones that the database makes for
// references that have none.
func (there catalogue) indexes(t *schema.Table) []string {
	return slices.DeleteFunc(slices.Clone(there.lines[indexesQuery][t.Name]), func(line string) bool {
		name, column, _ := strings.Cut(strings.TrimPrefix(line, "index "), " on ")
		c := t.Column(column)
		return c != nil && c.References != "" && name == referenceName(t.Name, column)
	})
}
