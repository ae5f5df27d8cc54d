package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
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

// writeFigures puts a comparison into the documentation: charts and tables.
func (p *place) writeFigures(command string, databases []*database, names []string, figures []figure) error {
	all := rows(databases, names, figures)
	var b bytes.Buffer
	var versions []string
	for _, db := range databases {
		versions = append(versions, db.version)
	}
	fmt.Fprintf(&b, "`%s` on %s; %s; each figure is the median of %d rounds.\n", command, machine(), strings.Join(versions, ", "), len(of(figures, databases[0].name, names[0], "mainstay")))
	var against []string
	for _, r := range all {
		if !strings.Contains(strings.Join(against, " "), r.Against) {
			against = append(against, r.Against)
		}
	}
	for _, a := range against {
		c := ratioChart(all, names, a)
		if err := c.write(p.charts(), "against-"+a+".svg", 4); err != nil {
			return err
		}
		fmt.Fprintf(&b, "\n![%s](performance/against-%s.svg)\n", c.title, a)
		fmt.Fprintf(&b, "\n| against %s | |%s\n|---|---|%s\n", a, cells(names), strings.Repeat("---|", len(names)))
		for _, db := range databases {
			ratios := map[string][]string{}
			for _, r := range all {
				if r.Against == a && r.Database == db.name {
					ratios["processor"] = append(ratios["processor"], fmt.Sprintf("%.2f", r.CPU))
					ratios["requests/s"] = append(ratios["requests/s"], fmt.Sprintf("%.2f", r.PerSecond))
					ratios["p99"] = append(ratios["p99"], fmt.Sprintf("%.2f", r.P99))
				}
			}
			for _, what := range []string{"processor", "requests/s", "p99"} {
				if len(ratios[what]) > 0 {
					fmt.Fprintf(&b, "| %s | %s |%s\n", db.name, what, cells(ratios[what]))
				}
			}
		}
	}
	fmt.Fprintf(&b, "\nIn absolute figures, which belong to the machine:\n\n| | scenario | system | processor ms | requests/s | p50 ms | p99 ms | MiB | statements |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, db := range databases {
		for _, name := range names {
			for _, s := range db.systems {
				fs := of(figures, db.name, name, s.name)
				m := func(f func(figure) float64) float64 { return median(fs, f) }
				statements := ""
				if n := m(func(f figure) float64 { return f.Statements }); n > 0 {
					statements = fmt.Sprintf("%.1f", n)
				}
				fmt.Fprintf(&b, "| %s | %s | %s | %.3f | %.0f | %.1f | %.1f | %.0f | %s |\n", db.name, name, s.name,
					m(func(f figure) float64 { return f.Processor }), m(func(f figure) float64 { return f.PerSecond }),
					m(func(f figure) float64 { return f.P50 }), m(func(f figure) float64 { return f.P99 }),
					m(func(f figure) float64 { return float64(f.Resident) / (1 << 20) }), statements)
			}
		}
	}
	return p.document("figures", b.String())
}

func cells(list []string) string { return " " + strings.Join(list, " | ") + " |" }
