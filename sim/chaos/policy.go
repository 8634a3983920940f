package chaos

import (
	"time"

	"hearth/actors"
	"hearth/messages/wire"
	"hearth/sim/model"
)

// policyStream sets the dice for the policy apart: a seed's other choices stay what they were without one.
const policyStream = 0x706f6c696379

// drawPolicy has the pool's target move in one storm of four.
func drawPolicy(s *actors.Settings, d dice) {
	if often(d, 4) {
		s.Policy = actors.PolicySchedule
		s.Schedule = swing{every: some(d, 3*second, 10*second, 30*second), high: s.Min + some(d, 1, 3, 8)}
	}
}

// outageStream is the same for outages, and drawOutage has agents fail for a while in one storm of four: for one user, or for all.
const outageStream = 0x6f7574616765

func drawOutage(d dice) (o model.Outage) {
	if often(d, 4) {
		o.User = some[wire.UserID](d, "", "user-1", "user-2")
		o.From = some(d, 0, 20*second, minute)
		o.Until = o.From + some(d, 10*second, minute, time.Hour)
	}
	return o
}

// swing is a target that goes up and down, for as long as a storm lasts.
type swing struct {
	every time.Duration
	high  int
}

// swings is how long it does.
const swings = 3 * minute

// At is the target at a time.
func (w swing) At(now time.Time) (target int, until time.Time) {
	since := now.Sub(time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)) // when worlds begin
	if since >= swings {
		return 0, time.Time{}
	}
	if since/w.every%2 == 1 {
		target = w.high
	}
	return target, now.Add(w.every - since%w.every)
}

// turnSlack is how long the pool may take to see that its schedule has another target.
const turnSlack = 2 * time.Second

// followsSchedule checks that the pool's target is what the schedule says, once that and the operator's minimum have stood for
// long enough.
func (o *oracle) followsSchedule() {
	s := &o.settings
	if s.Policy != actors.PolicySchedule || !s.WarmPool || o.storm.elapsed()-o.floored < turnSlack {
		return
	}
	now := o.storm.model.World.Now()
	// Of the weather's, not of the actors' own: that is what may be broken.
	scheduled, until := o.storm.weather.options.Settings.Schedule.At(now.Add(-turnSlack))
	if !until.IsZero() && !until.After(now) {
		return
	}
	if want := min(max(o.floor, scheduled), s.Max); s.Min != want {
		o.breach("the target is %d, and by the schedule %d", s.Min, want)
	}
}
