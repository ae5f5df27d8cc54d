package server

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/mainstay-run/mainstay/api"
	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/openapi"
	"github.com/mainstay-run/mainstay/problem"
)

// document is a text that is made when it is first asked for.
type document struct {
	media string
	make  func() ([]byte, error)
	once  sync.Once
	text  []byte
	tag   string
	err   error
}

func (d *document) ready() ([]byte, string, error) {
	d.once.Do(func() {
		d.text, d.err = d.make()
		sum := sha256.Sum256(d.text)
		d.tag = `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	})
	return d.text, d.tag, d.err
}

// describe serves the OpenAPI document of c at /openapi.json and /openapi.yaml;
// ?version=3.0 is for tools that know no newer one.
func describe(c *contract.Contract) http.Handler {
	documents := map[string]*document{}
	for _, version := range []string{"3.1", "3.0"} {
		inJSON := func() ([]byte, error) { return openapi.Document(c, openapi.Options{Version: version}) }
		inYAML := func() ([]byte, error) {
			text, err := inJSON()
			if err != nil {
				return nil, err
			}
			return openapi.YAML(text)
		}
		documents["json"+version] = &document{media: "application/vnd.oai.openapi+json;version=" + version, make: inJSON}
		documents["yaml"+version] = &document{media: "application/vnd.oai.openapi;version=" + version, make: inYAML}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		version := "3.1"
		if asked := r.URL.Query().Get("version"); asked != "" {
			version = asked
		}
		form := r.URL.Path[strings.LastIndexByte(r.URL.Path, '.')+1:]
		d := documents[form+version]
		if d == nil {
			api.Refuse(w, r, &problem.Error{Kind: problem.InvalidParameter, Detail: "a parameter cannot be understood",
				Fields: []problem.Field{{Parameter: "version", Code: "enum", Detail: "must be 3.1 or 3.0"}}})
			return
		}
		text, tag, err := d.ready()
		if err != nil {
			api.Refuse(w, r, err)
			return
		}
		header := w.Header()
		header.Set("ETag", tag)
		header.Set("Cache-Control", "no-cache")
		if slices.Contains(r.Header.Values("If-None-Match"), tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		header.Set("Content-Type", d.media)
		_, _ = w.Write(text) // whoever asked is gone
	})
}
