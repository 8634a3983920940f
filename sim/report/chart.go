package report

import (
	"math"
	"slices"
	"strconv"

	"hearth/sim/run"
	"hearth/sim/traffic"
)

// Chart is lines over a common axis, for a plot file and for a page alike.
type Chart struct {
	Title, X, Y string
	Lines       []Line
	// Ticks name places of the x axis, where it has names instead of numbers.
	Ticks []Tick
	// Whole has only whole numbers on the x axis.
	Whole bool
	// Log has the y axis in powers of ten. Values below the least of them, such as 0, are drawn at its bottom.
	Log bool
	// Top is the least upper end of the y axis.
	Top float64
}

// Tick is a named place.
type Tick struct {
	At   float64
	Name string
}

// Line is one line of a chart.
type Line struct {
	Name string
	X, Y []float64
	// Low and High are an interval around each point; nil for none.
	Low, High []float64
	// Labels are written at the points; nil for none.
	Labels []string
	// Dots marks the points.
	Dots bool
}

// missed is a share as the percentage of what is missed: rates close to 1 differ in it.
func missed(hit float64) float64 { return 100 * max(0, 1-hit) }

// missChart is what is missed, in percent on a logarithmic axis, over the pool's minimum.
func missChart(title string, lines ...Line) Chart {
	return Chart{Title: title, X: "minimum", Y: "missed, %", Log: true, Whole: true, Lines: lines}
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
	over := func(title, y string, lines ...Line) Chart {
		c := Chart{Title: title, X: "hours", Y: y, Top: 1, Lines: lines}
		if c.Ticks = weekdays(r); c.Ticks != nil {
			c.X = "day"
		}
		return c
	}
	charts := []Chart{
		over("Pool", "tasks", line("ready", func(p run.Point) float64 { return p.Ready }),
			line("starting", func(p run.Point) float64 { return p.Starting })),
		over("Queue", "sessions", line("longest queue", func(p run.Point) float64 { return float64(p.MaxWaiting) })),
		over("All tasks", "tasks", line("tasks", func(p run.Point) float64 { return p.Tasks })),
	}
	if len(r.ByHour) > 1 {
		charts = append(charts, hourChart(r))
	}
	if len(r.PoolNeeded) > 1 {
		needed := Line{Name: "missed", Dots: true}
		for _, n := range r.PoolNeeded {
			needed.X, needed.Y = append(needed.X, float64(n.PoolMin)), append(needed.Y, missed(float64(n.HitRate)))
		}
		charts = append(charts, missChart("Requests that would have found no task ready in a larger pool", needed))
	}
	return charts
}

// hourChart is what was missed by the hour of the week.
func hourChart(r *run.Result) Chart {
	l := Line{Name: "missed"}
	chart := Chart{Title: "Requests that found no task ready, by the hour", X: "hour of the traffic", Y: "missed, %"}
	for i := range r.ByHour {
		x := float64(i)
		l.X, l.Y = append(l.X, x), append(l.Y, missed(float64(r.ByHour[i].HitRate)))
		if hour := r.ByHour[i].Hour; len(hour) == len("mon 00:00") && hour[3:] == " 00:00" {
			chart.Ticks, chart.X = append(chart.Ticks, Tick{x, hour[:3]}), "hour of the week"
		}
	}
	chart.Whole, chart.Lines, chart.Top = chart.Ticks == nil, []Line{l}, 1
	return chart
}

// weekdays are the midnights of a run of two days to two weeks in a week that is known; nil for others.
func weekdays(r *run.Result) []Tick {
	begins, known := beginning(r)
	if !known || r.Hours < 48 || r.Hours > 14*24 {
		return nil
	}
	var ticks []Tick
	for day := 0; float64(day*24)-begins <= r.Hours; day++ {
		if at := float64(day*24) - begins; at >= 0 {
			ticks = append(ticks, Tick{at, traffic.Weekdays[day%7]})
		}
	}
	return ticks
}

// beginning is the hour of the week at which a run's traffic begins.
func beginning(r *run.Result) (hours float64, known bool) {
	at, known := r.Config.Traffic.Week()
	return at.Hours(), known
}

// CompareCharts are the pictures of outcomes side by side.
func CompareCharts(outcomes []run.Outcome) []Chart {
	chart := Chart{Title: "From hello to ready", X: "percentile", Y: "milliseconds", Log: true}
	for i, name := range []string{"p50", "p90", "p95", "p99", "p99.9", "max"} {
		chart.Ticks = append(chart.Ticks, Tick{float64(i), name})
	}
	for i := range outcomes {
		s := outcomes[i].ReadyMs
		chart.Lines = append(chart.Lines, Line{
			Name: outcomes[i].Name, Dots: true,
			X: []float64{0, 1, 2, 3, 4, 5}, Y: []float64{s.P50, s.P90, s.P95, s.P99, s.P999, s.Max},
		})
	}
	return append([]Chart{chart}, policyCharts(outcomes)...)
}

