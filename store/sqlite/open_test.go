package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	lib "modernc.org/sqlite/lib"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
)

// TestMain lets the test program be the process that is killed.
func TestMain(m *testing.M) {
	if path := os.Getenv("MAINSTAY_TEST_WRITE_TO"); path != "" {
		writeForever(path)
	}
	os.Exit(m.Run())
}

// says fails unless err holds each of the texts.
func says(t *testing.T, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("it does not say %q: %v", text, err)
		}
	}
}

func TestLibraryIsNewEnough(t *testing.T) {
	if err := checkVersion(); err != nil {
		t.Error(err)
	}
}

func TestConnectionsHaveTheirSettings(t *testing.T) {
	d := openWords(t)
	reader, err := d.reader(t.Context(), store.ReadOne)
	if err != nil {
		t.Fatal(err)
	}
	defer d.giveBack(reader)
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "trusted_schema": "0", "temp_store": "2",
	} {
		for who, c := range map[string]*conn{"writer": d.writer.c, "reader": reader} {
			if got, err := c.text("PRAGMA " + pragma); err != nil || got != want {
				t.Errorf("%s: %s is %q, %v", who, pragma, got, err)
			}
		}
	}
	if err := reader.exec("DELETE FROM words"); err == nil {
		t.Error("a reader can write")
	}
}

