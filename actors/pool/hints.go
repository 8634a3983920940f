package pool

import (
	"time"

	"hearth/messages"
	"hearth/messages/wire"
)

// minOverdue is the least that is told of a start that takes longer than estimated.
const minOverdue = time.Second

// hintRequested answers a waiting session with what its client is to be told.
func (p *pool) hintRequested(m *messages.HintRequest) {
	session := p.sessions[m.Session]
	if session == nil || session.place == nil && session.delayed == nil && session.fenced == nil {
		return // it got its task meanwhile, and has been told
	}
	p.tell(session.pid, p.hintFor(session))
}

// capacity is what a client that arrived now would be told.
func (p *pool) capacity() *messages.Hint {
	if p.draining {
		return &messages.Hint{Draining: true}
	}
	if p.ready.Len() > 0 {
		return &messages.Hint{Reason: wire.ReasonAvailable}
	}
	return p.hint(p.Clock.Now(), p.waiters.Len())
}

// hintFor is what a session is told that has a turn. It is put off for its user's failures, or waits as all do.
func (p *pool) hintFor(session *sessionRecord) *messages.Hint {
	if session.delayed == nil && session.fenced != nil {
		return p.fencedHint(session)
	}
	if session.delayed == nil {
		return p.hint(session.claimed, p.position(session))
	}
	eta := session.due.Sub(p.Clock.Now())
	if p.ready.Len() == 0 {
		eta += p.startTime.value()
	}
	return &messages.Hint{Reason: wire.ReasonBackoff, Eta: max(0, eta), Message: p.troubleOf(session.user).reason}
}

// hint estimates how long the session at a position of the queue still waits: until the task that is as far up in its
// own queue is ready, or, when there are not as many, for the rounds of starts that have to come first.
func (p *pool) hint(since time.Time, position int) *messages.Hint {
	now, whole := p.Clock.Now(), p.startTime.value()
	t, unplaced := p.startingAt(position)
	if t != nil {
		return p.hintStarting(t, since, unplaced)
	}
	beyond := position - p.starting.Len()
	pause := max(0, p.backoff.until.Sub(now))
	rounds := time.Duration(1 + beyond/p.backoff.concurrency(p.settings.LaunchConcurrency, now.Add(pause)))
	hint := &messages.Hint{Reason: wire.ReasonQueued, Eta: max(pause, p.bootWait(unplaced+beyond+1)) + rounds*whole, Message: p.lastFailure}
	switch {
	case pause > 0:
		hint.Reason = wire.ReasonBackoff
	case position == 0, beyond == 0 && !p.atMaximum():
		hint.Reason = wire.ReasonColdStarting // its own task is started in this very moment: nobody is first
	}
	return hint
}

// hintStarting estimates how long a task still takes to be ready, the n-th of those that are not known to be placed. One that waits
// for a host is no warm one, whoever it was started for.
func (p *pool) hintStarting(t *taskRecord, since time.Time, n int) *messages.Hint {
	if !t.readySince.IsZero() { // its bridge has only to dial again
		return &messages.Hint{Reason: wire.ReasonWarmStarting, Eta: minOverdue, Message: p.lastFailure}
	}
	whole, waited := p.startTime.value(), p.Clock.Now().Sub(t.started)-t.hostWait
	boots := time.Duration(0)
	if t.host == nil {
		boots = p.bootWait(n)
	}
	reason := wire.ReasonColdStarting
	switch {
	case boots > 0:
		whole += boots
	case t.started.Before(since):
		reason = wire.ReasonWarmStarting
	}
	if boots == 0 && !t.hostless.IsZero() {
		waited = 0 // its host has come, and it begins
	}
	return &messages.Hint{Reason: reason, Eta: remaining(whole, waited), Message: p.lastFailure}
}

// remaining is what is left of an estimate. Who has waited longer is told to wait as long again as it is overdue: nobody knows.
func remaining(estimate, waited time.Duration) time.Duration {
	if left := estimate - waited; left > 0 {
		return left
	}
	return max(minOverdue, waited-estimate)
}

// startingAt is the starting task at a place of its queue, nil when there are not as many, and how many up to there are
// not known to be placed.
func (p *pool) startingAt(position int) (t *taskRecord, unplaced int) {
	for place := p.starting.Front(); place != nil; place = place.Next() {
		t := place.Value.(*taskRecord)
		if t.host == nil {
			unplaced++
		}
		if position--; position < 0 {
			return t, unplaced
		}
	}
	return nil, unplaced
}

// atMaximum reports whether the pool's maximum keeps another task from being started.
func (p *pool) atMaximum() bool {
	return p.starting.Len() >= p.settings.LaunchConcurrency ||
		p.settings.WarmPool && p.ready.Len()+p.starting.Len() >= p.settings.Max
}
