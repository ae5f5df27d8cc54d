package conformance

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	slowConnections = 2000
	distinctPaths   = 100_000
	// floodMemory is how much the program may grow, in bytes, whatever comes: the pages of
	// a SQLite file (144 MiB at most with the program itself) and what of a hundred lists
	// of 4 MB, asked for at once, stands in memory before the sockets have taken it. That
	// was 245 to 265 MiB, by how the collector of garbage comes in between.
	floodMemory = 384 << 20
	// honestTime is how long an honest request may take beside a flood; it is far
	// more than it takes.
	honestTime = 10 * time.Second
	// headerTime is the promise: so long after the connection headers must have come.
	headerTime = 5 * time.Second
)

// TestAFloodIsBoundedAndHonestRequestsAreAnswered sends what no honest client
// sends, more of it than the limits allow, and asks honestly all the while.
func TestAFloodIsBoundedAndHonestRequestsAreAnswered(t *testing.T) {
	s := newShop(t)
	p := start(t, command(s.serve()...))
	if p.url == "" {
		t.Fatalf("%s", &p.out)
	}
	honest := &honest{t: t, url: p.url}
	honest.ask(20)
	before := resident(t, p)

	headers := connect(t, p, slowConnections/2, "GET /v1/items HTTP/1.1\r\nHost: x\r\nX-Slow: ")
	slow := connect(t, p, slowConnections/2, "POST /v1/items HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1048576\r\n\r\n{\"name\":\"")
	slow = append(slow, connect(t, p, 100, "POST /v1/items HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")...)
	slow = append(slow, connect(t, p, 100, "GET /v1/items HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")...)
	honest.ask(20)
	bounded(t, p, before, "connections that send slowly")
	stock(t, p)
	slow = append(slow, connect(t, p, 8, "GET /v1/items.ndjson HTTP/1.1\r\nHost: x\r\n\r\n")...)
	slow = append(slow, connect(t, p, 100, "GET /v1/items?limit=200 HTTP/1.1\r\nHost: x\r\n\r\n")...)
	honest.ask(20)
	bounded(t, p, before, "connections that do not read")

	for _, flood := range []struct {
		name string
		send func(t *testing.T, p *process)
	}{
		{"bodies of 10 MB", floodBodies},
		{"bodies that nest deeply", floodDepth},
		{"compressed bodies", floodCompressed},
		{"queries without end", floodQueries},
		{"filters of every shape", floodFilters},
		{"tokens that were never given", floodTokens},
		{"paths that do not exist", floodPaths},
	} {
		t.Run(flood.name, func(t *testing.T) {
			flood.send(t, p)
			honest.ask(5)
			bounded(t, p, before, flood.name)
		})
	}
	closed(t, headers)
	for _, c := range slow {
		c.Close()
	}
	honest.ask(20)
	t.Logf("%d honest requests, the slowest answered after %s; memory %d MiB before, %d MiB after, %d MiB at most", honest.n, honest.slowest, before>>20, resident(t, p)>>20, peak(t, p)>>20)
	if code := p.stop(t); code != 0 || strings.Contains(p.out.String(), "panic") {
		t.Errorf("it ends with %d:\n%s", code, &p.out)
	}
	sound(t, s.database)
}

// honest is a client as it should be.
type honest struct {
	t       *testing.T
	url     string
	client  http.Client
	n       int
	slowest time.Duration
}

// ask reads and writes n times, little each time.
func (h *honest) ask(n int) {
	h.t.Helper()
	h.client.Timeout = honestTime
	for range n {
		for method, want := range map[string]int{"GET": 200, "POST": 201} {
			began := time.Now()
			r, _ := http.NewRequest(method, h.url+"/v1/items?limit=1", nil)
			if method == "POST" {
				r, _ = http.NewRequest(method, h.url+"/v1/items", strings.NewReader(`{"name":"honest"}`))
				r.Header.Set("Content-Type", "application/json")
			}
			res, err := h.client.Do(r)
			if err != nil {
				h.t.Errorf("an honest %s: %v", method, err)
				continue
			}
			body, _ := io.ReadAll(res.Body)
			res.Body.Close()
			if res.StatusCode != want {
				h.t.Errorf("an honest %s answers %d %s", method, res.StatusCode, body)
			}
			h.n++
			h.slowest = max(h.slowest, time.Since(began))
		}
	}
}

