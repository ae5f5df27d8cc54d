package mysql

// mariaFlavour is what MariaDB spells in another way. Its JSON is text, whose
// parts come out as they were written, and it has no names of tables in a lock.
var mariaFlavour = func() flavour {
	const collation = "utf8mb4_nopad_bin"
	dialect := newDialect(collation, mariaSpelling)
	for lock, text := range map[int]string{1: "LOCK IN SHARE MODE%.0s", 2: "FOR UPDATE%.0s"} {
		dialect.Locks[lock] = text
	}
	// Of a table without rows a column is read as '', which is no JSON.
	dialect.Each = "JSON_TABLE(NULLIF(%s, ''), '$[*]' COLUMNS (v JSON PATH '$')) AS %s"
	dialect.Unkeyed = " IGNORE INDEX (PRIMARY)"
	return flavour{
		name:      "MariaDB",
		dialect:   dialect,
		collation: collation,
		isolation: "tx_isolation",
		explain:   "EXPLAIN",
		analyze:   "ANALYZE",
		sqlMode:   strictMode + ",SIMULTANEOUS_ASSIGNMENT",
		followed:  [2]string{"log_bin", "1"},
		position:  "SELECT @@GLOBAL.gtid_current_pos",
		reached:   "SELECT MASTER_GTID_WAIT(?, 0) = 0",
		// An EXISTS that it makes an IN may be one that it refuses (1235), and reads
		// all related rows where a page needs few.
		session:      "optimizer_switch = 'exists_to_in=off', tx_read_only = 0, max_statement_time = 0",
		groupLocks:   "SET SESSION innodb_lock_wait_timeout = 0, lock_wait_timeout = 0",
		simultaneous: true,
		minimum:      version{10, 11, 0},
		maxScale:     38,
	}
}()

var mariaSpelling = spelling{
	text: "?",
	member: plainAndRaw{
		plain: `JSON_VALUE(%[1]s, '$."%[2]s"')`,
		raw:   `JSON_QUERY(%[1]s, '$."%[2]s"')`,
	},
	document: plainAndRaw{raw: `NULLIF(JSON_COMPACT(JSON_EXTRACT(%[1]s, '$."%[2]s"')), 'null')`},
	element:  plainAndRaw{plain: "JSON_VALUE(%[1]s.v, '$')", raw: "%[1]s.v"},
	isTrue:   "(%s = '1')",
}
