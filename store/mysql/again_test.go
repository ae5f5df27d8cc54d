package mysql_test

import (
	"testing"

	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/mysql"
	"github.com/mainstay-run/mainstay/value"
)

// A server says goodbye to connections that lay at rest for too long, which only who
// asks over a network reads: nobody is told.
func TestTransactionsSurviveTheServersGoodbye(t *testing.T) {
	for _, kind := range []struct {
		name string
		own  func(testing.TB, ...string) *dbtest.Server
	}{{"MariaDB", dbtest.OwnMariaTCP}, {"MySQL", dbtest.OwnMySQLTCP}} {
		t.Run(kind.name, func(t *testing.T) { transactionsSurviveTheServersGoodbye(t, kind.own(t)) })
	}
}

func transactionsSurviveTheServersGoodbye(t *testing.T, s *dbtest.Server) {
	if err := dbtest.Run(s.URL(""), "CREATE DATABASE goodbye"); err != nil {
		t.Fatal(err)
	}
	d, err := mysql.Open(t.Context(), s.URL("goodbye"), mysql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	apply(t, d, schema.CreateTable{Table: shelves()})
	add(t, d, 1, "first")
	for _, mode := range []store.Mode{store.ReadOne, store.Snapshot, store.Write, store.WriteOne} {
		use := func() error {
			return store.New(d).InTx(t.Context(), mode, nil, func(tx store.Tx) error {
				if mode == store.WriteOne {
					_, err := tx.Update(t.Context(), rename, []any{value.UUID{15: 1}, "second"})
					return err
				}
				_, err := texts(t.Context(), tx, nameOf, value.UUID{15: 1})
				return err
			})
		}
		err := use() // so that a connection lies at rest that suits
		d.Abandon(t)
		if again := use(); err == nil {
			err = again
		}
		if err != nil {
			t.Errorf("mode %d: %v", mode, err)
		}
	}
}
