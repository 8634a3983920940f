package task

import (
	"time"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
)

// State is where a task stands.
type State string

// The states of a task.
const (
	// Starting: ECS was asked for it, or it lost its socket while it waited. It counts, and cannot be claimed.
	Starting State = "starting"
	// Ready: its bridge is connected and waits for a user.
	Ready State = "ready"
	// Assigned: init_user was sent and the agent is not ready yet.
	Assigned State = "assigned"
	// Active: its agent serves the session.
	Active State = "active"
	// Stopping: it is of no more use; what is left is to see that ECS stops it.
	Stopping State = "stopping"
	// Gone: nothing of it is left, or it is another gateway's. The pool has been told and stops the actor.
	Gone State = "gone"
)

// become enters a state. Its deadline is counted from here.
func (t *task) become(state State, handle func(*task, any), deadline time.Duration) {
	t.state = state
	t.handle = handle
	t.since = t.Clock.Now()
	t.attempts = 0
	t.poll.Cancel()
	if deadline > 0 {
		t.deadline.Set(t.Clock, t.self, deadline)
	} else {
		t.deadline.Cancel()
	}
}

// becomeStarting waits for the bridge to dial.
func (t *task) becomeStarting(deadline time.Duration) {
	t.become(Starting, (*task).starting, deadline)
	t.poll.Set(t.Clock, t.self, t.settings.PollInterval)
}

func (t *task) starting(message any) {
	switch m := message.(type) {
	case *messages.RunDone:
		t.runDone(m)
	case *messages.Adopt:
		t.becomeAdopted(m)
	case *messages.HandOver:
		t.handOver()
	case *messages.BridgeArrived:
		if doubt := t.doubt(m.Hello); doubt != "" {
			t.turnAway(m.Link, doubt)
			t.fail(doubt, nil)
			return
		}
		t.attachWarm(m)
		t.becomeReady()
	case *messages.TaskDescribed:
		t.startingDescribed(m)
	case *messages.Assign:
		// Claimed in the moment in which its socket dropped.
		t.assign = m
		t.fail("socket dropped before init_user", nil)
	case *messages.Retire:
		t.becomeStopping(m.Reason)
	case *messages.Alarm:
		switch {
		case t.poll.IsRung(m):
			t.describe()
		case t.retry.IsRung(m):
			t.run()
		default:
			if t.adopted != nil {
				t.moved() // it is another gateway's, or hangs and ends by its own deadline
				return
			}
			t.fail(actors.TimedOut("its bridge did not reach the gateway", t.Clock.Now().Sub(t.since)), nil)
		}
	default:
		t.unexpected(message)
	}
}

// becomeReady offers the task to be claimed. Its deadline is its time to live, spread by a tenth to both sides so that
// tasks that were started together are not replaced together.
func (t *task) becomeReady() {
	ttl := time.Duration(float64(t.settings.ReadyTTL) * (0.9 + 0.2*t.Rand.Float64()))
	t.become(Ready, (*task).ready, ttl)
	t.tell(t.pool, &messages.TaskUp{Task: t.request.Task})
	t.locate()
}

func (t *task) ready(message any) {
	if t.lateAnswer(message) {
		return
	}
	switch m := message.(type) {
	case *messages.Assign:
		t.becomeAssigned(m)
	case *messages.Adopt:
		t.becomeAdopted(m)
	case *messages.LinkFrame:
		if !t.evicted(m) {
			t.unexpected(m)
		}
	case *messages.BridgeArrived:
		if doubt := t.doubt(m.Hello); doubt != "" {
			t.turnAway(m.Link, doubt) // and the socket that there is stays
			return
		}
		t.attachWarm(m)
	case *messages.HandOver:
		t.handOver()
	case *messages.LinkClosed:
		if t.leaving {
			t.moved()
			return
		}
		t.tell(t.pool, &messages.TaskDown{Task: t.request.Task, Reason: m.Cause})
		t.becomeStarting(t.settings.RedialGrace)
		t.describe()
	case *messages.Retire:
		t.becomeStopping(m.Reason)
	case *messages.Alarm:
		t.tell(t.pool, &messages.TaskExpired{Task: t.request.Task})
	default:
		t.unexpected(message)
	}
}

