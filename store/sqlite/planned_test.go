package sqlite

import (
	"fmt"
	"testing"

	lib "modernc.org/sqlite/lib"
)

// TestPlannedOnce: a statement is planned when it is prepared, not again with each
// request's values, even where somebody had the whole table analyzed.
func TestPlannedOnce(t *testing.T) {
	for name, analyze := range map[string]string{"a sample": "PRAGMA optimize=0x10002", "the whole": "ANALYZE", "nothing": "SELECT 1"} {
		t.Run(name, func(t *testing.T) {
			c, err := openConn(":memory:", lib.SQLITE_OPEN_READWRITE)
			if err != nil {
				t.Fatal(err)
			}
			defer c.close()
			for _, sql := range []string{
				"CREATE TABLE jobs (id INTEGER PRIMARY KEY, status TEXT, at INTEGER)", "CREATE INDEX by_status ON jobs (status, at)",
				"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO jobs SELECT i, 's' || (i % 7), i FROM n",
				"PRAGMA analysis_limit=0", analyze,
			} {
				if err := c.exec(sql); err != nil {
					t.Fatal(err)
				}
			}
			s, err := c.prepare("SELECT id FROM jobs WHERE status = ? AND (at, id) < (?, ?) ORDER BY at DESC, id DESC LIMIT ?")
			if err != nil {
				t.Fatal(err)
			}
			defer s.finalize()
			for i := range 5 {
				s.bindText(1, fmt.Sprint("s", i))
				s.bindInt(2, int64(300*(i+1)))
				s.bindInt(3, 0)
				s.bindInt(4, int64(i+2))
				if more, err := s.step(); !more || err != nil {
					t.Fatal(more, err)
				}
				s.reset()
			}
			if n := lib.Xsqlite3_stmt_status(c.tls, s.p, lib.SQLITE_STMTSTATUS_REPREPARE, 0); n != 0 {
				t.Errorf("it was planned %d times more", n)
			}
		})
	}
}
