package pool

import (
	"time"

	"hearth/actors"
	"hearth/messages"
)

// timerTarget rings when the schedule may have another target.
const timerTarget messages.Timer = "target"

// soonest is how soon the schedule is looked at again at the soonest.
const soonest = time.Second

// follow brings the pool's target to what the schedule says of now, and has it looked at again when that changes. An operator's
// minimum is a floor under the schedule, and the maximum bounds both. A higher target is filled up to at once; what is above a
// lower one goes as every surplus does.
func (p *pool) follow() {
	target := p.settings.Min
	if p.settings.Policy == actors.PolicySchedule && p.settings.WarmPool {
		now := p.Clock.Now()
		scheduled, until := p.settings.Schedule.At(now)
		target = min(max(target, scheduled), p.settings.Max)
		if !until.IsZero() {
			p.turn.Set(p.Clock, p.ctx.Self(), max(soonest, until.Sub(now)))
		}
	}
	if target == p.target {
		return
	}
	p.target, p.settings.Threshold = target, max(0, target-p.thresholdGap)
	p.refill.under = true
	p.observe(messages.Event{Kind: messages.EventResized, N: target, M: p.settings.Max})
}
