package pool

import (
	"hearth/actors"
	"hearth/actors/session"
	"hearth/messages"
	"hearth/messages/wire"
)

// clientArrived begins a session, or passes the client on to the one that it names.
func (s *supervisor) clientArrived(m *messages.ClientArrived) {
	id := m.Hello.SessionID
	if id == "" {
		s.beginSession(wire.SessionID(actors.RandomID("s", s.Rand)), m, messages.Stand{})
		return
	}
	session := s.sessions[id]
	switch {
	case session == nil:
		s.returned(id, m)
	case session.user != m.User:
		s.refuseUnknown(m)
	case session.ended == "":
		session.parked = false
		s.tell(session.pid, m)
	case session.ended == messages.EndIdle && session.next == nil:
		session.next = m // it begins again once its old actor is gone
	case session.ended == messages.EndIdle:
		s.refuse(session.next, wire.CodeTooManySessions, wire.CloseTryAgain, "another client took its place", true)
		session.next = m
	default:
		s.refuse(m, wire.CodeSessionNotFound, wire.CloseNoSession, "this session has ended", false)
	}
}

// returned takes a client whose session is not in the books: it ended idle, and begins again in a fresh task; or its
// bridge may still come; or there is none.
func (s *supervisor) returned(id wire.SessionID, m *messages.ClientArrived) {
	switch ended := s.over.get(id); {
	case ended.reason == messages.EndIdle && ended.user == m.User:
		s.beginAgain(id, m, ended.stand)
	case ended.reason == "" && s.hold(m):
	default:
		s.refuseUnknown(m)
	}
}

// refuseUnknown tells a client that there is no such session, or that it is somebody else's: the two look the same.
func (s *supervisor) refuseUnknown(m *messages.ClientArrived) {
	s.refuse(m, wire.CodeSessionNotFound, wire.CloseNoSession, "no such session", false)
}

// beginAgain begins a session that has ended idle. It goes on counting: its client may not know yet that it has ended.
func (s *supervisor) beginAgain(id wire.SessionID, m *messages.ClientArrived, stand messages.Stand) {
	if s.beginSession(id, m, stand) {
		s.over.remove(id)
	}
}

// beginSession spawns a session's actor, which takes the client from there, and claims a task for it. It reports false
// when it had to refuse the client. The claim is not the actor's own to make: actors that were spawned one after the other
// need not come to their first message in that order.
func (s *supervisor) beginSession(id wire.SessionID, m *messages.ClientArrived, stand messages.Stand) bool {
	switch {
	case s.draining:
		s.turnAway(m)
		return false
	case len(s.sessions) >= s.settings.MaxSessions:
		s.refuse(m, wire.CodeOverCapacity, wire.CloseTryAgain, "the gateway has all the sessions it may have", true)
		return false
	case s.perUser[m.User] >= s.settings.MaxSessionsPerUser:
		s.refuse(m, wire.CodeTooManySessions, wire.CloseTryAgain, "this user has all the sessions allowed", true)
		return false
	case !s.starts.take(s.Clock.Now()): // the last condition: who is refused anyway takes no other's turn
		s.refuse(m, wire.CodeRateLimited, wire.CloseTryAgain, "too many sessions begin at once", true)
		return false
	}
	// Invariant: the name is free, for a session begins again only after Terminated.
	pid := s.spawn(actors.SessionName(id), session.New(s.Ports, &s.settings, s.ctx.Self(), id, m.User, stand))
	s.addSession(&sessionRecord{id: id, user: m.User, pid: pid, begun: s.Clock.Now()})
	s.observe(messages.Event{Kind: messages.EventSessionBegun, Session: id, User: m.User})
	s.tell(pid, m)
	s.claim(&messages.Claim{Session: id, User: m.User, Token: m.Token, InSeq: stand.In, OutSeq: stand.Out})
	return true
}

