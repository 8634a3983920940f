package pool

import (
	"time"

	"hearth/messages"
)

// boundless is room that no pool fills.
const boundless = 1 << 30

// held is which of the pool's own limits keeps it from starting all that the policy asks for, the tighter one; empty when
// neither does.
func (r refill) held(c census, l limits) messages.Hold {
	free := l
	free.maximum, free.concurrency = boundless, boundless
	return tighter(r.starts(c, free), l.maximum-(c.ready+c.starting), l.concurrency-c.starting)
}

// dedicatedHeld is held for a pool that is off, which has no maximum.
func (c census) dedicatedHeld(l limits) messages.Hold {
	return tighter(max(0, c.waiting-c.starting), boundless, l.concurrency-c.starting)
}

func tighter(wanted, maximum, concurrency int) messages.Hold {
	switch {
	case wanted <= min(maximum, concurrency):
		return ""
	case concurrency < maximum:
		return messages.HeldLaunchLimit
	}
	return messages.HeldMaximum
}

// held is what keeps starts back once so many more sessions wait.
func (p *pool) held(more int) messages.Hold {
	if !p.adoption.mayStart {
		return ""
	}
	c, bounds := p.policyCensus(), p.limits(p.Clock.Now())
	c.waiting += more
	hold := p.refill.held(c, bounds)
	if !p.settings.WarmPool {
		hold = c.dedicatedHeld(bounds)
	}
	if hold != messages.HeldLaunchLimit || bounds.concurrency == p.settings.LaunchConcurrency {
		return hold
	}
	switch p.lastFault {
	case messages.LaunchThrottled:
		return messages.HeldRateLimit
	case messages.LaunchNoCapacity:
		return messages.HeldHosts
	}
	return messages.HeldBackoff
}

// limits are what bounds the policy at now.
func (p *pool) limits(now time.Time) limits {
	l := limits{
		minimum: p.target, maximum: p.settings.Max, threshold: p.settings.Threshold,
		concurrency: p.backoff.concurrency(p.settings.LaunchConcurrency, now),
	}
	if p.draining {
		l.minimum, l.threshold = 0, -1 // only for those who wait already
	}
	return l
}

// hostsFull reports whether a task that was started now would have to wait for a host, as far as the last look at them tells.
func (p *pool) hostsFull() bool {
	if p.hostsSeen == 0 {
		return false
	}
	_, unplaced := p.startingAt(boundless)
	return unplaced >= p.freeSlots()
}
