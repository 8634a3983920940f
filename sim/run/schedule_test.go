package run

import (
	"encoding/json"
	"testing"
	"time"

	"hearth/actors"
	"hearth/actors/schedule"
	"hearth/sim/model"
	"hearth/sim/traffic"
)

// TestSchedule: what a week's traffic needs by the hour keeps the objective on a week that it was not drawn up from, for a
// good part less than a fixed pool that keeps it.
func TestSchedule(t *testing.T) {
	c := poisson(3, 7*24*time.Hour)
	c.Traffic = traffic.Synthetic{Shape: traffic.Diurnal, Rate: 3.0 / 60}
	c.StartTakes(model.MeasuredStart)
	c.Settings.Max = Unlimited
	s := Sizer{Base: c, Objective: Objective{HitRate: 0.999, WorstHour: true}, Seeds: 10, MaxSeeds: 20}
	s.Base.Objective = s.Objective
	best, curves, err := s.fromCurves()
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := s.schedule(curves)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(drawn.Periods)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := schedule.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	fixed, moving := c, c
	fixed.Seed, moving.Seed = 1001, 1001
	fixed.Settings.Min, fixed.Settings.Threshold = best.PoolMin, best.PoolMin-1
	moving.Settings.Min, moving.Settings.Threshold = drawn.Floor, actors.DefaultThreshold(drawn.Floor)
	moving.Settings.Policy, moving.Settings.Schedule = actors.PolicySchedule, parsed
	was, is := play(t, fixed), play(t, moving)
	t.Logf("fixed: %.5f, $%.2f idle, regret $%.2f; schedule: %.5f, $%.2f idle, regret $%.2f",
		was.HitRate, was.MonthlyIdleCost, *was.MonthlyRegret, is.HitRate, is.MonthlyIdleCost, *is.MonthlyRegret)
	if is.HitRate < 0.999 || is.MonthlyIdleCost > 0.6*was.MonthlyIdleCost || *is.MonthlyRegret <= 0 || *is.MonthlyRegret >= *was.MonthlyRegret {
		t.Errorf("hit rate %g for $%g, fixed $%g; regret %g", is.HitRate, is.MonthlyIdleCost, was.MonthlyIdleCost, *is.MonthlyRegret)
	}
	if is.PoolNeeded != nil {
		t.Error("a curve over sizes although there is not one size")
	}
	s.Base.Traffic = traffic.Synthetic{Shape: traffic.Poisson, Rate: 1}
	if _, err := s.schedule(curves); err == nil {
		t.Error("a schedule of traffic that knows no days")
	}
}
