package mongo_test

import (
	"os"
	"testing"

	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

func open(t testing.TB) store.Driver { return dbtest.Mongo(t, nil) }

// unproven is what the stand-in cannot show; docs/mongodb.md tells it to users.
var unproven = storetest.Unproven{
	"a page on unique keys needs no sort":    "the stand-in has no explain, and plans nothing",
	"an index is tried where nobody sees it": "the stand-in has no explain, and plans nothing",
}

func TestBehaviour(t *testing.T) {
	if dbtest.MongoIsStandIn() {
		storetest.Behaviour(t, open, unproven)
	} else {
		storetest.Behaviour(t, open, nil)
	}
}

func TestRandomQueries(t *testing.T) { storetest.Random(t, open) }
