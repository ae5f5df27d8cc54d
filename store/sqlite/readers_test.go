package sqlite

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	lib "modernc.org/sqlite/lib"

	"github.com/mainstay-run/mainstay/store"
)

// openOneReader opens words with a single reader, whose view stands for an hour.
func openOneReader(t *testing.T) *Driver {
	t.Helper()
	d, err := Open(t.Context(), filepath.Join(t.TempDir(), "words.db"), Options{Readers: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	d.readers.maxView = time.Hour
	if err := d.writer.c.exec("CREATE TABLE words (word TEXT PRIMARY KEY, more TEXT)"); err != nil {
		t.Fatal(err)
	}
	return d
}

// keeps reports whether the idle reader keeps its view.
func keeps(d *Driver) bool {
	c := <-d.readers.free
	defer func() { d.readers.free <- c }()
	return c != nil && c.view.open
}

func writeWord(t *testing.T, d *Driver, word string) {
	t.Helper()
	tx := begin(t, d)
	if err := add(t.Context(), tx, word); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestAViewIsKeptUntilTheNextCommit(t *testing.T) {
	d := openOneReader(t)
	var want []string
	for _, word := range []string{"a", "b", "c"} {
		writeWord(t, d, word)
		want = append(want, word)
		for i := range 4 {
			if got := wordsIn(t, d); !slices.Equal(got, want) {
				t.Fatalf("read %d after the commit: %v, want %v", i, got, want)
			}
			if kept := keeps(d); kept != (i > 0) {
				t.Errorf("read %d after the commit: the view is kept: %t", i, kept)
			}
		}
	}
}

func TestAViewThatACommitOvertookEndsWithItsRead(t *testing.T) {
	d := openOneReader(t)
	wordsIn(t, d)
	wordsIn(t, d)
	tx, err := d.Begin(t.Context(), store.ReadOne)
	if err != nil {
		t.Fatal(err)
	}
	writeWord(t, d, "a")
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if keeps(d) {
		t.Error("an outdated view is kept")
	}
}

func TestKeptViewsDoNotHoldUpACheckpoint(t *testing.T) {
	d := openOneReader(t)
	wordsIn(t, d)
	wordsIn(t, d)
	if !keeps(d) {
		t.Fatal("no view is kept")
	}
	d.writer.passiveAt, d.writer.restartAt = 1, 1
	writeWord(t, d, "a") // writes, then begins the log anew
	if keeps(d) {
		t.Error("the view stands in the checkpoint's way")
	}
}

func TestSweepEndsOnlyOldViews(t *testing.T) {
	d := openOneReader(t)
	wordsIn(t, d)
	wordsIn(t, d)
	if left := d.readers.endViews(time.Hour); !left || !keeps(d) {
		t.Error("a young view was ended")
	}
	if left := d.readers.endViews(0); left || keeps(d) {
		t.Error("an old view was not ended")
	}
	if got := wordsIn(t, d); len(got) > 0 {
		t.Error(got)
	}
}

// What another program writes is seen when the view has had its time.
func TestAnotherProgramsWriteIsSeen(t *testing.T) {
	d := openOneReader(t)
	wordsIn(t, d)
	wordsIn(t, d)
	other, err := openConn(d.path, lib.SQLITE_OPEN_READWRITE) // not through Open, which would be refused
	if err != nil {
		t.Fatal(err)
	}
	defer other.close()
	if err := other.exec("INSERT INTO words (word) VALUES ('theirs')"); err != nil {
		t.Fatal(err)
	}
	d.readers.maxView = 0
	if got := wordsIn(t, d); !slices.Equal(got, []string{"theirs"}) {
		t.Error(got)
	}
}
