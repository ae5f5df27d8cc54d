package mysql_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/mysql"
	"github.com/mainstay-run/mainstay/store/storetest"
)

// hostile are defaults for new sessions that a server may have, and what is there
// instead in a session of ours: "" for whatever it is.
var hostile = map[string][]struct{ name, value, ours string }{
	"MariaDB": append(hostileAnywhere,
		hostileSetting{"tx_isolation", "'READ-UNCOMMITTED'", "REPEATABLE-READ"},
		hostileSetting{"tx_read_only", "1", "0"},
		hostileSetting{"max_statement_time", "1", "0"},
		hostileSetting{"max_sort_length", "64", "2000"}),
	"MySQL": append(hostileAnywhere,
		hostileSetting{"transaction_isolation", "'READ-UNCOMMITTED'", "REPEATABLE-READ"},
		hostileSetting{"transaction_read_only", "1", "0"},
		hostileSetting{"max_execution_time", "1000", "0"},
		hostileSetting{"max_sort_length", "4", "2000"},
		hostileSetting{"windowing_use_high_precision", "0", ""}),
}

type hostileSetting = struct{ name, value, ours string }

var hostileAnywhere = []hostileSetting{
	{"sql_mode", "'ANSI,PAD_CHAR_TO_FULL_LENGTH,NO_UNSIGNED_SUBTRACTION,HIGH_NOT_PRECEDENCE'", ""},
	{"time_zone", "'+05:30'", "+00:00"},
	{"character_set_client", "latin1", "utf8mb4"},
	{"character_set_connection", "latin1", "utf8mb4"},
	{"character_set_results", "latin1", "utf8mb4"},
	{"character_set_server", "latin1", ""},
	{"lc_messages", "'de_DE'", "en_US"},
	{"autocommit", "0", "1"},
	{"completion_type", "'RELEASE'", "NO_CHAIN"},
	{"foreign_key_checks", "0", "1"},
	{"unique_checks", "0", "1"},
	{"sql_safe_updates", "1", "0"},
	{"sql_select_limit", "1", "18446744073709551615"},
	{"sql_big_selects", "0", "1"},
	{"max_join_size", "1", ""},
	{"sql_auto_is_null", "1", "0"},
	{"group_concat_max_len", "4", "1048576"},
	{"div_precision_increment", "0", "4"},
	{"innodb_lock_wait_timeout", "1", "10"},
	{"lock_wait_timeout", "1", "86400"},
	{"net_read_timeout", "1", "30"},
	{"net_write_timeout", "1", "60"},
	{"default_storage_engine", "MyISAM", ""},
	{"innodb_default_row_format", "redundant", ""},
	{"innodb_strict_mode", "0", ""},
	{"low_priority_updates", "1", ""},
	{"big_tables", "1", ""},
	{"tmp_table_size", "1024", ""},
	{"optimizer_switch", "'index_merge=off,materialization=off,semijoin=off'", ""},
}

// The defaults of a server for its sessions change nothing, also for a user who may do
// nothing but what GRANT ALL on the database allows.
func TestNoDefaultOfTheServerChangesASession(t *testing.T) {
	onEach(t, noDefaultOfTheServerChangesASession)
}

func noDefaultOfTheServerChangesASession(t *testing.T, k dbtest.Kind) {
	own := map[string]func(testing.TB, ...string) *dbtest.Server{"MariaDB": dbtest.OwnMaria, "MySQL": dbtest.OwnMySQL}
	server := own[k.Name](t, "--innodb-flush-method=nosync", "--innodb-flush-log-at-trx-commit=0", "--skip-innodb-doublewrite")
	admin := server.URL("mysql")
	spoil, restore := []string{}, "SET SESSION autocommit = 1, completion_type = 0, sql_safe_updates = 0"
	for _, s := range hostile[k.Name] {
		spoil = append(spoil, "SET GLOBAL "+s.name+" = "+s.value)
		if strings.Contains(s.name, "read_only") {
			restore += ", " + s.name + " = 0"
		}
	}
	for _, s := range append([]string{"CREATE USER ann IDENTIFIED BY 'secret'"}, spoil...) {
		if err := dbtest.Run(admin, restore, s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	n := 0
	open := func(t testing.TB) *mysql.Driver {
		t.Helper()
		n++
		name := fmt.Sprintf("shop%d", n)
		if err := dbtest.Run(admin, restore, "CREATE DATABASE "+name, "GRANT ALL ON "+name+".* TO ann"); err != nil {
			t.Fatal(err)
		}
		at, err := url.Parse(server.URL(name))
		if err != nil {
			t.Fatal(err)
		}
		at.User = url.UserPassword("ann", "secret")
		return openAs(t, at.String())
	}
	d := open(t)
	for _, s := range hostile[k.Name] {
		got, err := d.List(t.Context(), "SELECT @@SESSION."+s.name)
		if s.ours != "" && (err != nil || got[0] != s.ours) {
			t.Errorf("%s is %s, %v; want %s", s.name, got, err, s.ours)
		}
	}
	storetest.Behaviour(t, func(t testing.TB) store.Driver { return open(t) }, nil)
}

// A migration may take longer than a server lets connections be silent.
func TestALockOutlivesTheSilenceOfItsConnection(t *testing.T) {
	onEach(t, func(t *testing.T, k dbtest.Kind) {
		d := open(t, k)
		brief := func() {
			if err := d.Exec(t.Context(), "SET SESSION wait_timeout = 1"); err != nil {
				t.Fatal(err)
			}
		}
		brief()
		unlock, err := d.Lock(t.Context(), "migrate")
		if err != nil {
			t.Fatal(err)
		}
		brief() // on another one, whose end tells that the lock's would have come
		d.Abandon(t)
		if err := unlock(); err != nil {
			t.Error(err)
		}
	})
}

// MySQL joins no more than 1024 bytes unless it is told to, and names are long.
func TestAnIndexOfManyColumnsWithLongNamesIsRead(t *testing.T) {
	onEach(t, anIndexOfManyColumnsWithLongNamesIsRead)
}

func anIndexOfManyColumnsWithLongNamesIsRead(t *testing.T, k dbtest.Kind) {
	d := open(t, k)
	table := &schema.Table{Name: "wide", PrimaryKey: []string{"id"}, Columns: []*schema.Column{{Name: "id", Type: idType}}}
	index := &schema.Index{Name: "wide__all__unique", Unique: true}
	for i := range 16 {
		name := fmt.Sprintf("%s_%02d", strings.Repeat("x", 61), i)
		table.Columns = append(table.Columns, &schema.Column{Name: name, Type: intType})
		index.Columns = append(index.Columns, schema.IndexColumn{Name: name})
	}
	table.Indexes = append(table.Indexes, index)
	apply(t, d, schema.CreateTable{Table: table})
	if _, err := d.Inspect(t.Context()); err != nil {
		t.Error(err)
	}
}
