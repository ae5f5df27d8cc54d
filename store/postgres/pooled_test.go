package postgres_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/postgres"
	"github.com/mainstay-run/mainstay/store/storetest"
)

// Behind a pooler that gives every transaction another connection, all is the same.
func TestBehaviourBehindAPooler(t *testing.T) {
	storetest.Behaviour(t, func(t testing.TB) store.Driver {
		d, err := postgres.Open(context.Background(), dbtest.PooledURL(t), postgres.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
		return d
	}, nil)
}

func TestAPoolerIsToldOf(t *testing.T) {
	var log bytes.Buffer
	d, err := postgres.Open(t.Context(), dbtest.PooledURL(t), postgres.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if want := "a pooler stands before the database"; !strings.Contains(log.String(), want) {
		t.Errorf("no %q in %s", want, log.String())
	}
}

func TestWhatAPoolerKeepsFromASessionIsNamed(t *testing.T) {
	for _, tt := range []struct{ spoil, query, want string }{
		{"default_transaction_read_only = on", "", "mend it with ALTER ROLE \"postgres\" SET default_transaction_read_only = 'off'"},
		{"default_transaction_isolation = serializable", "", `mend it with ALTER ROLE "postgres" SET default_transaction_isolation = 'read committed'`},
		{"", "&search_path=elsewhere", "the pooler does not take search_path from the URL"},
	} {
		at := dbtest.PooledURL(t)
		if tt.spoil != "" {
			name := at[strings.LastIndex(at, "/")+1 : strings.Index(at, "?")]
			dbtest.OnServer(t, at, "ALTER DATABASE "+name+" SET "+tt.spoil)
		}
		d, err := postgres.Open(t.Context(), at+tt.query, postgres.Options{})
		if err == nil {
			d.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %s", err, tt.want)
		}
	}
}
