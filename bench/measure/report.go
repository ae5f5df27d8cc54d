package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
)

// row compares Mainstay with another system; the ratios are medians over the rounds of
// Mainstay's figure divided by the other one's.
type row struct {
	Database   string  `json:"database"`
	Scenario   string  `json:"scenario"`
	Against    string  `json:"against"`
	CPU        float64 `json:"cpu_ratio"`
	PerSecond  float64 `json:"rps_ratio"`
	P99        float64 `json:"p99_ratio"`
	Statements float64 `json:"statements"`
}

// of picks the figures of one system, in the order of the rounds.
func of(figures []figure, database, scenario, system string) (out []figure) {
	for _, f := range figures {
		if f.Database == database && f.Scenario == scenario && f.System == system {
			out = append(out, f)
		}
	}
	return out
}

// results are what a run has measured.
type results struct {
	command   string
	choice    *choice
	effort    effort
	databases []*database
	figures   []figure
	failed    []failure
}

// measure runs every scenario on one database: those that write last, because they
// leave more behind in faster systems.
func (r *results) measure(ctx context.Context, db *database) error {
	names := slices.Clone(r.choice.scenarios[db.name])
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	r.failed = append(r.failed, alike(db, names, asks(db.size, 3, 1))...)
	for _, s := range db.systems {
		s.dialect = mixed(s.dialect)
	}
	for i, name := range names {
		progress("%s %s (%d of %d)", db.name, name, i+1, len(names))
		some, failed := measured(db, name, messages(db, name, asks(db.size, 3000, 2)), r.effort)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.figures, r.failed = append(r.figures, some...), append(r.failed, failed...)
	}
	return nil
}

func rank(name string) int {
	if scenarioNamed(name).writes {
		return 1
	}
	return 0
}

// names are the scenarios of all databases, in the order of the tables.
func (r *results) names() (out []string) {
	for _, s := range scenarios {
		for _, some := range r.choice.scenarios {
			if slices.Contains(some, s.name) {
				out = append(out, s.name)
				break
			}
		}
	}
	return out
}

// missing says of what there should be a figure and is none.
func (r *results) missing() (out []string) {
	for _, db := range r.databases {
		for _, a := range db.absent {
			out = append(out, fmt.Sprintf("%s could not be measured on %s: %s", a.system, a.database, a.reason))
		}
	}
	for _, f := range r.failed {
		out = append(out, fmt.Sprintf("%s failed in %s on %s: %s", f.system, f.scenario, f.database, f.reason))
	}
	return out
}

func (r *results) rows() []row {
	out := []row{}
	for _, db := range r.databases {
		for _, scenario := range r.choice.scenarios[db.name] {
			ours := of(r.figures, db.name, scenario, mainstay)
			for _, s := range db.systems[1:] {
				theirs := of(r.figures, db.name, scenario, s.name)
				if len(theirs) == 0 || len(ours) == 0 {
					continue
				}
				ratio := func(f func(figure) float64) float64 {
					var v []float64
					for i := range ours {
						v = append(v, f(ours[i])/f(theirs[i]))
					}
					return round(middle(v), 3)
				}
				out = append(out, row{
					Database: db.name, Scenario: scenario, Against: s.name,
					CPU:        ratio(func(f figure) float64 { return f.Processor }),
					PerSecond:  ratio(func(f figure) float64 { return f.PerSecond }),
					P99:        ratio(func(f figure) float64 { return f.P99 }),
					Statements: round(median(ours, func(f figure) float64 { return f.Statements }), 2),
				})
			}
		}
	}
	return out
}

func round(v float64, digits int) float64 {
	scale := math.Pow10(digits)
	return math.Round(v*scale) / scale
}

func writeJSON(w io.Writer, rows []row) error {
	return json.NewEncoder(w).Encode(struct {
		Rows []row `json:"rows"`
	}{rows})
}

// writeTable prints every system's medians; in brackets how Mainstay compares.
func writeTable(w io.Writer, r *results) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "database\tscenario\tsystem\tprocessor ms\tdatabase\trequests/s\tp50 ms\tp99 ms\tMiB\tstatements\tbytes")
	for _, db := range r.databases {
		for _, scenario := range r.choice.scenarios[db.name] {
			for _, s := range db.systems {
				fs := of(r.figures, db.name, scenario, s.name)
				if len(fs) == 0 {
					continue
				}
				m := func(f func(figure) float64) float64 { return median(fs, f) }
				fmt.Fprintf(t, "%s\t%s\t%s\t%.3f\t%.3f\t%.0f\t%.2f\t%.2f\t%.0f\t%.2f\t%.0f\n", db.name, scenario, s.name,
					m(func(f figure) float64 { return f.Processor }), m(func(f figure) float64 { return f.InDatabase }), m(func(f figure) float64 { return f.PerSecond }),
					m(func(f figure) float64 { return f.P50 }), m(func(f figure) float64 { return f.P99 }),
					m(func(f figure) float64 { return float64(f.Resident) / (1 << 20) }),
					m(func(f figure) float64 { return f.Statements }), m(func(f figure) float64 { return f.Bytes }))
			}
		}
	}
	fmt.Fprintln(t, "\ndatabase\tscenario\tagainst\tprocessor\trequests/s\tp99\t\t\t\t\t")
	for _, one := range r.rows() {
		fmt.Fprintf(t, "%s\t%s\t%s\t%.2f\t%.2f\t%.2f\t\t\t\t\t\n", one.Database, one.Scenario, one.Against, one.CPU, one.PerSecond, one.P99)
	}
	for _, text := range r.missing() {
		fmt.Fprintf(t, "\n%s\n", text)
	}
	return t.Flush()
}
