package pool

import (
	"cmp"
	"time"

	"hearth/actors"
	"hearth/actors/session"
	"hearth/actors/task"
	"hearth/messages"
	"hearth/messages/wire"
)

// timerAdoption rings at the end of the grace.
const timerAdoption messages.Timer = "adoption"

// adoption is how a gateway that has just begun takes over what an earlier one has left: the tasks that ECS lists, and
// the sessions whose bridges dial. The truth is there and in the clients; nothing was written down by the gateway.
type adoption struct {
	// listed says that a list has come, and with it which tasks run. mayStart says so too, or that the wait for it is over:
	// before that no task is started, for those that run count against the maximum.
	listed, mayStart bool
	// last says that the next list is the last from which tasks are taken over, done that it has come.
	last, done bool
	// some says that there are tasks of an earlier gateway.
	some bool
	// until is the end of the grace; before it, clients that ask for a session that is not known are held.
	until time.Time
	held  []*messages.ClientArrived
	// over rings at the end of the grace.
	over actors.Alarm
}

func newAdoption() adoption { return adoption{over: actors.Alarm{Name: timerAdoption}} }

// undecided reports whether tasks that seem to be the pool's may turn out to have a session. Until that is known no ready
// task is stopped as one too many.
func (a *adoption) undecided(now time.Time) bool { return a.some && now.Before(a.until) }

func (p *pool) beginAdoption() {
	p.beginGrace()
	p.list()
}

// beginGrace lets clients wait for their sessions' bridges from now on. It comes again with the first list: the tasks that
// this tells of are waited for from then on, and a client must not be turned away while the task that it asks for is.
func (p *pool) beginGrace() {
	p.adoption.until = p.Clock.Now().Add(p.settings.AdoptionGrace)
	p.adoption.over.Set(p.Clock, p.ctx.Self(), p.settings.AdoptionGrace)
}

// tasksListed takes over the tasks that an earlier gateway has left, and learns the ARNs of those whose bridges came first. After
// the first list only tasks that do not run yet are taken over: of those that do, the bridges have dialled, or dial another
// gateway. After the grace none is: what is not in the books then is another gateway's, or nobody's.
func (p *pool) tasksListed(m *messages.TasksListed) {
	if m.Err != nil {
		p.listFailed(m.Err)
		return
	}
	adopted, isFirst := 0, !p.adoption.listed
	p.adoption.listed, p.listing.failures = true, 0
	healthTells := p.healthTells(m.Tasks)
	for _, listed := range m.Tasks {
		switch t := p.tasks[listed.Task]; {
		case t != nil && t.arn == "":
			p.tell(t.pid, &messages.TaskFound{ARN: listed.ARN, Host: listed.Host, Revision: listed.Revision})
		case t != nil, p.draining: // nothing more is taken over
		case p.isNew(listed, isFirst):
			request := messages.RunTask{Task: listed.Task, Session: listed.Session, User: listed.User}
			p.adopt(request, listed)
			adopted++
		default:
			p.reconcile(listed, healthTells)
		}
	}
	p.adoption.done = p.adoption.last
	p.listWithin(p.settings.TaskSweepInterval)
	if isFirst && adopted > 0 {
		p.beginGrace()
	}
	if isFirst && !p.adoption.some {
		p.endUnheard()
	}
	p.filled(adopted)
}

// isNew reports whether a listed task that is not in the books is to be taken over.
func (p *pool) isNew(listed messages.ListedTask, isFirst bool) bool {
	if p.adoption.done || p.endedTasks.has(listed.Task) {
		return false
	}
	return listed.Phase == messages.PhasePending || isFirst && listed.Phase == messages.PhaseRunning
}

// filled lets the pool be filled, once it is known what runs or the wait for that is over.
func (p *pool) filled(adopted int) {
	if !p.adoption.mayStart {
		p.adoption.mayStart = true
		p.observe(messages.Event{Kind: messages.EventListed, N: adopted})
	}
	p.replenish()
}

// adopt takes a task into the books. It counts as starting until its bridge has dialled.
func (p *pool) adopt(request messages.RunTask, listed messages.ListedTask) *taskRecord {
	t := &taskRecord{
		id: request.Task, request: request, state: poolStarting, adopted: true, arn: listed.ARN, started: p.Clock.Now(),
	}
	// Invariant: the name is free, for a task that may come back leaves the books only with its actor's Terminated.
	t.pid = p.spawn(actors.TaskName(t.id), task.NewAdopted(p.Ports, &p.settings, p.ctx.Self(), request, listed))
	p.adoption.some = true
	p.listing.doubts.remove(t.id)
	p.enter(t)
	p.observe(messages.Event{Kind: messages.EventAdopted, Task: t.id, ARN: t.arn, Host: listed.Host})
	p.runs(t, listed.Revision)
	if listed.Host != "" {
		p.taskPlaced(t, &messages.TaskPlaced{Task: t.id, Host: listed.Host})
	}
	return t
}

// adoptBridge takes over the task of a bridge that dials and is not in the books: it was faster than the list, or comes
// from a gateway that has gone. It reports whether there is a use for it.
func (p *pool) adoptBridge(hello wire.BridgeHello) bool {
	full := !p.settings.WarmPool || p.ready.Len()+p.starting.Len() >= p.settings.Max
	switch isWarm := hello.State == wire.BridgeWarm; {
	case p.draining || p.endedTasks.has(hello.TaskID),
		isWarm && (full || hello.SessionID != "" || task.DoubtPass(p.Signer, hello) != ""),
		!isWarm && !p.adoptable(hello):
		return false
	}
	p.adopt(messages.RunTask{Task: hello.TaskID}, messages.ListedTask{})
	p.listWithin(0) // its ARN is not known, and it could not be stopped without
	return true
}

