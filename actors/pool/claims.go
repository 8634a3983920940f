package pool

import (
	"time"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
)

// claim gives a session a ready task, or has it wait.
func (p *pool) claim(m *messages.Claim) {
	session := p.sessions[m.Session]
	if session == nil || session.ended != "" || session.task != nil || session.waits() {
		p.unexpected(m) // Invariant: a session has one claim or one task at a time
		return
	}
	session.claim, session.claimed, session.attempts, session.parked = m, p.Clock.Now(), 0, false
	switch t := p.firstReady(); {
	case p.draining && !p.handOver:
		p.giveUp(session, wire.CodeStartFailed, "the gateway is draining")
		return
	case t != nil && !session.absent:
		session.path, session.why = wire.PathWarm, ""
		p.give(t, session)
	default:
		p.wait(session, p.whyCold(), false)
	}
	p.replenish()
}

// firstReady is the ready task that the placement prefers, nil when there is none. One that was asked to leave for another
// gateway may have left; one on a host that drains is better than none.
func (p *pool) firstReady() *taskRecord {
	if p.settings.Placement != actors.PlaceOldest && !p.draining {
		if t := p.pick(p.settings.Placement); t != nil {
			return t
		}
	}
	var leastGood *taskRecord
	for place := p.ready.Front(); place != nil; place = place.Next() {
		switch t := place.Value.(*taskRecord); {
		case t.leaving:
		case !t.hostDrains():
			return t
		case leastGood == nil:
			leastGood = t
		}
	}
	return leastGood
}

// whyCold says why a claim finds no ready task.
func (p *pool) whyCold() wire.ColdReason {
	switch {
	case !p.settings.WarmPool:
		return wire.WhyPoolDisabled
	case p.shortage, p.held(1) != "", p.hostsFull():
		return wire.WhyNoCapacity
	case p.starting.Len() > p.waiters.Len():
		return wire.WhyAllStarting
	}
	return wire.WhyPoolEmpty
}

// give binds a ready task to a session and then tells both. Invariant: neither is told before it is written down, and the
// session is told first, so that it knows its task when that is ready.
func (p *pool) give(t *taskRecord, session *sessionRecord) {
	p.disown(t)
	p.bind(t, session)
	waited := p.Clock.Now().Sub(session.claimed)
	c := session.claim
	p.tell(session.pid, &messages.Bound{Task: t.id, Path: session.path, Why: session.why, Waited: waited})
	p.tell(t.pid, &messages.Assign{
		Session: c.Session, User: c.User, Token: c.Token, Workspace: p.settings.Workspace(c.User),
		InSeq: c.InSeq, OutSeq: c.OutSeq, Window: c.Window,
	})
	if p.draining {
		p.askToLeave(t) // after the Assign: it is to leave with its session, once the agent is ready
	}
	p.observe(messages.Event{
		Kind: messages.EventClaimed, Task: t.id, Session: session.id, Path: session.path, Why: session.why, Took: waited,
	})
}

// wait gives a session its turn for the next task, and says why it finds none. A task may have failed it: then it is first.
func (p *pool) wait(session *sessionRecord, why wire.ColdReason, failed bool) {
	session.path, session.why = wire.PathCold, why
	p.await(session, failed)
	p.stands(session)
	hint := p.hint(session.claimed, p.position(session))
	if failed {
		p.tell(session.pid, &messages.WaitAgain{Hint: *hint})
		return
	}
	p.tell(session.pid, hint)
}

// stands notes that a session has come into the queue, or stands beside it while its client is away. A draining gateway does not
// hand over a session that stands beside the queue.
func (p *pool) stands(session *sessionRecord) {
	if !session.aside {
		p.observe(messages.Event{
			Kind: messages.EventWaiting, Session: session.id, Why: session.why, N: p.waiters.Len(),
		})
		return
	}
	p.observe(messages.Event{
		Kind: messages.EventAway, Session: session.id, Took: p.Clock.Now().Sub(session.claimed),
	})
	if p.draining {
		p.tell(session.pid, &messages.DrainSession{})
	}
}

