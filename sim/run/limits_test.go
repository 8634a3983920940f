package run

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"hearth/messages"
	"hearth/sim/model"
	"hearth/sim/traffic"
)

// TestHeldBack: the limit that keeps starts back is named for each request, and what a larger pool would have done is not told.
func TestHeldBack(t *testing.T) {
	launches := poisson(60, time.Hour)
	launches.Settings.LaunchConcurrency = 2
	maximum := poisson(60, time.Hour)
	maximum.Settings.Max = 3
	failing := poisson(20, time.Hour)
	failing.Cloud.Faults.DeadOnArrival = 0.2
	throttled := poisson(20, time.Hour)
	throttled.Cloud.Faults.Throttled = 0.3
	crowded := poisson(20, time.Hour)
	crowded.Session = model.Exponential(10 * time.Minute)
	crowded.Cloud.Fleet = model.FleetOptions{
		Slots: 4, Min: 5, Desired: 5, Max: 100, Boot: model.Fixed(time.Minute), Provider: model.ManagedScaling(),
	}
	crowded.Traffic = traffic.Synthetic{Shape: traffic.Flash, Rate: 5.0 / 60, Peak: 20, PeakAt: time.Minute, PeakLength: 20 * time.Minute}
	for want, c := range map[messages.Hold]Config{
		messages.HeldLaunchLimit: launches, messages.HeldMaximum: maximum, messages.HeldBackoff: failing,
		messages.HeldRateLimit: throttled, messages.HeldHosts: crowded,
	} {
		held := map[messages.Hold]int{}
		c.Missed = func(m Miss) {
			if m.HeldBack != "" {
				held[m.HeldBack]++
			}
		}
		r := play(t, c)
		if r.HeldBack[want] < r.Requests/50 || held[want] != r.HeldBack[want] || want != messages.HeldHosts && r.HeldSeconds[want] <= 0 {
			t.Errorf("%s: of %d requests %v, told of %v, in %v", want, r.Requests, r.HeldBack, held, r.HeldSeconds)
		}
		if r.PoolNeeded != nil {
			t.Errorf("%s: a curve although starts were held back: %v", want, r.PoolNeeded)
		}
		if want != messages.HeldBackoff && r.WhyCold["no_capacity"] == 0 {
			t.Errorf("%s: nobody was told no_capacity: %v", want, r.WhyCold)
		}
	}
}

// TestFrontierUnderLimits: a frontier has its points also where limits hold starts back, and no curve is to be had.
func TestFrontierUnderLimits(t *testing.T) {
	launches, hosts := poisson(60, 20*time.Minute), poisson(10, 20*time.Minute)
	launches.Settings.LaunchConcurrency, launches.Settings.Max = 2, Unlimited
	hosts.Settings.Max = Unlimited
	hosts.Cloud.Fleet = model.FleetOptions{Slots: 4, Min: 5, Desired: 5, Max: 5, Boot: model.MeasuredBoot, Provider: model.ManagedScaling()}
	for name, c := range map[string]Config{"launches": launches, "hosts": hosts} {
		points, err := Frontier(c, 1, nil)
		if err != nil || len(points) < 3 || points[0].Config.PoolMin != 0 {
			t.Errorf("%s: %d points, %v", name, len(points), err)
		}
	}
}

// TestSizeNamesTheLimit: it does not buy idle tasks against a launch limit.
func TestSizeNamesTheLimit(t *testing.T) {
	s := Sizer{Base: crowd(), Objective: Objective{Percentile: 99, WaitMs: 2000}, Seeds: 2, MaxSeeds: 4}
	sizing, err := s.Search()
	if err != nil {
		t.Fatal(err)
	}
	if len(sizing.Lift) != 1 || sizing.Lift[0].Limit != messages.HeldLaunchLimit || sizing.Lift[0].Is != 10 || sizing.Lift[0].Needs < 25 {
		t.Errorf("limits to lift: %+v", sizing.Lift)
	}
	if b := &sizing.Best; b.PoolMin > 15 || b.LaunchConcurrency == nil || *b.LaunchConcurrency != sizing.Lift[0].Needs {
		t.Errorf("best: %+v", b)
	}
	// With the limit lifted as it says, and its maximum, the pool does what it says.
	c := crowd()
	c.Settings.Min, c.Settings.Threshold = sizing.Best.PoolMin, sizing.Threshold
	c.Settings.Max, c.Settings.LaunchConcurrency = *sizing.Best.PoolMax, *sizing.Best.LaunchConcurrency
	if r := play(t, c); r.WaitMs.P99 > 2100 || len(r.HeldBack) > 0 {
		t.Errorf("played: p99 %g ms, held back %v", r.WaitMs.P99, r.HeldBack)
	}
}

// TestUnreachableNamesTheLimit: which limit to lift and to what, be it the maximum or the hosts.
func TestUnreachableNamesTheLimit(t *testing.T) {
	small := Sizer{Base: poisson(60, time.Hour), Objective: Objective{HitRate: 0.99}, Seeds: 2, MaxSeeds: 2, FixedMax: true}
	small.Base.Settings.Max = 2
	hosts := Sizer{Base: poisson(20, 2*time.Hour), Objective: Objective{HitRate: 0.95}, Seeds: 2, MaxSeeds: 2}
	hosts.Base.Session = model.Fixed(10 * time.Minute)
	hosts.Base.Cloud.Fleet = model.FleetOptions{
		Slots: 4, Min: 20, Desired: 20, Max: 20, Boot: model.Fixed(time.Minute), Provider: model.ManagedScaling(),
	}
	for want, s := range map[messages.Hold]*Sizer{messages.HeldMaximum: &small, messages.HeldHosts: &hosts} {
		_, err := s.Search()
		var unreachable *Unreachable
		if !errors.As(err, &unreachable) || !errors.Is(err, ErrUnreachable) || len(unreachable.Lift) == 0 {
			t.Fatalf("%s: %v", want, err)
		}
		last := unreachable.Lift[len(unreachable.Lift)-1]
		if last.Limit != want || last.Needs <= last.Is || !strings.Contains(err.Error(), fmt.Sprintf("lift it to %d", last.Needs)) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestMaximumServesBursts: a maximum that was sized for quiet traffic does not spoil a crowd that it did not see.
func TestMaximumServesBursts(t *testing.T) {
	s := Sizer{Base: poisson(5, 8*time.Hour), Objective: Objective{HitRate: 0.999}, Seeds: 3, MaxSeeds: 10}
	sizing, err := s.Search()
	if err != nil {
		t.Fatal(err)
	}
	at := func(maximum int) Result {
		c := crowd()
		c.Traffic = traffic.Synthetic{Shape: traffic.Flash, Rate: 5.0 / 60, Peak: 10, PeakAt: time.Hour, PeakLength: 10 * time.Minute}
		c.Settings.Min, c.Settings.Threshold, c.Settings.Max = sizing.Best.PoolMin, sizing.Threshold, maximum
		return play(t, c)
	}
	recommended, free := at(*sizing.Best.PoolMax), at(Unlimited)
	if recommended.WaitMs.P99 != free.WaitMs.P99 {
		t.Errorf("p99 wait %g ms with the maximum of %d, %g ms without one", recommended.WaitMs.P99, *sizing.Best.PoolMax, free.WaitMs.P99)
	}
}
