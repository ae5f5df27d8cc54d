package standin

import (
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// The Java server compares texts by UTF-16 units, in which U+E000 to U+FFFF stand
// behind everything above them. So they are moved up on the way there, out of that
// range, with everything behind them, and down on the way back. The last ones, for
// which there is no room, become two.
const (
	first = 0xE000
	by    = 0x10000 - first
	last  = 0x10FFFF - by // and what follows: prefix and another
	under = 0x10D000
)

const prefix = rune(0x10FFFF)

func up(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r >= first }) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r >= last:
			b.WriteRune(prefix)
			r += under - last
		case r >= first:
			r += by
		}
		b.WriteRune(r)
	}
	return b.String()
}

func down(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r >= first }) {
		return s
	}
	var b strings.Builder
	behind := false
	for _, r := range s {
		switch {
		case behind:
			r += last - under
		case r >= first+by && r != prefix:
			r -= by
		}
		if behind = r == prefix && !behind; !behind {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// shifted is v with its texts moved.
func shifted(v any, move func(string) string) any {
	switch v := v.(type) {
	case string:
		return move(v)
	case bson.D:
		out := make(bson.D, len(v))
		for i, e := range v {
			out[i] = bson.E{Key: e.Key, Value: shifted(e.Value, move)}
		}
		return out
	case bson.A:
		out := make(bson.A, len(v))
		for i, e := range v {
			out[i] = shifted(e, move)
		}
		return out
	}
	return v
}
