package run

import (
	"math"
	"testing"
	"time"

	"hearth/actors"
	"hearth/actors/demand"
	"hearth/sim/model"
	"hearth/sim/traffic"
)

// byTheHour is a schedule that has so many tasks in every second hour.
type byTheHour int

// At is the target at a time.
func (b byTheHour) At(now time.Time) (target int, until time.Time) {
	if now.Hour()%2 == 0 {
		target = int(b)
	}
	return target, now.Truncate(time.Hour).Add(time.Hour)
}

// TestShadow: what a policy is said to come to that runs beside another without acting is what it comes to when it is in force, on the
// same requests: starts within 1 %, what idles within 3 %, hits within what chance explains. And the policy in force does what it
// does without a shadow.
func TestShadow(t *testing.T) {
	world := poisson(6, 3*time.Hour)
	world.Traffic = traffic.Synthetic{Shape: traffic.Diurnal, Rate: 6.0 / 60, From: 8 * time.Hour}
	fixed := func(size int) actors.Sizing {
		return actors.Sizing{Min: size, Max: Unlimited, Threshold: actors.DefaultThreshold(size), Policy: actors.PolicyFixed}
	}
	capped, slo, hourly := fixed(4), fixed(1), fixed(2)
	capped.Max, capped.Threshold = 5, 1
	slo.Policy, slo.Forecast = actors.PolicySLO, demand.Policy(0.99, 5*time.Second, nil)
	hourly.Policy, hourly.Schedule = actors.PolicySchedule, byTheHour(6)

	alone := world
	alone.Settings.Sizing = fixed(8)
	was := play(t, alone)
	for _, c := range []struct {
		name            string
		inForce, shadow actors.Sizing
		measured        bool
	}{
		{"a smaller size, by batches and under a maximum", fixed(8), capped, false},
		{"the calendar beside the demand", slo, hourly, true},
		{"the demand beside itself", slo, slo, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			acting := world
			if c.measured {
				acting.StartTakes(model.MeasuredStart)
			}
			both := acting
			acting.Settings.Sizing, both.Settings.Sizing, both.Settings.Shadow = c.shadow, c.inForce, &c.shadow
			beside, want := play(t, both), play(t, acting)
			got := beside.Shadow
			t.Logf("shadow: %+v; in force: %d hits, %d starts, %.2f idle task-hours, $%.2f", *got, want.Hits, want.Starts, want.IdleTaskHours, want.MonthlyIdleCost)
			apart := math.Abs(float64(want.Hits - got.Hits))
			if chance := 5*math.Sqrt(float64(want.Requests-want.Hits)) + 5; got.Requests != want.Requests || apart > chance {
				t.Errorf("%d hits of %d, and in force %d of %d", got.Hits, got.Requests, want.Hits, want.Requests)
			}
			near := func(what string, got, want, share float64) {
				if math.Abs(got-want) > share*want {
					t.Errorf("%s: %g, and in force %g", what, got, want)
				}
			}
			near("starts", float64(got.Starts), float64(want.Starts), 0.01)
			near("idle task-hours", got.IdleTaskHours, want.IdleTaskHours, 0.03)
			near("idle cost", got.MonthlyIdleCost, want.MonthlyIdleCost, 0.03)
			if c.inForce.Min == alone.Settings.Min && (beside.Hits != was.Hits || beside.Starts != was.Starts || beside.TaskHours != was.TaskHours) {
				t.Errorf("with a shadow %d hits and %d starts, without one %d and %d", beside.Hits, beside.Starts, was.Hits, was.Starts)
			}
		})
	}
}
