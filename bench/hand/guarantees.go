package hand

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Guarantees are writes with what Mainstay keeps for the same contract: updated_at, a
// revision that serves as the entity tag, If-Match, a body that is read strictly and
// judged by the contract's types, no write where nothing differs, and a reference that
// is there. (Nobody is signed in here, so no rule depends on a record, and there is no
// Idempotency-Key.) Both give the record's revision; 0: refused.
type Guarantees interface {
	Add(ctx context.Context, in *Application, dst []byte) (body []byte, status int, revision int64)
	// Change sets a title, if the record is of this revision; 0: of any.
	Change(ctx context.Context, id, title string, match int64, dst []byte) (body []byte, status int, revision int64)
}

// guaranteed answers the two writes; ok is false for all else.
func guaranteed(ctx context.Context, g Guarantees, r *http.Request, body, dst []byte) (out []byte, status int, revision int64, ok bool) {
	job, one := strings.CutPrefix(r.URL.Path, "/v1/jobs/")
	switch {
	case r.Method == "POST" && r.URL.Path == "/v1/applications":
		in := Application{Stage: "new"}
		if !strictly(body, &in) || !sized(in.CandidateName, 200) || !address(in.Email) || !sized(in.Stage, 50) {
			return refusal(dst, "invalid"), 422, 0, true
		}
		out, status, revision = g.Add(ctx, &in, dst)
		return out, status, revision, true
	case r.Method == "PATCH" && one:
		var in Patch
		match, tagged := revisionOf(r.Header.Get("If-Match"))
		switch {
		case !strictly(body, &in) || in.Title == nil || !sized(*in.Title, 200):
			return refusal(dst, "invalid"), 422, 0, true
		case !tagged:
			return refusal(dst, "precondition failed"), 412, 0, true
		}
		out, status, revision = g.Change(ctx, job, *in.Title, match, dst)
		return out, status, revision, true
	}
	return dst, 0, 0, false
}

// strictly decodes one JSON object without members that v does not have.
func strictly(body []byte, v any) bool {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if d.Decode(v) != nil {
		return false
	}
	_, err := d.Token()
	return err == io.EOF && utf8.Valid(body)
}

func sized(text string, most int) bool {
	return text != "" && len(text) <= 4*most && utf8.RuneCountInString(text) <= most
}

// address is what HTML's form field takes for an e-mail address, nearly.
func address(text string) bool {
	name, domain, ok := strings.Cut(text, "@")
	return ok && name != "" && len(text) <= 254 && !strings.ContainsAny(text, " \t\r\n\"<>") && !strings.Contains(domain, "@") && domain != "" && domain[0] != '.'
}

// tag is the entity tag of a revision.
func tag(revision int64) string { return `"r` + strconv.FormatInt(revision, 36) + `"` }

// revisionOf reads If-Match: 0 where anything matches; false when nothing does.
func revisionOf(match string) (int64, bool) {
	if match == "" || match == "*" {
		return 0, true
	}
	digits, ok := strings.CutPrefix(strings.TrimSuffix(match, `"`), `"r`)
	n, err := strconv.ParseInt(digits, 36, 64)
	return n, ok && err == nil
}

// AppendChanged appends a job and when it was changed.
func AppendChanged[C Columns](dst []byte, c C, at int64) []byte {
	dst = AppendJob(dst, c, false)
	return append(AppendTime(append(dst[:len(dst)-1], `,"updated_at":`...), at), '}')
}
