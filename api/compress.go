package api

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// minCoded is the smallest body that is worth coding, in bytes.
const minCoded = 1024

// encoder is what all three codings have in common.
type encoder interface {
	io.WriteCloser
	Flush() error
	Reset(w io.Writer)
}

// coding is a content coding with its pool of encoders.
type coding struct {
	name   string
	header []string
	suffix string // of an entity tag, with the closing quote
	pool   sync.Pool
}

// codings in the order in which they are preferred at equal quality. The levels
// are those that keep up with the database: an answer is made once and read once.
var codings = []*coding{
	newCoding("zstd", func() encoder {
		// The options are constants that NewWriter accepts.
		w, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(256<<10), zstd.WithLowerEncoderMem(true))
		return w
	}),
	newCoding("br", func() encoder { return brotli.NewWriterLevel(nil, 3) }),
	newCoding("gzip", func() encoder {
		w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed)
		return w
	}),
}

func newCoding(name string, make func() encoder) *coding {
	return &coding{name: name, header: []string{name}, suffix: "-" + name + `"`, pool: sync.Pool{New: func() any { return make() }}}
}

// encoderTo takes an encoder from the pool; give it back with release.
func (c *coding) encoderTo(w io.Writer) encoder {
	e := c.pool.Get().(encoder)
	e.Reset(w)
	return e
}

// release must not be called with an encoder that has failed.
func (c *coding) release(e encoder) { c.pool.Put(e) }

// code codes body into a buffer from the pool; nil when it does not get
// smaller. The caller gives the buffer back to buffers.
func (c *coding) code(body []byte) *bytes.Buffer {
	b := buffers.Get().(*bytes.Buffer)
	b.Reset()
	e := c.encoderTo(b)
	_, err := e.Write(body)
	if err == nil {
		err = e.Close()
	}
	if err != nil || b.Len() >= len(body) {
		buffers.Put(b)
		return nil
	}
	c.release(e)
	return b
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// negotiate chooses the coding of an answer by Accept-Encoding (RFC 9110,
// 12.5.3); nil is the body as it is, which is never refused.
func negotiate(lines []string) *coding {
	if len(lines) == 0 {
		return nil
	}
	var best *coding
	bestQ := 0
	for _, c := range codings {
		if q := quality(lines, c.name); q > bestQ {
			best, bestQ = c, q
		}
	}
	return best
}

// quality is the weight, in thousandths, that a header such as Accept-Encoding
// gives to a name: its own entry, else that of "*", else 0.
func quality(lines []string, name string) int {
	wildcard := 0
	for _, line := range lines {
		for entry := range strings.SplitSeq(line, ",") {
			word, rest, _ := strings.Cut(entry, ";")
			switch word = strings.Trim(word, " \t"); {
			case strings.EqualFold(word, name):
				return weight(rest)
			case word == "*":
				wildcard = weight(rest)
			}
		}
	}
	return wildcard
}

// weight reads the q among parameters, in thousandths; 1000 when there is none, 0 when it is not one.
func weight(parameters string) int {
	for parameters != "" {
		var one string
		one, parameters, _ = strings.Cut(parameters, ";")
		name, text, _ := strings.Cut(strings.Trim(one, " \t"), "=")
		if !strings.EqualFold(name, "q") {
			continue
		}
		q, err := strconv.ParseFloat(text, 64)
		if err != nil || len(text) > 5 || !(q >= 0 && q <= 1) {
			return 0
		}
		return int(q*1000 + 0.5)
	}
	return 1000
}
