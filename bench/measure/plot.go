package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// chart is bars in groups, drawn as SVG that is readable on light and dark pages.
type chart struct {
	title  string
	unit   string
	groups []string
	series []series
	mark   float64 // a line across; 0: none
}

type series struct {
	name   string
	values []float64 // by group; NaN: none
}

var colours = []string{"#3b82c4", "#d9822b", "#4a9d5b", "#a05bb0"}

// svg draws the bars on a linear scale up to top; what is higher is cut and written.
func (c chart) svg(top float64) string {
	const (
		height, left, below, above = 180.0, 40.0, 24.0, 44.0
		bar, gap                   = 16.0, 18.0
	)
	group := bar*float64(len(c.series)) + gap
	width := left + group*float64(len(c.groups)) + gap
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" font-family="sans-serif" font-size="11" fill="#808080">`+"\n", width, above+height+below)
	fmt.Fprintf(&b, `<title>%s</title><text x="4" y="14" font-size="13">%s</text>`+"\n", c.title, c.title)
	for i, s := range c.series {
		x := left + float64(i)*150
		fmt.Fprintf(&b, `<rect x="%.0f" y="22" width="10" height="10" fill="%s"/><text x="%.0f" y="31">%s</text>`+"\n", x, colours[i%len(colours)], x+14, s.name)
	}
	y := func(v float64) float64 { return above + height - min(v, top)/top*height }
	for i := range 5 {
		v := top * float64(i) / 4
		fmt.Fprintf(&b, `<line x1="%.0f" x2="%.0f" y1="%.1f" y2="%.1f" stroke="#80808040"/><text x="%.0f" y="%.1f" text-anchor="end">%s</text>`+"\n", left, width, y(v), y(v), left-4, y(v)+4, short3(v))
	}
	for g, name := range c.groups {
		x := left + gap/2 + float64(g)*group
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`+"\n", x+bar*float64(len(c.series))/2, above+height+15, name)
		for i, s := range c.series {
			v := s.values[g]
			if math.IsNaN(v) {
				continue
			}
			fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"><title>%s %s: %s %s</title></rect>`+"\n",
				x+bar*float64(i), y(v), bar-2, above+height-y(v), colours[i%len(colours)], name, s.name, short3(v), c.unit)
			fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="middle" font-size="8">%s</text>`+"\n", x+bar*float64(i)+bar/2-1, y(v)-2, short3(v))
		}
	}
	if c.mark > 0 {
		fmt.Fprintf(&b, `<line x1="%.0f" x2="%.0f" y1="%.1f" y2="%.1f" stroke="#c03030" stroke-dasharray="4 3"/>`+"\n", left, width, y(c.mark), y(c.mark))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// short3 is a number with about three digits.
func short3(v float64) string {
	switch {
	case v == math.Trunc(v) && v < 1e5, v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", v), "0"), ".")
}

// ratioChart is what Mainstay costs next to another system, by scenario and database.
func ratioChart(rows []row, names []string, against string) chart {
	c := chart{title: "Processor time per request, Mainstay / " + against + " (server and database; 1 is even)", groups: names, mark: 1}
	for _, r := range rows {
		if r.Against != against {
			continue
		}
		at := -1
		for i := range c.series {
			if c.series[i].name == r.Database {
				at = i
			}
		}
		if at < 0 {
			one := series{name: r.Database, values: make([]float64, len(names))}
			for i := range one.values {
				one.values[i] = math.NaN()
			}
			c.series = append(c.series, one)
			at = len(c.series) - 1
		}
		for i, n := range names {
			if n == r.Scenario {
				c.series[at].values[i] = r.CPU
			}
		}
	}
	return c
}

// top is a round number above all values, no more than most.
func (c chart) top(most float64) float64 {
	high := 0.0
	for _, s := range c.series {
		for _, v := range s.values {
			if !math.IsNaN(v) {
				high = max(high, v)
			}
		}
	}
	for _, step := range []float64{.1, .2, .4, 1, 2, 4, 8, 10, 20, 40, 100, 200, 400, 1000, 2000, 4000, 10_000} {
		if high <= step {
			return min(step, most)
		}
	}
	return most
}

// write puts a chart into the documentation.
func (c chart) write(folder, name string, most float64) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, name), []byte(c.svg(c.top(most))), 0o644)
}
