package postgres_test

import (
	"os"
	"testing"

	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

func open(t testing.TB) store.Driver { return dbtest.Postgres(t) }

func TestBehaviour(t *testing.T) { storetest.Behaviour(t, open, nil) }

func TestUnreadable(t *testing.T) { storetest.Unreadable(t, open) }

func TestRandomQueries(t *testing.T) { storetest.Random(t, open) }
