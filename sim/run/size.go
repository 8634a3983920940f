package run

import (
	"errors"
	"fmt"
	"math"

	"hearth/actors"
	"hearth/sim/model"
	"hearth/sim/theory"
)

// Sizer searches for the smallest pool that meets an objective. More tasks never make a pool worse. Where nothing but the
// pool's own limits can hold starts back, the curves of several seeds give the size, and playing it confirms it; else pools
// are played, beginning at the size that theory gives, in steps that grow and then halve.
type Sizer struct {
	Base      Config
	Objective Objective
	// Seeds is how many runs a trial begins with; it is doubled, up to MaxSeeds, while the interval contains the goal.
	Seeds, MaxSeeds int
	// FixedMax keeps the configuration's maximum instead of having none.
	FixedMax bool
	// Schedule has a schedule drawn up as well: the smallest size for each hour.
	Schedule bool
	// OnHosts has the group of hosts sized as well, which Base then has: the pool first as if hosts never lacked.
	OnHosts bool
	// Said is told what is being tried, and which share of it is done; nil for nobody.
	Said func(trial string, share float64)

	requests int
	trials   []Trial
}

const (
	// fewestMisses is how many requests may miss in all runs of a trial together for an objective to be told from a certainty.
	fewestMisses = 5
	// largestPool bounds the search.
	largestPool = 1 << 12
	// playedRequests bounds how many requests are played to confirm a size: with more in a run there are fewer seeds.
	playedRequests = 300_000
)

// Search finds the size. It returns an Unreachable when even 4,096 tasks, or as many as the fixed maximum allows, are not
// enough.
func (s *Sizer) Search() (Sizing, error) {
	s.Base.Objective = s.Objective
	rate, err := s.rate()
	if err != nil {
		return Sizing{}, err
	}
	on := s.Base
	if s.OnHosts {
		s.Base.Cloud.Fleet, s.Base.Cloud.Pull = model.FleetOptions{}, DefaultConfig().Cloud.Pull
	}
	sizing := Sizing{Objective: s.Objective, Theory: s.guess(rate), IntervalsOf: intervalsOfRuns, Config: s.Base.echo()}
	switch {
	case s.recorded() && s.Objective.WorstHour:
		sizing.IntervalsOf = intervalsOfHour
	case s.recorded():
		sizing.IntervalsOf = intervalsOfRecording
	}
	if s.Schedule && !s.Base.hasCurve() {
		return Sizing{}, errors.New("a schedule is only drawn up where neither hosts nor failures hold starts back")
	}
	if s.Base.hasCurve() {
		err = s.byCurve(&sizing)
	} else {
		err = s.byPlaying(&sizing)
	}
	if err == nil && s.OnHosts {
		sizing.Group, err = s.group(&sizing.Best, on)
	}
	if err != nil {
		return Sizing{}, err
	}
	sizing.Threshold, sizing.Trials = actors.DefaultThreshold(sizing.Best.PoolMin), s.trials
	for i, t := range s.trials {
		if t.PoolMin == sizing.Best.PoolMin-1 && !t.Meets {
			sizing.Smaller = &s.trials[i]
		}
	}
	return sizing, nil
}

// rate is the mean rate of the traffic, in requests a second, by reading through it once.
func (s *Sizer) rate() (float64, error) {
	s.say("reading the traffic", 0)
	requests, length, err := s.Base.count()
	if err != nil {
		return 0, err
	}
	if length == 0 {
		return 0, errors.New("the traffic is over in no time: there is no rate to size for")
	}
	s.requests = requests
	goal := s.Objective.Goal()
	if needed := fewestMisses / (1 - goal); float64(requests*s.MaxSeeds) < needed {
		return 0, fmt.Errorf("a share of %g shows in %.0f requests; the traffic has %d, and %d seeds are played at most: "+
			"it must last longer, or there must be more seeds", goal, math.Ceil(needed-1e-3), requests, s.MaxSeeds)
	}
	return float64(requests) / length.Seconds(), nil
}

