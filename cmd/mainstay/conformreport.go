package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"

	"github.com/mainstay-run/mainstay/conformance"
)

// conformReport is what conform found.
type conformReport struct {
	Database string         `json:"database"`
	Mainstay version        `json:"mainstay"`
	Scripts  []scriptReport `json:"scripts"`
}

type scriptReport struct {
	Name     string              `json:"name"`
	Requests int                 `json:"requests"`
	Lacking  string              `json:"lacking,omitempty"` // why it was not played
	Faults   []conformance.Fault `json:"faults,omitempty"`
}

func (r scriptReport) String() string {
	if r.Lacking != "" {
		return fmt.Sprintf("%-14s not played: %s\n", r.Name, r.Lacking)
	}
	text := fmt.Sprintf("%-14s %s, %s\n", r.Name, count(r.Requests, "request"), count(len(r.Faults), "fault"))
	for _, f := range r.Faults {
		text += fmt.Sprintf("  %s.txtar:%d: %s\n    %s\n", r.Name, f.Line, f.Request, strings.ReplaceAll(f.Why, "\n", "\n    "))
	}
	return text
}

func (r *conformReport) faults() (n int) {
	for _, s := range r.Scripts {
		n += len(s.Faults)
	}
	return n
}

// sum is the whole in one line.
func (r *conformReport) sum() string {
	requests, lacking := 0, 0
	for _, s := range r.Scripts {
		requests += s.Requests
		if s.Lacking != "" {
			lacking++
		}
	}
	text := fmt.Sprintf("%s in %s: ", count(requests, "request"), count(len(r.Scripts)-lacking, "script"))
	if n := r.faults(); n > 0 {
		text += count(n, "answer") + " not as expected"
	} else {
		text += "every answer as expected"
	}
	if lacking > 0 {
		text += fmt.Sprintf("; %s not played, for what the database cannot do", count(lacking, "script"))
	}
	return text
}

// markdown is the section of a page.
func (r *conformReport) markdown() string {
	text := fmt.Sprintf("## %s\n%s.\n\n| script | requests | |\n|---|---|---|\n", r.Database, r.sum())
	for _, s := range r.Scripts {
		result := s.Lacking
		if result == "" {
			result = "as expected"
		}
		if len(s.Faults) > 0 {
			result = "**" + count(len(s.Faults), "fault") + "**"
		}
		text += fmt.Sprintf("| %s | %d | %s |\n", s.Name, s.Requests, result)
	}
	return text
}

// keep puts the report into a page, in the place of the section of the same kind of
// database, or at its end.
func (r *conformReport) keep(page string) error {
	content, err := os.ReadFile(page)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	kind, _, _ := strings.Cut(r.Database, " ")
	before, rest, found := strings.Cut("\n"+string(content), "\n## "+kind+" ")
	after := ""
	if found {
		if at := strings.Index(rest, "\n## "); at >= 0 {
			after = rest[at:]
		}
	}
	before = strings.TrimRight(strings.TrimPrefix(before, "\n"), "\n")
	if before != "" {
		before += "\n\n"
	}
	return os.WriteFile(page, []byte(before+r.markdown()+after), 0o644)
}

// recorder is a log that keeps the faults of the program: a script that was
// answered as expected at their price has not passed.
type recorder struct {
	mu     sync.Mutex
	faults []conformance.Fault
}

func (r *recorder) list() []conformance.Fault {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.faults
}

func (r *recorder) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }

func (r *recorder) Handle(_ context.Context, record slog.Record) error {
	text := record.Message
	record.Attrs(func(a slog.Attr) bool {
		text += "\n" + a.String()
		return true
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append(r.faults, conformance.Fault{Request: "it logged an error", Why: text})
	return nil
}

func (r *recorder) WithAttrs([]slog.Attr) slog.Handler { return r }
func (r *recorder) WithGroup(string) slog.Handler      { return r }
