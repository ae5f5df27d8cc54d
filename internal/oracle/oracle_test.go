package oracle

import (
	"flag"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/internal/dbtest"
)

var (
	count    = flag.Int("oracle.n", 0, "how many requests; 0: a short run, shorter on server databases")
	seed     = flag.Uint64("oracle.seed", 1, "where chance begins; a failure says with which one to find it again")
	database = flag.String("oracle.database", "", "sqlite, postgres, mariadb or mysql; empty: each that is found")
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(dbtest.Main(m))
}

// short is how many requests a short run makes: a stage on a server costs some
// tenths of a second.
func short(k dbtest.Kind) int {
	if k.Name == "SQLite" {
		return 1500
	}
	return 300
}

// abreast is how many stages are looked at at once. What stands in for MongoDB does
// not keep the transactions of two databases apart.
func abreast(k dbtest.Kind) int {
	if k.Name == "MongoDB" && dbtest.MongoIsStandIn() {
		return 1
	}
	return runtime.GOMAXPROCS(0)
}

// onEach holds a property against each kind of database, or the one that was
// asked for.
func onEach(t *testing.T, property func(*arena)) {
	kinds, absent := dbtest.Kinds()
	asked := false
	for _, k := range kinds {
		if !strings.HasPrefix(strings.ToLower(k.Name), *database) {
			continue
		}
		asked = true
		t.Run(k.Name, func(t *testing.T) {
			a := &arena{T: t, open: k.Open, abreast: abreast(k), count: short(k), first: *seed}
			if *count > 0 {
				a.count = *count
			}
			property(a)
		})
	}
	if !asked {
		t.Fatalf("there is no %s: %s", *database, absent)
	}
	for _, reason := range absent {
		t.Log(reason)
	}
}
