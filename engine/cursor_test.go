package engine

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mainstay-run/mainstay/keyring"
	"github.com/mainstay-run/mainstay/value"
)

var cursors = []cursor{
	{keys: []any{value.UUID{1, 2, 3}}},
	{back: true, keys: []any{"Größe ✓", nil, value.UUID{15: 9}}},
	{keys: []any{int64(-1 << 62), true, false, 1.5, value.Date(-700_000)}},
	{keys: []any{value.Time(86_399_999), value.Timestamp(-1), value.Duration(1 << 40), "", value.UUID{}}},
}

func TestCursorReadsBackWhatWasWritten(t *testing.T) {
	price, err := value.ParseDecimal("-12.50")
	if err != nil {
		t.Fatal(err)
	}
	exact := cmp.Comparer(func(a, b value.Decimal) bool { return a == b })
	for _, c := range append(cursors, cursor{keys: []any{price, value.UUID{}}}) {
		got, ok := readCursor(c.append(nil))
		if !ok {
			t.Errorf("%v: not read", c)
		}
		if diff := cmp.Diff(c, got, exact, cmp.AllowUnexported(cursor{})); diff != "" {
			t.Error(diff)
		}
	}
}

func TestCursorIsCompact(t *testing.T) {
	c := cursor{keys: []any{value.UUID{1}}}
	if n := len(c.append(nil)); n != 18 {
		t.Errorf("a cursor over ids takes %d bytes, want 18", n)
	}
}

// Whatever bytes are opened, reading them ends, and what is read is written as
// it was.
func FuzzReadCursor(f *testing.F) {
	for _, c := range cursors {
		f.Add(c.append(nil))
	}
	f.Add([]byte{'f', tagString, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, data []byte) {
		c, ok := readCursor(data)
		if !ok {
			return
		}
		again, ok := readCursor(c.append(nil))
		if !ok || len(again.keys) != len(c.keys) || again.back != c.back {
			t.Errorf("%x became %x", data, c.append(nil))
		}
	})
}

// No text but the one that was sealed opens, not even one that decodes to the
// same bytes under a lenient base64.
func TestNoSingleAlteredCharacterOpens(t *testing.T) {
	ring, err := keyring.FromSecret([]byte(strings.Repeat("s", 32)))
	if err != nil {
		t.Fatal(err)
	}
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=\n"
	for _, c := range cursors { // of lengths that fill base64's last character differently
		text := ring.Seal("cursor", c.append(nil), nil)
		for i := range text {
			for _, letter := range []byte(letters) {
				other := []byte(text)
				other[i] = letter
				if _, err := ring.Unseal("cursor", string(other), nil); err == nil && string(other) != text {
					t.Errorf("%s opens as %s", other, text)
				}
			}
		}
		for _, other := range []string{text + "=", text + "\n", text + "A", "\n" + text, text[:len(text)-1]} {
			if _, err := ring.Unseal("cursor", other, nil); err == nil {
				t.Errorf("%q opens as %s", other, text)
			}
		}
	}
}

// A cursor opens only as it was sealed, for what it was sealed for.
func FuzzAlteredCursorNeverOpens(f *testing.F) {
	ring, err := keyring.FromSecret([]byte(strings.Repeat("s", 32)))
	if err != nil {
		f.Fatal(err)
	}
	bound := []byte("caller and list")
	text := ring.Seal("cursor", cursors[1].append(nil), bound)
	f.Add(text[1:], bound)
	f.Add(text, []byte("another caller"))
	f.Add(text+"A", bound)
	f.Add("", bound)
	f.Add(strings.ToLower(text), bound)
	f.Fuzz(func(t *testing.T, other string, for_ []byte) {
		if other == text && string(for_) == string(bound) {
			return
		}
		if _, err := ring.Unseal("cursor", other, for_); err == nil {
			t.Errorf("%q opens for %q", other, for_)
		}
	})
}
