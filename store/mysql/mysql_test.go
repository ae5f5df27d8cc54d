package mysql_test

import (
	"os"
	"testing"

	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/store/mysql"
	"github.com/mainstay-run/mainstay/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

// onEach runs a test on MariaDB and on MySQL.
func onEach(t *testing.T, test func(t *testing.T, k dbtest.Kind)) {
	kinds, absent := dbtest.Kinds()
	for _, reason := range absent {
		t.Log(reason)
	}
	for _, k := range kinds {
		if k.Name == "MariaDB" || k.Name == "MySQL" {
			t.Run(k.Name, func(t *testing.T) { test(t, k) })
		}
	}
}

// open opens an empty database.
func open(t testing.TB, k dbtest.Kind) *mysql.Driver { return k.Open(t).(*mysql.Driver) }

func TestBehaviour(t *testing.T) {
	onEach(t, func(t *testing.T, k dbtest.Kind) { storetest.Behaviour(t, k.Open, nil) })
}

func TestUnreadable(t *testing.T) {
	onEach(t, func(t *testing.T, k dbtest.Kind) { storetest.Unreadable(t, k.Open) })
}

func TestRandomQueries(t *testing.T) {
	onEach(t, func(t *testing.T, k dbtest.Kind) { storetest.Random(t, k.Open) })
}
