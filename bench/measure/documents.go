package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// document replaces the part of docs/performance.md between the marks of name.
func (p *place) document(name, text string) error {
	file := filepath.Join(p.root, "..", "docs", "performance.md")
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	begin, end := "<!-- "+name+" begin -->\n", "<!-- "+name+" end -->"
	before, rest, ok1 := strings.Cut(string(content), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		return fmt.Errorf("%s has no part named %s", file, name)
	}
	return os.WriteFile(file, []byte(before+begin+text+end+after), 0o644)
}

func (p *place) charts() string { return filepath.Join(p.root, "..", "docs", "performance") }

// command is this run, as it is repeated.
func command() string {
	line := "bench/run"
	for _, arg := range os.Args[1:] {
		if strings.Contains(arg, " ") {
			arg = `"` + arg + `"`
		}
		line += " " + arg
	}
	return line
}

// machine is what figures depend on, in neutral words.
func machine() string {
	memory := "?"
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		var kb float64
		fmt.Sscanf(string(text), "MemTotal: %f kB", &kb)
		memory = fmt.Sprintf("%.0f GiB", kb/(1<<20))
	}
	return fmt.Sprintf("%d cores, %s of memory, %s, %s", runtime.NumCPU(), memory, runtime.GOOS, strings.Replace(runtime.Version(), "go", "Go ", 1))
}

// writeFigures puts a comparison into a section of the documentation: charts and tables.
func (p *place) writeFigures(r *results, section string) error {
	var b bytes.Buffer
	var versions []string
	for _, db := range r.databases {
		versions = append(versions, db.version)
	}
	fmt.Fprintf(&b, "`%s` on %s; %s; each figure is the median of %d rounds.\n", r.command, machine(), strings.Join(versions, ", "), r.effort.rounds)
	b.WriteString("\n| | |\n|---|---|\n")
	for _, s := range scenarios {
		if slices.Contains(r.names(), s.name) {
			fmt.Fprintf(&b, "| %s | %s |\n", s.name, s.what)
		}
	}
	all := r.rows()
	for _, c := range ratioCharts(all, r.names()) {
		c.file = section + "-" + c.file
		if err := c.write(p.charts(), c.file, 4); err != nil {
			return err
		}
		fmt.Fprintf(&b, "\n![%s](performance/%s)\n", c.title, c.file)
	}
	for _, against := range r.choice.against {
		r.writeRatios(&b, all, against)
	}
	for _, text := range r.missing() {
		fmt.Fprintf(&b, "\n%.300s\n", text)
	}
	r.writeAbsolute(&b)
	return p.document(section, b.String())
}

// writeRatios is the table of one rival, with the scenarios that it has.
func (r *results) writeRatios(b *bytes.Buffer, all []row, against string) {
	var names []string
	found := map[[2]string]row{} // by database and scenario
	for _, name := range r.names() {
		for _, one := range all {
			if one.Against != against || one.Scenario != name {
				continue
			}
			if found[[2]string{one.Database, name}] = one; !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		return
	}
	fmt.Fprintf(b, "\n| against %s | |%s\n|---|---|%s\n", against, cells(names), strings.Repeat("---|", len(names)))
	for _, db := range r.databases {
		for _, what := range []struct {
			name string
			of   func(row) float64
		}{
			{"processor", func(r row) float64 { return r.CPU }},
			{"requests/s", func(r row) float64 { return r.PerSecond }},
			{"p99", func(r row) float64 { return r.P99 }},
		} {
			var line []string
			any := false
			for _, name := range names {
				one, ok := found[[2]string{db.name, name}]
				if any = any || ok; !ok {
					line = append(line, "")
					continue
				}
				line = append(line, fmt.Sprintf("%.2f", what.of(one)))
			}
			if any {
				fmt.Fprintf(b, "| %s | %s |%s\n", db.name, what.name, cells(line))
			}
		}
	}
}

func (r *results) writeAbsolute(b *bytes.Buffer) {
	fmt.Fprintf(b, "\nIn absolute figures, which belong to the machine:\n\n| | scenario | system | processor ms | of it the database | requests/s | p50 ms | p99 ms | MiB | statements |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for _, db := range r.databases {
		for _, name := range r.choice.scenarios[db.name] {
			for _, s := range db.systems {
				fs := of(r.figures, db.name, name, s.name)
				if len(fs) == 0 {
					continue
				}
				m := func(f func(figure) float64) float64 { return median(fs, f) }
				statements := ""
				if n := m(func(f figure) float64 { return f.Statements }); n > 0 {
					statements = fmt.Sprintf("%.1f", n)
				}
				fmt.Fprintf(b, "| %s | %s | %s | %.3f | %.3f | %.0f | %.1f | %.1f | %.0f | %s |\n", db.name, name, s.name,
					m(func(f figure) float64 { return f.Processor }), m(func(f figure) float64 { return f.InDatabase }), m(func(f figure) float64 { return f.PerSecond }),
					m(func(f figure) float64 { return f.P50 }), m(func(f figure) float64 { return f.P99 }),
					m(func(f figure) float64 { return float64(f.Resident) / (1 << 20) }), statements)
			}
		}
	}
}

func cells(list []string) string { return " " + strings.Join(list, " | ") + " |" }
