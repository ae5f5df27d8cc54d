//go:build linux

package load

import (
	"bytes"
	"errors"
	"strconv"
)

// reply follows one HTTP/1.1 answer through the pieces it comes in, no further than
// to know its status and its end.
type reply struct {
	status  int
	head    []byte // until it is whole
	left    int    // bytes of the body, or of the chunk, still to come
	chunked bool
	size    []byte // a chunk's first line, until it is whole
	last    bool   // the chunk of size 0 has begun
	begun   bool   // the head is whole
}

var errReply = errors.New("what came is not an HTTP/1.1 answer")

// feed takes the next bytes and tells whether the answer is complete.
func (r *reply) feed(b []byte) (done bool, err error) {
	if !r.begun {
		whole := b
		if len(r.head) > 0 {
			r.head = append(r.head, b...)
			whole = r.head
		}
		end := bytes.Index(whole, []byte("\r\n\r\n"))
		if end < 0 {
			if len(r.head) == 0 {
				r.head = append(r.head, b...)
			}
			return false, nil
		}
		if err := r.begin(whole[:end+2]); err != nil {
			return false, err
		}
		b = whole[end+4:]
	}
	if r.chunked {
		return r.chunks(b)
	}
	r.left -= len(b)
	if r.left < 0 {
		return false, errReply
	}
	return r.left == 0, nil
}

func (r *reply) begin(head []byte) (err error) {
	if len(head) < 12 || !bytes.HasPrefix(head, []byte("HTTP/1.1 ")) {
		return errReply
	}
	r.begun = true
	if r.status, err = strconv.Atoi(string(head[9:12])); err != nil {
		return errReply
	}
	known := r.status == 204 || r.status == 304
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if r.left, err = strconv.Atoi(string(value)); err != nil {
				return errReply
			}
			known = true
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			r.chunked, known = true, true
		}
	}
	if !known {
		return errReply
	}
	return nil
}

// chunks follows a body in chunks; left counts the two bytes after a chunk, too.
func (r *reply) chunks(b []byte) (done bool, err error) {
	for len(b) > 0 {
		if r.left > 0 {
			n := min(r.left, len(b))
			r.left -= n
			b = b[n:]
			continue
		}
		if r.last {
			return false, errReply
		}
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			r.size = append(r.size, b...)
			return false, nil
		}
		r.size = append(r.size, b[:end]...)
		b = b[end+1:]
		n, err := strconv.ParseUint(string(bytes.TrimSpace(r.size)), 16, 31)
		if err != nil {
			return false, errReply
		}
		r.size = r.size[:0]
		r.left, r.last = int(n)+2, n == 0
	}
	return r.last && r.left == 0, nil
}
