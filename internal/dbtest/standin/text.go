package standin

import (
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// The Java server compares texts by UTF-16 units, in which U+E000 to U+FFFF stand
// behind everything above them. So they are moved up on the way there, out of that
// range, with everything behind them, and down on the way back.
const (
	first = 0xE000
	by    = 0x10000 - first
)

func up(r rune) rune {
	if r >= first {
		return r + by
	}
	return r
}

func down(r rune) rune {
	if r >= first+by {
		return r - by
	}
	return r
}

// shifted is v with its texts moved.
func shifted(v any, move func(rune) rune) any {
	switch v := v.(type) {
	case string:
		return strings.Map(move, v)
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
