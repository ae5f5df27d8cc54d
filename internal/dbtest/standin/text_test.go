package standin

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

func TestTextsAreOrderedByCodePointInUTF16AndComeBack(t *testing.T) {
	var texts []string
	for _, r := range []rune{0, 'a', 0xD7FF, 0xE000, 0xFFFD, 0xFFFF, 0x10000, 0x1F600, 0x10DFFE, 0x10DFFF, 0x10E000, 0x10FFFE, 0x10FFFF} {
		texts = append(texts, string(r), string(r)+"a", "a"+string(r)+string(r))
	}
	for _, a := range texts {
		if got := down(up(a)); got != a {
			t.Errorf("%q comes back as %q", a, got)
		}
		for _, b := range texts {
			moved := slices.Compare(utf16.Encode([]rune(up(a))), utf16.Encode([]rune(up(b))))
			if want := strings.Compare(a, b); cmp.Compare(moved, 0) != want {
				t.Errorf("%q and %q: %d, want %d", a, b, moved, want)
			}
		}
	}
}
