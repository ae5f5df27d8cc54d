package api

import (
	"net/http"
	"strconv"

	"github.com/mainstay-run/mainstay/contract"
)

// addDocuments adds what is about the API rather than of it.
func addDocuments(root *node, c *contract.Contract, o Options) {
	add := func(path string, h http.Handler, free bool) {
		if h != nil {
			root.add(&endpoint{method: "GET", route: path, operation: operation{handler: h, free: free}})
		}
	}
	add("/openapi.json", o.OpenAPI, false)
	add("/openapi.yaml", o.OpenAPI, false)
	for path, h := range o.Docs {
		add(path, h, false)
	}
	add("/.well-known/api-catalog", catalog(c.BasePath), false)
	add("/livez", o.Operator, true)
	add("/readyz", o.Operator, true)
	add("/metrics", o.Operator, true)
}

// catalog is the linkset (RFC 9264) that tells programs where the API's
// description and documentation are (RFC 9727).
func catalog(basePath string) http.Handler {
	body := []byte(`{"linkset":[{"anchor":"` + basePath + `",` +
		`"service-desc":[{"href":"/openapi.json","type":"application/vnd.oai.openapi+json;version=3.1"},` +
		`{"href":"/openapi.yaml","type":"application/vnd.oai.openapi;version=3.1"}],` +
		`"service-doc":[{"href":"/docs","type":"text/html"}]}]}`)
	length := []string{strconv.Itoa(len(body))}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["Content-Type"] = linksetType
		h["Content-Length"] = length
		h["Link"] = []string{`</.well-known/api-catalog>; rel="api-catalog"`}
		if r.Method != "HEAD" {
			w.Write(body)
		}
	})
}
