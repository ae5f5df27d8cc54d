package sqlite

import lib "modernc.org/sqlite/lib"

// Version is the SQLite that is built in, such as "3.54.1".
const Version = lib.SQLITE_VERSION