func TestSecondWriterIsRefusedAndAReaderIsNot(t *testing.T) {
	d := openWords(t)
	_, err := Open(t.Context(), d.path, Options{})
	says(t, err, d.path, "is open in another mainstay", fmt.Sprintf("(pid %d)", os.Getpid()))

	beside, err := Open(t.Context(), d.path, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close()
	if err := store.New(d).InTx(t.Context(), store.Write, nil, adds("a")); err != nil {
		t.Fatal(err)
	}
	if got := wordsIn(t, beside); !slices.Equal(got, []string{"a"}) {
		t.Errorf("%v", got)
	}
	if _, err := beside.Begin(t.Context(), store.Write); problem.KindOf(err) != problem.Unavailable {
		t.Errorf("%v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), d.path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

func TestFilesThatCannotBeOpened(t *testing.T) {
	folder := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, tt := range []struct {
		name, path string
		options    Options
		want       string
	}{
		{"no folder", filepath.Join(folder, "none", "x.db"), Options{}, "there is no folder"},
		{"no file to read", filepath.Join(folder, "none.db"), Options{ReadOnly: true}, "there is no such file"},
		{"another file", write("text.db", strings.Repeat("this is no database ", 200)), Options{}, "not a database"},
		{"another file to read", write("text2.db", strings.Repeat("this is no database ", 200)), Options{ReadOnly: true}, "not a database"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Open(t.Context(), tt.path, tt.options)
			says(t, err, tt.path, tt.want)
		})
	}
}

// unprivileged runs f on a thread that the file system takes for nobody's.
func unprivileged(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		f()
		return
	}
	done := make(chan bool)
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with this function
		if err := unix.Setfsuid(65534); err != nil {
			t.Error(err)
			return
		}
		f()
	}()
	<-done
}

func TestReadOnlyFileAndFolder(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "x.db")
	d, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for p := folder; p != os.TempDir() && p != "/"; p = filepath.Dir(p) {
		if err := os.Chmod(p, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]os.FileMode{path: 0o444, path + ".lock": 0o666} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	unprivileged(t, func() {
		_, err := Open(t.Context(), path, Options{})
		says(t, err, path, "may not be written")
	})
	if err := os.Chmod(folder, 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(folder, 0o755)
	if err := os.Remove(path + ".lock"); err != nil && os.Geteuid() == 0 {
		t.Fatal(err)
	}
	unprivileged(t, func() {
		_, err := Open(t.Context(), path, Options{})
		says(t, err, path, "may not be written")
	})
}

func TestDamagedFile(t *testing.T) {
	d := openWords(t)
	path := d.path
	err := store.New(d).InTx(t.Context(), store.Write, nil, func(tx store.Tx) error {
		for i := range 2000 {
			if err := add(t.Context(), tx, fmt.Sprintf("a long word, number %d, so that there are many pages", i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	junk := []byte(strings.Repeat("junk", 4096*5))
	if _, err := f.WriteAt(junk, 5*4096); err != nil {
		t.Fatal(err)
	}
	f.Close()
	d, err = Open(t.Context(), path, Options{})
	if err != nil {
		says(t, err, path, "damaged")
		return
	}
	defer d.Close()
	err = store.New(d).InTx(t.Context(), store.ReadOne, nil, func(tx store.Tx) error {
		for _, err := range tx.Select(t.Context(), allWords, nil) {
			if err != nil {
				return err
			}
		}
		return nil
	})
	var p *problem.Error
	if !errors.As(err, &p) || p.Kind != problem.Unavailable || p.Detail != "the database is damaged" {
		t.Errorf("%v", err)
	}
}

func TestLockedByAnotherProgram(t *testing.T) {
	d := openWords(t)
	d.writer.c.busyTimeout(1)
	other, err := openConn(d.path, lib.SQLITE_OPEN_READWRITE)
	if err != nil {
		t.Fatal(err)
	}
	defer other.close()
	if err := other.exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	err = store.New(d).InTx(t.Context(), store.Write, nil, adds("a"))
	var p *problem.Error
	if !errors.As(err, &p) || p.Kind != problem.Unavailable || p.Detail != "the database is in use" || p.RetryAfter == 0 {
		t.Errorf("%v", err)
	}
	if got := wordsIn(t, d); got != nil {
		t.Errorf("readers: %v", got)
	}
	if err := other.exec("ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := store.New(d).InTx(t.Context(), store.Write, nil, adds("a")); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestInspectTellsWhatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		name string
		sql  []string
		want []string
	}{
		{"a newer version", []string{"UPDATE mainstay_meta SET content = '2' WHERE name = 'format'"}, []string{"newer version of mainstay", "format 2"}},
		{"a record that is not understood", []string{`UPDATE mainstay_meta SET content = '{"tables":[],"views":[]}' WHERE name = 'schema'`}, []string{"newer version"}},
		{"a column too many", []string{"ALTER TABLE words ADD COLUMN extra TEXT"}, []string{"table words has column extra TEXT"}},
		{"a column too few", []string{"ALTER TABLE words DROP COLUMN more"}, []string{"table words lacks column more TEXT"}},
		{"an index too many", []string{"CREATE INDEX mine ON words (more DESC)"}, []string{"table words has index mine on more desc"}},
		{"a table too many", []string{"CREATE TABLE mine (a)"}, []string{"table mine is not one of mainstay's"}},
		{"a trigger", []string{"CREATE TRIGGER mine AFTER INSERT ON words BEGIN DELETE FROM words; END"}, []string{"trigger mine on words is not one of mainstay's"}},
		{"a view", []string{"CREATE VIEW mine AS SELECT 1"}, []string{"view mine is not one of mainstay's"}},
		{"a table too few", []string{"DROP TABLE words"}, []string{"table words is missing"}},
		{"all differences at once", []string{"DROP TABLE words", "CREATE TABLE mine (a)"}, []string{"table words is missing", "table mine"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := openWords(t)
			for _, s := range tt.sql {
				if err := d.writer.c.exec(s); err != nil {
					t.Fatal(err)
				}
			}
			_, err := d.Inspect(t.Context())
			says(t, err, append(tt.want, d.path)...)
			if problem.KindOf(err) != problem.Unavailable {
				t.Errorf("kind %s", problem.KindOf(err))
			}
		})
	}
}

func TestForeignDatabaseIsNotTakenOver(t *testing.T) {
	d, err := Open(t.Context(), filepath.Join(t.TempDir(), "x.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.writer.c.exec("CREATE TABLE customers (name TEXT)"); err != nil {
		t.Fatal(err)
	}
	_, err = d.Inspect(t.Context())
	says(t, err, "table customers is not one of mainstay's")
}

// TestKilledWhileWriting kills a process that writes and tells of each commit:
// what it told of is there, and nothing is half there.
func TestKilledWhileWriting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	known := map[string]bool{}
	for round := range 3 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "MAINSTAY_TEST_WRITE_TO="+path, fmt.Sprintf("MAINSTAY_TEST_ROUND=%d", round))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; n < 200 && lines.Scan(); n++ {
			known[lines.Text()] = true
		}
		cmd.Process.Kill()
		for lines.Scan() { // told before it died
			known[lines.Text()] = true
		}
		cmd.Wait()

		d, err := Open(t.Context(), path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		there := map[string]bool{}
		for _, w := range wordsIn(t, d) {
			there[w] = true
		}
		for w := range known {
			if !there[w] {
				t.Errorf("%s was acknowledged and is lost", w)
			}
		}
		for w := range there {
			if strings.HasSuffix(w, "single") {
				continue
			}
			if pair := w[:len(w)-1] + string('a'+'b'-w[len(w)-1]); !there[pair] {
				t.Errorf("%s is there without %s", w, pair)
			}
		}
		if text, err := d.writer.c.text("PRAGMA integrity_check"); text != "ok" {
			t.Errorf("%s, %v", text, err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(known) == 0 {
		t.Error("nothing was written")
	}
}

// writeForever adds pairs of words from several goroutines and prints one of each
// when it is committed.
func writeForever(path string) {
	ctx := context.Background()
	d, err := Open(ctx, path, Options{})
	if err == nil && os.Getenv("MAINSTAY_TEST_ROUND") == "0" {
		err = d.Apply(ctx, schema.CreateTable{Table: words})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for w := range 8 {
		go func() {
			for i := 0; ; i++ {
				word := fmt.Sprintf("%s-%d-%d", os.Getenv("MAINSTAY_TEST_ROUND"), w, i)
				err := store.New(d).InTx(ctx, store.Write, nil, func(tx store.Tx) error {
					return errors.Join(add(ctx, tx, word+"a"), add(ctx, tx, word+"b"))
				})
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				fmt.Println(word + "a")
				if err := way(byItself).single(ctx, d, word+"single"); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				fmt.Println(word + "single")
			}
		}()
	}
	select {}
}

func TestRemoveLeavesAFileThatIsInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.db")
	if err := Remove(path); err != nil {
		t.Errorf("no file: %v", err)
	}
	d, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := Remove(path); err == nil || !strings.Contains(err.Error(), "another mainstay") {
		t.Errorf("an open file: %v", err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the open file: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Remove(path); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(path + "*"); len(left) != 1 || left[0] != path+".lock" {
		t.Errorf("left: %v, want the lock alone", left)
	}
}
