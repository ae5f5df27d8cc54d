package mysql

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
)

// setting is one of the server's, which a session cannot put right for itself.
type setting struct {
	name string
	good []string
	// why it matters when it is another, and the statement or line that mends it.
	why, mend string
	refuse    bool // what is stored would not mean the same
}

// settings are those that every server has.
var settings = []setting{
	{name: "innodb_flush_log_at_trx_commit", good: []string{"1", "3"}, why: "a write that was acknowledged can be lost when the machine stops",
		mend: "SET GLOBAL innodb_flush_log_at_trx_commit = 1"},
	{name: "innodb_doublewrite", good: []string{"1", "ON", "DETECT_AND_RECOVER"}, why: "a page that is half written when the machine stops damages the database",
		mend: "innodb_doublewrite = ON in the server's configuration"},
	{name: "innodb_page_size", good: []string{"16384", "32768", "65536"}, why: "what an index can hold is less than contracts may ask for",
		mend: "a server made with innodb_page_size = 16384", refuse: true},
	{name: "lower_case_table_names", good: []string{"0"}, why: "names of tables may lose their upper-case letters, and a copy may not fit another server",
		mend: "a server made with lower_case_table_names = 0"},
	{name: "read_only", good: []string{"0", "OFF"}, why: "every write will be refused", mend: "SET GLOBAL read_only = 0"},
}

// binaryLog matters when the server copies itself to others or is restored by it.
var binaryLog = setting{name: "sync_binlog", good: []string{"1"}, why: "a write that was acknowledged can be missing in the binary log when the machine stops",
	mend: "SET GLOBAL sync_binlog = 1"}

// examine names the settings that make the database unsafe. It refuses those with
// which it would not mean the same, warns of the others.
func (d *Driver) examine(ctx context.Context, c *conn) error {
	list := settings
	on, err := c.list(ctx, "SELECT @@log_bin")
	if err != nil {
		return explained(ctx, err)
	}
	if on[0] == "1" {
		list = append(slices.Clone(list), binaryLog)
	}
	for _, s := range list {
		found, err := c.list(ctx, "SELECT @@GLOBAL."+s.name)
		if err != nil {
			return explained(ctx, err)
		}
		if slices.Contains(s.good, found[0]) {
			continue
		}
		if s.refuse {
			return fmt.Errorf("the database has %s = %s, so %s; needed is %s", s.name, found[0], s.why, s.mend)
		}
		d.log.LogAttrs(ctx, slog.LevelWarn, "a setting of the database is unsafe",
			slog.String("setting", s.name), slog.String("value", found[0]), slog.String("why", s.why), slog.String("mend", s.mend))
	}
	return d.verify(ctx, c)
}

// verify makes sure that the session is what statements rely on, whatever stands
// between us and the server.
func (d *Driver) verify(ctx context.Context, c *conn) error {
	found, err := c.list(ctx, "SELECT CONCAT_WS(' ', @@character_set_client, @@collation_connection, @@time_zone, @@autocommit + 0, "+
		"@@"+d.flavour.isolation+", LENGTH('\\'), 'a ' = 'a', 'a' = 'A')")
	if err != nil {
		return explained(ctx, err)
	}
	if want := "utf8mb4 " + d.flavour.collation + " +00:00 1 REPEATABLE-READ 1 0 0"; found[0] != want {
		return fmt.Errorf("the database does not keep the settings of a session: it has %q instead of %q; if a proxy stands before it, let it keep sessions apart", found[0], want)
	}
	return nil
}
