package mysql

import (
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store/storetest"
)

func TestStatements(t *testing.T) {
	t.Run("mysql", func(t *testing.T) { storetest.Statements(t, "mysql.sql", mysqlFlavour.text) })
	t.Run("mariadb", func(t *testing.T) { storetest.Statements(t, "mariadb.sql", mariaFlavour.text) })
}

// text is a statement with a list of any length shown as one element and dots.
func (f *flavour) text(q any) string {
	text := ""
	switch q := q.(type) {
	case *query.Select:
		text = f.dialect.Select(q).SQL
	case *query.Insert:
		text = f.dialect.Insert(q, 1, nil).SQL
	case *query.Update:
		text = f.dialect.Update(q).SQL
	case *query.Delete:
		text = f.dialect.Delete(q).SQL
	}
	parts := strings.Split(text, listMark)
	for i := 1; i < len(parts); i += 2 {
		parts[i] += ", …"
	}
	return strings.Join(parts, "")
}