// UnknownTask is the reason for which a bridge is turned away whose task this gateway does not know.
const UnknownTask = "unknown task"

// refuseBridge turns a bridge away that is not in the books and not adopted. It is told to end, unless another gateway may
// have a use for it: the one that has started it, if it was given no pass yet, may be behind the same address. That one gives it
// up within TaskStartTimeout.
func (p *pool) refuseBridge(m *messages.BridgeArrived) {
	reason := UnknownTask
	if m.Hello.State == wire.BridgeWarm && !p.endedTasks.has(m.Hello.TaskID) {
		reason = cmp.Or(task.DoubtPass(p.Signer, m.Hello), reason)
	}
	switch {
	case p.draining:
		p.Links.Close(m.Link, wire.CloseDraining)
		return
	case reason == task.DoubtNoPass && !p.doubt(m.Hello.TaskID, signNoPass):
		p.listing.others = p.Clock.Now()
		p.Links.Close(m.Link, wire.CloseTryAgain)
	default:
		if reason == task.DoubtNoPass {
			p.listWithin(0) // a bridge that does not obey is stopped all the same
		}
		p.Links.Send(m.Link, wire.Stop{
			Reason: "this gateway does not know the task", GraceMs: wire.Millis(p.settings.StopGrace),
		})
		p.Links.Close(m.Link, wire.CloseNotAllowed)
	}
	p.observe(messages.Event{Kind: messages.EventRefused, Task: m.Hello.TaskID, Reason: reason})
}

// adoptable reports whether a bridge has proven to serve a session that nobody else serves and that is not over.
func (p *pool) adoptable(hello wire.BridgeHello) bool {
	return p.sessions[hello.SessionID] == nil && !p.endedSessions.has(hello.SessionID) &&
		p.Signer.VerifyBinding(hello.Binding, hello.TaskID, hello.SessionID, hello.UserID)
}

// adoptSession takes over the session of an adopted task whose bridge serves one, and lets in a client who waits for it.
func (p *pool) adoptSession(t *taskRecord, hello wire.BridgeHello) {
	id := hello.SessionID
	stand := messages.Stand{In: hello.InSeq, Out: hello.OutSeq}
	// Invariant: the name is free, for the session was not in the books.
	pid := p.spawn(actors.SessionName(id), session.New(p.Ports, &p.settings, p.ctx.Self(), id, hello.UserID, stand))
	session := &sessionRecord{id: id, user: hello.UserID, pid: pid, begun: p.Clock.Now(), path: wire.PathResumed}
	p.endedSessions.remove(id)
	p.addSession(session)
	p.bind(t, session)
	session.active = true
	p.breaker.proved = true
	p.tell(pid, &messages.AdoptSession{Task: t.id})
	p.tell(t.pid, &messages.Adopt{Session: id, User: hello.UserID})
	p.observe(messages.Event{Kind: messages.EventAdopted, Task: t.id, Session: id, User: hello.UserID})

	held := p.adoption.held
	p.adoption.held = nil
	for _, m := range held {
		if m.Hello.SessionID == id {
			p.clientArrived(m)
		} else {
			p.adoption.held = append(p.adoption.held, m)
		}
	}
}

// mayHold reports whether clients wait for their sessions' bridges: while the grace lasts.
func (p *pool) mayHold() bool { return !p.draining && p.Clock.Now().Before(p.adoption.until) }

// hold has a client wait for its session's bridge. A second socket for the same session takes the first one's place. Beyond a
// user's share, and beyond the bound for all, a client is told to come again: whether there is such a session is not known yet.
func (p *pool) hold(m *messages.ClientArrived) {
	own := 0
	for i, held := range p.adoption.held {
		switch {
		case held.User != m.User:
		case held.Hello.SessionID == m.Hello.SessionID:
			p.refuse(held, wire.CodeTooManySessions, wire.CloseTryAgain, "another client took its place", true)
			p.adoption.held[i] = m
			return
		default:
			own++
		}
	}
	switch {
	case own >= min(p.settings.MaxSessionsPerUser, max(1, p.settings.MaxSessions/userShare)):
		p.refuse(m, wire.CodeTooManySessions, wire.CloseTryAgain, "too many sessions of this user are awaited", true)
		return
	case len(p.adoption.held) >= p.settings.MaxSessions:
		p.refuse(m, wire.CodeOverCapacity, wire.CloseTryAgain, "too many sessions are awaited", true)
		return
	}
	p.adoption.held = append(p.adoption.held, m)
	p.observe(messages.Event{Kind: messages.EventHeld, Session: m.Hello.SessionID, User: m.User})
}

// adoptionOver ends the grace. A list that ECS has not given by now is not waited for: users are. What ECS lists may be some
// seconds old, and a start that the earlier gateway had asked for may have been carried out since, so it is asked once more.
func (p *pool) adoptionOver() {
	held := p.adoption.held
	p.adoption.held = nil
	for _, m := range held {
		p.refuseUnknown(m)
	}
	p.filled(0)
	p.adoption.last = p.adoption.listed
	p.listWithin(0)
}
