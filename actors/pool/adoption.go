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

// The timers of adoption.
const (
	timerRelist   messages.Timer = "relist"
	timerAdoption messages.Timer = "adoption"
)

// adoption is how a gateway that has just begun takes over what an earlier one has left: the tasks that ECS lists, and
// the sessions whose bridges dial. The truth is there and in the clients; nothing was written down by the gateway.
type adoption struct {
	// listed says that a list has come, and with it which tasks run. mayStart says so too, or that the wait for it is over:
	// before that no task is started, for those that run count against the maximum.
	listed, mayStart bool
	// some says that there are tasks of an earlier gateway.
	some bool
	// until is the end of the grace; before it, clients that ask for a session that is not known are held.
	until time.Time
	held  []*messages.ClientArrived
	// relist asks for the list again; over rings at the end of the grace.
	relist, over actors.Alarm
}

func newAdoption() adoption {
	return adoption{relist: actors.Alarm{Name: timerRelist}, over: actors.Alarm{Name: timerAdoption}}
}

func (a *adoption) cancel() {
	a.relist.Cancel()
	a.over.Cancel()
}

// undecided reports whether tasks that seem to be the pool's may turn out to have a session. Until that is known no ready
// task is stopped as one too many.
func (a *adoption) undecided(now time.Time) bool { return a.some && now.Before(a.until) }

func (s *supervisor) beginAdoption() {
	s.beginGrace()
	s.Launcher.List(s.ctx.Self())
}

// beginGrace lets clients wait for their sessions' bridges from now on. It comes again with the first list: the tasks that
// this tells of are waited for from then on, and a client must not be turned away while the task that it asks for is.
func (s *supervisor) beginGrace() {
	s.adoption.until = s.Clock.Now().Add(s.settings.AdoptionGrace)
	s.adoption.over.Set(s.Clock, s.ctx.Self(), s.settings.AdoptionGrace)
}

// tasksListed takes over every task that is not in the books, and learns the ARNs of those whose bridges came first. From later
// lists only tasks that do not run yet are taken over: of those that do, the bridges have dialled, or dial another gateway.
func (s *supervisor) tasksListed(m *messages.TasksListed) {
	if m.Err != nil {
		s.observe(messages.Event{Kind: messages.EventLaunchError, Reason: m.Err.Error(), Fault: m.Err.Kind, Phase: actors.PoolName})
		s.adoption.relist.Set(s.Clock, s.ctx.Self(), s.settings.PollInterval)
		return
	}
	adopted, isFirst := 0, !s.adoption.listed
	s.adoption.listed = true
	for _, listed := range m.Tasks {
		t := s.tasks[listed.Task]
		switch {
		case t != nil && t.arn == "":
			s.tell(t.pid, &messages.RunDone{Task: listed.Task, ARN: listed.ARN, Host: listed.Host})
		case s.draining: // nothing more is taken over
		case t == nil && !s.past.has(listed.Task) &&
			(listed.Phase == messages.PhasePending || isFirst && listed.Phase == messages.PhaseRunning):
			request := messages.RunTask{Task: listed.Task, Session: listed.Session, User: listed.User}
			s.adopt(request, listed)
			adopted++
		}
	}
	if isFirst && adopted > 0 {
		s.beginGrace()
	}
	s.filled(adopted)
}

// filled lets the pool be filled, once it is known what runs or the wait for that is over.
func (s *supervisor) filled(adopted int) {
	if !s.adoption.mayStart {
		s.adoption.mayStart = true
		s.observe(messages.Event{Kind: messages.EventListed, N: adopted})
	}
	s.replenish()
}

// adopt takes a task into the books. It counts as starting until its bridge has dialled.
func (s *supervisor) adopt(request messages.RunTask, listed messages.ListedTask) *taskRecord {
	t := &taskRecord{
		id: request.Task, request: request, state: poolStarting, adopted: true, arn: listed.ARN, started: s.Clock.Now(),
	}
	// Invariant: the name is free, for a task that may come back leaves the books only with its actor's Terminated.
	t.pid = s.spawn(actors.TaskName(t.id), task.NewAdopted(s.Ports, &s.settings, s.ctx.Self(), request, listed))
	s.adoption.some = true
	s.enter(t)
	s.observe(messages.Event{Kind: messages.EventAdopted, Task: t.id, ARN: t.arn, Host: listed.Host})
	if listed.Host != "" {
		s.taskPlaced(t, &messages.TaskPlaced{Task: t.id, Host: listed.Host})
	}
	return t
}