// stock makes so much that a list of it does not fit between program and client.
func stock(t *testing.T, p *process) {
	note := strings.Repeat("x", 20_000)
	for range 10 {
		var operations []fields
		for i := range 50 {
			operations = append(operations, fields{"create": fields{"name": fmt.Sprint("item ", i), "note": note}})
		}
		expect(t, p, 200, "POST", "/v1/items/batch", asJSON, strings.NewReader(encode(fields{"operations": operations})))
	}
}

// resident is the memory that a program holds, in bytes; peak the most it ever held.
func resident(t testing.TB, p *process) int { return memory(t, p, "VmRSS") }

func peak(t testing.TB, p *process) int { return memory(t, p, "VmHWM") }

func memory(t testing.TB, p *process, name string) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(name + `:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		t.Fatalf("no %s in\n%s", name, status)
	}
	kilobytes, _ := strconv.Atoi(string(found[1]))
	return kilobytes << 10
}

// bounded fails the test when the program has ever grown by more than floodMemory.
func bounded(t *testing.T, p *process, before int, by string) {
	t.Helper()
	if grown := peak(t, p) - before; grown > floodMemory {
		t.Errorf("%s made it grow by %d MiB, from %d", by, grown>>20, before>>20)
	}
}

func dial(t *testing.T, p *process) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// connect opens n connections and sends the beginning of a request on each.
func connect(t *testing.T, p *process, n int, beginning string) []net.Conn {
	t.Helper()
	list := make([]net.Conn, n)
	for i := range list {
		list[i] = dial(t, p)
		if _, err := io.WriteString(list[i], beginning); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// closed fails the test unless the program closes all connections in time.
func closed(t *testing.T, list []net.Conn) {
	t.Helper()
	limit := time.Now().Add(headerTime + 10*time.Second)
	open := 0
	for _, c := range list {
		c.SetReadDeadline(limit)
		if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
			open++
		}
	}
	if open > 0 {
		t.Errorf("%d of %d connections whose headers do not come are still open", open, len(list))
	}
}

// crowd does n things, a few at a time.
func crowd(n int, do func(i int)) {
	var at sync.WaitGroup
	for w := range 8 {
		at.Go(func() {
			for i := w; i < n; i += 8 {
				do(i)
			}
		})
	}
	at.Wait()
}

// hostile asks what expect sends.
var hostile = http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}, Timeout: patience}

// expect sends one request and compares the status of its answer.
func expect(t *testing.T, p *process, want int, method, target string, header http.Header, body io.Reader) {
	t.Helper()
	r, err := http.NewRequest(method, p.url+target, body)
	if err != nil {
		t.Error(err)
		return
	}
	for name, list := range header {
		r.Header[name] = list
	}
	res, err := hostile.Do(r)
	if err != nil {
		t.Errorf("%s %.40s: %v", method, target, err)
		return
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	if res.StatusCode != want {
		t.Errorf("%s %.40s answers %d %.200s, want %d", method, target, res.StatusCode, text, want)
	}
}

var asJSON = http.Header{"Content-Type": {"application/json"}}

// floodBodies sends on, whatever is answered, until the connection is closed.
func floodBodies(t *testing.T, p *process) {
	crowd(40, func(i int) {
		c := dial(t, p)
		go func() {
			piece := strings.Repeat("x", 64<<10)
			length := fmt.Sprintf("Content-Length: %d", 10<<20)
			if i%2 == 0 { // of a length that is not told
				piece = fmt.Sprintf("%x\r\n%s\r\n", len(piece), piece)
				length = "Transfer-Encoding: chunked"
			}
			_, err := fmt.Fprintf(c, "POST /v1/items HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%s\r\n\r\n", length)
			for range 160 {
				if err == nil {
					_, err = io.WriteString(c, piece)
				}
			}
		}()
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Errorf("a body of 10 MB: %v", err)
			return
		}
		if res.StatusCode != 413 {
			t.Errorf("a body of 10 MB answers %s", res.Status)
		}
		c.Close()
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func floodDepth(t *testing.T, p *process) {
	for _, body := range []string{
		strings.Repeat("[", 1<<20),
		strings.Repeat(`{"a":`, 200_000),
		`{"name":` + strings.Repeat("[", 400_000) + strings.Repeat("]", 400_000) + "}",
		`{"operations":` + strings.Repeat(`[{"operations":`, 50_000) + "1",
	} {
		for _, target := range []string{"/v1/items", "/v1/items/batch", "/v1/items/query", "/v1/auth/login"} {
			expect(t, p, 400, "POST", target, asJSON, strings.NewReader(body))
		}
	}
}

func floodCompressed(t *testing.T, p *process) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if _, err := io.CopyN(z, zeros{}, 64<<20); err != nil {
		t.Fatal(err)
	}
	z.Close()
	crowd(40, func(int) {
		expect(t, p, 415, "POST", "/v1/items", http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}}, bytes.NewReader(bomb.Bytes()))
	})
}

func floodQueries(t *testing.T, p *process) {
	crowd(100, func(i int) {
		expect(t, p, 414, "GET", "/v1/items?filter="+strings.Repeat("x", 20<<10), nil, nil)
		expect(t, p, 431, "GET", "/v1/items?filter="+strings.Repeat("x", 64<<10), nil, nil)
		expect(t, p, 400, "GET", "/v1/items?"+strings.Repeat("name=x&", 2000), nil, nil)
		expect(t, p, 400, "GET", "/v1/items?filter="+strings.Repeat("(", 5000), nil, nil)
		expect(t, p, 431, "GET", "/v1/items", http.Header{"X-Long": {strings.Repeat("x", 64<<10)}}, nil)
	})
}

// floodFilters asks with filters that nobody has asked with before, each of which
// may be kept for the next time.
func floodFilters(t *testing.T, p *process) {
	crowd(2000, func(i int) {
		var filter strings.Builder
		for bit := range 11 {
			if bit > 0 {
				filter.WriteString(map[int]string{0: "||", 1: "%26%26"}[i>>bit&1])
			}
			filter.WriteString(map[int]string{0: `name=="a"`, 1: `note!="b"`}[i>>bit&1])
		}
		expect(t, p, 200, "GET", "/v1/items?limit=1&filter="+strings.ReplaceAll(filter.String(), `"`, "%22"), nil, nil)
	})
}

func floodTokens(t *testing.T, p *process) {
	crowd(2000, func(i int) {
		expect(t, p, 401, "GET", "/v1/items", http.Header{"Authorization": {fmt.Sprintf("Bearer ms_%043d", i)}}, nil)
	})
}

// floodPaths asks for paths of every kind, many behind each other on a connection.
func floodPaths(t *testing.T, p *process) {
	const each = distinctPaths / 8
	crowd(8, func(w int) {
		c := dial(t, p)
		go func() {
			for i := range each {
				fmt.Fprintf(c, "GET /v1/%s%d HTTP/1.1\r\nHost: x\r\n\r\n", []string{"x", "items/", "items/x/", "docs/"}[i%4], w*each+i)
			}
		}()
		answers := bufio.NewReader(c)
		for i := range each {
			res, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Errorf("answer %d of %d: %v", i, each, err)
				return
			}
			io.Copy(io.Discard, res.Body)
			if res.StatusCode != 404 {
				t.Errorf("a path that does not exist answers %d", res.StatusCode)
				return
			}
		}
	})
}