// guess is theory's answer.
func (s *Sizer) guess(rate float64) int {
	load := theory.Load{Rate: rate, Start: s.Base.meanStart()}
	if s.Objective.HitRate > 0 || s.Objective.Ready {
		size, _ := theory.SmallestForHitRate(s.Objective.Goal(), load)
		return size
	}
	size, _ := theory.SmallestForWait(1-s.Objective.Goal(), s.Objective.bound(), load)
	return size
}

// pool is the configuration with a pool of a size and without a maximum, but for one that is to be kept.
func (s *Sizer) pool(size int) Config {
	c := s.Base
	c.Settings.WarmPool, c.Settings.Min, c.Settings.Threshold = true, size, actors.DefaultThreshold(size)
	if !s.FixedMax {
		c.Settings.Max = unlimited
	}
	return c
}

// play plays a pool, with more seeds for as long as it is not clear on which side of the goal it is and there are requests to
// spare.
func (s *Sizer) play(c Config) (Trial, error) {
	for _, t := range s.trials {
		if t.Played > 0 && t.PoolMin == c.Settings.Min && same(t.PoolMax, c.Settings.Max) &&
			same(t.LaunchConcurrency, c.Settings.LaunchConcurrency) {
			return t, nil
		}
	}
	affordable := max(1, min(s.MaxSeeds, playedRequests/max(1, s.requests)))
	var results []Result
	for seeds := min(s.Seeds, affordable); ; seeds *= 2 {
		what := fmt.Sprintf("playing a minimum of %d, %d seeds", c.Settings.Min, seeds)
		more, err := Many(WithSeeds(c, seeds)[len(results):], func(share float64) { s.say(what, share) })
		if err != nil {
			return Trial{}, err
		}
		results = append(results, more...)
		t := s.trial(&c, results)
		if t.Sure || 2*seeds > affordable || s.recorded() { // more seeds do not make a recording longer
			s.trials = append(s.trials, t)
			return t, nil
		}
	}
}

// trial is what runs of a pool came to.
func (s *Sizer) trial(c *Config, results []Result) Trial {
	o := Merge(results)
	t := Trial{
		PoolMin: c.Settings.Min, Played: len(results), Seeds: len(results), HitRate: o.HitRateInterval, Percentile: s.Objective.Shown(),
		WaitMs: Average(results, func(r *Result) float64 { return r.WaitMs.percentile(s.Objective.Shown()) }),
		Cost:   o.CostInterval, Idle: Average(results, func(r *Result) float64 { return r.MonthlyIdleCost }),
		HeldBack: o.HeldBack, WorstHour: o.WorstHour, peakPool: o.PeakPool, peakStarting: o.PeakStarting, PeakTasks: o.PeakTasks,
		InTime: sharesOf(results, func(r *Result) []tally { return r.inTimeIn }),
	}
	if c.Settings.Max < unlimited {
		t.PoolMax = &c.Settings.Max
	}
	if c.Settings.LaunchConcurrency < unlimited {
		t.LaunchConcurrency = &c.Settings.LaunchConcurrency
	}
	if s.Objective.WorstHour {
		t.InTime = worstOf(s.Objective.Goal(), func(hour int) tally { return o.hours.sums[hour].inTime })
	}
	t.judge(s.Objective.Goal())
	return t
}

// judge says on which side of the goal the trial is.
func (t *Trial) judge(goal float64) {
	t.Meets = t.InTime.Mean >= goal
	t.Sure = !t.InTime.Contains(goal)
}

// same reports whether a limit, nil for none, is the one of a setting.
func same(limit *int, setting int) bool {
	return limit == nil && setting == unlimited || limit != nil && *limit == setting
}

// worstOf is the share in the hour of the week with the lowest one, of the hours that have enough requests to show the goal;
// of nothing when none has.
func worstOf(goal float64, in func(hour int) tally) Interval {
	worst := Interval{Mean: math.NaN()}
	for hour := range hoursOfWeek {
		if t := in(hour); float64(t.all) >= math.Round(1/(1-goal)) {
			if i := wilson(t); !(worst.Mean <= i.Mean) {
				worst = i
			}
		}
	}
	return worst
}

// recorded reports whether all runs have the same arrivals.
func (s *Sizer) recorded() bool { return s.Base.Traffic.Length() > 0 }

func (s *Sizer) say(what string, share float64) {
	if s.Said != nil {
		s.Said(what, share)
	}
}
