package pool

import (
	"time"

	"hearth/actors"
)

// census is what the pool's policy decides on. Invariant: no field is negative.
type census struct {
	// ready tasks can be claimed; expired ones are those of them that are past their time to live.
	ready, expired int
	// starting tasks cannot be claimed yet, and always count.
	starting int
	// waiting sessions will take the next ready tasks.
	waiting int
}

// limits bound what the policy may do.
type limits struct {
	minimum, maximum, threshold int
	// concurrency bounds the tasks that are starting at once; after a failure it is lower.
	concurrency int
}

// starts is how many tasks to start now. The supply is what will be left when everyone who waits has been served and every
// expired task is gone. Once it is at or below the threshold, or a task has expired, it is filled up to the minimum,
// within the pool's maximum (ready and starting tasks count, assigned ones do not) and the launch concurrency.
func (c census) starts(l limits) int {
	supply := c.ready - c.expired + c.starting - c.waiting
	if supply > l.threshold && c.expired == 0 {
		return 0
	}
	room := min(l.maximum-(c.ready+c.starting), l.concurrency-c.starting)
	return max(0, min(l.minimum-supply, room))
}

// evictions is how many ready tasks to stop now: those over a maximum that was lowered, and expired ones once their
// replacements are ready. Where the maximum leaves no room for a replacement, one expired task at a time goes first.
func (c census) evictions(l limits) int {
	if excess := c.ready + c.starting - l.maximum; excess > 0 {
		return min(c.ready, excess)
	}
	if c.expired == 0 || c.waiting > 0 {
		return 0
	}
	if surplus := c.ready - l.minimum; surplus > 0 {
		return min(c.expired, surplus)
	}
	if c.starting == 0 && c.ready >= l.maximum {
		return 1
	}
	return 0
}

// dedicatedStarts is how many tasks to start when the pool is off: one for each waiting session that has none starting.
func (c census) dedicatedStarts(l limits) int {
	return max(0, min(c.waiting-c.starting, l.concurrency-c.starting))
}

// backoff spaces out starts after failures: exponentially, with jitter, so that gateways that failed together do not
// come back together.
type backoff struct {
	base, ceiling time.Duration
	// streak counts failures since the last success, and failed is when the last of them was.
	streak int
	failed time.Time
	// until is when starts are allowed again.
	until time.Time
}

// probeStreak is the number of failures in a row after which only one start at a time is tried, until one succeeds.
const probeStreak = 3

// fail notes a failure. jitter is in [0, 1). It returns the pause, as [actors.Pause] has it.
func (b *backoff) fail(now time.Time, jitter float64) time.Duration {
	b.streak++
	b.failed = now
	pause := actors.Pause(b.base, b.ceiling, b.streak, jitter)
	if until := now.Add(pause); until.After(b.until) {
		b.until = until
	}
	return pause
}

// sameIncident reports whether the failure of what was begun at begun tells no more than the last failure did: it was
// under way already. Tasks that die together with their host are one failure.
func (b *backoff) sameIncident(begun time.Time) bool { return b.streak > 0 && !begun.After(b.failed) }

// succeed ends the streak.
func (b *backoff) succeed() {
	b.streak = 0
	b.until = time.Time{}
}

// concurrency is the launch concurrency that the streak leaves of limit at now.
func (b *backoff) concurrency(limit int, now time.Time) int {
	switch {
	case now.Before(b.until):
		return 0
	case b.streak >= probeStreak:
		return min(limit, 1)
	}
	return limit
}
