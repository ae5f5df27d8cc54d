package openapi

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// files are the documentation's page and, under assets, what shows it: Swagger
// UI as its makers built it, compressed. assets/MANIFEST says where each file
// comes from; a test holds them to it.
//
//go:embed docs
var files embed.FS

// policy lets the page load from its own server and nowhere else, and run no
// script or style that is written inside a page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Docs is the documentation, by path: its page at /docs and the page's files below.
// specURL is where the page finds the OpenAPI document; title is the page's.
func Docs(specURL, title string) map[string]http.Handler {
	page, err := renderPage(specURL, title)
	if err != nil {
		panic(err) // the template is ours and does not depend on its data
	}
	return map[string]http.Handler{
		"/docs":                      newAsset("text/html; charset=utf-8", page, false),
		"/docs/page.css":             newAsset("text/css; charset=utf-8", read("docs/page.css"), false),
		"/docs/page.js":              newAsset("text/javascript; charset=utf-8", read("docs/page.js"), false),
		"/docs/swagger-ui.css":       newAsset("text/css; charset=utf-8", read("docs/assets/swagger-ui.css.gz"), true),
		"/docs/swagger-ui-bundle.js": newAsset("text/javascript; charset=utf-8", read("docs/assets/swagger-ui-bundle.js.gz"), true),
	}
}

func renderPage(specURL, title string) ([]byte, error) {
	t, err := template.ParseFS(files, "docs/page.html")
	if err != nil {
		return nil, fmt.Errorf("openapi: the documentation's page: %w", err)
	}
	var b bytes.Buffer
	err = t.Execute(&b, struct{ Title, Document string }{title, specURL})
	return b.Bytes(), err
}

func read(name string) []byte {
	data, err := files.ReadFile(name)
	if err != nil {
		panic(err) // embedded above
	}
	return data
}

// asset is a file ready to be sent.
type asset struct {
	media  string
	data   []byte
	packed bool // data is gzip
	tag    string
}

func newAsset(media string, data []byte, packed bool) *asset {
	sum := sha256.Sum256(data)
	return &asset{media, data, packed, `"` + hex.EncodeToString(sum[:8]) + `"`}
}

func (a *asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Type", a.media)
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", a.tag)
	if a.packed {
		h.Set("Vary", "Accept-Encoding")
	}
	if strings.Contains(r.Header.Get("If-None-Match"), a.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if a.packed && !acceptsGzip(r) {
		a.unpack(w, r)
		return
	}
	if a.packed {
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(a.data)))
	if r.Method != http.MethodHead {
		w.Write(a.data)
	}
}

// unpack serves the rare client that takes no gzip.
func (a *asset) unpack(w http.ResponseWriter, r *http.Request) {
	z, err := gzip.NewReader(bytes.NewReader(a.data))
	if err != nil || r.Method == http.MethodHead {
		return
	}
	io.Copy(w, z)
}

func acceptsGzip(r *http.Request) bool {
	for _, part := range strings.Split(strings.Join(r.Header["Accept-Encoding"], ","), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		refused := strings.Trim(strings.TrimPrefix(strings.TrimSpace(q), "q="), "0.") == "" && q != ""
		if (name == "gzip" || name == "*") && !refused {
			return true
		}
	}
	return false
}
