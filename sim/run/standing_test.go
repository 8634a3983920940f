package run

import (
	"math"
	"testing"
	"time"

	"hearth/sim/model"
)

// TestSteadyState: a run of long sessions costs what Little's law says, from its first hour on, also on hosts.
func TestSteadyState(t *testing.T) {
	for name, length := range map[string]model.Distribution{
		"exponential": model.Exponential(4 * time.Hour), "fixed": model.Fixed(4 * time.Hour),
		"scattered": model.Lognormal{Average: 4 * time.Hour, Sigma: 1},
	} {
		sum, hosts := 0.0, 0.0
		const runs = 6
		for seed := range uint64(runs) {
			c := poisson(5, 4*time.Hour)
			c.Seed, c.Session = 1+seed, length
			c.Cloud.Fleet = model.FleetOptions{
				Slots: 4, Min: 2, Desired: 2, Max: 500, Boot: model.MeasuredBoot, Provider: model.ManagedScaling(),
			}
			r := play(t, c)
			sum += r.TaskHours / r.Hours / runs
			hosts += r.HostHours / r.Hours / runs
			if !r.PoolWasFull || r.SessionsAtBegin < 1000 {
				t.Errorf("%s: begun with %d sessions, full %v", name, r.SessionsAtBegin, r.PoolWasFull)
			}
		}
		// 5 a minute for 240 minutes, and the three of the pool.
		if want := 1203.0; math.Abs(sum/want-1) > 0.04 {
			t.Errorf("%s: %g tasks on average, want %g", name, sum, want)
		}
		if hosts < sum/4 || hosts > 1.15*sum/4 {
			t.Errorf("%s: %g hosts for %g tasks", name, hosts, sum)
		}
	}
}

// TestLargePoolIsFull: a pool of any size is full when the traffic begins, and one that never is says so.
func TestLargePoolIsFull(t *testing.T) {
	c := poisson(1, time.Minute)
	c.Settings.Min, c.Settings.Threshold, c.Settings.Max = 3000, 2999, 3000
	if r := play(t, c); !r.PoolWasFull || r.Series[0].Ready < 2990 {
		t.Errorf("full: %v, %g ready", r.PoolWasFull, r.Series[0].Ready)
	}
	c.Cloud.Fleet = model.FleetOptions{Slots: 4, Min: 2, Desired: 2, Max: 2, Boot: model.MeasuredBoot, Provider: model.ManagedScaling()}
	if r := play(t, c); r.PoolWasFull {
		t.Error("8 places are enough for 3,000 tasks")
	}
}
