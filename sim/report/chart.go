package report

import (
	"math"
	"strconv"

	"hearth/sim/run"
)

// Chart is lines over a common axis, for a plot file and for a page alike.
type Chart struct {
	Title, X, Y string
	Lines       []Line
	// Ticks name the places 0, 1, 2 ... of the x axis, where it has names instead of numbers.
	Ticks []string
	// Log has the y axis in powers of ten. Values of 0 are drawn at its bottom.
	Log bool
	// Top is the least upper end of the y axis.
	Top float64
}

// Line is one line of a chart.
type Line struct {
	Name string
	X, Y []float64
	// Dots marks the points.
	Dots bool
}

// RunCharts are the pictures of one run.
func RunCharts(r *run.Result) []Chart {
	line := func(name string, value func(run.Point) float64) Line {
		l := Line{Name: name}
		for _, p := range r.Series {
			l.X, l.Y = append(l.X, p.AtHours), append(l.Y, value(p))
		}
		return l
	}
	charts := []Chart{
		{
			Title: "Pool", X: "hours", Y: "tasks", Top: 1, Lines: []Line{
				line("ready", func(p run.Point) float64 { return p.Ready }),
				line("starting", func(p run.Point) float64 { return p.Starting }),
			},
		},
		{
			Title: "Queue", X: "hours", Y: "sessions", Top: 1, Lines: []Line{
				line("longest queue", func(p run.Point) float64 { return float64(p.MaxWaiting) }),
			},
		},
		{
			Title: "All tasks", X: "hours", Y: "tasks", Top: 1, Lines: []Line{
				line("tasks", func(p run.Point) float64 { return p.Tasks }),
			},
		},
	}
	if len(r.PoolNeeded) > 1 {
		needed := Line{Name: "hit rate", Dots: true}
		for _, n := range r.PoolNeeded {
			needed.X, needed.Y = append(needed.X, float64(n.PoolMin)), append(needed.Y, 100*n.HitRate)
		}
		charts = append(charts, Chart{
			Title: "What a larger pool would have done", X: "minimum", Y: "hit rate, %", Top: 100, Lines: []Line{needed},
		})
	}
	return charts
}

// CompareCharts are the pictures of outcomes side by side.
func CompareCharts(outcomes []run.Outcome) []Chart {
	chart := Chart{
		Title: "From hello to ready", X: "percentile", Y: "milliseconds", Log: true,
		Ticks: []string{"p50", "p90", "p95", "p99", "max"},
	}
	for i := range outcomes {
		s := outcomes[i].ReadyMs
		chart.Lines = append(chart.Lines, Line{
			Name: outcomes[i].Name, Dots: true,
			X: []float64{0, 1, 2, 3, 4}, Y: []float64{s.P50, s.P90, s.P95, s.P99, s.Max},
		})
	}
	return []Chart{chart}
}

// SweepCharts are the pictures of a grid: hit rate and wait over the minimum, a line for each of the other settings.
func SweepCharts(outcomes []run.Outcome) []Chart {
	hits := Chart{Title: "Hit rate", X: "minimum", Y: "hit rate, %", Top: 100}
	waits := Chart{Title: "Wait for a task, p99", X: "minimum", Y: "milliseconds"}
	at := map[string]int{}
	for i := range outcomes {
		o := &outcomes[i]
		name := "maximum " + bound(o.Config.PoolMax)
		if below := o.Config.PoolMin - o.Config.ReplenishThreshold; below > 1 {
			name += ", threshold " + strconv.Itoa(o.Config.ReplenishThreshold)
		}
		if o.Config.HostSlots != nil {
			name += ", slots " + bound(o.Config.HostSlots)
		}
		if o.Config.Hosts != nil {
			name += ", hosts " + bound(o.Config.Hosts)
		}
		n, known := at[name]
		if !known {
			n = len(hits.Lines)
			at[name] = n
			hits.Lines = append(hits.Lines, Line{Name: name, Dots: true})
			waits.Lines = append(waits.Lines, Line{Name: name, Dots: true})
		}
		x := float64(o.Config.PoolMin)
		hits.Lines[n].X, hits.Lines[n].Y = append(hits.Lines[n].X, x), append(hits.Lines[n].Y, 100*o.HitRate)
		waits.Lines[n].X, waits.Lines[n].Y = append(waits.Lines[n].X, x), append(waits.Lines[n].Y, o.WaitMs.P99)
	}
	return []Chart{hits, waits}
}

// FrontierCharts is cost against wait.
func FrontierCharts(points []run.FrontierPoint) []Chart {
	best, rest := Line{Name: "nothing is cheaper and faster", Dots: true}, Line{Name: "all", Dots: true}
	for i := range points {
		p := &points[i]
		if p.Best {
			best.X, best.Y = append(best.X, p.MonthlyCost), append(best.Y, p.WaitMs.P99)
		}
		rest.X, rest.Y = append(rest.X, p.MonthlyCost), append(rest.Y, p.WaitMs.P99)
	}
	return []Chart{{
		Title: "Cost against wait", X: "$ a month", Y: "p99 wait for a task, ms", Lines: []Line{best, rest},
	}}
}

// axis is the range of an axis and where its ticks are.
type axis struct {
	low, high float64
	ticks     []float64
}

// newAxis makes an axis with round ticks that has room for the values from low to high.
func newAxis(low, high float64) axis {
	if high <= low {
		high = low + 1
	}
	step := math.Pow(10, math.Floor(math.Log10((high-low)/4)))
	for _, factor := range []float64{1, 2, 5, 10} {
		if (high-low)/(step*factor) <= 6 {
			step *= factor
			break
		}
	}
	a := axis{low: math.Floor(low/step) * step, high: math.Ceil(high/step-1e-9) * step}
	for i := 0; a.low+float64(i)*step <= a.high+step/2; i++ {
		a.ticks = append(a.ticks, a.low+float64(i)*step)
	}
	return a
}

// xAxis and yAxis are a chart's.
func (c *Chart) xAxis() axis {
	if c.Ticks != nil {
		a := axis{low: -0.3, high: float64(len(c.Ticks)) - 0.7}
		for i := range c.Ticks {
			a.ticks = append(a.ticks, float64(i))
		}
		return a
	}
	low, high := c.extent(func(l Line) []float64 { return l.X })
	a := newAxis(low, high)
	if c.X == "hours" { // a run ends where it ends
		a.high = high
	}
	return a
}

func (c *Chart) yAxis() axis {
	low, high := c.extent(func(l Line) []float64 { return l.Y })
	if !c.Log {
		if c.Top != 100 {
			low = 0
		}
		return newAxis(low, max(high, c.Top))
	}
	bottom, top := math.Floor(math.Log10(max(low, 1))), math.Ceil(math.Log10(max(high, 10)))
	a := axis{low: bottom, high: max(top, bottom+1)}
	for e := a.low; e <= a.high; e++ {
		a.ticks = append(a.ticks, e)
	}
	return a
}

func (c *Chart) extent(of func(Line) []float64) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, l := range c.Lines {
		for _, v := range of(l) {
			low, high = min(low, v), max(high, v)
		}
	}
	if low > high {
		return 0, 1
	}
	return low, high
}

// scaled is a y value on the chart's axis.
func (c *Chart) scaled(y float64) float64 {
	if c.Log {
		return math.Log10(max(y, 1))
	}
	return y
}
