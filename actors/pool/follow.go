package pool

import (
	"time"

	"hearth/actors"
	"hearth/messages"
)

// timerTarget rings when the policy may have another target.
const timerTarget messages.Timer = "target"

const (
	// soonest is how soon the schedule is looked at again at the soonest.
	soonest = time.Second
	// planInterval is how often the demand is looked at when no session begins.
	planInterval = time.Minute
)

// aim is where a pool's target comes from: its sizing and, with the policy slo, what was learned.
type aim struct {
	*actors.Sizing
	// forecast is nil but with that policy; plan is what it last said.
	forecast actors.Forecast
	plan     messages.Plan
}

// newAim has a forecast begin to learn.
func newAim(sizing *actors.Sizing, now time.Time) aim {
	a := aim{Sizing: sizing}
	if sizing.Policy == actors.PolicySLO {
		a.forecast = sizing.Forecast(now)
	}
	return a
}

// target is what the policy says of now, and until when a schedule stays at that; zero when nothing is known to come.
func (a *aim) target(now time.Time) (target int, until time.Time) {
	switch a.Policy {
	case actors.PolicySchedule:
		scheduled, until := a.Schedule.At(now)
		return min(max(a.Min, scheduled), a.Max), until
	case actors.PolicySLO:
		a.plan = a.forecast.Plan(now, a.Max)
		return max(a.Min, a.plan.Target), time.Time{}
	}
	return a.Min, time.Time{}
}

// began takes in that a session takes a task, or waits for one.
func (a *aim) began(now time.Time) {
	if a.forecast != nil {
		a.forecast.Began(now)
	}
}

// started takes in how long a start took.
func (a *aim) started(took time.Duration) {
	if a.forecast != nil {
		a.forecast.Started(took)
	}
}

// follow brings the pool's target to what its policy says of now, and has it looked at again when that may change. An operator's
// minimum is a floor under it, and the maximum bounds both. A higher target is filled up to at once; what is above a lower one
// goes as every surplus does.
func (p *pool) follow() {
	target := p.settings.Min
	if p.settings.WarmPool {
		now := p.Clock.Now()
		var until time.Time
		if target, until = p.aim.target(now); !until.IsZero() {
			p.turn.Set(p.Clock, p.ctx.Self(), max(soonest, until.Sub(now)))
		}
	}
	if target == p.target {
		return
	}
	p.target, p.settings.Threshold = target, max(0, target-p.thresholdGap)
	p.refill.under = true
	resized := messages.Event{Kind: messages.EventResized, N: target, M: p.settings.Max}
	if p.aim.forecast != nil {
		resized.Plan = &p.aim.plan
	}
	p.observe(resized)
}

// beginAim has a pool that follows the demand begin to learn it.
func (p *pool) beginAim() {
	if !p.settings.WarmPool {
		return
	}
	if p.aim = newAim(&p.settings.Sizing, p.Clock.Now()); p.aim.forecast != nil {
		p.turn.Set(p.Clock, p.ctx.Self(), planInterval)
	}
}

// demand takes in that a session takes a task, or waits for one.
func (p *pool) demand() {
	if p.aim.forecast != nil {
		p.aim.began(p.Clock.Now())
		p.follow()
	}
}

// turned looks at the target again.
func (p *pool) turned() {
	p.follow()
	if p.aim.forecast != nil {
		p.turn.Set(p.Clock, p.ctx.Self(), planInterval)
		p.observe(messages.Event{Kind: messages.EventPlanned, N: p.target, Plan: &p.aim.plan})
	}
	p.replenish()
}
