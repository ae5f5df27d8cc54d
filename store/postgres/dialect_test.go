package postgres

import (
	"testing"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store/storetest"
)

func TestStatements(t *testing.T) {
	storetest.Statements(t, "postgres.sql", func(q any) string {
		switch q := q.(type) {
		case *query.Insert:
			return dialect.Insert(q, 1, []string{"id"}).SQL
		case *query.Update:
			return dialect.Update(q).SQL
		case *query.Delete:
			return dialect.Delete(q).SQL
		}
		return dialect.Select(q.(*query.Select)).SQL
	})
}
