package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// shop is a folder with a small contract, and a database that is complete for it.
type shop struct{ contract, folder, database string }

const shopContract = `mainstay: 1
name: shop
accounts:
  resource: User
  signup: open
resources:
  User:
    fields:
      email: email unique
    access:
      read: id == caller.id
  Item:
    fields:
      name: string 1..80 index
      note: text optional
    access:
      read: true
      create: true
`

func newShop(t testing.TB) *shop {
	t.Helper()
	s := &shop{contract: t.TempDir(), folder: t.TempDir()}
	s.save(t, shopContract)
	s.migrate(t)
	return s
}

// save puts a contract in place the way editors do, so that nobody sees half of it.
func (s *shop) save(t testing.TB, contract string) {
	t.Helper()
	path := filepath.Join(s.contract, "contract.yaml")
	err := os.WriteFile(path+"~", []byte(contract), 0o600)
	if err == nil {
		err = os.Rename(path+"~", path)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// migrate makes the database in the shop's folder, and keys beside it.
func (s *shop) migrate(t testing.TB) {
	t.Helper()
	s.database = filepath.Join(s.folder, "data.db")
	if out, err := command("migrate", s.contract, "--database", "sqlite:"+s.database).CombinedOutput(); err != nil {
		t.Fatalf("mainstay migrate: %v\n%s", err, out)
	}
}

// serve is the arguments that serve the shop.
func (s *shop) serve() []string {
	return []string{"serve", s.contract, "--database", "sqlite:" + s.database, "--keys", filepath.Join(s.contract, "keys"),
		"--listen", "127.0.0.1:0", "--operator", "127.0.0.1:0"}
}

// refuses fails the test unless the program says want, exactly, and exits with 1.
// PATH in want is a path of any name.
func refuses(t testing.TB, p *process, want string) {
	t.Helper()
	pattern := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta("mainstay: "+want+"\n"), "PATH", `/\S+?`) + "$")
	if p.url != "" {
		p.kill()
		t.Errorf("it serves; it is to refuse with %q", want)
		return
	}
	if got := p.out.String(); !pattern.MatchString(got) || p.code != 1 {
		t.Errorf("it ends with %d and says\n%s\nit is to end with 1 and say\nmainstay: %s", p.code, got, want)
	}
}

