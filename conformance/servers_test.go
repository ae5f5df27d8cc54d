package conformance

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/internal/dbtest"
)

// unfit is a server, database or user that a program must not begin to serve from.
type unfit struct {
	name    string
	command string // "serve" when left out
	// spoil is run by somebody who may do everything, in the shop's own database,
	// which is complete. DB is its name, ANN a user of this case alone.
	spoil []string
	// url changes how the program is told to connect.
	url  func(*url.URL)
	want string // the last that it says; $HOST is where the server is
}

// as connects as ann.
func as(u *url.URL) { u.User = url.UserPassword("$ANN", "secret") }

func with(parameter, value string) func(*url.URL) {
	return func(u *url.URL) {
		q := u.Query()
		q.Set(parameter, value)
		u.RawQuery = q.Encode()
	}
}

const notAsRecorded = "the database $DB is not as it was recorded: "

// ann makes a user who was granted nothing.
var ann = []string{"CREATE ROLE $ANN LOGIN PASSWORD 'secret'"}

const mayNothing = `$ANN may not read and write every table: not items, mainstay_credentials, mainstay_idempotency, mainstay_keys, mainstay_meta, mainstay_sessions, users; mend it with GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "public" TO "$ANN"`

var unfitPostgres = []unfit{
	{name: "no server", url: func(u *url.URL) { u.Host = "127.0.0.1:1" }, want: "open the PostgreSQL database $DB on 127.0.0.1:1: connection refused; is PostgreSQL running there? See pg_isready -h 127.0.0.1 -p 1"},
	{name: "no socket", url: func(u *url.URL) { u.Host, u.RawQuery = "", "host=/nowhere" }, want: "open the PostgreSQL database $DB on /nowhere: no such file or directory; is PostgreSQL running there? See pg_isready -h /nowhere -p 5432"},
	{name: "no host", url: func(u *url.URL) { u.Host = "nowhere.invalid" }, want: "open the PostgreSQL database $DB on nowhere.invalid:5432: no host of that name was found"},
	{name: "a parameter that does not exist", url: with("sslmod", "disable"), want: `open the PostgreSQL database $DB on $HOST: unrecognized configuration parameter "sslmod"; known in a URL are sslmode, sslrootcert, sslcert, sslkey, host, connect_timeout, target_session_attrs, options and search_path, and the server's own settings`},
	{name: "a TLS mode that does not exist", url: with("sslmode", "yes"), want: "the database's URL is postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=…: sslmode is disable, allow, prefer, require, verify-ca or verify-full"},
	{name: "TLS that the server does not have", url: with("sslmode", "require"),
		want: "open the PostgreSQL database $DB on $HOST: the server has no TLS; mend it with ALTER SYSTEM SET ssl = on and a certificate, or say sslmode=disable in the URL"},
	{name: "a wrong password", spoil: []string{"CREATE ROLE $ANN LOGIN PASSWORD 'other'"}, url: as,
		want: `open the PostgreSQL database $DB on $HOST: password authentication failed for user "$ANN": wrong password, or no such user; mend the URL, or say ALTER ROLE "$ANN" PASSWORD '…' or CREATE ROLE "$ANN" LOGIN PASSWORD '…'`},
	{name: "no such user", url: as,
		want: `open the PostgreSQL database $DB on $HOST: password authentication failed for user "$ANN": wrong password, or no such user; mend the URL, or say ALTER ROLE "$ANN" PASSWORD '…' or CREATE ROLE "$ANN" LOGIN PASSWORD '…'`},
	{name: "no password", spoil: ann, url: func(u *url.URL) { u.User = url.User("$ANN") },
		want: "open the PostgreSQL database $DB on $HOST: the server asks $ANN for a password, and there is none in the URL: postgres://USER:PASSWORD@HOST:PORT/NAME"},
	{name: "a user who may not log in", spoil: []string{"CREATE ROLE $ANN PASSWORD 'secret'"}, url: as,
		want: `open the PostgreSQL database $DB on $HOST: role "$ANN" is not permitted to log in; mend it with CREATE ROLE "$ANN" LOGIN or ALTER ROLE "$ANN" LOGIN, and a line for it in pg_hba.conf`},
	{name: "no database", url: func(u *url.URL) { u.Path = "/nowhere" },
		want: `open the PostgreSQL database nowhere on $HOST: database "nowhere" does not exist; mend it with CREATE DATABASE "nowhere" ENCODING 'UTF8' TEMPLATE template0`},
	{name: "a user who may not connect", spoil: []string{"CREATE ROLE $ANN LOGIN PASSWORD 'secret'", "REVOKE CONNECT ON DATABASE $DB FROM PUBLIC"}, url: as,
		want: `open the PostgreSQL database $DB on $HOST: permission denied for database "$DB"; mend it with GRANT CONNECT ON DATABASE "$DB" TO "$ANN"`},
	{name: "no schema", url: with("search_path", "Nowhere"),
		want: `the PostgreSQL database $DB has none of the schemas of its search_path (Nowhere) that postgres may use; mend it with CREATE SCHEMA "nowhere"`},
	{name: "another encoding", spoil: []string{"CREATE DATABASE other_$DB ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0"}, url: func(u *url.URL) { u.Path = "/other_$DB" },
		want: "the PostgreSQL database other_$DB has the encoding SQL_ASCII, which cannot hold every text; make another one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"},
	{name: "a user who may only read", spoil: []string{"CREATE ROLE $ANN LOGIN PASSWORD 'secret'", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO $ANN", "GRANT ALL ON mainstay_credentials, mainstay_idempotency, mainstay_keys, mainstay_meta, mainstay_sessions TO $ANN"}, url: as,
		want: `$ANN may not read and write every table: not items, users; mend it with GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "public" TO "$ANN"`},
	{name: "a user who may do nothing", spoil: ann, url: as, want: mayNothing},
	{name: "a user who may do nothing, asked for steps", command: "plan", spoil: ann, url: as, want: mayNothing},
	{name: "a user who may do nothing, asked to migrate", command: "migrate", spoil: ann, url: as, want: mayNothing},
	{name: "a user who may do nothing, asked to conform", command: "conform", spoil: ann, url: as, want: mayNothing},
	{name: "a schema that may not be used", spoil: []string{ann[0], "REVOKE USAGE ON SCHEMA public FROM PUBLIC"}, url: as,
		want: `the PostgreSQL database $DB has none of the schemas of its search_path ("$user", public) that $ANN may use; mend it with GRANT USAGE ON SCHEMA "public" TO "$ANN"`},
	{name: "references that are not held to", spoil: []string{ann[0], "GRANT ALL ON ALL TABLES IN SCHEMA public TO $ANN", "ALTER ROLE $ANN SET session_replication_role = replica"}, url: as,
		want: `the PostgreSQL database $DB has session_replication_role = replica, so that references are not held to; mend it with ALTER ROLE "$ANN" RESET session_replication_role`},
	{name: "a user who may not make tables", command: "migrate", spoil: []string{ann[0], "CREATE SCHEMA empty", "GRANT USAGE ON SCHEMA empty TO $ANN"},
		url:  func(u *url.URL) { as(u); with("search_path", "empty")(u) },
		want: `$ANN may not change the tables: permission denied for schema empty; mend it with GRANT CREATE ON SCHEMA "empty" TO "$ANN"`},
	{name: "a user whose tables are another's", command: "migrate", spoil: []string{ann[0], "CREATE SCHEMA half", "GRANT USAGE, CREATE ON SCHEMA half TO $ANN",
		"CREATE TABLE half.mainstay_meta (LIKE mainstay_meta INCLUDING ALL)", "INSERT INTO half.mainstay_meta VALUES ('format', '1'), ('schema', '{}')", "GRANT SELECT ON half.mainstay_meta TO $ANN"},
		url:  func(u *url.URL) { as(u); with("search_path", "half")(u) },
		want: `$ANN may not change the tables: permission denied for table mainstay_meta; mend it with ALTER TABLE "mainstay_meta" OWNER TO "$ANN"`},
	{name: "a column dropped by hand", spoil: []string{"ALTER TABLE items DROP COLUMN note"}, want: notAsRecorded + `table items lacks column note text COLLATE "C"; its values are gone: restore a backup, or mend it with ALTER TABLE "items" ADD COLUMN "note" text COLLATE "C"`},
	{name: "a column that was changed", spoil: []string{"ALTER TABLE items ALTER note TYPE varchar(10)"},
		want: notAsRecorded + `table items has column note character varying(10) COLLATE "default" instead of column note text COLLATE "C"; mend it with ALTER TABLE "items" ALTER COLUMN "note" TYPE text COLLATE "C" USING "note"::text, ALTER COLUMN "note" DROP NOT NULL`},
	{name: "another collation", spoil: []string{`ALTER TABLE items ALTER note TYPE text COLLATE "ucs_basic"`},
		want: notAsRecorded + `table items has column note text COLLATE ucs_basic instead of column note text COLLATE "C"; mend it with ALTER TABLE "items" ALTER COLUMN "note" TYPE text COLLATE "C" USING "note"::text, ALTER COLUMN "note" DROP NOT NULL`},
	{name: "a column that may be null", spoil: []string{`ALTER TABLE items ALTER name DROP NOT NULL`},
		want: notAsRecorded + `table items has column name text COLLATE "C" instead of column name text COLLATE "C" not null; mend it with ALTER TABLE "items" ALTER COLUMN "name" TYPE text COLLATE "C" USING "name"::text, ALTER COLUMN "name" SET NOT NULL`},
	{name: "a column added by hand", spoil: []string{`ALTER TABLE items ADD "an ""extra" bigserial UNIQUE`},
		want: notAsRecorded + `column items.an "extra has a default that is not one of mainstay's; mend it with ALTER TABLE items ALTER COLUMN "an ""extra" DROP DEFAULT; constraint items_an "extra_key on items is not one of mainstay's; mend it with ALTER TABLE items DROP CONSTRAINT "items_an ""extra_key"; table items has column an "extra bigint not null; keep its values elsewhere, and mend it with ALTER TABLE "items" DROP COLUMN "an ""extra"`},
	{name: "a reference added by hand", spoil: []string{`ALTER TABLE items ADD giver uuid REFERENCES users`},
		want: notAsRecorded + `table items has reference giver to users on delete no action; mend it with ALTER TABLE "items" DROP CONSTRAINT "items_giver_fkey"; table items has column giver uuid; keep its values elsewhere, and mend it with ALTER TABLE "items" DROP COLUMN "giver"`},
	{name: "a key dropped by hand", spoil: []string{`ALTER TABLE items DROP CONSTRAINT items_pkey`},
		want: notAsRecorded + `table items lacks primary key on id; mend it with ALTER TABLE "items" ADD PRIMARY KEY ("id")`},
	{name: "a table added by hand", spoil: []string{"CREATE TABLE mine (a int)"}, want: notAsRecorded + `table mine is not one of mainstay's; keep it in another database, and mend it with DROP TABLE "mine"`},
	{name: "a table dropped by hand", spoil: []string{"DROP TABLE items"}, want: notAsRecorded + `table items is missing; its rows are gone: restore a backup, or mend it with CREATE TABLE "items" ("id" uuid NOT NULL, "created_at" timestamptz(3) NOT NULL, "updated_at" timestamptz(3) NOT NULL, "_revision" bigint NOT NULL, "name" text COLLATE "C" NOT NULL, "note" text COLLATE "C", "owner" uuid REFERENCES "users", PRIMARY KEY ("id")); CREATE INDEX "items__name" ON "items" ("name", "id"); CREATE INDEX "items__owner" ON "items" ("owner" NULLS FIRST, "id")`},
	{name: "an index dropped by hand", spoil: []string{"DROP INDEX items__name"}, want: notAsRecorded + `table items lacks index items__name on name, id; mend it with CREATE INDEX "items__name" ON "items" ("name", "id")`},
	{name: "a unique index over some rows", spoil: []string{"DROP INDEX users__email__unique", "CREATE UNIQUE INDEX users__email__unique ON users (email) WHERE email <> ''"},
		want: notAsRecorded + `table users has index users__email__unique unique on email of some rows; mend it with DROP INDEX "users__email__unique"; table users lacks index users__email__unique unique on email; mend it with CREATE UNIQUE INDEX "users__email__unique" ON "users" ("email")`},
	{name: "a view added by hand", spoil: []string{"CREATE VIEW mine AS SELECT 1"}, want: notAsRecorded + "view mine is not one of mainstay's; mend it with DROP VIEW mine"},
	{name: "a trigger added by hand", spoil: []string{"CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'", "CREATE TRIGGER mine BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION nothing()"},
		want: notAsRecorded + "trigger mine on items is not one of mainstay's; mend it with DROP TRIGGER mine ON items"},
	{name: "a rule added by hand", spoil: []string{"CREATE RULE mine AS ON DELETE TO items DO INSTEAD NOTHING"}, want: notAsRecorded + "rule mine on items is not one of mainstay's; mend it with DROP RULE mine ON items"},
	{name: "a check added by hand", spoil: []string{"ALTER TABLE items ADD CONSTRAINT mine CHECK (name <> 'x')"}, want: notAsRecorded + "constraint mine on items is not one of mainstay's; mend it with ALTER TABLE items DROP CONSTRAINT mine"},
	{name: "a default added by hand", spoil: []string{"ALTER TABLE items ALTER note SET DEFAULT 'x'"}, want: notAsRecorded + "column items.note has a default that is not one of mainstay's; mend it with ALTER TABLE items ALTER COLUMN note DROP DEFAULT"},
	{name: "row level security", spoil: []string{"ALTER TABLE items ENABLE ROW LEVEL SECURITY"},
		want: notAsRecorded + "table items has row level security, which hides rows; mend it with ALTER TABLE items DISABLE ROW LEVEL SECURITY"},
	{name: "a table that is not logged", spoil: []string{"ALTER TABLE items SET UNLOGGED"},
		want: notAsRecorded + "table items is not logged, so that a crash empties it; mend it with ALTER TABLE items SET LOGGED"},
}

var unfitMaria = []unfit{
	{name: "no server", url: func(u *url.URL) { u.Host, u.RawQuery = "127.0.0.1:1", "" }, want: "open the database $DB on 127.0.0.1:1: connection refused; start the server, or name in the URL where it listens"},
	{name: "no socket", url: with("socket", "/nowhere"), want: "open the database $DB on /nowhere: no such file or directory; start the server, or name in the URL where it listens"},
	{name: "no host", url: func(u *url.URL) { u.Host, u.RawQuery = "nowhere.invalid", "" }, want: "open the database $DB on nowhere.invalid:3306: no host of that name was found"},
	{name: "a parameter that does not exist", url: with("sockt", "x"), want: `the database's URL: there is no parameter "sockt"; known are socket, tls and ca`},
	{name: "TLS that the server does not have", url: with("tls", "true"),
		want: "open the database $DB on $HOST: the server has no TLS; give it a certificate (ssl_cert and ssl_key in its configuration), or say tls=false in the URL"},
	{name: "a wrong password", spoil: []string{"CREATE USER $ANN IDENTIFIED BY 'other'"}, url: as,
		want: "open the database $DB on $HOST: Access denied for user '$ANN'@'localhost' (using password: YES); the URL's user and password are not those of CREATE USER '$ANN'@'…' IDENTIFIED BY '…', or that user has REQUIRE SSL: then say tls=true, or ca=FILE, in the URL"},
	{name: "a user who may not come without TLS", spoil: []string{"CREATE USER $ANN IDENTIFIED BY 'secret' REQUIRE SSL"}, url: as,
		want: "open the database $DB on $HOST: Access denied for user '$ANN'@'localhost' (using password: YES); the URL's user and password are not those of CREATE USER '$ANN'@'…' IDENTIFIED BY '…', or that user has REQUIRE SSL: then say tls=true, or ca=FILE, in the URL"},
	{name: "no database", url: func(u *url.URL) { u.Path = "/nowhere" }, want: "open the database nowhere on $HOST: Unknown database 'nowhere'; mend it with CREATE DATABASE `nowhere`"},
	{name: "a user who may not use it", spoil: []string{"CREATE USER $ANN IDENTIFIED BY 'secret'"}, url: as,
		want: "open the database $DB on $HOST: Access denied for user '$ANN'@'%' to database '$DB'; mend it with GRANT ALL ON `$DB`.* TO '$ANN'@'…'"},
	{name: "a user who may only read", spoil: []string{"CREATE USER $ANN IDENTIFIED BY 'secret'", "GRANT SELECT ON $DB.* TO $ANN"}, url: as,
		want: "$ANN may not read and write every table: not items, mainstay_credentials, mainstay_idempotency, mainstay_keys, mainstay_meta, mainstay_sessions, users; mend it with GRANT SELECT, INSERT, UPDATE, DELETE ON `$DB`.* TO '$ANN'@'…'"},
	{name: "a user who may not make tables", command: "migrate", spoil: []string{"CREATE USER $ANN IDENTIFIED BY 'secret'", "CREATE DATABASE empty_$DB", "GRANT SELECT, INSERT, UPDATE, DELETE ON empty_$DB.* TO $ANN"},
		url:  func(u *url.URL) { as(u); u.Path = "/empty_$DB" },
		want: "$ANN may not change the tables: CREATE command denied to user '$ANN'@'localhost' for table `empty_$DB`.`mainstay_meta`; mend it with GRANT ALL ON `empty_$DB`.* TO '$ANN'@'…'"},
	{name: "a column dropped by hand", spoil: []string{"ALTER TABLE items DROP COLUMN note"}, want: notAsRecorded + "table items lacks column note longtext COLLATE utf8mb4_nopad_bin; its values are gone: restore a backup, or mend it with ALTER TABLE `items` ADD COLUMN `note` longtext COLLATE utf8mb4_nopad_bin"},
	{name: "another collation", spoil: []string{"ALTER TABLE items MODIFY note mediumtext COLLATE utf8mb4_general_ci"},
		want: notAsRecorded + "table items has column note mediumtext COLLATE utf8mb4_general_ci instead of column note longtext COLLATE utf8mb4_nopad_bin; mend it with ALTER TABLE `items` MODIFY COLUMN `note` longtext COLLATE utf8mb4_nopad_bin"},
	{name: "a column that is computed", spoil: []string{"ALTER TABLE items DROP COLUMN note, ADD COLUMN note longtext COLLATE utf8mb4_nopad_bin AS (name) VIRTUAL"},
		want: notAsRecorded + "table items has column note longtext COLLATE utf8mb4_nopad_bin computed instead of column note longtext COLLATE utf8mb4_nopad_bin; mend it with ALTER TABLE `items` DROP COLUMN `note`, ADD COLUMN `note` longtext COLLATE utf8mb4_nopad_bin"},
	{name: "a column added by hand", spoil: []string{"ALTER TABLE items ADD COLUMN `an ``extra` int UNIQUE"},
		want: notAsRecorded + "table items has index an `extra unique on an `extra; mend it with ALTER TABLE `items` DROP INDEX `an ``extra`; table items has column an `extra int(11); keep its values elsewhere, and mend it with ALTER TABLE `items` DROP COLUMN `an ``extra`"},
	{name: "a reference added by hand", spoil: []string{"ALTER TABLE items ADD COLUMN giver binary(16), ADD CONSTRAINT mine FOREIGN KEY (giver) REFERENCES users (id)"},
		want: notAsRecorded + "table items has reference giver to users on delete no action; mend it with ALTER TABLE `items` DROP FOREIGN KEY `mine`; table items has index mine on giver; mend it with ALTER TABLE `items` DROP INDEX `mine`; table items has column giver binary(16); keep its values elsewhere, and mend it with ALTER TABLE `items` DROP COLUMN `giver`"},
	{name: "a key dropped by hand", spoil: []string{"ALTER TABLE items DROP PRIMARY KEY"},
		want: notAsRecorded + "table items lacks primary key on id; mend it with ALTER TABLE `items` ADD PRIMARY KEY (`id`)"},
	{name: "another engine", spoil: []string{"ALTER TABLE mainstay_sessions ENGINE = Aria"}, want: notAsRecorded + "table mainstay_sessions is not kept by InnoDB but by aria; mend it with ALTER TABLE `mainstay_sessions` ENGINE=InnoDB"},
	{name: "a table added by hand", spoil: []string{"CREATE TABLE mine (a int)"}, want: notAsRecorded + "table mine is not one of mainstay's; keep it in another database, and mend it with DROP TABLE `mine`"},
	{name: "a table dropped by hand", spoil: []string{"DROP TABLE items"}, want: notAsRecorded + "table items is missing; its rows are gone: restore a backup, or mend it with CREATE TABLE `items` (`id` binary(16) NOT NULL, `created_at` datetime(3) NOT NULL, `updated_at` datetime(3) NOT NULL, `_revision` bigint NOT NULL, `name` varchar(80) COLLATE utf8mb4_nopad_bin NOT NULL, `note` longtext COLLATE utf8mb4_nopad_bin, `owner` binary(16), PRIMARY KEY (`id`), INDEX `items__name` (`name`, `id`), INDEX `items__owner` (`owner`, `id`), CONSTRAINT `items__owner__ref` FOREIGN KEY (`owner`) REFERENCES `users` (`id`)) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"},
	{name: "an index dropped by hand", spoil: []string{"DROP INDEX items__name ON items"}, want: notAsRecorded + "table items lacks index items__name on name, id; mend it with ALTER TABLE `items` ADD INDEX `items__name` (`name`, `id`)"},
	{name: "a view added by hand", spoil: []string{"CREATE VIEW mine AS SELECT 1"}, want: notAsRecorded + "view mine is not one of mainstay's; mend it with DROP VIEW `mine`"},
	{name: "a trigger added by hand", spoil: []string{"CREATE TRIGGER mine BEFORE INSERT ON items FOR EACH ROW SET NEW.note = 'x'"}, want: notAsRecorded + "trigger mine on items is not one of mainstay's; mend it with DROP TRIGGER `mine`"},
	{name: "a check added by hand", spoil: []string{"ALTER TABLE items ADD CONSTRAINT mine CHECK (name <> 'x')"}, want: notAsRecorded + "constraint mine on items is not one of mainstay's; mend it with ALTER TABLE `items` DROP CONSTRAINT `mine`"},
}

// passwords is a pg_hba.conf that lets postgres in, and others with their password.
func passwords(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "mainstay-hba-")
	if err == nil {
		t.Cleanup(func() { os.RemoveAll(folder) })
		err = os.Chmod(folder, 0o755) // the server may run as another user
	}
	file := filepath.Join(folder, "pg_hba.conf")
	if err == nil {
		err = os.WriteFile(file, []byte("host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return "hba_file=" + file
}

func TestAServerDatabaseThatIsUnfitIsNamedWithWhatMendsIt(t *testing.T) {
	s := &shop{contract: t.TempDir(), folder: t.TempDir()}
	s.save(t, strings.Replace(shopContract, "note: text optional\n", "note: text optional\n      owner: User optional\n", 1))
	t.Run("PostgreSQL", func(t *testing.T) {
		server := dbtest.OwnPostgres(t, "-c", passwords(t))
		if err := dbtest.Run(server.URL(""), "CREATE DATABASE complete"); err != nil {
			t.Fatal(err)
		}
		s.migrateTo(t, server.URL("complete"))
		refusesUnfit(t, s, server, unfitPostgres, func(name string) error {
			return dbtest.Run(server.URL(""), "CREATE DATABASE "+name+" TEMPLATE complete")
		})
	})
	t.Run("MariaDB", func(t *testing.T) {
		server := dbtest.OwnMaria(t)
		refusesUnfit(t, s, server, unfitMaria, func(name string) error {
			if err := dbtest.Run(server.URL(""), "CREATE DATABASE "+name); err != nil {
				return err
			}
			return command("migrate", s.contract, "--database", server.URL(name)).Run()
		})
	})
}

func (s *shop) migrateTo(t *testing.T, database string) {
	t.Helper()
	if out, err := command("migrate", s.contract, "--database", database).CombinedOutput(); err != nil {
		t.Fatalf("mainstay migrate: %v\n%s", err, out)
	}
}

// serveFrom is the arguments that serve the shop from a database.
func (s *shop) serveFrom(database string) []string {
	return []string{"serve", s.contract, "--database", database, "--keys", filepath.Join(s.folder, "keys"), "--listen", "127.0.0.1:0", "--operator", "127.0.0.1:0"}
}

func refusesUnfit(t *testing.T, s *shop, server *dbtest.Server, cases []unfit, complete func(name string) error) {
	for i, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			name := fmt.Sprintf("case%d", i)
			at, err := url.Parse(server.URL(name))
			if err != nil {
				t.Fatal(err)
			}
			words := map[string]string{"DB": name, "ANN": fmt.Sprintf("ann%d", i), "HOST": at.Host, "user": "$user"}
			if socket := at.Query().Get("socket"); socket != "" {
				words["HOST"] = socket
			}
			fill := func(text string) string { return os.Expand(text, func(word string) string { return words[word] }) }
			if err := complete(name); err != nil {
				t.Fatal(err)
			}
			for _, statement := range tt.spoil {
				if err := dbtest.Run(at.String(), fill(statement)); err != nil {
					t.Fatalf("%s: %v", statement, err)
				}
			}
			if tt.url != nil {
				tt.url(at)
			}
			database := fill(at.String())
			args := s.serveFrom(database)
			if tt.command != "" {
				args = []string{tt.command, s.contract, "--database", database}
			}
			if tt.command == "conform" {
				args = []string{tt.command, "--database", database}
			}
			p := start(t, command(args...))
			if p.url != "" {
				t.Fatal("it serves")
			}
			if got, want := p.out.String(), "mainstay: "+fill(tt.want)+"\n"; !strings.HasSuffix("\n"+got, "\n"+want) || p.code != 1 {
				t.Errorf("it ends with %d and says\n%s\nit is to end with 1 and say\n%s", p.code, got, want)
			}
			if !strings.HasPrefix(tt.want, notAsRecorded) {
				return
			}
			mend := statementsIn(p.out.String())
			if err := dbtest.Run(server.URL(name), mend...); err != nil {
				t.Fatalf("%q: %v", mend, err)
			}
			if p := start(t, command(args...)); p.url == "" {
				t.Errorf("it does not serve after %q:\n%s", mend, &p.out)
			}
		})
	}
}

