package pool

import (
	"time"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
)

// claim gives a session a ready task, or has it wait.
func (s *supervisor) claim(m *messages.Claim) {
	session := s.sessions[m.Session]
	if session == nil || session.ended != "" || session.task != nil || session.place != nil {
		s.unexpected(m) // Invariant: a session has one claim or one task at a time
		return
	}
	session.claim, session.claimed, session.attempts, session.parked = m, s.Clock.Now(), 0, false
	switch t := s.firstReady(); {
	case s.draining && !s.handOver:
		s.giveUp(session, wire.CodeStartFailed, "the gateway is draining")
		return
	case t != nil:
		session.path, session.why = wire.PathWarm, ""
		s.give(t, session)
	default:
		session.path, session.why = wire.PathCold, s.whyCold()
		s.wait(session, false)
	}
	s.replenish()
}

// firstReady is the ready task that the placement prefers, nil when there is none. One that was asked to leave for another
// gateway may have left.
func (s *supervisor) firstReady() *taskRecord {
	if s.settings.Placement != actors.PlaceOldest && !s.draining {
		if t := s.pick(s.settings.Placement); t != nil {
			return t
		}
	}
	for place := s.ready.Front(); place != nil; place = place.Next() {
		if t := place.Value.(*taskRecord); !t.leaving {
			return t
		}
	}
	return nil
}

// whyCold says why a claim finds no ready task.
func (s *supervisor) whyCold() wire.ColdReason {
	switch {
	case !s.settings.WarmPool:
		return wire.WhyPoolDisabled
	case s.shortage:
		return wire.WhyNoCapacity
	case s.starting.Len() > s.waiters.Len():
		return wire.WhyAllStarting
	}
	return wire.WhyPoolEmpty
}

// give binds a ready task to a session and then tells both. Invariant: neither is told before it is written down, and the
// session is told first, so that it knows its task when that is ready.
func (s *supervisor) give(t *taskRecord, session *sessionRecord) {
	s.disown(t)
	s.bind(t, session)
	waited := s.Clock.Now().Sub(session.claimed)
	c := session.claim
	s.tell(session.pid, &messages.Bound{Task: t.id, Path: session.path, Why: session.why, Waited: waited})
	s.tell(t.pid, &messages.Assign{
		Session: c.Session, User: c.User, Token: c.Token, Workspace: s.settings.Workspace(c.User),
		InSeq: c.InSeq, OutSeq: c.OutSeq,
	})
	if s.draining {
		s.askToLeave(t) // after the Assign: it is to leave with its session, once the agent is ready
	}
	s.observe(messages.Event{
		Kind: messages.EventClaimed, Task: t.id, Session: session.id, Path: session.path, Why: session.why, Took: waited,
	})
}

// wait queues a session for the next task.
func (s *supervisor) wait(session *sessionRecord, front bool) {
	s.await(session, front)
	s.observe(messages.Event{
		Kind: messages.EventWaiting, Session: session.id, Why: session.why, N: s.waiters.Len(),
	})
	s.tell(session.pid, s.hint(session.claimed, s.position(session)))
}

// claimFailed gives a session that a task has failed another one, at once or as the first in the queue, up to a bound.
func (s *supervisor) claimFailed(session *sessionRecord, m *messages.TaskFailed) {
	session.attempts++
	if session.attempts >= s.settings.ClaimAttempts || s.draining && !s.handOver {
		code := wire.CodeStartFailed
		if m.AgentFailed {
			code = wire.CodeAgentFailed
		}
		s.giveUp(session, code, m.Reason)
		return
	}
	s.observe(messages.Event{
		Kind: messages.EventRequeued, Session: session.id, Reason: m.Reason, N: session.attempts,
	})
	if t := s.firstReady(); t != nil {
		s.give(t, session)
		return
	}
	session.path, session.why = wire.PathCold, wire.WhyClaimFailed
	s.wait(session, true)
}

// giveUp tells a session that it gets no task. An agent that does not start in one task after the other needs an operator.
func (s *supervisor) giveUp(session *sessionRecord, code wire.ErrorCode, reason string) {
	if session.starting != nil {
		s.retire(session.starting, "its session was given up")
	}
	s.tell(session.pid, &messages.StartFailed{
		Code: code, Message: reason, Retryable: code != wire.CodeAgentFailed,
	})
	s.observe(messages.Event{Kind: messages.EventClaimFailed, Session: session.id, Reason: reason})
}

// hintRequested answers a waiting session with what its client is to be told.
func (s *supervisor) hintRequested(m *messages.HintRequest) {
	session := s.sessions[m.Session]
	if session == nil || session.place == nil {
		return // it got its task meanwhile, and has been told
	}
	s.tell(session.pid, s.hint(session.claimed, s.position(session)))
}

// capacity is what a client that arrived now would be told.
func (s *supervisor) capacity() *messages.Hint {
	if s.ready.Len() > 0 && !s.draining {
		return &messages.Hint{Reason: wire.ReasonAvailable}
	}
	return s.hint(s.Clock.Now(), s.waiters.Len())
}

// hint estimates how long the session at a position of the queue still waits: until the task that is as far up in its
// own queue is ready, or, when there are not as many, for the rounds of starts that have to come first.
func (s *supervisor) hint(since time.Time, position int) *messages.Hint {
	now, whole := s.Clock.Now(), s.startTime.value()
	t, unplaced := s.startingAt(position)
	if t != nil {
		reason := wire.ReasonColdStarting
		if t.started.Before(since) {
			reason = wire.ReasonWarmStarting
		}
		if t.host == nil {
			whole += s.bootWait(unplaced)
		}
		return &messages.Hint{Reason: reason, Eta: max(0, whole-now.Sub(t.started))}
	}
	beyond := position - s.starting.Len()
	rounds := time.Duration(1 + beyond/s.settings.LaunchConcurrency)
	held := max(0, s.backoff.until.Sub(now), s.bootWait(unplaced+beyond+1))
	reason := wire.ReasonQueued
	if held == 0 && beyond == 0 && !s.atMaximum() {
		reason = wire.ReasonColdStarting // its own task is started in this very moment
	}
	return &messages.Hint{Reason: reason, Eta: held + rounds*whole}
}

// startingAt is the starting task at a place of its queue, nil when there are not as many, and how many up to there are
// not known to be placed.
func (s *supervisor) startingAt(position int) (t *taskRecord, unplaced int) {
	for place := s.starting.Front(); place != nil; place = place.Next() {
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
func (s *supervisor) atMaximum() bool {
	return s.starting.Len() >= s.settings.LaunchConcurrency ||
		s.settings.WarmPool && s.ready.Len()+s.starting.Len() >= s.settings.Max
}
