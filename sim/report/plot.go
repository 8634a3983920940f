package report

import (
	"fmt"
	"image/color"
	"io"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// palette is the lines' colours, in order; the page has its own for light and dark.
var palette = []color.Color{
	color.RGBA{0x1f, 0x6f, 0xb4, 0xff}, color.RGBA{0xd9, 0x6b, 0x0b, 0xff}, color.RGBA{0x2b, 0x8a, 0x5a, 0xff},
	color.RGBA{0xb0, 0x3a, 0x6b, 0xff}, color.RGBA{0x6b, 0x5b, 0xb5, 0xff}, color.RGBA{0x6b, 0x6b, 0x6b, 0xff},
}

const (
	plotPageWidth   = 9 * vg.Inch
	plotPartHeight  = 2.9 * vg.Inch
	plotDotsPerInch = 100
	plotMargin      = vg.Length(12)
	plotGap         = vg.Length(18)
	legendLine      = vg.Length(14)
	footLine        = vg.Length(11)
	footLetters     = 150
)

// PNG writes charts one below the other as a picture, and what they are of at its foot.
func PNG(w io.Writer, charts []Chart, foot []string) error {
	lines := wrapped(foot, footLetters)
	heights, height := make([]vg.Length, len(charts)), plotMargin
	for i := range charts {
		heights[i] = plotPartHeight + legendLine*vg.Length(max(0, charts[i].named()-1))
		height += heights[i] + plotGap
	}
	height += footLine*vg.Length(len(lines)) + plotMargin
	image := vgimg.NewWith(vgimg.UseWH(plotPageWidth, height), vgimg.UseDPI(plotDotsPerInch))
	page := draw.New(image)
	top := page.Max.Y - plotMargin
	for i := range charts {
		p, err := charts[i].plot()
		if err != nil {
			return fmt.Errorf("plot %s: %w", charts[i].Title, err)
		}
		part := draw.Crop(page, plotMargin, -plotMargin, 0, 0)
		part.Min.Y, part.Max.Y = top-heights[i], top
		p.Draw(part)
		top -= heights[i] + plotGap
	}
	style := text.Style{Color: color.Gray{0x66}, Font: plot.DefaultFont, Handler: plot.DefaultTextHandler}
	style.Font.Size = 8
	sans(&style)
	for i, line := range lines {
		page.FillText(style, vg.Point{X: plotMargin, Y: plotMargin + footLine*vg.Length(len(lines)-1-i)}, line)
	}
	_, err := vgimg.PngCanvas{Canvas: image}.WriteTo(w)
	return err
}

// named is how many lines the legend has to name: all of several.
func (c *Chart) named() int {
	if len(c.Lines) < 2 {
		return 0
	}
	return len(c.Lines)
}

// plot draws one chart with the same axes as its SVG.
func (c *Chart) plot() (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = c.Title, c.X, c.Y
	sans(&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle)
	p.Title.Padding = 6 + legendLine*vg.Length(c.named())
	p.Legend.Top, p.Legend.Left = true, true
	// Below the title, above the lines.
	p.Legend.XOffs, p.Legend.YOffs = 6, legendLine*vg.Length(c.named())+2
	grid := plotter.NewGrid()
	grid.Vertical.Width = 0
	grid.Horizontal.Color = color.Gray{0xdd}
	p.Add(grid)
	x, y := c.xAxis(), c.yAxis()
	for i := len(c.Lines) - 1; i >= 0; i-- { // the first on top
		if err := c.plotLine(p, i); err != nil {
			return nil, err
		}
	}
	// After the lines, which widen the axes to what they hold.
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = x.low, x.high, y.low, y.high
	p.X.Tick.Marker, p.Y.Tick.Marker = ticks(x.ticks), ticks(y.ticks)
	return p, nil
}

// plotLine draws one line with its intervals, points and labels.
func (c *Chart) plotLine(p *plot.Plot, i int) error {
	l := c.Lines[i]
	points := make(plotter.XYs, len(l.X))
	for n := range points {
		points[n] = plotter.XY{X: l.X[n], Y: c.scaled(l.Y[n])}
	}
	line, dots, err := plotter.NewLinePoints(points)
	if err != nil {
		return err
	}
	line.Width, line.Color = 1.5, palette[i%len(palette)]
	if c.hides(i) {
		line.Dashes = []vg.Length{6, 6}
	}
	dots.Shape, dots.Color, dots.Radius = draw.CircleGlyph{}, line.Color, 2.5
	p.Add(line)
	for n := range l.Low {
		bar, err := plotter.NewLine(plotter.XYs{{X: l.X[n], Y: c.scaled(l.Low[n])}, {X: l.X[n], Y: c.scaled(l.High[n])}})
		if err != nil {
			return err
		}
		bar.Width, bar.Color = 1, line.Color
		p.Add(bar)
	}
	if l.Labels != nil {
		labels, err := plotter.NewLabels(plotter.XYLabels{XYs: points, Labels: l.Labels})
		if err != nil {
			return err
		}
		labels.Offset = vg.Point{X: 5, Y: 4}
		for n := range labels.TextStyle {
			sans(&labels.TextStyle[n])
		}
		p.Add(labels)
	}
	if l.Dots {
		p.Add(dots)
	}
	if c.named() > 0 {
		p.Legend.Add(l.Name, line)
	}
	return nil
}

// sans sets texts in the plain face of the fonts that the plotting library brings.
func sans(styles ...*text.Style) {
	for _, style := range styles {
		style.Font.Variant = "Sans"
	}
}

func ticks(at []Tick) plot.ConstantTicks {
	list := make(plot.ConstantTicks, len(at))
	for i, tick := range at {
		list[i] = plot.Tick{Value: tick.At, Label: tick.Name}
	}
	return list
}
