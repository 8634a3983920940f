package report

import (
	"fmt"
	"image/color"
	"io"
	"math"

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
)

// PNG writes charts one below the other as a picture.
func PNG(w io.Writer, charts []Chart) error {
	plots := make([][]*plot.Plot, len(charts))
	for i := range charts {
		p, err := charts[i].plot()
		if err != nil {
			return fmt.Errorf("plot %s: %w", charts[i].Title, err)
		}
		plots[i] = []*plot.Plot{p}
	}
	image := vgimg.NewWith(
		vgimg.UseWH(plotPageWidth, plotPartHeight*vg.Length(len(charts))), vgimg.UseDPI(plotDotsPerInch),
	)
	const margin = vg.Length(12)
	tiles := draw.Tiles{
		Rows: len(charts), Cols: 1, PadY: 18, PadTop: margin, PadBottom: margin, PadLeft: margin, PadRight: margin,
	}
	page := draw.New(image)
	for i, row := range plots {
		row[0].Draw(tiles.At(page, 0, i))
	}
	_, err := vgimg.PngCanvas{Canvas: image}.WriteTo(w)
	return err
}

// plot draws one chart with the same axes as its SVG.
func (c *Chart) plot() (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = c.Title, c.X, c.Y
	sans(&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle)
	p.Title.Padding = vg.Length(max(6, 14*(len(c.Lines)-1)))
	p.Legend.Top, p.Legend.Left = true, true
	// Beside the title, above the lines.
	p.Legend.XOffs, p.Legend.YOffs = 6, vg.Length(14*len(c.Lines))
	grid := plotter.NewGrid()
	grid.Vertical.Width = 0
	grid.Horizontal.Color = color.Gray{0xdd}
	p.Add(grid)
	x, y := c.xAxis(), c.yAxis()
	for i := len(c.Lines) - 1; i >= 0; i-- { // the first on top
		points := make(plotter.XYs, len(c.Lines[i].X))
		for n := range points {
			points[n] = plotter.XY{X: c.Lines[i].X[n], Y: c.scaled(c.Lines[i].Y[n])}
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return nil, err
		}
		line.Width, line.Color = 1.5, palette[i%len(palette)]
		dots.Shape, dots.Color, dots.Radius = draw.CircleGlyph{}, line.Color, 2.5
		p.Add(line)
		if c.Lines[i].Dots {
			p.Add(dots)
		}
		if len(c.Lines) > 1 {
			p.Legend.Add(c.Lines[i].Name, line)
		}
	}
	// After the lines, which widen the axes to what they hold.
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = x.low, x.high, y.low, y.high
	p.X.Tick.Marker = ticks(x.ticks, func(i int) string {
		if c.Ticks != nil {
			return c.Ticks[i]
		}
		return plain(x.ticks[i])
	})
	p.Y.Tick.Marker = ticks(y.ticks, func(i int) string {
		if c.Log {
			return plain(math.Pow(10, y.ticks[i]))
		}
		return plain(y.ticks[i])
	})
	return p, nil
}

// sans sets texts in the plain face of the fonts that the plotting library brings.
func sans(styles ...*text.Style) {
	for _, style := range styles {
		style.Font.Variant = "Sans"
	}
}

func ticks(at []float64, name func(int) string) plot.ConstantTicks {
	list := make(plot.ConstantTicks, len(at))
	for i, v := range at {
		list[i] = plot.Tick{Value: v, Label: name(i)}
	}
	return list
}
