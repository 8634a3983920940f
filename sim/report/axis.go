package report

import "math"

// axis is the range of an axis and where its ticks are.
type axis struct {
	low, high float64
	ticks     []Tick
}

// newAxis makes an axis with round ticks that has room for the values from low to high.
func newAxis(low, high, least float64) axis {
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
	step = max(step, least)
	a := axis{low: math.Floor(low/step) * step, high: math.Ceil(high/step-1e-9) * step}
	for i := 0; a.low+float64(i)*step <= a.high+step/2; i++ {
		at := a.low + float64(i)*step
		a.ticks = append(a.ticks, Tick{at, plain(at)})
	}
	return a
}

func (c *Chart) xAxis() axis {
	low, high := c.extent(func(l Line) [][]float64 { return [][]float64{l.X} })
	if c.Ticks != nil {
		margin := 0.02 * (high - low)
		return axis{low: low - margin, high: max(high, low+1) + margin, ticks: c.Ticks}
	}
	least := 0.0
	if c.Whole {
		least = 1
	}
	a := newAxis(low, high, least)
	if c.X == "hours" { // a run ends where it ends
		a.high = high
	}
	return a
}

func (c *Chart) yAxis() axis {
	low, high := c.extent(func(l Line) [][]float64 { return [][]float64{l.Y, l.High} })
	if !c.Log {
		return newAxis(0, max(high, c.Top), 0)
	}
	bottom, top := math.Log10(c.least()), math.Ceil(math.Log10(max(high, low, 10*c.least()))-1e-9)
	a := axis{low: bottom, high: max(top, bottom+1)}
	for e := a.low; e <= a.high+1e-9; e++ {
		a.ticks = append(a.ticks, Tick{e, plain(math.Pow(10, e))})
	}
	return a
}

// decades bounds how many powers of ten a logarithmic axis goes down from its greatest value.
const decades = 6

// least is the bottom of a logarithmic axis: the power of ten below the least value that is more than 0.
func (c *Chart) least() float64 {
	least, most := math.Inf(1), 0.0
	for _, l := range c.Lines {
		for _, y := range l.Y {
			if y > 0 {
				least, most = min(least, y), max(most, y)
			}
		}
	}
	if most == 0 {
		return 1
	}
	bottom := math.Floor(math.Log10(least) + 1e-9)
	return math.Pow(10, max(bottom, math.Ceil(math.Log10(most))-decades))
}

func (c *Chart) extent(of func(Line) [][]float64) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, l := range c.Lines {
		for _, values := range of(l) {
			for _, v := range values {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if low > high {
		return 0, 1
	}
	return low, high
}
