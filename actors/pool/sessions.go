package pool

import (
	"hearth/actors"
	"hearth/actors/session"
	"hearth/messages"
	"hearth/messages/wire"
)

// clientArrived begins a session, or passes the client on to the one that it names.
func (p *pool) clientArrived(m *messages.ClientArrived) {
	if p.Clock.Now().Before(p.denied.get(m.User)) {
		p.refuse(m, wire.CodeForbidden, wire.CloseNotAllowed, "an operator lets this user in again later", false)
		return
	}
	id := m.Hello.SessionID
	if id == "" {
		p.beginSession(wire.SessionID(actors.RandomID("s", p.Rand)), m, messages.Stand{})
		return
	}
	session := p.sessions[id]
	switch {
	case session == nil:
		p.returned(id, m)
	case session.user != m.User:
		p.refuseUnknown(m)
	case session.ended == "":
		session.parked = false
		p.tell(session.pid, m)
	case beginsAgain[session.ended] && session.next == nil:
		session.next = m // it begins again once its old actor is gone
	case beginsAgain[session.ended]:
		p.refuse(session.next, wire.CodeTooManySessions, wire.CloseTryAgain, "another client took its place", true)
		session.next = m
	default:
		p.refuse(m, wire.CodeSessionNotFound, wire.CloseNoSession, "this session has ended", false)
	}
}

// beginsAgain are the ends after which a session's user may have it again, in a fresh task: it ended for want of its client.
var beginsAgain = map[messages.EndReason]bool{
	messages.EndIdle: true, messages.EndAbandoned: true, messages.EndToken: true, messages.EndLifetime: true,
}

// returned takes a client whose session is not in the books: it ended for want of its client, and begins again in a fresh task; or its
// bridge may still come; or there is none.
func (p *pool) returned(id wire.SessionID, m *messages.ClientArrived) {
	switch ended := p.endedSessions.get(id); {
	case p.draining:
		p.turnAway(m) // it may have been handed over
	case beginsAgain[ended.reason] && ended.user == m.User:
		p.beginAgain(id, m, ended.stand)
	case ended.reason == "" && p.mayHold():
		p.hold(m)
	default:
		p.refuseUnknown(m)
	}
}

// refuseUnknown tells a client that there is no such session, or that it is somebody else's: the two look the same. Where another
// gateway is at work, the session may be there, and to dial again may lead there.
func (p *pool) refuseUnknown(m *messages.ClientArrived) {
	if p.mayBeElsewhere(m) {
		p.refuse(m, wire.CodeSessionNotFound, wire.CloseTryAgain, "no such session here, but another gateway may have it", true)
		return
	}
	p.refuse(m, wire.CodeSessionNotFound, wire.CloseNoSession, "no such session", false)
}

// mayBeElsewhere reports whether a session that is not known here may be another gateway's. Its client is sent looking for it for
// as long as a gateway that begins would have it wait.
func (p *pool) mayBeElsewhere(m *messages.ClientArrived) bool {
	now, id := p.Clock.Now(), m.Hello.SessionID
	if ended := p.endedSessions.get(id); ended.reason != "" && ended.user == m.User || !p.listing.hasOthers(now, 2*p.settings.TaskSweepInterval) {
		return false
	}
	since := p.sought.get(id)
	if now.Sub(since) > 2*p.settings.AdoptionGrace { // else it goes on looking
		since = now
		p.sought.add(id, since)
	}
	return now.Sub(since) < p.settings.AdoptionGrace
}

// beginAgain begins a session that has ended idle. It goes on counting: its client may not know yet that it has ended.
func (p *pool) beginAgain(id wire.SessionID, m *messages.ClientArrived, stand messages.Stand) {
	if p.beginSession(id, m, stand) {
		p.endedSessions.remove(id)
	}
}

// beginSession spawns a session's actor, which takes the client from there, and claims a task for it. It reports false
// when it had to refuse the client. The claim is not the actor's own to make: actors that were spawned one after the other
// need not come to their first message in that order.
func (p *pool) beginSession(id wire.SessionID, m *messages.ClientArrived, stand messages.Stand) bool {
	switch {
	case p.draining:
		p.turnAway(m)
		return false
	case len(p.sessions) >= p.settings.MaxSessions:
		p.refuse(m, wire.CodeOverCapacity, wire.CloseTryAgain, "the gateway has all the sessions it may have", true)
		return false
	case p.perUser[m.User] >= p.settings.MaxSessionsPerUser:
		p.refuse(m, wire.CodeTooManySessions, wire.CloseTryAgain, "this user has all the sessions allowed", true)
		return false
	case !p.mayBegin(m.User): // the last condition: who is refused anyway takes no other's turn
		p.refuse(m, wire.CodeRateLimited, wire.CloseTryAgain, "too many sessions begin at once", true)
		return false
	}
	// Invariant: the name is free, for a session begins again only after Terminated.
	pid := p.spawn(actors.SessionName(id), session.New(p.Ports, &p.settings, p.ctx.Self(), id, m.User, stand))
	p.addSession(&sessionRecord{id: id, user: m.User, pid: pid, begun: p.Clock.Now()})
	p.observe(messages.Event{Kind: messages.EventSessionBegun, Session: id, User: m.User})
	p.tell(pid, m)
	p.claim(&messages.Claim{Session: id, User: m.User, Token: m.Token, InSeq: stand.In, OutSeq: stand.Out, Window: m.Hello.Window, Trace: m.Hello.Traceparent})
	return true
}

