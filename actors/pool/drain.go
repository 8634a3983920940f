package pool

import (
	"github.com/asynkron/protoactor-go/actor"

	"hearth/messages"
	"hearth/messages/wire"
)

// drain takes no new sessions from here on and rids the gateway of those that there are and of all tasks: stops them, or
// hands them over. who, if anybody, is told when nothing is left.
func (s *supervisor) drain(who *actor.PID, handOver bool) {
	if who != nil {
		s.drainer = who
	}
	if s.draining {
		s.reportDrained()
		return
	}
	s.draining, s.handOver = true, handOver
	s.backoffOver.Cancel()
	s.observe(messages.Event{Kind: messages.EventDraining})
	held := s.adoption.held
	s.adoption.held = nil
	for _, m := range held {
		s.turnAway(m)
	}
	if handOver {
		s.handOverAssigned()
		s.endParked()
		s.replenish()
	} else {
		s.stopAll()
	}
	s.reportDrained()
}

// stopAll stops the tasks that no session has, and tells the sessions, whose ends stop theirs.
func (s *supervisor) stopAll() {
	for _, t := range sortedTasks(s.tasks) {
		if t.state == poolStarting || t.state == poolReady {
			s.retire(t, "the gateway is draining")
		}
	}
	for _, session := range sortedSessions(s.sessions) {
		s.tell(session.pid, &messages.Drain{})
	}
}

// handOverAssigned asks the tasks that have a session to leave with it. Clients hear of it when their task has left.
func (s *supervisor) handOverAssigned() {
	for _, t := range sortedTasks(s.tasks) {
		if t.state == poolAssigned {
			s.askToLeave(t)
		}
	}
}

// endParked ends the sessions that have no task to be handed over and wait for none.
func (s *supervisor) endParked() {
	for _, session := range sortedSessions(s.sessions) {
		if session.parked {
			s.tell(session.pid, &messages.Drain{})
		}
	}
}

// handOverIdle asks the tasks to leave that no session has and nobody waits for. Those that were never ready have no pass
// yet, and no other gateway would take them: they are stopped.
func (s *supervisor) handOverIdle() {
	for _, t := range sortedTasks(s.tasks) {
		switch {
		case t.state == poolStarting && t.readySince.IsZero() && !t.adopted:
			s.retire(t, "the gateway is draining")
		case t.state == poolStarting || t.state == poolReady:
			s.askToLeave(t)
		}
	}
}

// askToLeave asks a task to leave, once.
func (s *supervisor) askToLeave(t *taskRecord) {
	if !t.leaving {
		t.leaving = true
		s.tell(t.pid, &messages.HandOver{})
	}
}

// taskMoved lets go of a task whose bridge has left, and of its session: its client follows. The record stays until the
// actor has stopped, for the task may come back, and until then its actor's name is taken.
func (s *supervisor) taskMoved(t *taskRecord, m *messages.TaskMoved) {
	switch session := t.session; {
	case session != nil:
		s.released(t, "it is another gateway's")
		s.tell(session.pid, m)
	case t.state != poolStopping:
		s.evicted(t, "it is another gateway's")
	}
	t.left = true
	s.ctx.Poison(t.pid)
	s.replenish()
}

// taskLeft forgets a task that has left, now that its actor has stopped.
func (s *supervisor) taskLeft(t *taskRecord) {
	s.forget(t)
	s.reportDrained()
}

// turnAway tells a client to come again at once: to another gateway.
func (s *supervisor) turnAway(m *messages.ClientArrived) {
	s.Links.Send(m.Link, wire.Bye{Reason: wire.ByeDraining})
	s.Links.Close(m.Link, wire.CloseDraining)
	s.observe(messages.Event{Kind: messages.EventRefused, User: m.User, Reason: string(wire.ByeDraining)})
}

// reportDrained tells whoever waits for it that nothing is left.
func (s *supervisor) reportDrained() {
	if s.drainer != nil && len(s.tasks) == 0 && len(s.sessions) == 0 {
		s.tell(s.drainer, &messages.Drained{})
		s.drainer = nil
	}
}
