package postgres

import (
	"fmt"
	"strings"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store/sqlgen"
)

// many is an insertion of several rows, however many: one execution of one statement,
// whose arguments are its columns. A list of rows would need a statement, and a plan, for
// each number of them.
type many struct{ *query.Insert }

// columns are the values of rows, one after the other, as a list for each column.
func columns(rows []any, width int) []any {
	lists := make([]any, width)
	all := make([]any, 0, len(rows))
	for i := range lists {
		first := len(all)
		for at := i; at < len(rows); at += width {
			all = append(all, rows[at])
		}
		lists[i] = all[first:]
	}
	return lists
}

// render spells the insertion; key is the table's primary key.
func (m many) render(key []string) sqlgen.Statement {
	names, lists, args := make([]string, len(m.Columns)), make([]string, len(m.Columns)), make([]sqlgen.Arg, len(m.Columns))
	for i, c := range m.Columns {
		names[i], lists[i], args[i] = identifier(c.Name), param(i+1, c.Type, true), sqlgen.Arg{Slot: i, Type: c.Type, List: true}
	}
	sql := fmt.Sprintf("INSERT INTO %s (%s) SELECT * FROM unnest(%s)", identifier(m.Table), strings.Join(names, ", "), strings.Join(lists, ", "))
	if m.OnConflictIgnore {
		for i, name := range key {
			key[i] = identifier(name)
		}
		sql += fmt.Sprintf(dialect.OnConflictIgnore, strings.Join(key, ", "))
	}
	return sqlgen.Statement{SQL: sql, Args: args}
}
