package hand

import (
	"encoding/hex"
	"strconv"
	"time"
	"unicode/utf8"
)

// AppendString appends s as a JSON string, copying runs that need no escape.
func AppendString[T ~string | ~[]byte](dst []byte, s T) []byte {
	const hx = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf || c >= utf8.RuneSelf {
			continue // the database guarantees valid UTF-8
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\r':
			dst = append(dst, '\\', 'r')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hx[c>>4], hx[c&15])
		}
		start = i + 1
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

func appendUUID(dst, u []byte) []byte {
	dst = hex.AppendEncode(dst, u[0:4])
	dst = append(dst, '-')
	dst = hex.AppendEncode(dst, u[4:6])
	dst = append(dst, '-')
	dst = hex.AppendEncode(dst, u[6:8])
	dst = append(dst, '-')
	dst = hex.AppendEncode(dst, u[8:10])
	dst = append(dst, '-')
	return hex.AppendEncode(dst, u[10:16])
}

// AppendID appends 16 bytes as a UUID in quotes.
func AppendID(dst, u []byte) []byte {
	return append(appendUUID(append(dst, '"'), u), '"')
}

// AppendTime appends Unix milliseconds as RFC 3339 in quotes.
func AppendTime(dst []byte, ms int64) []byte {
	dst = append(dst, '"')
	dst = time.UnixMilli(ms).UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	return append(dst, '"')
}

// AppendNext ends a page: its last record's time and id are the cursor. id nil: the
// page is empty.
func AppendNext(dst []byte, ms int64, id []byte) []byte {
	if id == nil {
		return append(dst, "]}"...)
	}
	dst = append(dst, `],"next":"`...)
	dst = strconv.AppendInt(dst, ms, 10)
	dst = append(dst, '_')
	return append(appendUUID(dst, id), `"}`...)
}

// AppendApplication appends a new application.
func AppendApplication(dst, id []byte, in *Application, now int64) []byte {
	dst = append(dst, `{"id":`...)
	dst = AppendID(dst, id)
	dst = append(dst, `,"created_at":`...)
	dst = AppendTime(dst, now)
	dst = append(dst, `,"job":`...)
	dst = AppendString(dst, in.Job)
	dst = append(dst, `,"candidate_name":`...)
	dst = AppendString(dst, in.CandidateName)
	dst = append(dst, `,"email":`...)
	dst = AppendString(dst, in.Email)
	return append(dst, `,"stage":"new"}`...)
}

// Columns is one row of jobs, and with it of companies, as a database gives it.
type Columns interface {
	Text(i int) []byte // valid until the next row
	Int(i int) int64   // times are Unix milliseconds
}

// AppendJob appends columns 0 to 8 (id, company, title, body, status, skills as JSON,
// salary_min, opens_at, created_at) and, with include, 9 to 13 (the company's id, name,
// country, size, created_at).
func AppendJob[C Columns](dst []byte, c C, include bool) []byte {
	dst = append(dst, `{"id":`...)
	dst = AppendID(dst, c.Text(0))
	dst = append(dst, `,"created_at":`...)
	dst = AppendTime(dst, c.Int(8))
	if include {
		dst = append(dst, `,"company":{"id":`...)
		dst = AppendID(dst, c.Text(9))
		dst = append(dst, `,"created_at":`...)
		dst = AppendTime(dst, c.Int(13))
		dst = append(dst, `,"name":`...)
		dst = AppendString(dst, c.Text(10))
		dst = append(dst, `,"country":`...)
		dst = AppendString(dst, c.Text(11))
		dst = append(dst, `,"size":`...)
		dst = strconv.AppendInt(dst, c.Int(12), 10)
		dst = append(dst, '}')
	} else {
		dst = append(dst, `,"company":`...)
		dst = AppendID(dst, c.Text(1))
	}
	dst = append(dst, `,"title":`...)
	dst = AppendString(dst, c.Text(2))
	dst = append(dst, `,"body":`...)
	dst = AppendString(dst, c.Text(3))
	dst = append(dst, `,"status":`...)
	dst = AppendString(dst, c.Text(4))
	dst = append(dst, `,"skills":`...)
	dst = append(dst, c.Text(5)...)
	dst = append(dst, `,"salary_min":`...)
	dst = strconv.AppendInt(dst, c.Int(6), 10)
	dst = append(dst, `,"opens_at":`...)
	dst = AppendTime(dst, c.Int(7))
	return append(dst, '}')
}

// ParseID reads a UUID.
func ParseID(s string) ([]byte, bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return nil, false
	}
	var digits [32]byte
	n := 0
	for i := range len(s) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			continue
		}
		digits[n] = s[i]
		n++
	}
	out := make([]byte, 16)
	_, err := hex.Decode(out, digits[:])
	return out, err == nil
}
