package pool

import (
	"slices"

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
	if p.draining && !p.handOver {
		p.giveUp(session, &messages.StartFailed{
			Code: wire.CodeStartFailed, Kind: messages.FailedDraining, Message: "the gateway is draining", Retryable: true,
		})
		return
	}
	p.demand()
	p.assignTurn(session)
	switch t := p.firstReady(); {
	case session.delayed != nil:
		p.wait(session, wire.WhyClaimFailed, false)
	case t != nil && !session.absent && !p.isOccupied(session.user):
		session.path, session.why = wire.PathWarm, ""
		p.give(t, session)
	default:
		p.wait(session, p.whyCold(session.user), false)
	}
	p.shadowed(session)
	p.replenish()
}

// firstReady is the ready task that the placement prefers, nil when there is none. One that was asked to leave for another
// gateway may have left; one on a host that drains is better than none.
func (p *pool) firstReady() *taskRecord {
	if !p.settings.WarmPool {
		return nil // each is its own session's
	}
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
func (p *pool) whyCold(user wire.UserID) wire.ColdReason {
	switch {
	case p.isOccupied(user):
		return wire.WhyFenced
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
	session.given = p.Clock.Now()
	waited := session.given.Sub(session.claimed)
	c := session.claim
	p.tell(session.pid, &messages.Bound{Task: t.id, Path: session.path, Why: session.why, Waited: waited})
	p.tell(t.pid, &messages.Assign{
		Session: c.Session, User: c.User, Token: c.Token, Workspace: p.settings.Workspace(c.User),
		InSeq: c.InSeq, OutSeq: c.OutSeq, Window: c.Window, Trace: c.Trace, Fence: p.asksForFences(),
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
	hint := p.hintFor(session)
	if failed {
		p.tell(session.pid, &messages.WaitAgain{Hint: *hint})
		return
	}
	p.tell(session.pid, hint)
}

// stands notes that a session has come into the queue, or stands beside it while its client is away or its claim is put off. A
// draining gateway does not hand over a session that stands beside the queue.
func (p *pool) stands(session *sessionRecord) {
	now := p.Clock.Now()
	switch {
	case !session.aside:
		p.observe(messages.Event{
			Kind: messages.EventWaiting, Session: session.id, Why: session.why, N: p.waiters.Len(),
		})
		return
	case session.absent:
		p.observe(messages.Event{Kind: messages.EventAway, Session: session.id, Took: now.Sub(session.claimed)})
	case session.delayed == nil:
		p.observe(messages.Event{Kind: messages.EventFenced, Session: session.id, User: session.user, N: p.occupied[session.user]})
	default:
		t := p.troubleOf(session.user)
		p.observe(messages.Event{
			Kind: messages.EventDelayed, Session: session.id, User: session.user, Reason: t.reason, N: t.failures, Took: session.due.Sub(now),
		})
	}
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
	if !session.waits() {
		return
	}
	if m.Here && session.delayed == nil {
		p.assignTurn(session)
	}
	p.standAnew(session)
}

// standAnew has sessions that have a turn stand where they belong by now: in the queue, or beside it. They may be served at once, but
// not before all of them stand.
func (p *pool) standAnew(sessions ...*sessionRecord) {
	sessions = slices.DeleteFunc(sessions, func(session *sessionRecord) bool {
		wasAside := session.aside
		p.stepOut(session)
		p.enqueue(session)
		return session.aside == wasAside
	})
	if len(sessions) == 0 {
		return
	}
	for _, session := range sessions {
		p.stands(session)
		if t := p.readyFor(session); t != nil && session.place != nil {
			p.unqueue(session)
			p.give(t, session)
		}
	}
	p.replenish()
}

// claimFailed gives a session that a task has failed another one, at once or as the first in the queue, up to a bound.
func (p *pool) claimFailed(session *sessionRecord, m *messages.TaskFailed) {
	session.attempts++
	hopeless := session.attempts >= p.settings.ClaimAttempts || p.draining && !p.handOver
	if m.Kind.OfAgent() {
		p.agentFailed(session, m)
		defer p.putOff(session)
		hopeless = hopeless || p.breaker.open() || p.troubleOf(session.user).failures >= p.settings.ClaimAttempts
	}
	if hopeless {
		p.giveUp(session, p.failed(session.user, m))
		return
	}
	p.observe(messages.Event{
		Kind: messages.EventRequeued, Session: session.id, Failure: m.Kind, Reason: m.Reason, N: session.attempts,
	})
	p.assignTurn(session)
	switch t := p.firstReady(); {
	case p.isOccupied(session.user):
		p.wait(session, wire.WhyFenced, true)
	case t != nil && !session.absent && session.delayed == nil:
		p.give(t, session)
	default:
		p.wait(session, wire.WhyClaimFailed, true)
	}
}

// failed is what a session is told that gets no task after a failure. An agent that does not start in one task after the other
// needs an operator. A retry has to wait as long as the user's next claim would, or the pool's next start.
func (p *pool) failed(user wire.UserID, m *messages.TaskFailed) *messages.StartFailed {
	code, next := wire.CodeStartFailed, p.backoff.until
	if m.Kind == messages.FailedAgent {
		code = wire.CodeAgentFailed
	}
	if t := p.troubleOf(user); t.next.After(next) {
		next = t.next
	}
	return &messages.StartFailed{
		Code: code, Kind: m.Kind, Message: m.Reason, Retryable: code != wire.CodeAgentFailed, After: max(0, next.Sub(p.Clock.Now())),
	}
}

// giveUp tells a session that it gets no task.
func (p *pool) giveUp(session *sessionRecord, m *messages.StartFailed) {
	if session.starting != nil {
		p.retire(session.starting, messages.EvictedSurplus, "its session was given up")
	}
	p.tell(session.pid, m)
	p.observe(messages.Event{Kind: messages.EventClaimFailed, Session: session.id, Failure: m.Kind, Reason: m.Message})
}
