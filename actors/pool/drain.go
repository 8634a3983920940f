package pool

import (
	"github.com/asynkron/protoactor-go/actor"

	"hearth/messages"
	"hearth/messages/wire"
)

// drain refuses new sessions from here on, and ends the gateway's sessions and tasks or hands them over to another gateway. The
// actor who, if not nil, is told when none is left.
func (p *pool) drain(who *actor.PID, handOver bool) {
	if who != nil {
		p.drainer = who
	}
	if p.draining {
		p.reportDrained()
		return
	}
	p.draining, p.handOver = true, handOver
	p.backoffOver.Cancel()
	p.lullOver.Cancel()
	p.observe(messages.Event{Kind: messages.EventDraining})
	held := p.adoption.held
	p.adoption.held = nil
	for _, m := range held {
		p.turnAway(m)
	}
	if handOver {
		p.handOverAssigned()
		p.endParked()
		p.replenish()
	} else {
		p.stopAll()
	}
	p.reportDrained()
}

// undrain takes sessions again. Sessions that were told to end do, and tasks that have left are another gateway's; those that
// were only asked to leave stay if their bridges find no other. As when a gateway begins, clients may be here before the bridges
// that come back, and the agents of those that do not may still run.
func (p *pool) undrain() {
	if !p.draining {
		return
	}
	p.draining, p.handOver = false, false
	p.lull = nil // its alarm was cancelled
	p.observe(messages.Event{Kind: messages.EventUndrained})
	heard := p.unheard.heard
	p.beginUnheard()
	for _, t := range sortedTasks(p.tasks) {
		if t.left {
			continue
		}
		if t.leaving {
			p.keep(t)
		}
		if heard == nil || heard[t.id] { // a task that was adopted may not have been heard yet
			p.hear(t.id)
		}
	}
	p.beginGrace()
	p.listWithin(0)
	p.replenish()
}

// keep takes back that a task was asked to leave. One that is ready cannot be claimed until its bridge is known to be here.
func (p *pool) keep(t *taskRecord) {
	t.leaving = false
	p.tell(t.pid, &messages.Stay{})
	if t.state == poolReady {
		p.move(t, poolStarting)
		p.observe(messages.Event{Kind: messages.EventUnready, Task: t.id, Reason: "its bridge was asked to dial another gateway"})
	}
}

// stopAll stops the tasks that no session has, and tells the sessions, whose ends stop theirs.
func (p *pool) stopAll() {
	for _, t := range sortedTasks(p.tasks) {
		if t.state == poolStarting || t.state == poolReady {
			p.retire(t, messages.EvictedDrain, "the gateway is draining")
		}
	}
	for _, session := range sortedSessions(p.sessions) {
		p.tell(session.pid, &messages.DrainSession{})
	}
}

// handOverAssigned asks the tasks that have a session to leave with it. Clients hear of it when their task has left.
func (p *pool) handOverAssigned() {
	for _, t := range sortedTasks(p.tasks) {
		if t.state == poolAssigned {
			p.askToLeave(t)
		}
	}
}

// endParked ends the sessions that have no task to be handed over and, without their clients, wait for none.
func (p *pool) endParked() {
	for _, session := range sortedSessions(p.sessions) {
		if session.parked || session.aside {
			p.tell(session.pid, &messages.DrainSession{})
		}
	}
}

// handOverIdle asks the tasks to leave that no session has and nobody waits for. Those that were never ready have no pass
// yet, and no other gateway would take them: they are stopped.
func (p *pool) handOverIdle() {
	for _, t := range sortedTasks(p.tasks) {
		switch {
		case t.state == poolStarting && t.readySince.IsZero() && !t.adopted:
			p.retire(t, messages.EvictedDrain, "the gateway is draining")
		case t.state == poolStarting || t.state == poolReady:
			p.askToLeave(t)
		}
	}
}

// askToLeave asks a task to leave, once.
func (p *pool) askToLeave(t *taskRecord) {
	if !t.leaving {
		t.leaving = true
		p.tell(t.pid, &messages.HandOver{})
	}
}

// taskMoved lets go of a task whose bridge has left, and of its session: its client follows. The record stays until the
// actor has stopped, for the task may come back, and until then its actor's name is taken.
func (p *pool) taskMoved(t *taskRecord, m *messages.TaskMoved) {
	p.letGo(t, m)
	t.left = true
	p.ctx.Poison(t.pid)
	p.replenish()
}

// letGo gives up a task, and its session, to another gateway.
func (p *pool) letGo(t *taskRecord, m *messages.TaskMoved) {
	switch session := t.session; {
	case session != nil:
		p.released(t, "it is another gateway's")
		p.tell(session.pid, m)
	case t.state != poolStopping:
		p.evicted(t, messages.EvictedMoved, "it is another gateway's")
	}
	if !p.draining {
		p.listing.others = p.Clock.Now()
	}
}

// leaverCrashed lets go of a task whose actor has panicked after it was asked to leave. Whether its bridge has left is not known, and
// to stop it might end a session that another gateway serves by now.
func (p *pool) leaverCrashed(t *taskRecord) {
	p.actorCrashed(t)
	p.letGo(t, &messages.TaskMoved{Task: t.id})
	p.taskLeft(t)
	p.replenish()
}

// taskLeft forgets a task that has left, now that its actor has stopped.
func (p *pool) taskLeft(t *taskRecord) {
	p.forget(t)
	p.reportDrained()
}

// turnAway tells a client to come again at once: to another gateway.
func (p *pool) turnAway(m *messages.ClientArrived) {
	p.Links.Send(m.Link, wire.Bye{Reason: wire.ByeDraining})
	p.Links.Close(m.Link, wire.CloseDraining)
	p.observe(messages.Event{Kind: messages.EventRefused, User: m.User, Reason: string(wire.ByeDraining)})
}

// reportDrained tells whoever waits for it that nothing is left.
func (p *pool) reportDrained() {
	if p.drainer != nil && len(p.tasks) == 0 && len(p.sessions) == 0 {
		p.tell(p.drainer, &messages.Drained{})
		p.drainer = nil
	}
}
