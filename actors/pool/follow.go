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

// follow brings the pool's target to what its policy says of now, and has it looked at again when that may change. An operator's
// minimum is a floor under it, and the maximum bounds both. A higher target is filled up to at once; what is above a lower one
// goes as every surplus does.
func (p *pool) follow() {
	target := p.settings.Min
	if p.settings.WarmPool {
		now := p.Clock.Now()
		switch p.settings.Policy {
		case actors.PolicyFixed:
		case actors.PolicySchedule:
			scheduled, until := p.settings.Schedule.At(now)
			target = min(max(target, scheduled), p.settings.Max)
			if !until.IsZero() {
				p.turn.Set(p.Clock, p.ctx.Self(), max(soonest, until.Sub(now)))
			}
		case actors.PolicySLO:
			p.plan = p.forecast.Plan(now, p.settings.Max)
			target = max(target, p.plan.Target)
		}
	}
	if target == p.target {
		return
	}
	p.target, p.settings.Threshold = target, max(0, target-p.thresholdGap)
	p.refill.under = true
	resized := messages.Event{Kind: messages.EventResized, N: target, M: p.settings.Max}
	if p.forecast != nil {
		resized.Plan = &p.plan
	}
	p.observe(resized)
}

// beginForecast has a pool that follows the demand begin to learn it.
func (p *pool) beginForecast() {
	if p.settings.Policy == actors.PolicySLO && p.settings.WarmPool {
		p.forecast = p.settings.Forecast(p.Clock.Now())
		p.turn.Set(p.Clock, p.ctx.Self(), planInterval)
	}
}

// demand takes in that a session takes a task, or waits for one.
func (p *pool) demand() {
	if p.forecast != nil {
		p.forecast.Began(p.Clock.Now())
		p.follow()
	}
}

// started takes in how long a start took.
func (p *pool) started(took time.Duration) {
	if p.forecast != nil {
		p.forecast.Started(took)
	}
}

// turned looks at the target again.
func (p *pool) turned() {
	p.follow()
	if p.forecast != nil {
		p.turn.Set(p.Clock, p.ctx.Self(), planInterval)
		p.observe(messages.Event{Kind: messages.EventPlanned, N: p.target, Plan: &p.plan})
	}
	p.replenish()
}
