package api

import (
	"net/http"
	"strconv"

	"github.com/mainstay-run/mainstay/engine"
)

// Header values that are the same in many answers. They are shared: nobody appends to them.
var (
	nosniff               = []string{"nosniff"}
	noStore               = []string{"no-store"}
	privateNoStore        = []string{"private, no-store"}
	privateNoCache        = []string{"private, no-cache"}
	replayed              = []string{"true"}
	appliedMinimal        = []string{"return=minimal"}
	appliedRepresentation = []string{"return=representation"}
	identityCoding        = []string{"identity"}
	closeConnection       = []string{"close"}
)

// answer writes what the engine says.
func (x *exchange) answer(res *engine.Result) {
	header := x.w.Header()
	if res.Items != nil {
		res.Body = x.items(res.Items)
	}
	status := x.successStatus(res)
	header["Cache-Control"] = x.cacheControl(res.ETag != "")
	if res.ETag != "" {
		header["Etag"] = []string{res.ETag}
	}
	if res.Created != "" && x.endpoint.resource != nil {
		header["Location"] = []string{x.h.base + "/" + x.endpoint.resource.Path + "/" + res.Created}
	}
	if res.Next != "" || res.Prev != "" {
		x.link(header, res)
	}
	if res.Replayed {
		header["Idempotent-Replayed"] = replayed
	}
	x.timing(header, res)
	x.sourced(header, res)
	if status == http.StatusNotModified {
		header["Etag"][0] = sentTag(x.r.Header, res.ETag)
		x.begin(status)
		return
	}
	x.preferenceApplied(header, res)
	if res.Body == nil {
		x.begin(status)
		return
	}
	header["Content-Type"] = x.endpoint.makes
	var c *coding
	if len(res.Body) >= minCoded && !x.endpoint.plain {
		c = negotiate(x.r.Header["Accept-Encoding"])
	}
	x.write(status, res.Body, c)
}

// items is the body of a bulk whose members succeed or fail by themselves:
// {"items":[{"status":201,"id":…,"body":{…}},{"status":422,"problem":{…}}]}.
func (x *exchange) items(items []engine.Item) []byte {
	dst := []byte(`{"items":[`)
	for i, it := range items {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '{')
		if it.Err == nil {
			dst = engine.AppendItem(dst, it)
		} else {
			dst = x.appendFailedItem(dst, it.Err)
		}
		dst = append(dst, '}')
	}
	return append(dst, "]}"...)
}

func (x *exchange) appendFailedItem(dst []byte, err error) []byte {
	err = x.ended(err)
	p := asProblem(err)
	status, _ := statusOf(p.Kind)
	x.report(status, err)
	dst = strconv.AppendInt(append(dst, `"status":`...), int64(status), 10)
	return appendProblem(append(dst, `,"problem":`...), p, x.traceID())
}

func (x *exchange) successStatus(res *engine.Result) int {
	switch {
	case res.NotModified:
		return http.StatusNotModified
	case res.Created != "", x.endpoint.made:
		return http.StatusCreated
	case res.Partial:
		return http.StatusMultiStatus
	case res.Body == nil:
		return http.StatusNoContent
	}
	return http.StatusOK
}

// cacheControl keeps what one caller may see from everybody else's caches.
func (x *exchange) cacheControl(tagged bool) []string {
	switch {
	case x.who != nil && x.who.Caller != nil, x.r.Header["Authorization"] != nil:
		return privateNoStore
	case tagged:
		return privateNoCache
	}
	return noStore
}

// preferenceApplied says which preference was met (RFC 7240).
func (x *exchange) preferenceApplied(header http.Header, res *engine.Result) {
	switch {
	case x.r.Method == http.MethodGet || x.r.Method == http.MethodHead:
	case x.prefer == preferMinimal && res.Body == nil && x.endpoint.makes != nil:
		header["Preference-Applied"] = appliedMinimal
	case x.prefer == preferRepresentation && res.Body != nil:
		header["Preference-Applied"] = appliedRepresentation
	}
}

// link tells the neighbouring pages (RFC 8288) of a list that came by GET.
func (x *exchange) link(header http.Header, res *engine.Result) {
	if x.r.Method != http.MethodGet && x.r.Method != http.MethodHead {
		return
	}
	line := append(make([]byte, 0, 512), '<')
	line = append(append(line, x.r.URL.EscapedPath()...), '?')
	line = pageQuery(line, x.r.URL.RawQuery)
	same := len(line)
	for _, page := range []struct{ cursor, rel string }{{res.Next, "next"}, {res.Prev, "prev"}} {
		if page.cursor == "" {
			continue
		}
		if len(line) > same {
			line = append(append(line, ", "...), line[:same]...)
		}
		line = append(append(line, "cursor="...), page.cursor...) // of letters that stand for themselves
		line = append(append(append(line, `>; rel="`...), page.rel...), '"')
	}
	header["Link"] = []string{string(line)}
}

// timing shows the number of statements, for those who watch them.
func (x *exchange) timing(header http.Header, res *engine.Result) {
	if x.h.opts.Timing {
		header["Server-Timing"] = []string{`db;desc="` + strconv.Itoa(res.Statements) + `"`}
	}
}
