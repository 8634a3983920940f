package report

import (
	"fmt"
	"html"
	"io"
	"math"
	"strconv"
	"strings"
)

// The size of a drawing, in its own units, and its margins. Legends that need more than one row push the top down.
const (
	svgWidth, svgHeight = 720.0, 260.0
	svgLeft, svgRight   = 64.0, 16.0
	svgTop, svgBottom   = 34.0, 42.0
	plotWidth           = svgWidth - svgLeft - svgRight
	plotHeight          = svgHeight - svgTop - svgBottom
	legendRow           = 16.0
	letter              = 6.6 // a letter's width, on average
	svgFootLetters      = 130
)

// canvas is where a chart is being drawn.
type canvas struct {
	*Chart
	b    *strings.Builder
	x, y axis
	// top is where the plot begins.
	top float64
}

func (c *canvas) atX(v float64) float64 { return svgLeft + (v-c.x.low)/(c.x.high-c.x.low)*plotWidth }

func (c *canvas) atY(v float64) float64 {
	return c.top + plotHeight - (c.scaled(v)-c.y.low)/(c.y.high-c.y.low)*plotHeight
}

// SVG draws a chart. Its colours are the page's: the classes axis, grid, label and line-1 to line-6.
func (c *Chart) SVG() string {
	var b strings.Builder
	legend := c.legend()
	d := &canvas{Chart: c, b: &b, x: c.xAxis(), y: c.yAxis(), top: svgTop + legendRow*float64(len(legend)-1)}
	height := d.top + plotHeight + svgBottom
	fmt.Fprintf(&b, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, svgWidth, height, html.EscapeString(c.Title))
	d.axes(height)
	for i := len(c.Lines) - 1; i >= 0; i-- { // the first on top
		d.line(i)
	}
	d.drawLegend(legend)
	b.WriteString("</svg>")
	return b.String()
}

// axes draws the grid, the ticks and the axes' names.
func (d *canvas) axes(height float64) {
	for _, tick := range d.y.ticks {
		y := d.top + plotHeight - (tick.At-d.y.low)/(d.y.high-d.y.low)*plotHeight
		fmt.Fprintf(d.b, `<line class="grid" x1="%g" x2="%g" y1="%.1f" y2="%.1f"/>`, svgLeft, svgWidth-svgRight, y, y)
		fmt.Fprintf(d.b, `<text class="label" x="%g" y="%.1f" text-anchor="end">%s</text>`, svgLeft-8, y+4, html.EscapeString(tick.Name))
	}
	for _, tick := range d.x.ticks {
		if tick.At < d.x.low || tick.At > d.x.high {
			continue
		}
		fmt.Fprintf(d.b, `<text class="label" x="%.1f" y="%g" text-anchor="middle">%s</text>`,
			d.atX(tick.At), height-svgBottom+18, html.EscapeString(tick.Name))
	}
	fmt.Fprintf(d.b, `<line class="axis" x1="%g" x2="%g" y1="%g" y2="%g"/>`,
		svgLeft, svgWidth-svgRight, d.top+plotHeight, d.top+plotHeight)
	fmt.Fprintf(d.b, `<text class="label" x="%g" y="%g" text-anchor="middle">%s</text>`,
		svgLeft+plotWidth/2, height-6, html.EscapeString(d.X))
	fmt.Fprintf(d.b, `<text class="label" x="%g" y="14">%s</text>`, 4.0, html.EscapeString(d.Y))
}

// line draws one line with its intervals, points and labels.
func (d *canvas) line(i int) {
	l, class := d.Lines[i], i%6+1
	fmt.Fprintf(d.b, `<path class="line line-%d" d="`, class)
	for n := range l.X {
		command := 'L'
		if n == 0 {
			command = 'M'
		}
		fmt.Fprintf(d.b, "%c%.1f %.1f", command, d.atX(l.X[n]), d.atY(l.Y[n]))
	}
	d.b.WriteString(`"`)
	if d.hides(i) {
		d.b.WriteString(` stroke-dasharray="6 6"`)
	}
	d.b.WriteString(`/>`)
	for n := range l.Low {
		fmt.Fprintf(d.b, `<line class="line line-%d" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`,
			class, d.atX(l.X[n]), d.atX(l.X[n]), d.atY(l.Low[n]), d.atY(l.High[n]))
	}
	for n, label := range l.Labels {
		fmt.Fprintf(d.b, `<text class="label" x="%.1f" y="%.1f">%s</text>`,
			d.atX(l.X[n])+5, d.atY(l.Y[n])-5, html.EscapeString(label))
	}
	if !l.Dots {
		return
	}
	for n := range l.X {
		fmt.Fprintf(d.b, `<circle class="dot line-%d" cx="%.1f" cy="%.1f" r="3"><title>%s: %s, %s</title></circle>`,
			class, d.atX(l.X[n]), d.atY(l.Y[n]), html.EscapeString(l.Name), html.EscapeString(d.place(l.X[n])), plain(l.Y[n]))
	}
}

