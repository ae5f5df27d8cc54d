package api

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-run/mainstay/engine"
	"github.com/mainstay-run/mainstay/problem"
)

// preference is what Prefer: return= asks for (RFC 7240).
type preference uint8

const (
	noPreference preference = iota
	preferMinimal
	preferRepresentation
)

// decode reads the request into x.op: size, media type and parameters. The
// body is not yet understood.
func (x *exchange) decode() error {
	ep, header := x.endpoint, x.r.Header
	if len(x.r.URL.RawQuery) > maxQuery {
		return problem.Errorf(problem.URITooLong, "the query must be at most %d bytes; longer ones go to QUERY or POST …/query", maxQuery)
	}
	if err := x.readBody(); err != nil {
		return err
	}
	if !x.acceptable() {
		return problem.Errorf(problem.NotAcceptable, "this path answers %s only", ep.makes[0])
	}
	if err := x.parameters(); err != nil {
		return err
	}
	if err := x.source(); err != nil {
		return err
	}
	if ep.account != nil {
		return x.refuseKey("requests under /auth cannot be repeated with an Idempotency-Key")
	}
	x.prefer = preferReturn(header["Prefer"])
	op := &x.op
	op.Kind, op.Resource, op.Action, op.Format = ep.kind, ep.resource, ep.action, ep.format
	op.Query, op.NotAtomic = x.params.query, x.params.atomic == "false"
	if !ep.document {
		op.Body = x.body
	}
	if ep.parent != nil {
		op.Parent = &engine.Parent{Resource: ep.parent, ID: x.id, Many: ep.many}
	} else {
		op.ID = x.id
	}
	op.Minimal = x.prefer == preferMinimal
	var err error
	if op.IfMatch, err = entityTags(header, "If-Match"); err != nil {
		return err
	}
	if op.IfNoneMatch, err = entityTags(header, "If-None-Match"); err != nil {
		return err
	}
	if ep.keyed && header["Idempotency-Key"] != nil {
		return x.idempotency()
	}
	return nil
}

// parameters reads the query string and, where it holds parameters, the body.
func (x *exchange) parameters() error {
	p := &x.params
	p.allowed = x.endpoint.words
	if x.r.URL.RawQuery != "" {
		p.parse(x.r.URL.RawQuery)
	}
	if x.endpoint.document {
		if err := p.document(x.body); err != nil {
			return err
		}
	}
	if p.seen&wordAtomic != 0 && p.atomic != "true" && p.atomic != "false" {
		p.fault("atomic", "type", "must be true or false")
	}
	if p.allowed&wordMaxAffected != 0 {
		x.bulkParameters()
	}
	return p.err()
}

// bulkParameters reads what a change by filter must not do without.
func (x *exchange) bulkParameters() {
	p := &x.params
	if p.seen&wordFilter == 0 && len(p.query.Equal) == 0 {
		p.fault("filter", "required", "must say which records; a change of all of them says so: filter=true")
	}
	if p.seen&wordMaxAffected == 0 {
		p.fault("max_affected", "required", "must say how many records may be changed at most")
		return
	}
	n, err := strconv.Atoi(p.affected)
	if err != nil || n < 1 {
		p.fault("max_affected", "type", "must be a whole number of at least 1")
	}
	x.op.MaxAffected = n
}

// acceptable reports whether Accept takes what the endpoint makes.
func (x *exchange) acceptable() bool {
	lines, makes := x.r.Header["Accept"], x.endpoint.makes
	if len(lines) == 0 || makes == nil || lines[0] == "*/*" {
		return true
	}
	name, _, _ := strings.Cut(makes[0], ";")
	family, _, _ := strings.Cut(name, "/")
	listed := false
	for _, line := range lines {
		for entry := range strings.SplitSeq(line, ",") {
			word, rest, _ := strings.Cut(entry, ";")
			word = strings.Trim(word, " \t")
			listed = listed || word != ""
			matches := strings.EqualFold(word, name) || strings.EqualFold(word, family+"/*") || word == "*/*"
			if matches && weight(rest) > 0 {
				return true
			}
		}
	}
	return !listed
}

// readBody checks the body's length, coding and media type and reads it.
func (x *exchange) readBody() error {
	r, ep := x.r, x.endpoint
	if ep.takes == nil {
		return x.refuseBody()
	}
	if r.ContentLength > x.h.opts.MaxBody {
		return x.tooLarge()
	}
	if r.ContentLength == 0 && ep.bodiless {
		return nil
	}
	if r.ContentLength == 0 {
		return problem.Errorf(problem.MalformedJSON, "this request needs a JSON body")
	}
	if c := r.Header["Content-Encoding"]; len(c) > 1 || len(c) == 1 && !strings.EqualFold(c[0], "identity") {
		x.w.Header()["Accept-Encoding"] = identityCoding
		return problem.Errorf(problem.UnsupportedMedia, "request bodies must not be compressed")
	}
	if c := r.Header["Content-Type"]; len(c) != 1 || !takesMedia(ep.takes, c[0]) {
		return &problem.Error{Kind: problem.UnsupportedMedia, Allow: ep.takes,
			Detail: "the body must be " + strings.Join(ep.takes, " or ") + " in UTF-8"}
	}
	body, err := x.read()
	if err != nil {
		return err
	}
	if len(body) == 0 && !ep.bodiless {
		return problem.Errorf(problem.MalformedJSON, "this request needs a JSON body")
	}
	x.body = body
	return nil
}