// userShare is what part of something that is bounded for all one user may have, so that nobody can keep the others out.
const userShare = 4

// mayBegin counts the beginning of a session. A user's own pace comes first: who is too fast takes nobody else's turn.
func (p *pool) mayBegin(user wire.UserID) bool {
	all := p.settings.MaxSessionStartsPerSecond
	if all <= 0 {
		return true
	}
	now := p.Clock.Now()
	own := p.userStarts.get(user)
	own.perSecond = max(1, all/userShare)
	may := own.take(now) && p.starts.take(now)
	p.userStarts.add(user, own)
	return may
}

// refuse turns a client away.
func (p *pool) refuse(
	m *messages.ClientArrived, code wire.ErrorCode, closeCode wire.CloseCode, message string, retryable bool,
) {
	p.Links.Send(m.Link, wire.Error{Code: code, Message: message, Retryable: retryable})
	p.Links.Close(m.Link, closeCode)
	p.observe(messages.Event{Kind: messages.EventRefused, User: m.User, Session: m.Hello.SessionID, Reason: string(code)})
}

// bridgeArrived passes a bridge on to its task. One that is not in the books is adopted, or refused. An adopted task may
// turn out to have a session: its bridge was given a user by the other gateway after it had dialled here.
func (p *pool) bridgeArrived(m *messages.BridgeArrived) {
	if t := p.tasks[m.Hello.TaskID]; t != nil || p.adoptBridge(m.Hello) {
		t = p.tasks[m.Hello.TaskID]
		if t.left {
			p.Links.Close(m.Link, wire.CloseTryAgain) // it comes back, but its actor has yet to stop
			return
		}
		unbound := t.state == poolStarting || t.state == poolReady
		if t.adopted && unbound && m.Hello.State == wire.BridgeAssigned && p.adoptable(m.Hello) {
			p.adoptSession(t, m.Hello)
			p.replenish() // it has left the pool's count
		}
		if t.state != poolStopping {
			p.hear(t.id)
		}
		p.isolated(t, m.Hello.Isolation)
		p.tell(t.pid, m)
		return
	}
	p.refuseBridge(m)
}

// isolated notes which levels keep agents apart in a task, and tells it if that is news.
func (p *pool) isolated(t *taskRecord, levels string) {
	if was := t.isolation; levels != was {
		t.isolation = levels
		p.observe(messages.Event{Kind: messages.EventIsolated, Task: t.id, Was: was, Phase: levels})
	}
}

// sessionParked notes that a session has no task and asks for none. A gateway that drains has nothing of it to hand over.
func (p *pool) sessionParked(m *messages.Parked) {
	session := p.sessions[m.Session]
	if session == nil || session.task != nil || session.place != nil {
		p.unexpected(m)
		return
	}
	session.parked = true
	if p.draining {
		p.tell(session.pid, &messages.DrainSession{})
	}
}

// sessionEnded closes a session's books: what it waited for or had is given up, and its actor is stopped.
func (p *pool) sessionEnded(m *messages.SessionEnded) {
	session := p.sessions[m.Session]
	if session == nil || session.ended != "" {
		p.unexpected(m)
		return
	}
	session.ended, session.stand = m.Reason, m.Stand
	p.release(session, "its session ended: "+string(m.Reason))
	p.ctx.Poison(session.pid) // not Stop: a client that was passed on to it must come back from there first
	p.replenish()
}

// release takes from a session all that it waits for or has.
func (p *pool) release(session *sessionRecord, reason string) {
	if session.waits() {
		p.unqueue(session)
		p.observe(messages.Event{
			Kind: messages.EventLeft, Session: session.id, Took: p.Clock.Now().Sub(session.claimed),
		})
	}
	if session.starting != nil {
		p.retire(session.starting, messages.EvictedSurplus, reason)
	}
	if t := session.task; t != nil {
		p.released(t, reason)
		p.occupy(t, session.user)
		p.tell(t.pid, &messages.Retire{Reason: reason})
	}
}

// released ends the binding of a task to its session. The task is of no more use.
func (p *pool) released(t *taskRecord, reason string) {
	session := t.session.id
	p.unbind(t)
	p.observe(messages.Event{Kind: messages.EventReleased, Task: t.id, Session: session, Reason: reason})
}

// sessionTerminated forgets a session whose actor has stopped, and begins it again for a client that has asked for that.
func (p *pool) sessionTerminated(session *sessionRecord) {
	if session.ended == "" {
		p.observe(messages.Event{Kind: messages.EventCrashed, Session: session.id, Reason: "session actor"})
		session.ended = messages.EndCrashed
		p.release(session, "its session's actor crashed")
		p.replenish()
	}
	p.removeSession(session)
	if session.ended != messages.EndDraining { // it goes on elsewhere, and may come back
		p.endedSessions.add(session.id, endedSession{user: session.user, reason: session.ended, stand: session.stand})
	}
	if session.next != nil {
		p.beginAgain(session.id, session.next, session.stand)
	}
	p.reportDrained()
}
