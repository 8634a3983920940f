package run

import (
	"math"
	"slices"
	"testing"
	"time"

	"hearth/sim/model"
	"hearth/sim/traffic"
)

// crowd is a flash crowd of twenty times 20 requests a minute.
func crowd() Config {
	c := poisson(20, 2*time.Hour)
	c.Traffic = traffic.Synthetic{
		Shape: traffic.Flash, Rate: 20.0 / 60, Peak: 20, PeakAt: time.Hour, PeakLength: 10 * time.Minute,
	}
	return c
}

// TestCurve: what is computed of every size is what playing it gives, for hits, for waits, and in each hour.
func TestCurve(t *testing.T) {
	for _, o := range []Objective{{HitRate: 0.9}, {Percentile: 99, WaitMs: 1000}, {Percentile: 99, WaitMs: 2900}} {
		c := poisson(40, time.Hour)
		c.StartTakes(model.Fixed(3 * time.Second))
		c.Settings.Max, c.Objective = Unlimited, o
		curve, err := c.curve(o)
		if err != nil {
			t.Fatal(err)
		}
		for size := range 8 {
			c.Settings.Min, c.Settings.Threshold = size, max(0, size-1)
			r := play(t, c)
			for window, want := range r.inTimeIn {
				if got := curve.windows[window].at(size); got != want {
					t.Errorf("%s, minimum %d, window %d: %+v are in time, computed %+v", o, size, window, want, got)
				}
			}
		}
	}
}

// TestCurveToReady: the agent's start is drawn, so the two agree but for noise.
func TestCurveToReady(t *testing.T) {
	c := poisson(40, 4*time.Hour)
	c.StartTakes(model.Exponential(3 * time.Second))
	c.Objective = Objective{Percentile: 90, WaitMs: 800, Ready: true}
	c.Settings.Max, c.Settings.Min, c.Settings.Threshold = Unlimited, 3, 2
	curve, err := c.curve(c.Objective)
	if err != nil {
		t.Fatal(err)
	}
	var computed tally
	for i := range curve.windows {
		computed = total([]tally{computed, curve.windows[i].at(3)})
	}
	played := total(play(t, c).inTimeIn)
	if gap := float64(played.good)/float64(played.all) - float64(computed.good)/float64(computed.all); math.Abs(gap) > 0.02 {
		t.Errorf("played %+v, computed %+v", played, computed)
	}
}

// TestMergedCurve: the curve, the hours and the series of several runs are of all of them.
func TestMergedCurve(t *testing.T) {
	c := poisson(40, 2*time.Hour)
	c.StartTakes(model.Exponential(3 * time.Second))
	c.Settings.Max = Unlimited
	results, err := Many(WithSeeds(c, 3), nil)
	if err != nil {
		t.Fatal(err)
	}
	o := Merge(results)
	for _, n := range o.PoolNeeded {
		hits := 0.0
		for _, r := range results {
			at := slices.IndexFunc(r.PoolNeeded, func(own Needed) bool { return own.PoolMin == n.PoolMin })
			rate := 1.0
			if at >= 0 {
				rate = float64(r.PoolNeeded[at].HitRate)
			}
			hits += rate * float64(r.Requests)
		}
		if got := float64(n.HitRate) * float64(o.Requests); math.Abs(got-hits) > 0.5 {
			t.Errorf("minimum %d: %g hits, in the runs %g", n.PoolMin, got, hits)
		}
	}
	requests := 0
	for _, h := range o.ByHour {
		requests += h.Requests
	}
	mean := (results[0].Series[3].Ready + results[1].Series[3].Ready + results[2].Series[3].Ready) / 3
	if requests != o.Requests || math.Abs(o.Series[3].Ready-mean) > 0.002 || !slices.Equal(o.SeedsUsed, []uint64{1, 2, 3}) {
		t.Errorf("%d of %d requests by hour, ready %g, want %g, seeds %v", requests, o.Requests, o.Series[3].Ready, mean, o.SeedsUsed)
	}
}