// becomeAssigned gives the bridge its user. The bridge must prove at once that it is alive.
func (t *task) becomeAssigned(m *messages.Assign) {
	t.assign = m
	t.session = actors.SiblingPID(t.self, actors.SessionName(m.Session))
	t.become(Assigned, (*task).assigned, t.settings.AcceptTimeout)
	t.observe(messages.Event{Kind: messages.EventAssigned})
	t.send(wire.InitUser{
		UserID: m.User, SessionID: m.Session, WorkspaceDir: m.Workspace, Token: m.Token,
		Binding: t.Signer.Binding(t.request.Task, m.Session, m.User),
		InSeq:   m.InSeq, OutSeq: m.OutSeq,
	})
}

func (t *task) assigned(message any) {
	if t.lateAnswer(message) {
		return
	}
	switch m := message.(type) {
	case *messages.LinkFrame:
		t.assignedFrame(m)
	case *messages.BridgeArrived:
		// It dialled again in the moment of the claim: whether it has the user cannot be known.
		t.refuse(m.Link, "socket was replaced during init_user")
		t.fail("socket was replaced during init_user", nil)
	case *messages.HandOver:
		t.leaving = true // once it is active
	case *messages.LinkClosed:
		t.fail("socket dropped during init_user: "+m.Cause, nil)
	case *messages.Retire:
		t.becomeStopping(m.Reason)
	case *messages.Alarm:
		t.fail(actors.TimedOut("bridge did not accept or finish init_user", t.Clock.Now().Sub(t.since)), nil)
	default:
		t.unexpected(message)
	}
}

func (t *task) assignedFrame(m *messages.LinkFrame) {
	if t.evicted(m) {
		return
	}
	switch frame := m.Frame.(type) {
	case wire.Accepted:
		t.Links.Credit(m.Link, m.Bytes)
		t.deadline.Set(t.Clock, t.self, t.settings.InitTimeout)
	case wire.BridgeReady:
		t.Links.Credit(m.Link, m.Bytes)
		t.becomeActive(frame.Timings)
	case wire.InitFailed:
		t.Links.Credit(m.Link, m.Bytes)
		t.initFailed(frame)
	default:
		t.unexpected(m)
	}
}

// becomeActive hands the user's lines through from here on.
func (t *task) becomeActive(timings wire.Timings) {
	took := t.Clock.Now().Sub(t.since)
	timings.InitMs = wire.Millis(took)
	t.become(Active, (*task).active, 0)
	t.observe(messages.Event{Kind: messages.EventActive, Timings: timings, Took: took})
	up := &messages.TaskActive{Task: t.request.Task, Session: t.assign.Session, Timings: timings, MaxPayload: t.maxPayload}
	t.tell(t.session, up)
	t.tell(t.pool, up)
	if t.leaving {
		t.handOver()
	}
}

// becomeAdopted takes a task over in the midst of its session. Its bridge, which has proven whose it is, comes in the next
// message.
func (t *task) becomeAdopted(m *messages.Adopt) {
	t.assign = &messages.Assign{Session: m.Session, User: m.User}
	t.session = actors.SiblingPID(t.self, actors.SessionName(m.Session))
	t.unready = true
	t.become(Active, (*task).active, t.settings.RedialGrace)
}

func (t *task) active(message any) {
	if t.lateAnswer(message) {
		return
	}
	switch m := message.(type) {
	case *messages.LinkFrame:
		t.activeFrame(m)
	case *messages.ToBridge:
		t.send(m.Frame)
	case *messages.HandOver:
		t.handOver()
	case *messages.LinkClosed:
		if t.leaving {
			t.moved()
			return
		}
		t.detached(m.Cause)
	case *messages.BridgeArrived:
		t.reattach(m)
	case *messages.Retire:
		t.becomeStopping(m.Reason)
	case *messages.Alarm:
		if t.poll.IsRung(m) {
			t.describe()
			return
		}
		if t.link != 0 {
			t.fail(actors.TimedOut("bridge did not finish init_user", t.settings.InitTimeout), nil)
			return
		}
		t.fail(actors.TimedOut("bridge did not dial again", t.settings.RedialGrace), nil)
	default:
		t.unexpected(message)
	}
}

