package sqlite

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/store"
)

// mapped tells how often this process has the file mapped, and how many kB of it
// count as its memory.
func mapped(t *testing.T, path string) (times, kB int) {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	path, err = filepath.EvalSymlinks(path)
	if err != nil {
		t.Fatal(err)
	}
	ours := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		switch name, rest, _ := strings.Cut(line, ":"); {
		case strings.Contains(name, "-"): // a mapping begins
			if ours = strings.HasSuffix(line, " "+path); ours {
				times++
			}
		case ours && name == "Rss":
			n := 0
			if _, err := fmt.Sscanf(rest, "%d", &n); err != nil {
				t.Fatal(err)
			}
			kB += n
		}
	}
	return times, kB
}

// writeWords adds n long words at once and moves them into the file.
func writeWords(t *testing.T, d *Driver, prefix string, n int) (added []string) {
	t.Helper()
	tx := begin(t, d)
	for i := range n {
		word := fmt.Sprintf("%s-%03d-%s", prefix, i, strings.Repeat("x", 900))
		if err := add(t.Context(), tx, word); err != nil {
			t.Fatal(err)
		}
		added = append(added, word)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.readers.endViews(0)
	if err := d.writer.c.checkpoint(truncate); err != nil {
		t.Fatal(err)
	}
	return added
}

// readTogether reads all words over so many connections at once.
func readTogether(t *testing.T, d *Driver, n int) (got [][]string) {
	t.Helper()
	var txs []store.Tx
	for range n {
		tx, err := d.Begin(t.Context(), store.ReadOne)
		if err != nil {
			t.Fatal(err)
		}
		txs = append(txs, tx)
	}
	for _, tx := range txs {
		var words []string
		for r, err := range tx.Select(t.Context(), allWords, nil) {
			if err != nil {
				t.Fatal(err)
			}
			v, _ := r.Value(0)
			words = append(words, v.(string))
		}
		got = append(got, words)
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return got
}

func TestConnectionsShareOneMapping(t *testing.T) {
	d := openWords(t)
	var want []string
	for round := range 3 { // the file grows, and each sees it
		want = append(want, writeWords(t, d, fmt.Sprint(round), 300)...)
		for i, got := range readTogether(t, d, 4) {
			if !slices.Equal(got, want) {
				t.Fatalf("reader %d sees %d words, not %d", i, len(got), len(want))
			}
		}
		if times, kB := mapped(t, d.path); times != 1 || kB == 0 {
			t.Errorf("the file is mapped %d times, %d kB of it, after round %d", times, kB, round)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if times, _ := mapped(t, d.path); times != 0 {
		t.Errorf("it is mapped %d times after Close", times)
	}
}

func TestWhatIsResidentIsBounded(t *testing.T) {
	d := openWords(t)
	writeWords(t, d, "a", 50)
	want := wordsIn(t, d)
	if _, kB := mapped(t, d.path); kB == 0 {
		t.Fatal("nothing of the file is resident")
	}
	var r resident
	r.bound(1<<40, 1)
	r.bound(1, 1<<40)
	if _, kB := mapped(t, d.path); kB == 0 {
		t.Error("pages were given up although they are few")
	}
	r.bound(1, 1)
	if _, kB := mapped(t, d.path); kB != 0 {
		t.Errorf("%d kB are still resident", kB)
	}
	if got := wordsIn(t, d); !slices.Equal(got, want) {
		t.Errorf("%d words are left", len(got))
	}
}

func TestPagesAreReadFromALine(t *testing.T) {
	if all, files := pages([]byte("84124 35100 24900 5000 0 30000 0\n")); all != 35100 || files != 24900 {
		t.Error(all, files)
	}
	if all, files := pages([]byte("1 2")); all != 0 || files != 0 {
		t.Error(all, files)
	}
}