// adoptBridge takes over the task of a bridge that dials and is not in the books: it was faster than the list, or comes
// from a gateway that has gone. It reports whether there is a use for it.
func (s *supervisor) adoptBridge(hello wire.BridgeHello) bool {
	full := !s.settings.WarmPool || s.ready.Len()+s.starting.Len() >= s.settings.Max
	switch isWarm := hello.State == wire.BridgeWarm; {
	case s.draining || s.past.has(hello.TaskID),
		isWarm && (full || hello.SessionID != "" || task.DoubtPass(s.Signer, hello) != ""),
		!isWarm && !s.adoptable(hello):
		return false
	}
	s.adopt(messages.RunTask{Task: hello.TaskID}, messages.ListedTask{})
	s.adoption.relist.Set(s.Clock, s.ctx.Self(), 0) // its ARN is not known, and it could not be stopped without
	return true
}

// refuseBridge turns a bridge away that is not in the books and not adopted. It is told to end, unless another gateway may
// have a use for it: the one that has started it, if it was given no pass yet, may be behind the same address.
func (s *supervisor) refuseBridge(m *messages.BridgeArrived) {
	reason := "unknown task"
	if m.Hello.State == wire.BridgeWarm && !s.past.has(m.Hello.TaskID) {
		reason = cmp.Or(task.DoubtPass(s.Signer, m.Hello), reason)
	}
	switch {
	case s.draining:
		s.Links.Close(m.Link, wire.CloseDraining)
		return
	case reason == task.DoubtNoPass:
		s.Links.Close(m.Link, wire.CloseTryAgain)
	default:
		s.Links.Send(m.Link, wire.Stop{
			Reason: "this gateway does not know the task", GraceMs: wire.Millis(s.settings.StopGrace),
		})
		s.Links.Close(m.Link, wire.CloseNotAllowed)
	}
	s.observe(messages.Event{Kind: messages.EventRefused, Task: m.Hello.TaskID, Reason: reason})
}

// adoptable reports whether a bridge has proven to serve a session that nobody else serves and that is not over.
func (s *supervisor) adoptable(hello wire.BridgeHello) bool {
	return s.sessions[hello.SessionID] == nil && !s.over.has(hello.SessionID) &&
		s.Signer.VerifyBinding(hello.Binding, hello.TaskID, hello.SessionID, hello.UserID)
}

// adoptSession takes over the session of an adopted task whose bridge serves one, and lets in a client who waits for it.
func (s *supervisor) adoptSession(t *taskRecord, hello wire.BridgeHello) {
	id := hello.SessionID
	stand := messages.Stand{In: hello.InSeq, Out: hello.OutSeq}
	// Invariant: the name is free, for the session was not in the books.
	pid := s.spawn(actors.SessionName(id), session.New(s.Ports, &s.settings, s.ctx.Self(), id, hello.UserID, stand))
	session := &sessionRecord{id: id, user: hello.UserID, pid: pid, begun: s.Clock.Now(), path: wire.PathResumed}
	s.over.remove(id)
	s.addSession(session)
	s.bind(t, session)
	session.active = true
	s.tell(pid, &messages.AdoptSession{Task: t.id})
	s.tell(t.pid, &messages.Adopt{Session: id, User: hello.UserID})
	s.observe(messages.Event{Kind: messages.EventAdopted, Task: t.id, Session: id, User: hello.UserID})

	held := s.adoption.held
	s.adoption.held = nil
	for _, m := range held {
		if m.Hello.SessionID == id {
			s.clientArrived(m)
		} else {
			s.adoption.held = append(s.adoption.held, m)
		}
	}
}

// hold has a client wait for its session's bridge while the grace lasts. It reports whether it does.
func (s *supervisor) hold(m *messages.ClientArrived) bool {
	if s.draining || !s.Clock.Now().Before(s.adoption.until) || len(s.adoption.held) >= s.settings.MaxSessions {
		return false
	}
	s.adoption.held = append(s.adoption.held, m)
	s.observe(messages.Event{Kind: messages.EventHeld, Session: m.Hello.SessionID, User: m.User})
	return true
}

// adoptionOver ends the grace. A list that ECS has not given by now is not waited for: users are. What ECS lists may be some
// seconds old, and a start that the earlier gateway had asked for may have been carried out since, so it is asked once more.
func (s *supervisor) adoptionOver() {
	held := s.adoption.held
	s.adoption.held = nil
	for _, m := range held {
		s.refuseUnknown(m)
	}
	s.filled(0)
	s.Launcher.List(s.ctx.Self())
}
