package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// chart is bars in groups, drawn as SVG that is readable on light and dark pages.
type chart struct {
	title  string
	file   string
	unit   string
	groups []string
	series []series
	mark   float64 // a line across; 0: none
}

type series struct {
	name   string
	values []float64 // by group; NaN: none
}

var colours = []string{"#3b82c4", "#d9822b", "#4a9d5b", "#a05bb0", "#c0504d", "#5fb3b3", "#8c7a3d", "#7a7f87"}

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
		x := left + float64(i)*115
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

// ratioCharts are what Mainstay costs next to what is written by hand, by database, and
// next to each peer.
func ratioCharts(rows []row, names []string) (out []chart) {
	byDatabase := chart{title: "Processor time per request, Mainstay / hand-written (server and database; 1 is even)", file: "against-hand-written.svg", groups: names, mark: 1}
	byPeer := chart{title: "Processor time per request, Mainstay / peers (server and database; 1 is even)", file: "against-peers.svg", mark: 1}
	for _, name := range names {
		if slices.ContainsFunc(rows, func(r row) bool { return r.Scenario == name && isPeer(r.Against) }) {
			byPeer.groups = append(byPeer.groups, name)
		}
	}
	for _, r := range rows {
		switch {
		case r.Against == byHand:
			byDatabase.put(r.Database, r.Scenario, r.CPU)
		case isPeer(r.Against):
			byPeer.put(r.Against, r.Scenario, r.CPU)
		}
	}
	for _, c := range []chart{byDatabase, byPeer} {
		if len(c.series) > 0 {
			out = append(out, c)
		}
	}
	return out
}

// put sets one value of a series, which is made when it is new.
func (c *chart) put(name, group string, v float64) {
	at := slices.IndexFunc(c.series, func(s series) bool { return s.name == name })
	if at < 0 {
		one := series{name: name, values: make([]float64, len(c.groups))}
		for i := range one.values {
			one.values[i] = math.NaN()
		}
		at = len(c.series)
		c.series = append(c.series, one)
	}
	c.series[at].values[slices.Index(c.groups, group)] = v
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
