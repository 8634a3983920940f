package run

import (
	"fmt"
	"math"
	"runtime"
	"sync"

	"hearth/messages"
	"hearth/sim/model"
)

// curveRequests bounds how many requests the curves of a search are computed from.
const curveRequests = 20_000_000

// curves computes a configuration's curve for so many seeds, on all cores.
func (s *Sizer) curves(c Config, seeds int) ([]*curve, error) {
	curves, errs := make([]*curve, seeds), make([]error, seeds)
	var workers sync.WaitGroup
	next := make(chan int)
	for range min(runtime.GOMAXPROCS(0), seeds) {
		workers.Go(func() {
			for i := range next {
				seeded := c
				seeded.Seed += uint64(i)
				curves[i], errs[i] = seeded.curve(s.Objective)
			}
		})
	}
	for i := range seeds {
		next <- i
	}
	close(next)
	workers.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return curves, nil
}

// at is what curves tell of a pool of a size.
func (s *Sizer) at(size int, curves []*curve) Trial {
	t := Trial{PoolMin: size, Seeds: len(curves), Percentile: s.Objective.Shown()}
	unknown := Interval{Mean: math.NaN()}
	t.HitRate, t.WaitMs, t.Cost, t.Idle = unknown, unknown, unknown, unknown
	runs, parts, hours := make([]tally, len(curves)), make([]tally, windows), make([]tally, hoursOfWeek)
	for i, c := range curves {
		for n := range c.windows {
			more := c.windows[n].at(size)
			parts[n] = total([]tally{parts[n], more})
			runs[i] = total([]tally{runs[i], more})
		}
		for n := range c.hours {
			hours[n] = total([]tally{hours[n], c.hours[n].at(size)})
		}
	}
	switch {
	case s.Objective.WorstHour:
		t.InTime = worstOf(s.Objective.Goal(), func(hour int) tally { return hours[hour] })
	case s.recorded():
		t.InTime = overWindows(parts, len(curves))
	default:
		t.InTime = overRuns(runs)
	}
	if s.Objective.HitRate > 0 && !s.Objective.WorstHour {
		t.HitRate = t.InTime
	}
	t.judge(s.Objective.Goal())
	return t
}

// smallest is the smallest size that meets the objective by the curves, and false when none does.
func (s *Sizer) smallest(curves []*curve) (int, bool) {
	largest := 0
	for _, c := range curves {
		largest = max(largest, c.largest())
	}
	size, err := first(0, 0, largest, func(size int) (bool, error) { return s.at(size, curves).Meets, nil })
	return size, err == nil
}

// byCurve finds the size by curves and confirms it by playing it.
func (s *Sizer) byCurve(sizing *Sizing) error {
	best, curves, err := s.fromCurves()
	if err != nil {
		return err
	}
	if s.Schedule {
		if sizing.Schedule, err = s.schedule(curves); err != nil {
			return err
		}
	}
	free := s.pool(best.PoolMin)
	free.Settings.Max, free.Settings.LaunchConcurrency = unlimited, unlimited
	played, err := s.play(free)
	if err != nil {
		return err
	}
	kept := s.pool(best.PoolMin)
	kept.Settings.Max = max(kept.Settings.Max, kept.Settings.Min) // so that it can be played; see below
	if played.peakPool > kept.Settings.Max || played.peakStarting > kept.Settings.LaunchConcurrency {
		if played, err = s.underLimits(sizing, kept, played); err != nil {
			return err
		}
	}
	if sizing.Best = played; played.PoolMin == best.PoolMin {
		// The curves' shares are of more requests than are played.
		sizing.Best.InTime, sizing.Best.Seeds, sizing.Best.Meets, sizing.Best.Sure = best.InTime, best.Seeds, best.Meets, best.Sure
		if !math.IsNaN(best.HitRate.Mean) {
			sizing.Best.HitRate = best.HitRate
		}
	}
	s.recommend(sizing, played)
	return s.sensitivity(sizing)
}

// recommend gives the best pool a launch limit that never held a start back, the configuration's own if it did not or else
// the least; and a maximum, unless that is to be kept, that never binds before the launch limit does: while somebody waits
// no task stands ready, so there are at most as many as may start at once. It costs nothing while nobody waits, and a burst
// that the traffic did not have is served as fast as any can be.
func (s *Sizer) recommend(sizing *Sizing, played Trial) {
	launches := s.Base.Settings.LaunchConcurrency
	if launches == unlimited {
		launches = max(DefaultConfig().Settings.LaunchConcurrency, played.peakStarting)
	}
	for _, l := range sizing.Lift {
		if l.Limit == messages.HeldLaunchLimit {
			launches = l.Needs
		}
	}
	sizing.Best.LaunchConcurrency = &launches
	if maximum := max(played.peakPool, played.PoolMin+launches); !s.FixedMax {
		sizing.Best.PoolMax = &maximum
	}
}

