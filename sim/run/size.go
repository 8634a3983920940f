package run

import (
	"errors"
	"fmt"
	"math"
	"time"

	"hearth/actors"
	"hearth/sim/model"
	"hearth/sim/theory"
)

// Objective is what a pool must reach: a hit rate, or that a percentile of the waits is at most Wait.
type Objective struct {
	// HitRate is below 1; 0 when the objective is a wait.
	HitRate float64 `json:"hitRate,omitempty"`
	// Percentile is 50, 90, 95 or 99; WaitMs is milliseconds.
	Percentile int     `json:"percentile,omitempty"`
	WaitMs     float64 `json:"waitMs,omitempty"`
}

// String words the objective.
func (o Objective) String() string {
	if o.HitRate > 0 {
		return fmt.Sprintf("hit rate >= %g", o.HitRate)
	}
	return fmt.Sprintf("p%d wait <= %g ms", o.Percentile, o.WaitMs)
}

// figure is the figure of a result that the objective is about, turned so that more is better.
func (o Objective) figure(r *Result) float64 {
	switch {
	case o.HitRate > 0:
		return r.HitRate
	case o.Percentile == 50:
		return -r.WaitMs.P50
	case o.Percentile == 90:
		return -r.WaitMs.P90
	case o.Percentile == 95:
		return -r.WaitMs.P95
	}
	return -r.WaitMs.P99
}

// average is the figure over several runs.
func (o Objective) average(results []Result) Interval {
	if o.HitRate > 0 {
		return HitRates(results)
	}
	return Average(results, o.figure)
}

func (o Objective) goal() float64 {
	if o.HitRate > 0 {
		return o.HitRate
	}
	return -o.WaitMs
}

// Trial is one configuration that a search has simulated.
type Trial struct {
	PoolMin int `json:"poolMin"`
	// PoolMax is nil without a maximum.
	PoolMax *int     `json:"poolMax"`
	Seeds   int      `json:"seeds"`
	HitRate Interval `json:"hitRate"`
	WaitMs  Interval `json:"waitMs"`
	Cost    Interval `json:"monthlyCost"`
	Idle    Interval `json:"monthlyIdleCost"`
	// Meets says that the average meets the objective; Sure that the whole interval is on the same side of it.
	Meets bool `json:"meets"`
	Sure  bool `json:"sure"`

	peak int
}

// Sizing is what a search found.
type Sizing struct {
	Objective Objective `json:"objective"`
	// Theory is the size that the base-stock formula gives for Poisson arrivals of the same mean rate.
	Theory int `json:"theory"`
	// Best is the smallest pool that meets the objective, with the smallest maximum that does not spoil it.
	Best Trial `json:"best"`
	// Threshold belongs to Best.
	Threshold int `json:"replenishThreshold"`
	// Smaller is the next smaller pool, which does not; nil when Best is the smallest there can be.
	Smaller *Trial `json:"smaller"`
	// Trials are all that were simulated, in the order of the search.
	Trials []Trial `json:"trials"`
}

// Sizer searches for the smallest pool that meets an objective. More tasks never make a pool worse, so it starts from the
// size that theory gives, moves away from it in growing steps, and halves the gap.
type Sizer struct {
	Base      Config
	Objective Objective
	// Seeds is how many runs a trial begins with; it is doubled, up to MaxSeeds, while the interval contains the goal.
	Seeds, MaxSeeds int
	// FixedMax keeps the configuration's maximum instead of searching for the smallest.
	FixedMax bool
	// Said is told what is being tried; nil for nobody.
	Said func(trial string, share float64)

	trials []Trial
}

// fewestMisses is how many requests may miss in all runs of a trial together for an objective to be told from a certainty.
const fewestMisses = 5

// largestPool bounds the search.
const largestPool = 1 << 12

// ErrUnreachable says that no pool meets the objective.
var ErrUnreachable = errors.New("no pool meets the objective")

// Search finds the size. It returns ErrUnreachable when even 4,096 tasks, or as many as the fixed maximum allows, are not
// enough.
func (s *Sizer) Search() (Sizing, error) {
	rate, err := s.rate()
	if err != nil {
		return Sizing{}, err
	}
	guess := s.guess(rate)
	bound := largestPool
	if s.FixedMax {
		bound = min(bound, s.Base.Settings.Max)
	}
	size, err := first(min(guess, bound), 0, bound, func(size int) (bool, error) {
		t, err := s.try(size, s.maximum())
		return t.Meets, err
	})
	if err != nil {
		return Sizing{}, err
	}
	best, err := s.try(size, s.maximum())
	if err != nil {
		return Sizing{}, err
	}
	if !s.FixedMax {
		// The pool peaked at what the largest burst made of it; less may do.
		maximum, err := first(max(size, 1), max(size, 1), max(best.peak, size, 1), func(m int) (bool, error) {
			t, err := s.try(size, m)
			return t.Meets, err
		})
		if err != nil {
			return Sizing{}, err
		}
		if best, err = s.try(size, maximum); err != nil {
			return Sizing{}, err
		}
	}
	sizing := Sizing{
		Objective: s.Objective, Theory: guess, Best: best, Threshold: actors.DefaultThreshold(size), Trials: s.trials,
	}
	for i, t := range s.trials {
		if t.PoolMin == size-1 && !t.Meets {
			sizing.Smaller = &s.trials[i]
		}
	}
	return sizing, nil
}