func TestADatabaseThatCannotBeServedIsNamedWithTheReason(t *testing.T) {
	const recorded = "PATH/data.db is not as it was recorded: "
	const unreadable = "what PATH/data.db records of itself cannot be read; it may have been written by a newer version of mainstay"
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, s *shop)
		want  string
	}{
		{"another kind of file", writes("this is a letter and no database. "), "open PATH/data.db: the file is not a database"},
		{"a few bytes", writes("short"), "open PATH/data.db: the file is not a database"},
		{"a folder", func(t *testing.T, s *shop) {
			if err := os.Remove(s.database); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(s.database, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "open PATH/data.db: it is a folder, not a file"},
		{"cut to half a page", truncated(2048), "open PATH/data.db: the database is damaged"},
		{"cut to its first page", truncated(4096), "open PATH/data.db: the database is damaged"},
		{"cut by its last page", truncated(-4096), "open PATH/data.db: the database is damaged"},
		{"a newer format", altered("UPDATE mainstay_meta SET content = '2' WHERE name = 'format'"),
			"PATH/data.db was written by a newer version of mainstay (format 2, this one knows 1)"},
		{"a format that is no number", altered("UPDATE mainstay_meta SET content = 'two' WHERE name = 'format'"),
			"PATH/data.db does not say in which format it is"},
		{"no format", altered("DELETE FROM mainstay_meta WHERE name = 'format'"), "PATH/data.db does not say in which format it is"},
		{"no record of itself", altered("DELETE FROM mainstay_meta WHERE name = 'schema'"), unreadable},
		{"a record of another kind", altered("UPDATE mainstay_meta SET content = '{\"tables\":[],\"views\":[]}' WHERE name = 'schema'"), unreadable},
		{"a column dropped by hand", altered("ALTER TABLE items DROP COLUMN note"), recorded + `table items lacks column note TEXT; its values are gone: restore a backup, or mend it with ALTER TABLE "items" ADD COLUMN "note" TEXT`},
		{"a column added by hand", altered("ALTER TABLE items ADD COLUMN extra TEXT"), recorded + `table items has column extra TEXT; keep its values elsewhere, and mend it with ALTER TABLE "items" DROP COLUMN "extra"`},
		{"an index dropped by hand", altered("DROP INDEX items__name"), recorded + `table items lacks index items__name on name, id; mend it with CREATE INDEX "items__name" ON "items" ("name", "id")`},
		{"a unique index dropped by hand", altered("DROP INDEX users__email__unique"), recorded + `table users lacks index users__email__unique unique on email; mend it with CREATE UNIQUE INDEX "users__email__unique" ON "users" ("email")`},
		{"an index added by hand", altered("CREATE UNIQUE INDEX mine ON items (note)"), recorded + `table items has index mine unique on note; mend it with DROP INDEX "mine"`},
		{"an index over an expression", altered("CREATE UNIQUE INDEX mine ON items (lower(note))"), recorded + `table items has index mine unique on an expression; mend it with DROP INDEX "mine"`},
		{"an index over some rows", altered("DROP INDEX items__name", "CREATE INDEX items__name ON items (name, id) WHERE note IS NULL"),
			recorded + `table items has index items__name on name, id of some rows; mend it with DROP INDEX "items__name"; table items lacks index items__name on name, id; mend it with CREATE INDEX "items__name" ON "items" ("name", "id")`},
		{"a column of another type", altered("ALTER TABLE items DROP COLUMN note", "ALTER TABLE items ADD COLUMN note INTEGER"),
			recorded + "table items has column note INTEGER instead of column note TEXT; no statement mends it: restore a backup"},
		{"a table dropped by hand", altered("DROP TABLE items"), recorded + "table items is missing; its rows are gone: restore a backup, or mend it with " +
			`CREATE TABLE "items" ("id" BLOB NOT NULL, "created_at" INTEGER NOT NULL, "updated_at" INTEGER NOT NULL, "_revision" INTEGER NOT NULL, "name" TEXT NOT NULL, "note" TEXT, PRIMARY KEY ("id")) STRICT; CREATE INDEX "items__name" ON "items" ("name", "id")`},
		{"a table added by hand", altered("CREATE TABLE mine (a)"), recorded + `table mine is not one of mainstay's; keep it in another database, and mend it with DROP TABLE "mine"`},
		{"a trigger added by hand", altered("CREATE TRIGGER mine AFTER INSERT ON items BEGIN DELETE FROM items; END"),
			recorded + `trigger mine on items is not one of mainstay's; mend it with DROP TRIGGER "mine"`},
		{"a view added by hand", altered("CREATE VIEW mine AS SELECT 1"), recorded + `view mine is not one of mainstay's; mend it with DROP VIEW "mine"`},
		{"several things at once", altered("DROP INDEX items__name", "CREATE TABLE mine (a)"),
			recorded + `table mine is not one of mainstay's; keep it in another database, and mend it with DROP TABLE "mine"; table items lacks index items__name on name, id; mend it with CREATE INDEX "items__name" ON "items" ("name", "id")`},
		{"another's database", altered("DROP TABLE mainstay_meta", "DROP TABLE mainstay_keys", "DROP TABLE mainstay_sessions", "DROP TABLE mainstay_credentials", "DROP TABLE mainstay_idempotency", "DROP TABLE users"),
			recorded + "table items is not one of mainstay's; nothing of mainstay's is recorded there: name a database that is empty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			tt.spoil(t, s)
			p := start(t, command(s.serve()...))
			refuses(t, p, tt.want)
			mend := statementsIn(p.out.String())
			if len(mend) == 0 {
				return
			}
			alter(t, s.database, mend...)
			if p := start(t, command(s.serve()...)); p.url == "" {
				t.Errorf("it does not serve after %q:\n%s", mend, &p.out)
			}
		})
	}
}