// presence notes whether the client of a session is there that was never ready. Without it nothing is started for the
// session, and it is given no task; with it again it is served when it would have been.
func (p *pool) presence(m *messages.Presence) {
	session := p.sessions[m.Session]
	if session == nil || session.ended != "" {
		return // its last word was on its way
	}
	session.absent = !m.Here
	if !session.waits() || session.absent == session.aside {
		return
	}
	p.unqueue(session)
	p.enqueue(session)
	p.stands(session)
	if t := p.firstReady(); t != nil && session.place != nil {
		p.unqueue(session)
		p.give(t, session)
	}
	p.replenish()
}

// claimFailed gives a session that a task has failed another one, at once or as the first in the queue, up to a bound.
func (p *pool) claimFailed(session *sessionRecord, m *messages.TaskFailed) {
	session.attempts++
	if session.attempts >= p.settings.ClaimAttempts || p.draining && !p.handOver {
		code := wire.CodeStartFailed
		if m.AgentFailed {
			code = wire.CodeAgentFailed
		}
		p.giveUp(session, code, m.Reason)
		return
	}
	p.observe(messages.Event{
		Kind: messages.EventRequeued, Session: session.id, Reason: m.Reason, N: session.attempts,
	})
	if t := p.firstReady(); t != nil && !session.absent {
		p.give(t, session)
		return
	}
	p.wait(session, wire.WhyClaimFailed, true)
}

// giveUp tells a session that it gets no task. An agent that does not start in one task after the other needs an operator.
func (p *pool) giveUp(session *sessionRecord, code wire.ErrorCode, reason string) {
	if session.starting != nil {
		p.retire(session.starting, messages.EvictedSurplus, "its session was given up")
	}
	p.tell(session.pid, &messages.StartFailed{
		Code: code, Message: reason, Retryable: code != wire.CodeAgentFailed,
	})
	p.observe(messages.Event{Kind: messages.EventClaimFailed, Session: session.id, Reason: reason})
}

// hintRequested answers a waiting session with what its client is to be told.
func (p *pool) hintRequested(m *messages.HintRequest) {
	session := p.sessions[m.Session]
	if session == nil || session.place == nil {
		return // it got its task meanwhile, and has been told
	}
	p.tell(session.pid, p.hint(session.claimed, p.position(session)))
}

// capacity is what a client that arrived now would be told.
func (p *pool) capacity() *messages.Hint {
	if p.ready.Len() > 0 && !p.draining {
		return &messages.Hint{Reason: wire.ReasonAvailable}
	}
	return p.hint(p.Clock.Now(), p.waiters.Len())
}

// hint estimates how long the session at a position of the queue still waits: until the task that is as far up in its
// own queue is ready, or, when there are not as many, for the rounds of starts that have to come first.
func (p *pool) hint(since time.Time, position int) *messages.Hint {
	now, whole := p.Clock.Now(), p.startTime.value()
	t, unplaced := p.startingAt(position)
	if t != nil {
		reason := wire.ReasonColdStarting
		if t.started.Before(since) {
			reason = wire.ReasonWarmStarting
		}
		if t.host == nil {
			whole += p.bootWait(unplaced)
		}
		return &messages.Hint{Reason: reason, Eta: max(0, whole-now.Sub(t.started))}
	}
	beyond := position - p.starting.Len()
	rounds := time.Duration(1 + beyond/p.settings.LaunchConcurrency)
	held := max(0, p.backoff.until.Sub(now), p.bootWait(unplaced+beyond+1))
	reason := wire.ReasonQueued
	if beyond == 0 && !p.atMaximum() {
		reason = wire.ReasonColdStarting // its own task is started in this very moment, or once a back-off is over: nobody is first
	}
	return &messages.Hint{Reason: reason, Eta: held + rounds*whole}
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