func (t *task) activeFrame(m *messages.LinkFrame) {
	if t.evicted(m) {
		return
	}
	switch frame := m.Frame.(type) {
	case wire.Data, wire.Ack, wire.Gap, wire.Exit, wire.Keepalive:
		_, exit := m.Frame.(wire.Exit)
		t.exited = t.exited || exit
		from := &messages.FromBridge{Task: t.request.Task, Link: m.Link, Frame: m.Frame, Bytes: m.Bytes}
		t.tell(t.session, from)
	case wire.BridgeReady:
		t.Links.Credit(m.Link, m.Bytes) // said again after every hello
		if t.unready {
			t.unready = false
			t.deadline.Cancel()
		}
	case wire.InitFailed: // of a task that was adopted before its agent was ready
		t.Links.Credit(m.Link, m.Bytes)
		t.initFailed(frame)
	default:
		t.unexpected(m)
	}
}

// handOver asks the bridge to dial another gateway. The socket that there is stays until the bridge has been answered
// there, so that the user's lines go on meanwhile. A task without a socket will find the other gateway by itself.
func (t *task) handOver() {
	t.leaving = true
	if t.link == 0 {
		t.moved()
		return
	}
	t.deadline.Cancel()
	t.send(wire.Redial{})
}

// moved is the last word about a task that is another gateway's from here on. It is not stopped.
func (t *task) moved() {
	t.observe(messages.Event{Kind: messages.EventHandedOver, Took: t.Clock.Now().Sub(t.born)})
	t.leave()
	t.become(Gone, (*task).elsewhere, 0)
	t.tell(t.pool, &messages.TaskMoved{Task: t.request.Task})
}

// elsewhere takes the news of a task that is no longer this gateway's.
func (t *task) elsewhere(message any) {
	if m, ok := message.(*messages.BridgeArrived); ok {
		t.Links.Close(m.Link, wire.CloseDraining)
	}
}

// becomeStopping ends the task: the bridge is told, so that the agent gets its grace, and so is ECS, which makes sure.
func (t *task) becomeStopping(reason string) {
	t.observe(messages.Event{Kind: messages.EventStopping, Reason: reason, Phase: string(t.state)})
	t.become(Stopping, (*task).stopping, 0)
	t.retry.Cancel()
	t.stopReason = reason
	t.send(wire.Stop{Reason: reason, GraceMs: wire.Millis(t.settings.StopGrace)})
	switch t.launch {
	case launchAccepted:
		t.stop()
	case launchRefused:
		t.gone()
	case launchUnknown:
		t.run()
	case launchListed:
		t.retry.Set(t.Clock, t.self, t.settings.PollInterval) // the list is on its way
	case launchAsked:
		// The answer is on its way; it always comes, if only as an error.
	}
}

func (t *task) stopping(message any) {
	switch m := message.(type) {
	case *messages.RunDone:
		t.stoppingRunDone(m)
	case *messages.StopDone:
		if m.Err == nil {
			t.gone()
			return
		}
		t.observeLaunchError(m.Err)
		t.tryAgain()
	case *messages.Alarm:
		switch t.launch {
		case launchAccepted:
			t.stop()
		case launchListed:
			t.askForList()
		default:
			t.run()
		}
	case *messages.BridgeArrived:
		t.refuse(m.Link, "this task is stopping")
	case *messages.LinkFrame:
		t.Links.Credit(m.Link, m.Bytes) // the agent's last words; nobody is left to read them
	case *messages.LinkClosed, *messages.TaskDescribed, *messages.ToBridge, *messages.Retire,
		*messages.Assign, *messages.Adopt, *messages.HandOver:
		// The news of a task that was in use a moment ago. The session of an Assign or Adopt hears of the failure from the
		// pool.
	default:
		t.unexpected(message)
	}
}

// gone is the task's last word. The pool stops the actor.
func (t *task) gone() {
	t.observe(messages.Event{Kind: messages.EventStopped, Reason: t.stopReason, Took: t.Clock.Now().Sub(t.born)})
	t.become(Gone, (*task).stopping, 0)
	t.tell(t.pool, &messages.TaskGone{Task: t.request.Task})
}