func TestSettingsOfAServerThatAreUnsafeAreNamedWithWhatMendsThem(t *testing.T) {
	type setting struct{ name, value, mend string }
	for _, tt := range []struct {
		name   string
		start  func() *dbtest.Server
		spoil  []string
		unsafe []setting
	}{
		{"PostgreSQL", func() *dbtest.Server { return dbtest.OwnPostgres(t, "-c", "fsync=off") },
			[]string{"ALTER DATABASE shop SET synchronous_commit = off", "ALTER ROLE postgres SET zero_damaged_pages = on", "ALTER SYSTEM SET full_page_writes = off", "SELECT pg_reload_conf()"},
			[]setting{
				{"fsync", "off", "a start of the server without fsync on its command line"},
				{"full_page_writes", "off", "ALTER SYSTEM RESET full_page_writes; SELECT pg_reload_conf() (or its line in postgresql.conf)"},
				{"synchronous_commit", "off", `ALTER DATABASE \"shop\" RESET synchronous_commit`},
				{"zero_damaged_pages", "on", `ALTER ROLE \"postgres\" RESET zero_damaged_pages`},
			}},
		{"MariaDB", func() *dbtest.Server {
			return dbtest.OwnMaria(t, "--log-bin", "--sync-binlog=0", "--skip-innodb-doublewrite")
		},
			[]string{"SET GLOBAL innodb_flush_log_at_trx_commit = 2", "SET GLOBAL read_only = 1"},
			[]setting{
				{"innodb_flush_log_at_trx_commit", "2", "SET GLOBAL innodb_flush_log_at_trx_commit = 1"},
				{"innodb_doublewrite", "0", "innodb_doublewrite = ON in the server's configuration"},
				{"sync_binlog", "0", "SET GLOBAL sync_binlog = 1"},
				{"read_only", "1", "SET GLOBAL read_only = 0"},
			}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := tt.start()
			s := &shop{contract: t.TempDir(), folder: t.TempDir()}
			s.save(t, shopContract)
			if err := dbtest.Run(server.URL(""), "CREATE DATABASE shop"); err != nil {
				t.Fatal(err)
			}
			s.migrateTo(t, server.URL("shop"))
			if err := dbtest.Run(server.URL("shop"), tt.spoil...); err != nil {
				t.Fatal(err)
			}
			p := start(t, command(s.serveFrom(server.URL("shop"))...))
			if p.url == "" {
				t.Fatalf("it does not serve:\n%s", &p.out)
			}
			p.stop(t)
			log := p.out.String()
			for _, u := range tt.unsafe {
				if !strings.Contains(log, fmt.Sprintf(`"level":"WARN","msg":"a setting of the database is unsafe","setting":%q,"value":%q,"why":"`, u.name, u.value)) ||
					!strings.Contains(log, `"mend":"`+u.mend+`"`) {
					t.Errorf("it does not name %+v:\n%s", u, log)
				}
			}
			if n := strings.Count(log, "is unsafe"); n != len(tt.unsafe) {
				t.Errorf("it names %d settings, want %d:\n%s", n, len(tt.unsafe), log)
			}
		})
	}
}

func TestAStandbyIsNotServedFrom(t *testing.T) {
	server := dbtest.OwnPostgres(t)
	s := &shop{contract: t.TempDir(), folder: t.TempDir()}
	s.save(t, shopContract)
	s.migrateTo(t, server.URL(""))
	server.Stop()
	if err := server.Demote(); err != nil {
		t.Fatal(err)
	}
	server.Start(t)
	at, err := url.Parse(server.URL(""))
	if err != nil {
		t.Fatal(err)
	}
	refuses(t, start(t, command(s.serveFrom(at.String())...)),
		"the PostgreSQL server on "+at.Host+" is a standby, which can only be read; name the primary, or make this one primary with SELECT pg_promote()")
}