// refuse turns a client away.
func (s *supervisor) refuse(
	m *messages.ClientArrived, code wire.ErrorCode, closeCode wire.CloseCode, message string, retryable bool,
) {
	s.Links.Send(m.Link, wire.Error{Code: code, Message: message, Retryable: retryable})
	s.Links.Close(m.Link, closeCode)
	s.observe(messages.Event{Kind: messages.EventRefused, User: m.User, Session: m.Hello.SessionID, Reason: string(code)})
}

// bridgeArrived passes a bridge on to its task. One that is not in the books is adopted, or refused. An adopted task may
// turn out to have a session: its bridge was given a user by the other gateway after it had dialled here.
func (s *supervisor) bridgeArrived(m *messages.BridgeArrived) {
	if t := s.tasks[m.Hello.TaskID]; t != nil || s.adoptBridge(m.Hello) {
		t = s.tasks[m.Hello.TaskID]
		if t.left {
			s.Links.Close(m.Link, wire.CloseTryAgain) // it comes back, but its actor has yet to stop
			return
		}
		unbound := t.state == poolStarting || t.state == poolReady
		if t.adopted && unbound && m.Hello.State == wire.BridgeAssigned && s.adoptable(m.Hello) {
			s.adoptSession(t, m.Hello)
			s.replenish() // it has left the pool's count
		}
		s.tell(t.pid, m)
		return
	}
	s.refuseBridge(m)
}

// session.Parked notes that a session has no task and asks for none. A gateway that drains has nothing of it to hand over.
func (s *supervisor) sessionParked(m *messages.Parked) {
	session := s.sessions[m.Session]
	if session == nil || session.task != nil || session.place != nil {
		s.unexpected(m)
		return
	}
	session.parked = true
	if s.draining {
		s.tell(session.pid, &messages.Drain{})
	}
}

// session.Ended closes a session's books: what it waited for or had is given up, and its actor is stopped.
func (s *supervisor) sessionEnded(m *messages.SessionEnded) {
	session := s.sessions[m.Session]
	if session == nil || session.ended != "" {
		s.unexpected(m)
		return
	}
	session.ended, session.stand = m.Reason, m.Stand
	s.release(session, "its session ended: "+string(m.Reason))
	s.ctx.Poison(session.pid) // not Stop: a client that was passed on to it must come back from there first
	s.replenish()
}

// release takes from a session all that it waits for or has.
func (s *supervisor) release(session *sessionRecord, reason string) {
	if session.place != nil {
		s.unqueue(session)
		s.observe(messages.Event{
			Kind: messages.EventLeft, Session: session.id, Took: s.Clock.Now().Sub(session.claimed),
		})
	}
	if session.starting != nil {
		s.retire(session.starting, reason)
	}
	if t := session.task; t != nil {
		s.released(t, reason)
		s.tell(t.pid, &messages.Retire{Reason: reason})
	}
}

// released ends the binding of a task to its session. The task is of no more use.
func (s *supervisor) released(t *taskRecord, reason string) {
	session := t.session.id
	s.unbind(t)
	s.observe(messages.Event{Kind: messages.EventReleased, Task: t.id, Session: session, Reason: reason})
}

// sessionTerminated forgets a session whose actor has stopped, and begins it again for a client that has asked for that.
func (s *supervisor) sessionTerminated(session *sessionRecord) {
	if session.ended == "" {
		s.observe(messages.Event{Kind: messages.EventCrashed, Session: session.id, Reason: "session actor"})
		session.ended = messages.EndCrashed
		s.release(session, "its session's actor crashed")
		s.replenish()
	}
	s.removeSession(session)
	if session.ended != messages.EndDraining { // it goes on elsewhere, and may come back
		s.over.add(session.id, endedSession{user: session.user, reason: session.ended, stand: session.stand})
	}
	if session.next != nil {
		s.beginAgain(session.id, session.next, session.stand)
	}
	s.reportDrained()
}
