package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mainstay-run/mainstay/bench/dataset"
	"github.com/mainstay-run/mainstay/value"
)

func (g *growing) connections(ctx context.Context) error {
	_, s, err := g.filled(ctx, "sqlite", dataset.Size{Companies: 100, Jobs: 500, Applications: 500})
	if err != nil {
		return err
	}
	defer s.program.stop()
	fmt.Fprintf(g.out, "### Open connections\nEach has asked once and stays open.\n\n| connections | MiB |\n|---|---|\n")
	request := message{method: "GET", path: "/v1/jobs?limit=1"}.bytes(s.addr)
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	buf := make([]byte, 64<<10)
	var groups []string
	var values []float64
	for _, n := range []int{1, 100, 1_000, 5_000, 10_000} {
		for len(open) < n {
			c, err := net.Dial("tcp", s.addr)
			if err != nil {
				fmt.Fprintf(g.out, "| %d | no more than %d could be opened |\n", n, len(open))
				return nil
			}
			open = append(open, c)
			if _, err := c.Write(request); err != nil {
				return err
			}
			if _, err := c.Read(buf); err != nil {
				return err
			}
		}
		occupied := mebibytes(resident(s.program.pid()))
		fmt.Fprintf(g.out, "| %d | %.0f |\n", n, occupied)
		groups, values = append(groups, fmt.Sprint(n)), append(values, occupied)
	}
	return g.plot("connections", "MiB of the server, by how many connections are open", "MiB", groups, values)
}

func (g *growing) sizes(ctx context.Context) error {
	folder, err := g.generated("sizes", "mainstay: 1\nname: sizes\nresources:\n  Paper:\n    fields:\n      body: text ..1000000\n    access:\n      read: true\n")
	if err != nil {
		return err
	}
	sizes := []int{1_000, 10_000, 100_000, 1_000_000}
	s, err := g.served(ctx, "sqlite", folder, func(f *filler) {
		for i, n := range sizes {
			f.add("papers", "id created_at updated_at _revision body", numberedRows(1, func(int) []any {
				return append(builtinOf(i), strings.Repeat("abcdefgh ", n/9))
			}))
		}
	})
	if err != nil {
		return err
	}
	defer s.program.stop()
	fmt.Fprintf(g.out, "### Size of a record\nOne record by its id, over 32 connections.\n\n| bytes | processor ms | p99 ms | MiB |\n|---|---|---|---|\n")
	var groups []string
	var values []float64
	for i, n := range sizes {
		f, err := g.one(s.addr, s.program, "/v1/papers/"+value.UUID(dataset.JobID(i)).String())
		if err != nil {
			return err
		}
		fmt.Fprintf(g.out, "| %d | %.3f | %.1f | %.0f |\n", n, f.Processor, f.P99, float64(f.Resident)/(1<<20))
		groups, values = append(groups, fmt.Sprint(n)), append(values, f.Processor)
	}
	return g.plot("sizes", "Processor milliseconds per record, by its bytes", "ms", groups, values)
}

// exportRecords of 2,000 characters and more are an export of 1 GB.
const exportRecords = 480_000

// mostForExports is what a server may occupy while it exports 1 GB, in bytes.
const mostForExports = 150_000_000

// exports reads 1 GB from each database and watches the server's memory meanwhile.
func (g *growing) exports(ctx context.Context) error {
	fmt.Fprintf(g.out, "### Exports\n%d records of 2,000 characters, which is 1 GB; then all of them twice at a time, once by a caller who reads 50 MB a second.\n\n| | | MB | seconds | processor s | MiB before | MiB at most |\n|---|---|---|---|---|---|---|\n", exportRecords)
	var faults []error
	for _, kind := range g.on("sqlite", "postgresql", "mariadb") {
		if err := g.exportsOf(ctx, kind); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", kind, err))
		}
	}
	return errors.Join(faults...)
}

func (g *growing) exportsOf(ctx context.Context, kind string) error {
	folder, err := g.generated("exports_"+kind, "mainstay: 1\nname: exports\nresources:\n  Paper:\n    fields:\n      body: text ..10000\n    access:\n      read: true\n")
	if err != nil {
		return err
	}
	text := prose(1 << 20)
	s, err := g.served(ctx, kind, folder, func(f *filler) {
		f.add("papers", "id created_at updated_at _revision body", numberedRows(exportRecords, func(i int) []any {
			from := i * 1009 % (len(text) - 2000)
			return append(builtinOf(i), text[from:from+2000])
		}))
	})
	if err != nil {
		return err
	}
	defer s.program.stop()
	progress("%s is filled", kind)
	var faults []error
	for _, way := range []struct {
		name string
		read []int64 // bytes a second of each caller; 0: as fast as it comes
	}{{"papers.ndjson", []int64{0}}, {"papers.csv", []int64{0}}, {"papers.ndjson", []int64{0, 50_000_000}}} {
		before := spent(s.program.pid())
		watch := watchMemory(s.program.pid(), resident)
		began := time.Now()
		n, err := readTogether("http://"+s.addr+"/v1/"+way.name, way.read)
		most := watch()
		if err != nil {
			return err
		}
		after := spent(s.program.pid())
		progress("%s, %d × %s: %d MiB at most", kind, len(way.read), way.name, most>>20)
		fmt.Fprintf(g.out, "| %s | %d × `%s` | %.0f | %.1f | %.1f | %.0f | %.0f |\n", kind, len(way.read), way.name, float64(n)/1e6, time.Since(began).Seconds(),
			after.processor-before.processor, float64(before.resident)/(1<<20), float64(most)/(1<<20))
		if most > mostForExports {
			faults = append(faults, fmt.Errorf("%s takes %d bytes of memory, more than %d", way.name, most, mostForExports))
		}
	}
	return errors.Join(faults...)
}

// prose is n bytes of words, the same on every machine.
func prose(n int) string {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		if b[i] = byte('a' + r.IntN(26)); r.IntN(6) == 0 {
			b[i] = ' '
		}
	}
	return string(b)
}

// watchMemory looks at what a process occupies until most is called.
func watchMemory(pid int, occupied func(pid int) int64) (most func() int64) {
	var seen atomic.Int64
	done, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				seen.Store(max(seen.Load(), occupied(pid)))
			}
		}
	}()
	return func() int64 {
		close(done)
		<-watched
		return seen.Load()
	}
}

// readTogether reads an answer once for each pace, all at the same time, and counts
// the bytes of all.
func readTogether(url string, paces []int64) (int64, error) {
	var sum atomic.Int64
	ended := make(chan error)
	for _, pace := range paces {
		go func() {
			n, err := readAt(url, pace)
			sum.Add(n)
			ended <- err
		}()
	}
	var errs []error
	for range paces {
		errs = append(errs, <-ended)
	}
	return sum.Load(), errors.Join(errs...)
}

// readAt reads an answer to its end, at most so many bytes a second; 0: as they come.
func readAt(url string, pace int64) (n int64, err error) {
	r, err := http.Get(url)
	if err != nil {
		return 0, err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("%s: status %d", url, r.StatusCode)
	}
	if pace == 0 {
		return io.Copy(io.Discard, r.Body)
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		m, err := io.CopyN(io.Discard, r.Body, pace/10)
		n += m
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		<-tick.C
	}
}
