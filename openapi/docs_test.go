package openapi

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestVendoredFilesAreWhatTheManifestSays(t *testing.T) {
	listed := map[string]string{"MANIFEST": ""}
	for line := range strings.Lines(string(read("docs/assets/MANIFEST"))) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.Fields(line)
		if len(parts) != 5 || parts[2] == "" || parts[4] == "" {
			t.Fatalf("MANIFEST: %q", line)
		}
		listed[parts[1]] = parts[0]
	}
	entries, err := files.ReadDir("docs/assets")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		want, ok := listed[e.Name()]
		if !ok {
			t.Errorf("%s is not in the MANIFEST", e.Name())
		}
		delete(listed, e.Name())
		if want == "" {
			continue
		}
		data := read("docs/assets/" + e.Name())
		if strings.HasSuffix(e.Name(), ".gz") {
			data = gunzip(t, data)
		}
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s is not the file that the MANIFEST names", e.Name())
		}
	}
	for name := range listed {
		t.Errorf("%s is in the MANIFEST and nowhere else", name)
	}
}

func gunzip(t *testing.T, data []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func get(docs map[string]http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	docs[path].ServeHTTP(w, r)
	return w
}

func TestDocsServeAPageAndItsFiles(t *testing.T) {
	h := Docs("/openapi.json", "hiring <API>")
	page := get(h, "/docs")
	if page.Code != 200 || !strings.Contains(page.Body.String(), "hiring &lt;API&gt;") || !strings.Contains(page.Body.String(), `data-document="/openapi.json"`) {
		t.Errorf("%d %s", page.Code, page.Body)
	}
	for _, path := range []string{"/docs/page.js", "/docs/page.css", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js"} {
		if !strings.Contains(page.Body.String(), path[1:]) {
			t.Errorf("the page does not load %s", path)
		}
		if h[path] == nil {
			t.Fatalf("%s is not served", path)
		}
		w := get(h, path, "Accept-Encoding", "gzip")
		if w.Code != 200 || w.Body.Len() == 0 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestDocsMayLoadNothingFromElsewhere(t *testing.T) {
	w := get(Docs("/openapi.json", "x"), "/docs")
	policy := w.Header().Get("Content-Security-Policy")
	for _, banned := range []string{"unsafe-inline", "unsafe-eval", "http:", "https:", "*"} {
		if strings.Contains(policy, banned) {
			t.Errorf("the policy holds %s: %s", banned, policy)
		}
	}
	page := w.Body.String()
	for _, banned := range []string{"http://", "https://", "<style", "onload=", "<script>"} {
		if strings.Contains(page, banned) {
			t.Errorf("the page holds %s", banned)
		}
	}
}

func TestDocsWithoutGzipAreUnpacked(t *testing.T) {
	h := Docs("/openapi.json", "x")
	packed := get(h, "/docs/swagger-ui.css", "Accept-Encoding", "gzip, br")
	for _, accept := range []string{"", "gzip;q=0", "br"} {
		plain := get(h, "/docs/swagger-ui.css", "Accept-Encoding", accept)
		if plain.Header().Get("Content-Encoding") != "" {
			t.Errorf("Accept-Encoding %q: %s", accept, plain.Header().Get("Content-Encoding"))
		}
		if !bytes.Equal(plain.Body.Bytes(), gunzip(t, packed.Body.Bytes())) {
			t.Errorf("Accept-Encoding %q: another file", accept)
		}
	}
}

func TestDocsAreNotSentAgainWhenUnchanged(t *testing.T) {
	h := Docs("/openapi.json", "x")
	tag := get(h, "/docs/page.js").Header().Get("ETag")
	if w := get(h, "/docs/page.js", "If-None-Match", tag); w.Code != 304 || w.Body.Len() > 0 {
		t.Errorf("%d with %d bytes", w.Code, w.Body.Len())
	}
}
