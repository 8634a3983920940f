package chaos

import (
	"time"

	"hearth/actors"
	"hearth/actors/demand"
	"hearth/messages"
	"hearth/messages/wire"
	"hearth/sim/model"
)

// policyStream sets the dice for the policy apart: a seed's other choices stay what they were without one.
const policyStream = 0x706f6c696379

// drawPolicy has the pool's target move by a schedule in one storm of four, and by the demand in one of six of the others.
func drawPolicy(s *actors.Settings, d dice) {
	switch {
	case often(d, 4):
		s.Policy = actors.PolicySchedule
		s.Schedule = swing{every: some(d, 3*second, 10*second, 30*second), high: s.Min + some(d, 1, 3, 8)}
	case often(d, 6):
		s.Policy = actors.PolicySLO
		s.Forecast = demand.Policy(some(d, 0.9, 0.999), 3*second, nil)
	}
}

// witness is a forecast of which is known what it was told and what it said.
type witness struct {
	actors.Forecast
	storm *storm
	began int
	// planned is when plan was said.
	planned time.Duration
	plan    messages.Plan
}

// Began takes in that a session took a task.
func (w *witness) Began(now time.Time) {
	w.began++
	w.Forecast.Began(now)
}

// Plan is the target now.
func (w *witness) Plan(now time.Time, maximum int) messages.Plan {
	w.planned, w.plan = w.storm.elapsed(), w.Forecast.Plan(now, maximum)
	return w.plan
}

// witnessed has the oracle know what forecasts are told and say: one of each process, in their order.
func (o *oracle) witnessed(forecast func(time.Time) actors.Forecast) func(time.Time) actors.Forecast {
	return func(now time.Time) actors.Forecast {
		w := &witness{Forecast: forecast(now), storm: o.storm, planned: o.storm.elapsed()}
		o.witnesses = append(o.witnesses, w)
		return w
	}
}

// planSlack is how long a pool may take to look at the demand again.
const planSlack = time.Minute + turnSlack

// followsDemand checks that the forecast hears of every session and is asked again and again, and that the target is what it said,
// between the operator's minimum and the maximum.
func (o *oracle) followsDemand() {
	s := &o.settings
	if s.Policy != actors.PolicySLO || !s.WarmPool || o.number > len(o.witnesses) {
		return
	}
	w := o.witnesses[o.number-1]
	if w.began < o.pool.begun {
		o.breach("%d sessions began, and the forecast heard of %d", o.pool.begun, w.began)
	}
	if age := o.storm.elapsed() - w.planned; age > planSlack {
		o.breach("the forecast was not asked for %v", age)
	}
	if want := min(max(o.floor, w.plan.Target), s.Max); s.Min != want && o.storm.elapsed()-o.floored >= turnSlack {
		o.breach("the target is %d, and by the forecast %d", s.Min, want)
	}
}

// outageStream is the same for outages, and drawOutage has agents fail for a while in one storm of three: for one user, or for all.
const outageStream = 0x6f7574616765

func drawOutage(d dice) (o model.Outage) {
	if often(d, 3) {
		o.User = some[wire.UserID](d, "", "", "user-1", "user-2")
		o.From = some(d, 0, 20*second, minute)
		o.Until = o.From + some(d, 10*second, minute, time.Hour)
		o.Shows = o.User == "" && often(d, 3)
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
