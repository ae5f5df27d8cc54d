package hand

import (
	"bytes"
	"encoding/hex"
	"slices"
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

// AppendAdded appends a new application with its stage and when it was changed.
func AppendAdded(dst, id []byte, in *Application, now int64) []byte {
	dst = AppendApplication(dst, id, in, now)
	dst = append(dst[:len(dst)-len(`"new"}`)], AppendString(nil, in.Stage)...)
	return append(AppendTime(append(dst, `,"updated_at":`...), now), '}')
}

// AppendCreated appends what a batch answers for each new application.
func AppendCreated(dst []byte, ids [][]byte, in []Application, now int64) []byte {
	dst = append(dst, `{"items":[`...)
	for i := range in {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"status":201,"id":`...)
		dst = AppendID(dst, ids[i])
		dst = append(dst, `,"body":`...)
		dst = AppendApplication(dst, ids[i], &in[i], now)
		dst = append(dst, '}')
	}
	return append(dst, "]}"...)
}

// AppendReceived appends columns 0 to 5 of applications: id, job, candidate_name, email,
// stage, created_at.
func AppendReceived[C Columns](dst []byte, c C) []byte {
	dst = append(dst, `{"id":`...)
	dst = AppendID(dst, c.Text(0))
	dst = append(dst, `,"created_at":`...)
	dst = AppendTime(dst, c.Int(5))
	dst = append(dst, `,"job":`...)
	dst = AppendID(dst, c.Text(1))
	dst = append(dst, `,"candidate_name":`...)
	dst = AppendString(dst, c.Text(2))
	dst = append(dst, `,"email":`...)
	dst = AppendString(dst, c.Text(3))
	dst = append(dst, `,"stage":`...)
	dst = AppendString(dst, c.Text(4))
	return append(dst, '}')
}

// AppendProfile appends columns 0 to 2 of profiles: id, headline, created_at.
func AppendProfile[C Columns](dst []byte, c C) []byte {
	dst = append(dst, `{"id":`...)
	dst = AppendID(dst, c.Text(0))
	dst = append(dst, `,"created_at":`...)
	dst = AppendTime(dst, c.Int(2))
	dst = append(dst, `,"headline":`...)
	dst = AppendString(dst, c.Text(1))
	return append(dst, '}')
}

// Group is the jobs of one status.
type Group struct{ Count, Sum int64 }

// AppendGroups appends those that there are, in the order of statuses.
func AppendGroups(dst []byte, groups map[string]Group) []byte {
	dst = append(dst, `{"items":[`...)
	first := true
	for _, status := range []string{"draft", "open", "closed"} {
		g := groups[status]
		if g.Count == 0 {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(append(append(dst, `{"status":"`...), status...), `","count":`...)
		dst = strconv.AppendInt(dst, g.Count, 10)
		dst = append(dst, `,"avg_salary_min":"`...)
		dst = appendAverage(dst, g)
		dst = append(dst, `"}`...)
	}
	return append(dst, "]}"...)
}

// appendAverage appends six digits after the point, rounded half to even.
func appendAverage(dst []byte, g Group) []byte {
	const scale = 1_000_000
	quotient, rest := g.Sum*scale/g.Count, g.Sum*scale%g.Count
	if 2*rest > g.Count || 2*rest == g.Count && quotient%2 == 1 {
		quotient++
	}
	dst = strconv.AppendInt(dst, quotient/scale, 10)
	fraction := strconv.AppendInt(nil, scale+quotient%scale, 10)
	fraction[0] = '.'
	return append(dst, fraction...)
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

// Nested is a page of jobs whose applications come after them.
type Nested struct {
	jobs []byte
	ends []int
	IDs  [][]byte
	made [][]byte // the applications of each
}

// Job takes a row as AppendJob does.
func (n *Nested) Job(c Columns) {
	n.jobs = AppendJob(n.jobs, c, false)
	n.ends = append(n.ends, len(n.jobs)-1)
	n.IDs = append(n.IDs, bytes.Clone(c.Text(0)))
	n.made = append(n.made, nil)
}

// Application takes a row as AppendReceived does; those of a job in their order.
func (n *Nested) Application(c Columns) {
	at := slices.IndexFunc(n.IDs, func(id []byte) bool { return bytes.Equal(id, c.Text(1)) })
	list := n.made[at]
	if list == nil {
		list = make([]byte, 0, 2<<10)
	} else {
		list = append(list, ',')
	}
	n.made[at] = AppendReceived(list, c)
}

// Append writes the page without its end.
func (n *Nested) Append(dst []byte) []byte {
	start := 0
	for i, end := range n.ends {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, n.jobs[start:end]...)
		dst = append(dst, `,"applications":[`...)
		dst = append(dst, n.made[i]...)
		dst = append(dst, "]}"...)
		start = end + 1
	}
	return dst
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
