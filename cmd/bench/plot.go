package main

import (
	"fmt"
	"html"
	"strings"

	"hearth/cmd/bench/relays"
	"hearth/cmd/bench/rig"
)

// The plot's measures, in its own units.
const (
	plotWidth            = 860
	panelWidth           = 260
	labelWidth           = 130
	barHeight, barGap    = 14, 3
	caseGap, titleHeight = 30, 44
	panelGap             = 60
)

// plotStyle has a colour for each relay, in the order of plotted.
const plotStyle = `text{font-family:sans-serif;font-size:11.5px;fill:#4b5058}.title{font-size:13px;fill:#1d1f23}.case{fill:#1d1f23}` +
	`.bar-0{fill:#d9480f}.bar-1{fill:#2b8a5a}.bar-2{fill:#1f6fb4}.bar-3{fill:#8a8f98}.spread{stroke:#1d1f23;stroke-width:1}`

// plotted are the relays, in the order of their bars.
var plotted = []string{relays.Hearth, relays.Nginx, relays.Bare, relays.Node}

// plot draws the relays beside each other: the processor time of a line on the left, the lines a second on the right. A bar is
// the median, the line across its end goes from the least to the greatest round.
func (r *Results) plot() string {
	sizes := r.cases("relay")
	height := titleHeight + len(sizes)*(caseGap+len(plotted)*(barHeight+barGap)) + 24
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="Relays side by side"><style>%s</style><rect width="100%%" height="100%%" fill="#fff"/>`,
		plotWidth, height, plotWidth, height, plotStyle)
	r.panel(&b, labelWidth, cpuPerLine, "processor time of the relay for a line there and back, µs", sizes, true)
	r.panel(&b, labelWidth+panelWidth+panelGap+60, linesPerSecond, "lines there and back a second", sizes, false)
	fmt.Fprintf(&b, `<text x="%d" y="%d">%s</text></svg>`+"\n", labelWidth, height-8, html.EscapeString(r.Machine.String()))
	return b.String()
}

// panel draws one metric. Each case has a scale of its own: what is compared are its bars.
func (r *Results) panel(b *strings.Builder, left int, metric, title string, sizes []string, named bool) {
	fmt.Fprintf(b, `<text class="title" x="%d" y="20">%s</text>`, left, html.EscapeString(title))
	y := titleHeight
	for _, size := range sizes {
		figures, most := r.bars(size, metric)
		fmt.Fprintf(b, `<text class="case" x="%d" y="%d">%s</text>`, left, y+12, html.EscapeString("sessions × bytes: "+size))
		y += caseGap - 10
		for i, f := range figures {
			at := func(v float64) float64 { return float64(left) + v/most*panelWidth }
			fmt.Fprintf(b, `<rect class="bar-%d" x="%d" y="%d" width="%.1f" height="%d"/>`, i, left, y, at(f.Median)-float64(left), barHeight)
			fmt.Fprintf(b, `<line class="spread" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`, at(f.Min), at(f.Max), y+barHeight/2, y+barHeight/2)
			fmt.Fprintf(b, `<text x="%.1f" y="%d">%s</text>`, at(f.Max)+5, y+barHeight-3, number(f.Median))
			if named {
				fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%s</text>`, left-6, y+barHeight-3, html.EscapeString(plotted[i]))
			}
			y += barHeight + barGap
		}
		y += 10
	}
}

// bars are the relays' figures of a case, and the greatest number among them.
func (r *Results) bars(size, metric string) (figures []rig.Figure, most float64) {
	figures = make([]rig.Figure, len(plotted))
	for _, f := range r.of("relay") {
		for i, name := range plotted {
			if f.Case == size && f.Metric == metric && f.Subject == name {
				figures[i], most = f, max(most, f.Max)
			}
		}
	}
	return figures, max(most, 1)
}