// fromCurves is the smallest pool by the curves of as many seeds as it takes to be sure, or as there may be.
func (s *Sizer) fromCurves() (Trial, []*curve, error) {
	affordable := max(1, min(s.MaxSeeds, curveRequests/max(1, s.requests)))
	for seeds := min(s.Seeds, affordable); ; seeds = min(2*seeds, affordable) {
		s.say("computing the curve of all sizes", float64(seeds)/float64(affordable))
		curves, err := s.curves(s.Base, seeds)
		if err != nil {
			return Trial{}, nil, err
		}
		size, found := s.smallest(curves)
		if s.Objective.WorstHour && math.IsNaN(s.at(0, curves).InTime.Mean) {
			if seeds < affordable {
				continue
			}
			return Trial{}, nil, fmt.Errorf("no hour of the week has the %.0f requests that show a share of %g: there must be more seeds "+
				"than %d, or a longer run", math.Round(1/(1-s.Objective.Goal())), s.Objective.Goal(), seeds)
		}
		if !found {
			return Trial{}, nil, &Unreachable{Objective: s.Objective, Best: s.at(largestPool, curves).InTime.Mean, Size: largestPool}
		}
		best, smaller := s.at(size, curves), s.at(size-1, curves)
		if best.Sure && smaller.Sure || seeds == affordable || s.recorded() {
			for n := max(0, size-2); n <= size+2; n++ {
				s.trials = append(s.trials, s.at(n, curves))
			}
			return best, curves, nil
		}
	}
}

// underLimits is what becomes of a size when the configuration's limits are kept, or which of them must be lifted. Free is
// what it comes to without them.
func (s *Sizer) underLimits(sizing *Sizing, kept Config, free Trial) (Trial, error) {
	played, err := s.play(kept)
	if err != nil || played.Meets && s.Base.Settings.Max >= kept.Settings.Min {
		return played, err
	}
	if is := kept.Settings.LaunchConcurrency; free.peakStarting > is {
		sizing.Lift = append(sizing.Lift, Limit{messages.HeldLaunchLimit, is, free.peakStarting})
		kept.Settings.LaunchConcurrency = free.peakStarting
	}
	if !s.FixedMax || free.peakPool <= s.Base.Settings.Max {
		if 1-played.InTime.Mean > near*(1-s.Objective.Goal()) {
			return free, nil
		}
		return free, s.keep(sizing, free.PoolMin)
	}
	// A minimum up to the maximum that is to be kept may do.
	most := s.Base.Settings.Max
	var last Trial
	size, err := first(min(free.PoolMin, most), min(free.PoolMin, most), most, func(size int) (bool, error) {
		c := s.pool(size)
		c.Settings.LaunchConcurrency = kept.Settings.LaunchConcurrency
		t, err := s.play(c)
		last = t
		return t.Meets, err
	})
	if err != nil {
		if err == ErrUnreachable {
			sizing.Lift = append(sizing.Lift, Limit{messages.HeldMaximum, most, free.peakPool})
			err = &Unreachable{Objective: s.Objective, Lift: sizing.Lift, Best: last.InTime.Mean, Size: last.PoolMin}
		}
		return Trial{}, err
	}
	c := s.pool(size)
	c.Settings.LaunchConcurrency = kept.Settings.LaunchConcurrency
	return s.play(c)
}

// near is how many times as many requests may be late as the objective lets, for a task or two more to be worth a try.
const near = 5

// keep looks whether a task or two more do when the limits are kept as they are.
func (s *Sizer) keep(sizing *Sizing, size int) error {
	for more := 1; more <= 2; more++ {
		t, err := s.play(s.pool(size + more))
		if err != nil {
			return err
		}
		if t.Meets {
			sizing.Kept = &t
			return nil
		}
	}
	return nil
}

// sensitivity sizes the pool for half the rate and half as much again, and for the start times of a staging system.
func (s *Sizer) sensitivity(sizing *Sizing) error {
	staging := s.Base
	staging.Cloud.Run, staging.Cloud.Boot, staging.Cloud.Dial, staging.Network = nil, model.MeasuredStart, nil, model.NetworkOptions{}
	seeds := max(1, min(s.Seeds, curveRequests/40/max(1, s.requests)))
	for _, start := range []struct {
		name   string
		config Config
	}{{"", s.Base}, {model.MeasuredStart.String(), staging}} {
		for _, rate := range []float64{0.5, 1, 1.5} {
			s.say("trying other circumstances", float64(len(sizing.Sensitivity))/6)
			c := start.config
			if c.Traffic = c.Traffic.Faster(rate); c.Duration > 0 && c.Traffic.Length() > 0 {
				c.Duration = 0
			}
			curves, err := s.curves(c, seeds)
			if err != nil {
				return err
			}
			size, found := s.smallest(curves)
			if rate == 1 && start.name == "" {
				size, found = sizing.Best.PoolMin, true
			}
			if found {
				sizing.Sensitivity = append(sizing.Sensitivity, Circumstance{Rate: rate, StartTime: start.name, PoolMin: size})
			}
		}
	}
	return nil
}
