package run

import (
	"math/rand/v2"
	"testing"
	"time"

	"hearth/actors"
	"hearth/actors/demand"
	"hearth/sim/model"
	"hearth/sim/traffic"
)

// TestFollowsDemand: on a week that nobody has seen, a target that follows the demand keeps the objective for far less than the fixed
// size that keeps it in the busiest hour; and the same run again is the same.
func TestFollowsDemand(t *testing.T) {
	c := poisson(5, 7*24*time.Hour)
	c.Traffic = traffic.Synthetic{Shape: traffic.Diurnal, Rate: 5.0 / 60}
	c.StartTakes(model.MeasuredStart)
	c.Settings.Max = Unlimited
	fixed, moving := c, c
	fixed.Settings.Min, fixed.Settings.Threshold = 8, 7
	moving.Settings.Min, moving.Settings.Threshold = 1, 0
	moving.Follows(0.999, demand.Policy(0.999, c.Settings.StartEstimate, nil))
	was, is := play(t, fixed), play(t, moving)
	t.Logf("fixed: %.5f, $%.2f idle; following: %.5f, $%.2f idle", was.HitRate, was.MonthlyIdleCost, is.HitRate, is.MonthlyIdleCost)
	if is.HitRate < 0.999 || is.MonthlyIdleCost > 0.6*was.MonthlyIdleCost {
		t.Errorf("hit rate %g for $%g, fixed $%g", is.HitRate, is.MonthlyIdleCost, was.MonthlyIdleCost)
	}
	if is.Config.SLO != 0.999 || is.Config.Policy != actors.PolicySLO || is.PoolNeeded != nil {
		t.Errorf("%+v, a curve over %d sizes", is.Config, len(is.PoolNeeded))
	}
	moving.Duration = 24 * time.Hour
	if one, other := play(t, moving), play(t, moving); one.Digest != other.Digest {
		t.Error("the same run is another")
	}
}

// TestBeginsWithPrior: what is under way when the traffic begins teaches nothing, and a prior is known from the first request on.
func TestBeginsWithPrior(t *testing.T) {
	c := poisson(20, time.Hour)
	c.StartTakes(model.MeasuredStart)
	c.Settings.Min, c.Settings.Threshold, c.Settings.Max = 0, 0, Unlimited
	at := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	random := rand.New(rand.NewPCG(1, 1))
	prior := demand.Learn(0.99, c.Settings.StartEstimate, false, func() (time.Time, bool) {
		at = at.Add(time.Duration(random.ExpFloat64() * float64(3*time.Second)))
		return at, at.Hour() < 6
	})
	fresh, taught := c, c
	fresh.Follows(0.99, demand.Policy(0.99, c.Settings.StartEstimate, nil))
	taught.Follows(0.99, demand.Policy(0.99, c.Settings.StartEstimate, prior))
	f, k := play(t, fresh), play(t, taught)
	if f.PeakPool > 40 || f.Series[0].Ready+f.Series[0].Starting > 6 {
		t.Errorf("without a prior there are %d tasks, at first %+v", f.PeakPool, f.Series[0])
	}
	if first := k.Series[0]; first.Ready+first.Starting < 4 {
		t.Errorf("with a prior there are at first %+v", first)
	}
}

// TestOracle: nobody waits, what its tasks idle is the starts' time, and the sessions cost what they cost any pool.
func TestOracle(t *testing.T) {
	c := poisson(3, 12*time.Hour)
	c.StartTakes(model.MeasuredStart)
	c.Settings.Min, c.Settings.Threshold, c.Settings.Max = 6, 5, Unlimited
	foresees := c
	foresees.Oracle = true
	pool, oracle := play(t, c), play(t, foresees)
	if oracle.Requests != pool.Requests || oracle.Hits != oracle.Requests || oracle.SessionsAtBegin != pool.SessionsAtBegin || *oracle.MonthlyRegret != 0 {
		t.Errorf("%d requests of %d, %d hits, begun with %d sessions of %d", oracle.Requests, pool.Requests, oracle.Hits,
			oracle.SessionsAtBegin, pool.SessionsAtBegin)
	}
	near := func(what string, got, want float64) {
		if got < 0.97*want || got > 1.03*want {
			t.Errorf("%s: %g, and not %g", what, got, want)
		}
	}
	near("idle task-hours", oracle.IdleTaskHours, float64(oracle.Requests)*model.MeasuredStart.Mean().Hours())
	near("cost over the pool's", pool.MonthlyIdleCost-oracle.MonthlyIdleCost, *pool.MonthlyRegret)
	near("task-hours with sessions", oracle.TaskHours-oracle.IdleTaskHours, pool.TaskHours-pool.IdleTaskHours)
	near("ready, median", oracle.ReadyMs.P50, pool.ReadyMs.P50)
	foresees.Cloud.Faults.DeadOnArrival = 0.1
	if _, err := Run(foresees); err == nil {
		t.Error("an oracle of starts that fail")
	}
}
