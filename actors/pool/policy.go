package pool

import (
	"time"

	"hearth/actors"
)

// census is what the pool's policy decides on. Invariant: no field is negative.
type census struct {
	// ready tasks can be claimed; expired ones are those of them that are to be replaced.
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

// supply is what will be left when everyone who waits has been served and every expired task is gone.
func (c census) supply() int { return c.ready - c.expired + c.starting - c.waiting }

// refill is the policy's memory: whether the pool is being filled up. It is from when the supply has come down to the
// threshold, a task has expired or an operator has asked for it, until the whole minimum stands ready. A cap or a backoff in
// between forgets nothing, and what fails or is taken in between is made up for.
//
// Invariant: as long as starts are not held back for ever and some succeed, a pool whose supply once was at or below the
// threshold comes to as many ready tasks as its minimum.
type refill struct{ under bool }

// starts is how many tasks to start now: while the pool is being filled up, what the supply lacks of the minimum, within
// the maximum (ready and starting tasks count, assigned ones do not) and the launch concurrency.
func (r *refill) starts(c census, l limits) int {
	switch {
	case c.supply() <= l.threshold, c.expired > 0:
		r.under = true
	case c.supply()-c.starting >= l.minimum:
		r.under = false
	}
	if !r.under {
		return 0
	}
	room := min(l.maximum-(c.ready+c.starting), l.concurrency-c.starting)
	return max(0, min(l.minimum-c.supply(), room))
}

// excess is how many tasks to give up now because the maximum was lowered.
func (c census) excess(l limits) int { return max(0, c.ready+c.starting-l.maximum) }

// surplus is how many tasks are above the minimum and nobody waits for them.
func (c census) surplus(l limits) int { return max(0, c.supply()-l.minimum) }

// replaced is how many expired tasks to stop now: those whose replacements are ready. Where the maximum leaves no room for
// a replacement, one expired task at a time goes first.
func (c census) replaced(l limits) int {
	if c.expired == 0 || c.waiting > 0 {
		return 0
	}
	if more := c.ready - l.minimum; more > 0 {
		return min(c.expired, more)
	}
	if c.starting == 0 && c.ready >= l.maximum {
		return 1
	}
	return 0
}

// lull is the policy's memory of what is too many: for each task above the minimum, since when there have been as many. The
// first has been too many for longest.
type lull []time.Time

// note takes in how many are too many now.
func (u *lull) note(surplus int, now time.Time) {
	for len(*u) < surplus {
		*u = append(*u, now)
	}
	*u = (*u)[:surplus]
}

// stood is how many have been too many since then or longer.
func (u lull) stood(since time.Time) int {
	n := 0
	for n < len(u) && !u[n].After(since) {
		n++
	}
	return n
}

// dedicatedStarts is how many tasks may be started when the pool is off, each for a waiting session that has none starting.
func (c census) dedicatedStarts(l limits) int {
	return max(0, min(c.waiting, l.concurrency-c.starting))
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
	// single says that one start at a time is to be tried already: the failure would have been any task's.
	single bool
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
	b.streak, b.single = 0, false
	b.until = time.Time{}
}

// concurrency is the launch concurrency that the streak leaves of limit at now.
func (b *backoff) concurrency(limit int, now time.Time) int {
	switch {
	case now.Before(b.until):
		return 0
	case b.streak >= probeStreak, b.single:
		return min(limit, 1)
	}
	return limit
}
