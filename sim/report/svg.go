package report

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
)

// The size of a drawing, in its own units, and its margins.
const (
	svgWidth, svgHeight           = 720.0, 260.0
	svgLeft, svgRight             = 64.0, 16.0
	svgTop, svgBottom             = 34.0, 42.0
	plotWidth, plotHeight float64 = svgWidth - svgLeft - svgRight, svgHeight - svgTop - svgBottom
)

// SVG draws a chart. Its colours are the page's: the classes axis, grid, label and line-1 to line-6.
func (c *Chart) SVG() string {
	x, y := c.xAxis(), c.yAxis()
	atX := func(v float64) float64 { return svgLeft + (v-x.low)/(x.high-x.low)*plotWidth }
	atY := func(v float64) float64 { return svgTop + plotHeight - (v-y.low)/(y.high-y.low)*plotHeight }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, svgWidth, svgHeight, html.EscapeString(c.Title))
	for _, tick := range y.ticks {
		fmt.Fprintf(&b, `<line class="grid" x1="%g" x2="%g" y1="%.1f" y2="%.1f"/>`, svgLeft, svgWidth-svgRight, atY(tick), atY(tick))
		fmt.Fprintf(&b, `<text class="label" x="%g" y="%.1f" text-anchor="end">%s</text>`, svgLeft-8, atY(tick)+4, c.tick(tick))
	}
	for i, tick := range x.ticks {
		if tick < x.low || tick > x.high {
			continue
		}
		name := plain(tick)
		if c.Ticks != nil {
			name = html.EscapeString(c.Ticks[i])
		}
		fmt.Fprintf(&b, `<text class="label" x="%.1f" y="%g" text-anchor="middle">%s</text>`, atX(tick), svgHeight-svgBottom+18, name)
	}
	fmt.Fprintf(&b, `<line class="axis" x1="%g" x2="%g" y1="%g" y2="%g"/>`,
		svgLeft, svgWidth-svgRight, svgTop+plotHeight, svgTop+plotHeight)
	fmt.Fprintf(&b, `<text class="label" x="%g" y="%g" text-anchor="middle">%s</text>`,
		svgLeft+plotWidth/2, svgHeight-6, html.EscapeString(c.X))
	fmt.Fprintf(&b, `<text class="label" x="%g" y="14">%s</text>`, 4.0, html.EscapeString(c.Y))
	for i := len(c.Lines) - 1; i >= 0; i-- { // the first on top
		c.svgLine(&b, i, atX, atY)
	}
	c.svgLegend(&b)
	b.WriteString("</svg>")
	return b.String()
}

// svgLine draws one line.
func (c *Chart) svgLine(b *strings.Builder, i int, atX, atY func(float64) float64) {
	l := c.Lines[i]
	fmt.Fprintf(b, `<path class="line line-%d" d="`, i%6+1)
	for n := range l.X {
		command := 'L'
		if n == 0 {
			command = 'M'
		}
		fmt.Fprintf(b, "%c%.1f %.1f", command, atX(l.X[n]), atY(c.scaled(l.Y[n])))
	}
	b.WriteString(`"/>`)
	if !l.Dots {
		return
	}
	for n := range l.X {
		fmt.Fprintf(b, `<circle class="dot line-%d" cx="%.1f" cy="%.1f" r="3"><title>%s: %s, %s</title></circle>`,
			i%6+1, atX(l.X[n]), atY(c.scaled(l.Y[n])), html.EscapeString(l.Name), c.place(l.X[n]), plain(l.Y[n]))
	}
}

// place names a place of the x axis.
func (c *Chart) place(x float64) string {
	if c.Ticks != nil {
		return html.EscapeString(c.Ticks[int(x)])
	}
	return plain(x)
}

// svgLegend names the lines, from the right.
func (c *Chart) svgLegend(b *strings.Builder) {
	right := svgWidth - svgRight
	for i := len(c.Lines) - 1; i >= 0; i-- {
		name := c.Lines[i].Name
		fmt.Fprintf(b, `<text class="label" x="%.1f" y="14" text-anchor="end">%s</text>`, right, html.EscapeString(name))
		right -= 6.6*float64(len([]rune(name))) + 6
		fmt.Fprintf(b, `<line class="line line-%d" x1="%.1f" x2="%.1f" y1="10" y2="10"/>`, i%6+1, right-14, right)
		right -= 30
	}
}

// tick is the text of a tick of the y axis.
func (c *Chart) tick(v float64) string {
	if c.Log {
		return plain(math.Pow(10, v))
	}
	return plain(v)
}

// plain is a number with as few digits as it needs.
func plain(v float64) string {
	if math.Abs(v) >= 1e6 {
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
	return strconv.FormatFloat(math.Round(v*1e4)/1e4, 'f', -1, 64)
}