// policyCharts are what each pool costs and misses, where it can be told from what an oracle's would cost.
func policyCharts(outcomes []run.Outcome) []Chart {
	cost := Chart{Title: "Idle tasks a month", X: "policy", Y: "dollars"}
	missed := missChart("Requests that found no task ready")
	missed.X, missed.Whole = "policy", false
	all, over := Line{Name: "all of it", Dots: true}, Line{Name: "over an oracle's", Dots: true}
	mean, worst := Line{Name: "of all", Dots: true}, Line{Name: "of the worst hour", Dots: true}
	for i := range outcomes {
		o := &outcomes[i]
		if o.MonthlyRegret == nil || !o.HitRate.Known() {
			continue
		}
		x := float64(len(cost.Ticks))
		cost.Ticks = append(cost.Ticks, Tick{x, o.Name})
		all.X, all.Y = append(all.X, x), append(all.Y, o.MonthlyIdleCost)
		over.X, over.Y = append(over.X, x), append(over.Y, *o.MonthlyRegret)
		if o.HitRate < 1 { // else it has no place on the axis
			mean.X, mean.Y = append(mean.X, x), append(mean.Y, 100*(1-float64(o.HitRate)))
		}
		if w := o.WorstHour; w != nil && w.HitRate < 1 {
			worst.X, worst.Y = append(worst.X, x), append(worst.Y, 100*(1-float64(w.HitRate)))
		}
	}
	if len(cost.Ticks) < 2 {
		return nil
	}
	missed.Ticks = cost.Ticks
	cost.Lines, missed.Lines = []Line{all, over}, []Line{mean, worst}
	return []Chart{cost, missed}
}

// SweepCharts are the pictures of a grid: misses and wait over the minimum, a line for each of the other settings.
func SweepCharts(outcomes []run.Outcome) []Chart {
	hits := missChart("Requests that found no task ready")
	waits := Chart{Title: "Wait for a task, p99", X: "minimum", Y: "milliseconds", Whole: true}
	at := map[string]int{}
	for i := range outcomes {
		o := &outcomes[i]
		if !o.HitRate.Known() {
			continue // nobody came
		}
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
		l := &hits.Lines[n]
		l.X, l.Y = append(l.X, x), append(l.Y, missed(float64(o.HitRate)))
		l.Low, l.High = append(l.Low, missed(o.HitRateInterval.High)), append(l.High, missed(o.HitRateInterval.Low))
		waits.Lines[n].X, waits.Lines[n].Y = append(waits.Lines[n].X, x), append(waits.Lines[n].Y, o.WaitMs.P99)
	}
	return []Chart{hits, waits}
}

// FrontierCharts is cost against wait, with the pools' minimum at the points.
func FrontierCharts(points []run.FrontierPoint) []Chart {
	best, rest := Line{Name: "nothing is cheaper and faster", Dots: true}, Line{Name: "all", Dots: true}
	for i := range points {
		p := &points[i]
		size := strconv.Itoa(p.Config.PoolMin)
		if p.Best {
			best.X, best.Y = append(best.X, p.MonthlyCost), append(best.Y, p.WaitMs.P99)
			best.Labels = append(best.Labels, size)
		}
		rest.X, rest.Y = append(rest.X, p.MonthlyCost), append(rest.Y, p.WaitMs.P99)
		if p.Best {
			size = ""
		}
		rest.Labels = append(rest.Labels, size)
	}
	return []Chart{{
		Title: "Cost against wait, by the pool's minimum", X: "$ a month", Y: "p99 wait for a task, ms", Lines: []Line{best, rest},
	}}
}

// hides reports whether a line lies on one that is drawn before it, so that it must be dashed for both to be seen.
func (c *Chart) hides(i int) bool {
	return slices.ContainsFunc(c.Lines[i+1:], func(l Line) bool {
		return slices.Equal(l.X, c.Lines[i].X) && slices.Equal(l.Y, c.Lines[i].Y)
	})
}

// place names a place of the x axis.
func (c *Chart) place(x float64) string {
	for _, tick := range c.Ticks {
		if tick.At == x {
			return tick.Name
		}
	}
	return plain(x)
}

// scaled is a y value on the chart's axis.
func (c *Chart) scaled(y float64) float64 {
	if c.Log {
		return math.Log10(max(y, c.least()))
	}
	return y
}