// statementsIn are those that a message about a database says mend it.
func statementsIn(message string) (list []string) {
	for part := range strings.SplitSeq(strings.TrimSpace(message), "; ") {
		_, statement, found := strings.Cut(part, "mend it with ")
		switch {
		case found:
			list = append(list, statement)
		case strings.HasPrefix(part, "CREATE "): // the indexes of a table
			list = append(list, part)
		}
	}
	return list
}

// writes puts a text in the database's place.
func writes(text string) func(*testing.T, *shop) {
	return func(t *testing.T, s *shop) {
		if err := os.WriteFile(s.database, []byte(strings.Repeat(text, 1+len(text)/10*20)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// truncated cuts the database to size, or by -size.
func truncated(size int64) func(*testing.T, *shop) {
	return func(t *testing.T, s *shop) {
		if size < 0 {
			info, err := os.Stat(s.database)
			if err != nil {
				t.Fatal(err)
			}
			size += info.Size()
		}
		if err := os.Truncate(s.database, size); err != nil {
			t.Fatal(err)
		}
	}
}

// altered runs statements on the database as somebody with a shell would.
func altered(statements ...string) func(*testing.T, *shop) {
	return func(t *testing.T, s *shop) { alter(t, s.database, statements...) }
}

func TestASecondProgramOnADatabaseIsToldWhoHasIt(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "contract.yaml"), []byte(shopContract), 0o600); err != nil {
		t.Fatal(err)
	}
	first := serve(t, folder)
	want := fmt.Sprintf("open PATH/data.db: it is open in another mainstay (pid %d); stop that one, or speak to it", first.cmd.Process.Pid)
	refuses(t, start(t, command("dev", folder, "--listen", "127.0.0.1:0")), want)
	refuses(t, start(t, command("migrate", folder, "--database", "sqlite:"+filepath.Join(folder, ".mainstay", "data.db"))), want)
}

func TestTheDatabaseOfAKilledProgramIsNotTakenForOneInUse(t *testing.T) {
	s := newShop(t)
	first := start(t, command(s.serve()...))
	first.kill()
	second := start(t, command(s.serve()...))
	if second.url == "" {
		t.Fatalf("it does not start:\n%s", &second.out)
	}
	if code := second.stop(t); code != 0 {
		t.Errorf("it ends with %d", code)
	}
}

func TestKeysThatCannotBeUsedAreNamedWithTheReason(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(keys string) error // keys is the path of a sound file
		want  string
	}{
		{"others may read them", func(keys string) error { return os.Chmod(keys, 0o640) },
			"keyring: others may read PATH/keys (mode 0640); say chmod 600 PATH/keys, and make new keys if somebody has read it"},
		{"another kind of file", func(keys string) error { return os.WriteFile(keys, []byte("a letter\n"), 0o600) },
			"keyring: PATH/keys: not a file of keys that this version can read"},
		{"an empty file", func(keys string) error { return os.Truncate(keys, 0) },
			"keyring: PATH/keys: holds no secret of 32 bytes or more"},
		{"half a file", func(keys string) error { return os.Truncate(keys, 190) },
			"keyring: PATH/keys: holds no secret of 32 bytes or more"},
		{"a folder in its place", func(keys string) error {
			if err := os.Remove(keys); err != nil {
				return err
			}
			return os.Mkdir(keys, 0o700)
		}, "keyring: PATH/keys: it is not a file"},
		{"a file in the folder's place", func(keys string) error {
			if err := os.RemoveAll(filepath.Dir(keys)); err != nil {
				return err
			}
			return os.WriteFile(filepath.Dir(keys), nil, 0o600)
		}, "keyring: open PATH/keys: not a directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			if p := start(t, command(s.serve()...)); p.stop(t) != 0 { // makes the keys
				t.Fatalf("%s", &p.out)
			}
			if err := tt.spoil(filepath.Join(s.contract, "keys", "keys")); err != nil {
				t.Fatal(err)
			}
			refuses(t, start(t, command(s.serve()...)), tt.want)
		})
	}
}
