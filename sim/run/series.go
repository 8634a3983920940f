package run

import (
	"slices"
	"time"
)

// seriesPoints bounds the points of a series.
const seriesPoints = 256

// levels is how full the pool is at a moment.
type levels struct {
	ready, starting, waiting, tasks int
}

// Point is one step of a Series: means over the step's time, and the extremes that a mean hides.
type Point struct {
	// AtHours is the step's beginning, since the traffic's.
	AtHours float64 `json:"atHours"`
	// Ready and Starting are the pool's tasks, Waiting the sessions in the queue, Tasks everything that ECS runs.
	Ready    float64 `json:"ready"`
	Starting float64 `json:"starting"`
	Waiting  float64 `json:"waiting"`
	Tasks    float64 `json:"tasks"`
	MinReady int     `json:"minReady"`
	// MaxWaiting is the longest that the queue was.
	MaxWaiting int `json:"maxWaiting"`
}

// step sums up levels over its time.
type step struct {
	// length is the time in it so far, the rest sums of level times time.
	length                          time.Duration
	ready, starting, waiting, tasks float64
	minReady, maxWaiting            int
}

// add takes in that the levels were l for d.
func (s *step) add(l levels, d time.Duration) {
	s.merge(step{
		length: d, ready: float64(l.ready) * float64(d), starting: float64(l.starting) * float64(d),
		waiting: float64(l.waiting) * float64(d), tasks: float64(l.tasks) * float64(d),
		minReady: l.ready, maxWaiting: l.waiting,
	})
}

// merge takes in another step's time.
func (s *step) merge(o step) {
	switch {
	case o.length == 0:
		return
	case s.length == 0:
		*s = o
		return
	}
	s.length += o.length
	s.ready += o.ready
	s.starting += o.starting
	s.waiting += o.waiting
	s.tasks += o.tasks
	s.minReady = min(s.minReady, o.minReady)
	s.maxWaiting = max(s.maxWaiting, o.maxWaiting)
}

// series is the levels over a time of any length: when there are too many steps, each two become one.
type series struct {
	width time.Duration
	now   time.Duration
	steps []step
}

func newSeries() series { return series{width: time.Second} }

// add takes in that the levels were l from the last time until the given one.
func (s *series) add(l levels, until time.Duration) {
	for s.now < until {
		i := int(s.now / s.width)
		if i == seriesPoints {
			s.halve()
			continue
		}
		for len(s.steps) <= i {
			s.steps = append(s.steps, step{})
		}
		end := min(until, time.Duration(i+1)*s.width)
		s.steps[i].add(l, end-s.now)
		s.now = end
	}
}

// halve makes one step of each two.
func (s *series) halve() {
	for i := range len(s.steps) / 2 {
		pair := s.steps[2*i]
		pair.merge(s.steps[2*i+1])
		s.steps[i] = pair
	}
	s.steps = s.steps[:len(s.steps)/2]
	s.width *= 2
}

// points are the series for a report.
func (s *series) points() []Point {
	points := make([]Point, 0, len(s.steps))
	for i, p := range s.steps {
		if p.length == 0 {
			continue
		}
		mean := func(sum float64) float64 { return rounded(sum/float64(p.length), 1e3) }
		points = append(points, Point{
			AtHours: rounded((time.Duration(i) * s.width).Hours(), 1e6),
			Ready:   mean(p.ready), Starting: mean(p.starting), Waiting: mean(p.waiting), Tasks: mean(p.tasks),
			MinReady: p.minReady, MaxWaiting: p.maxWaiting,
		})
	}
	return points
}

// meanSeries is the mean of several runs' series, with the extremes of all. Runs of one configuration have the same steps;
// where traffic ends by itself one may have fewer.
func meanSeries(results []Result) []Point {
	longest := &results[0]
	for i := range results {
		if len(results[i].Series) > len(longest.Series) {
			longest = &results[i]
		}
	}
	mean := slices.Clone(longest.Series)
	for at := range mean {
		p, n := Point{AtHours: mean[at].AtHours, MinReady: mean[at].MinReady}, 0.0
		for i := range results {
			if at >= len(results[i].Series) {
				continue
			}
			q := &results[i].Series[at]
			n++
			p.Ready, p.Starting, p.Waiting, p.Tasks = p.Ready+q.Ready, p.Starting+q.Starting, p.Waiting+q.Waiting, p.Tasks+q.Tasks
			p.MinReady, p.MaxWaiting = min(p.MinReady, q.MinReady), max(p.MaxWaiting, q.MaxWaiting)
		}
		for _, sum := range []*float64{&p.Ready, &p.Starting, &p.Waiting, &p.Tasks} {
			*sum = rounded(*sum/n, 1e3)
		}
		mean[at] = p
	}
	return mean
}
