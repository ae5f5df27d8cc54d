package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
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

func rows(databases []*database, names []string, figures []figure) []row {
	out := []row{}
	for _, db := range databases {
		for _, scenario := range names {
			ours := of(figures, db.name, scenario, "mainstay")
			for _, s := range db.systems[1:] {
				theirs := of(figures, db.name, scenario, s.name)
				if len(theirs) == 0 {
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
func writeTable(w io.Writer, databases []*database, names []string, figures []figure) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "database\tscenario\tsystem\tprocessor ms\trequests/s\tp50 ms\tp99 ms\tMiB\tstatements\tbytes")
	for _, db := range databases {
		for _, scenario := range names {
			for _, s := range db.systems {
				fs := of(figures, db.name, scenario, s.name)
				if len(fs) == 0 {
					continue
				}
				m := func(f func(figure) float64) float64 { return median(fs, f) }
				fmt.Fprintf(t, "%s\t%s\t%s\t%.3f\t%.0f\t%.2f\t%.2f\t%.0f\t%.2f\t%.0f\n", db.name, scenario, s.name,
					m(func(f figure) float64 { return f.Processor }), m(func(f figure) float64 { return f.PerSecond }),
					m(func(f figure) float64 { return f.P50 }), m(func(f figure) float64 { return f.P99 }),
					m(func(f figure) float64 { return float64(f.Resident) / (1 << 20) }),
					m(func(f figure) float64 { return f.Statements }), m(func(f figure) float64 { return f.Bytes }))
			}
		}
	}
	fmt.Fprintln(t, "\ndatabase\tscenario\tagainst\tprocessor\trequests/s\tp99\t\t\t\t")
	for _, r := range rows(databases, names, figures) {
		fmt.Fprintf(t, "%s\t%s\t%s\t%.2f\t%.2f\t%.2f\t\t\t\t\n", r.Database, r.Scenario, r.Against, r.CPU, r.PerSecond, r.P99)
	}
	return t.Flush()
}