// read reads the whole body within MaxBody and Timeout.
func (x *exchange) read() ([]byte, error) {
	x.leave()
	from := x.r.Body
	if x.r.ContentLength < 0 { // else it has been compared
		from = http.MaxBytesReader(x.w, from, x.h.opts.MaxBody)
	}
	body, err := x.gather(from, x.r.ContentLength)
	if err == nil {
		x.readWithin(0)
		return body, x.enter()
	}
	var tooLarge *http.MaxBytesError
	var full *problem.Error
	switch {
	case errors.As(err, &full):
		x.w.Header()["Connection"] = closeConnection
		return nil, err
	case errors.As(err, &tooLarge):
		return nil, x.tooLarge()
	case errors.Is(err, os.ErrDeadlineExceeded):
		x.w.Header()["Connection"] = closeConnection
		return nil, problem.Errorf(problem.RequestTimeout, "the body came too slowly")
	}
	return nil, problem.Errorf(problem.MalformedJSON, "the body ends too early or is not well-formed")
}

// readWithin bounds the time until the body has come; 0 lifts the bound. What a
// refused request leaves unread, net/http reads on within the same bound.
func (x *exchange) readWithin(d time.Duration) {
	var deadline time.Time
	if d > 0 {
		deadline = time.Now().Add(d)
	}
	// Not every ResponseWriter has deadlines; those of connections do.
	_ = http.NewResponseController(x.w).SetReadDeadline(deadline)
}

func (x *exchange) tooLarge() error {
	return problem.Errorf(problem.TooLarge, "the body must be at most %d bytes", x.h.opts.MaxBody)
}

// refuseBody answers a body where there must be none: nothing would read it.
func (x *exchange) refuseBody() error {
	if x.r.ContentLength == 0 {
		return nil
	}
	if x.r.ContentLength < 0 { // of unknown length, perhaps none
		x.leave()
		if n, err := x.r.Body.Read(make([]byte, 1)); n == 0 && err == io.EOF {
			x.readWithin(0)
			return x.enter()
		}
	}
	return problem.Errorf(problem.InvalidParameter, "this request takes no body")
}

// takesMedia reports whether contentType is one of the media types, in UTF-8
// and without other parameters.
func takesMedia(types []string, contentType string) bool {
	if contentType == "application/json" {
		return slices.Contains(types, contentType)
	}
	name, parameters, _ := strings.Cut(contentType, ";")
	if !slices.Contains(types, strings.ToLower(strings.Trim(name, " \t"))) {
		return false
	}
	for parameter := range strings.SplitSeq(parameters, ";") {
		k, v, _ := strings.Cut(strings.Trim(parameter, " \t"), "=")
		if k == "" && v == "" {
			continue
		}
		if !strings.EqualFold(k, "charset") || !strings.EqualFold(strings.Trim(v, `"`), "utf-8") {
			return false
		}
	}
	return true
}

// preferReturn reads return= among preferences; what is not known is ignored, as RFC 7240 asks.
func preferReturn(lines []string) preference {
	for _, line := range lines {
		for entry := range strings.SplitSeq(line, ",") {
			word, _, _ := strings.Cut(entry, ";")
			name, setting, _ := strings.Cut(word, "=")
			if !strings.EqualFold(strings.Trim(name, " \t"), "return") {
				continue
			}
			switch strings.Trim(setting, " \t\"") {
			case "minimal":
				return preferMinimal
			case "representation":
				return preferRepresentation
			}
		}
	}
	return noPreference
}

// idempotency reads Idempotency-Key and what makes this request the same as another.
func (x *exchange) idempotency() error {
	lines := x.r.Header["Idempotency-Key"]
	if len(lines) != 1 || !isKey(lines[0]) {
		return problem.Errorf(problem.InvalidParameter, "the Idempotency-Key header must be 1 to 255 visible ASCII characters, sent once")
	}
	if x.who == nil || x.who.Caller == nil {
		return x.refuseKey("an Idempotency-Key needs somebody who is signed in")
	}
	x.op.IdempotencyKey = lines[0]
	x.op.Fingerprint = fingerprint(x.r.Method, x.r.URL.EscapedPath(), x.r.URL.RawQuery, x.body)
	return nil
}

func (x *exchange) refuseKey(why string) error {
	if x.r.Header["Idempotency-Key"] == nil {
		return nil
	}
	return problem.Errorf(problem.InvalidParameter, "%s", why)
}

func isKey(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return s != "" && len(s) <= 255
}

// fingerprint hashes the parts of a request, each behind its length so that no two requests meet.
func fingerprint(method, path, query string, body []byte) [32]byte {
	hash := sha256.New()
	var length [8]byte
	for _, part := range []string{method, path, query} {
		hash.Write(binary.BigEndian.AppendUint64(length[:0], uint64(len(part))))
		io.WriteString(hash, part)
	}
	hash.Write(body)
	return [32]byte(hash.Sum(nil))
}