// legend shares the lines out over rows that are not wider than the plot: the numbers of the lines in each. There is one row
// at least.
func (c *Chart) legend() [][]int {
	rows, width := [][]int{nil}, letter*float64(len(c.Y))+20
	for i, l := range c.Lines {
		if l.Name == "" {
			continue
		}
		w := legendWidth(l.Name)
		if last := len(rows) - 1; len(rows[last]) > 0 && width+w > svgWidth-svgRight {
			rows, width = append(rows, nil), 0
		}
		last := len(rows) - 1
		rows[last], width = append(rows[last], i), width+w
	}
	return rows
}

func legendWidth(name string) float64 { return letter*float64(len([]rune(name))) + 36 }

// drawLegend names the lines, each row from the right.
func (d *canvas) drawLegend(rows [][]int) {
	for n, row := range rows {
		right, y := svgWidth-svgRight, 14+legendRow*float64(n)
		for i := len(row) - 1; i >= 0; i-- {
			name := d.Lines[row[i]].Name
			fmt.Fprintf(d.b, `<text class="label" x="%.1f" y="%g" text-anchor="end">%s</text>`, right, y, html.EscapeString(name))
			left := right - letter*float64(len([]rune(name))) - 6
			fmt.Fprintf(d.b, `<line class="line line-%d" x1="%.1f" x2="%.1f" y1="%g" y2="%g"/>`, row[i]%6+1, left-14, left, y-4, y-4)
			right -= legendWidth(name)
		}
	}
}

// Drawing writes charts one below the other as one SVG with colours of its own, and what they are of at its foot.
func Drawing(w io.Writer, charts []Chart, foot []string) error {
	var b strings.Builder
	y := 12.0
	for i := range charts {
		fmt.Fprintf(&b, `<text class="title" x="4" y="%g">%s</text>`, y+12, html.EscapeString(charts[i].Title))
		inner := charts[i].SVG()
		height := svgHeight + legendRow*float64(len(charts[i].legend())-1)
		fmt.Fprintf(&b, `<svg x="0" y="%g" width="%g" height="%g"%s`, y+20, svgWidth, height, strings.TrimPrefix(inner, "<svg"))
		y += height + 44
	}
	for _, line := range wrapped(foot, svgFootLetters) {
		fmt.Fprintf(&b, `<text class="foot" x="4" y="%g">%s</text>`, y, html.EscapeString(line))
		y += 13
	}
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="%g" height="%g">`+
		`<style>%s</style><rect width="100%%" height="100%%" fill="#fff"/>%s</svg>`+"\n", svgWidth, y, svgWidth, y, drawingStyle, b.String())
	return err
}

// drawingStyle is the colours of a page in the light.
const drawingStyle = `text{font-family:sans-serif}.title{font-size:14px;fill:#1d1f23}.foot{font-size:10px;fill:#666b75}` +
	`.label{fill:#666b75;font-size:11.5px}.grid{stroke:#e2e2dc}.axis{stroke:#666b75}.line{fill:none;stroke-width:1.8}` +
	`.dot{stroke:#fff}.line-1{stroke:#1f6fb4}.line-2{stroke:#d96b0b}.line-3{stroke:#2b8a5a}.line-4{stroke:#b03a6b}` +
	`.line-5{stroke:#6b5bb5}.line-6{stroke:#6b6b6b}.dot.line-1{fill:#1f6fb4}.dot.line-2{fill:#d96b0b}.dot.line-3{fill:#2b8a5a}` +
	`.dot.line-4{fill:#b03a6b}.dot.line-5{fill:#6b5bb5}.dot.line-6{fill:#6b6b6b}`

// wrapped breaks lines at spaces so that none is longer than so many letters, where it has spaces.
func wrapped(lines []string, width int) []string {
	var all []string
	for _, line := range lines {
		for len(line) > width {
			at := strings.LastIndexByte(line[:width], ' ')
			if at <= 0 {
				break
			}
			all, line = append(all, line[:at]), "  "+line[at+1:]
		}
		all = append(all, line)
	}
	return all
}

// plain is a number with as few digits as it needs.
func plain(v float64) string {
	if a := math.Abs(v); a >= 1e6 || a > 0 && a < 1e-4 {
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
	return strconv.FormatFloat(math.Round(v*1e4)/1e4, 'f', -1, 64)
}