func (s *Sizer) maximum() int {
	if s.FixedMax {
		return s.Base.Settings.Max
	}
	return unlimited
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
	if goal := s.Objective.HitRate; goal > 0 {
		if needed := fewestMisses / (1 - goal); float64(requests*s.MaxSeeds) < needed {
			return 0, fmt.Errorf("a hit rate of %g shows in %.0f requests; the traffic has %d, and %d seeds are played at most: "+
				"it must last longer, or there must be more seeds", goal, math.Ceil(needed-1e-3), requests, s.MaxSeeds)
		}
	}
	return float64(requests) / length.Seconds(), nil
}

// guess is theory's answer.
func (s *Sizer) guess(rate float64) int {
	load := theory.Load{Rate: rate, Start: s.Base.meanStart()}
	if s.Objective.HitRate > 0 {
		size, _ := theory.SmallestForHitRate(s.Objective.HitRate, load)
		return size
	}
	late := 1 - float64(s.Objective.Percentile)/100
	size, _ := theory.SmallestForWait(late, time.Duration(s.Objective.WaitMs*float64(time.Millisecond)), load)
	return size
}

// try simulates a pool, with more seeds for as long as it is not clear on which side of the goal it is.
func (s *Sizer) try(size, maximum int) (Trial, error) {
	for _, t := range s.trials {
		if t.PoolMin == size && (t.PoolMax == nil && maximum == unlimited || t.PoolMax != nil && *t.PoolMax == maximum) {
			return t, nil
		}
	}
	c := s.Base
	c.Settings.WarmPool, c.Settings.Min, c.Settings.Max, c.Settings.Threshold = true, size, maximum, actors.DefaultThreshold(size)
	var results []Result
	for seeds := s.Seeds; ; seeds *= 2 {
		what := fmt.Sprintf("minimum %d, %d seeds", size, seeds)
		more, err := Many(WithSeeds(c, seeds)[len(results):], func(share float64) { s.say(what, share) })
		if err != nil {
			return Trial{}, err
		}
		results = append(results, more...)
		average, goal := s.Objective.average(results), s.Objective.goal()
		sure := !average.Contains(goal) || average.Low == average.High && len(results) > 1
		if sure || 2*seeds > s.MaxSeeds {
			t := Trial{PoolMin: size, Seeds: len(results), Meets: average.Mean >= goal, Sure: sure}
			t.fill(results, maximum, s.Objective)
			s.trials = append(s.trials, t)
			return t, nil
		}
	}
}

// fill takes in what the runs came to.
func (t *Trial) fill(results []Result, maximum int, o Objective) {
	if maximum < unlimited {
		t.PoolMax = &maximum
	}
	t.HitRate = HitRates(results)
	t.Cost = Average(results, func(r *Result) float64 { return r.MonthlyCost })
	t.Idle = Average(results, func(r *Result) float64 { return r.MonthlyIdleCost })
	wait := Objective{Percentile: max(o.Percentile, 0)}
	if o.HitRate > 0 {
		wait.Percentile = 99
	}
	t.WaitMs = Average(results, func(r *Result) float64 { return -wait.figure(r) })
	for i := range results {
		t.peak = max(t.peak, results[i].PeakPool)
	}
}

func (s *Sizer) say(what string, share float64) {
	if s.Said != nil {
		s.Said(what, share)
	}
}

// first finds the least number from low to high that is enough, of which all larger ones are, beginning at guess.
func first(guess, low, high int, enough func(int) (bool, error)) (int, error) {
	// Invariant: what was tried up to less is too little, and what was tried from found on is enough.
	less, found := low-1, high+1
	at := min(max(guess, low), high)
	for step := 1; less+1 < found; step *= 2 {
		ok, err := enough(at)
		if err != nil {
			return 0, err
		}
		if ok {
			found = at
		} else {
			less = at
		}
		switch {
		case less >= low && found <= high:
			at = (less + found) / 2
		case found <= high:
			at = max(low, found-step)
		default:
			at = min(high, less+step)
		}
	}
	if found > high {
		return 0, ErrUnreachable
	}
	return found, nil
}

// meanStart is the mean time from the decision to start a task until it is ready. A start is carried out in the middle of
// its call.
func (c Config) meanStart() time.Duration {
	mean := func(d model.Distribution) time.Duration {
		if d == nil {
			return 0
		}
		return d.Mean()
	}
	return mean(c.Cloud.Run)/2 + mean(c.Cloud.Boot) + mean(c.Cloud.Dial) + mean(c.Network.BridgeDelay)
}
