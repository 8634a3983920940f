package task

import (
	"time"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
)

// becomeAssigned gives the bridge its user. The bridge must prove at once that it is alive.
func (t *task) becomeAssigned(m *messages.Assign) {
	t.assign = m
	t.session = actors.SessionPID(t.self, m.Session)
	t.become(Assigned, (*task).assigned, t.settings.AcceptTimeout)
	t.occupies = !t.leases // one that knows of leases starts no agent before it is told to proceed
	t.observe(messages.Event{Kind: messages.EventAssigned})
	t.send(wire.InitUser{
		UserID: m.User, SessionID: m.Session, WorkspaceDir: m.Workspace, Token: m.Token,
		Binding: t.Signer.Binding(t.request.Task, m.Session, m.User),
		InSeq:   m.InSeq, OutSeq: m.OutSeq, Window: m.Window, Traceparent: m.Trace, Fence: m.Fence,
	})
}

// assigned is the handler of Assigned, Accepted and Fenced: they differ in their deadlines, and in what lets the agent start.
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
		t.fail(messages.FailedSocket, "socket was replaced during init_user", nil)
	case *messages.Proceed:
		if t.state != Fenced {
			t.unexpected(m)
			return
		}
		t.become(Accepted, (*task).assigned, t.settings.InitTimeout)
		t.proceed()
	case *messages.HandOver:
		t.leavesOnceActive = true
	case *messages.Stay:
		t.leavesOnceActive = false
	case *messages.LinkClosed:
		t.fail(messages.FailedSocket, "socket dropped during init_user: "+m.Cause, nil)
	case *messages.Retire:
		t.retired(m.Reason)
	case *messages.Alarm:
		t.fail(messages.FailedInit, actors.TimedOut("bridge did not accept or finish init_user", t.Clock.Now().Sub(t.since)), nil)
	default:
		t.unexpected(message)
	}
}

func (t *task) assignedFrame(m *messages.LinkFrame) {
	if t.toldToEnd(m) {
		return
	}
	switch frame := m.Frame.(type) {
	case wire.Accepted:
		t.Links.Credit(m.Link, m.Bytes)
		if t.state == Assigned {
			t.become(Accepted, (*task).assigned, t.settings.InitTimeout)
			if !t.assign.Fence {
				t.proceed()
			}
		}
	case wire.Fence:
		t.Links.Credit(m.Link, m.Bytes)
		if t.state == Accepted && !t.occupies {
			t.become(Fenced, (*task).assigned, t.settings.AdoptionFence()+t.settings.InitTimeout)
			t.tell(t.pool, &messages.FenceFound{Task: t.request.Task, Others: frame.Tasks})
		}
	case wire.BridgeReady:
		t.Links.Credit(m.Link, m.Bytes)
		t.agentReady(frame.Timings)
	case wire.InitFailed:
		t.Links.Credit(m.Link, m.Bytes)
		t.initFailed(frame)
	default:
		t.unexpected(m)
	}
}

// proceed lets the agent start: from here on it may run.
func (t *task) proceed() {
	t.occupies = true
	t.send(wire.Proceed{})
}

// agentReady takes in that the agent takes input, for which it had leave unless it is fenced.
func (t *task) agentReady(timings wire.Timings) {
	if t.state == Fenced {
		t.occupies = true
		t.fail(messages.FailedInit, "its agent has started without leave", nil)
		return
	}
	t.firstActive(timings)
}

// firstActive tells session and pool that the agent takes input, and hands the user's lines through from here on.
func (t *task) firstActive(timings wire.Timings) {
	took := t.Clock.Now().Sub(t.since)
	timings.InitMs = wire.Millis(took)
	t.occupies = true
	t.becomeActive()
	t.observe(messages.Event{Kind: messages.EventActive, Timings: timings, Took: took})
	active := &messages.TaskActive{Task: t.request.Task, Session: t.assign.Session, Timings: timings, MaxPayload: t.maxPayload, IO: t.io}
	t.tell(t.session, active)
	t.tell(t.pool, active)
	if t.leavesOnceActive {
		t.becomeLeavingActive()
	}
}

func (t *task) becomeActive() { t.become(Active, (*task).active, 0) }

func (t *task) active(message any) {
	switch m := message.(type) {
	case *messages.LinkFrame:
		t.activeFrame(m)
	case *messages.LinkClosed:
		t.observe(messages.Event{Kind: messages.EventDetached, Reason: m.Cause})
		t.detached(m.Cause, Detached, (*task).activeDetached)
	case *messages.BridgeArrived:
		t.reattach(m)
	case *messages.HandOver:
		t.becomeLeavingActive()
	default:
		t.serving(message)
	}
}

// serving takes what means the same in all states of a task whose agent serves a session.
func (t *task) serving(message any) {
	if t.lateAnswer(message) {
		return
	}
	switch m := message.(type) {
	case *messages.ToBridge:
		t.toBridge(m.Frame)
	case *messages.Retire:
		t.retired(m.Reason)
	default:
		t.unexpected(message)
	}
}

// toBridge sends the bridge a frame of its session's, in the form in which it reads acknowledgements.
func (t *task) toBridge(frame wire.Frame) {
	if data, ok := frame.(wire.Data); ok && data.Ack != 0 && !t.acksInData {
		t.send(wire.Ack{Seq: data.Ack})
		data.Ack = 0
		frame = data
	}
	t.send(frame)
}

// activeFrame hands on to the session what the agent says.
func (t *task) activeFrame(m *messages.LinkFrame) {
	if t.toldToEnd(m) {
		return
	}
	switch m.Frame.(type) {
	case wire.Data, wire.Ack, wire.Gap, wire.Exit, wire.Keepalive:
		t.tell(t.session, &messages.FromBridge{Task: t.request.Task, Link: m.Link, Frame: m.Frame, Bytes: m.Bytes})
	case wire.BridgeReady:
		t.Links.Credit(m.Link, m.Bytes) // said again after every hello
	default:
		t.unexpected(m)
		return
	}
	_, ended := m.Frame.(wire.Exit)
	t.occupies = t.occupies && !ended
	if ended && t.state != LeavingActive && t.state != Finished {
		t.becomeFinished()
	}
}

// becomeFinished keeps the bridge for the last of its agent's output.
func (t *task) becomeFinished() { t.become(Finished, (*task).finished, 0) }

// finished differs from active in that a bridge which drops is not missed.
func (t *task) finished(message any) {
	if m, ok := message.(*messages.LinkClosed); ok {
		t.detached(m.Cause, FinishedDetached, (*task).finishedDetached)
		return
	}
	t.active(message)
}

// detached gives the bridge a while to dial again, and asks ECS at once whether the task still is.
func (t *task) detached(cause string, state State, handle func(*task, any)) {
	t.tell(t.session, &messages.TaskDetached{Task: t.request.Task, Reason: cause})
	t.become(state, handle, t.settings.RedialGrace)
	t.describe()
}

func (t *task) activeDetached(message any) {
	if m, ok := message.(*messages.BridgeArrived); !ok {
		t.unattached(message)
	} else if t.reattach(m) {
		t.becomeActive()
	}
}

func (t *task) finishedDetached(message any) {
	if m, ok := message.(*messages.BridgeArrived); !ok {
		t.unattached(message)
	} else if t.reattach(m) {
		t.becomeFinished()
	}
}

// unattached takes what means the same in all states of a task with a session and without a socket.
func (t *task) unattached(message any) {
	switch m := message.(type) {
	case *messages.HandOver:
		t.becomeMoved() // it has no socket: the bridge finds the other gateway by itself
	case *messages.Stay:
		t.leavesOnceActive = false
	case *messages.Alarm:
		switch {
		case t.poll.IsRung(m):
			t.describe()
		case t.deadline.IsRung(m):
			t.fail(messages.FailedSocket, actors.TimedOut("bridge did not dial again", t.settings.RedialGrace), nil)
		default:
			t.serving(message)
		}
	default:
		t.serving(message)
	}
}

// becomeAdopted takes a task over in the midst of its session. Its bridge, which has proven whose it is, comes in the next
// message: on a socket of its own, so that an older one is of no use any more.
func (t *task) becomeAdopted(m *messages.Adopt) {
	t.assign = &messages.Assign{Session: m.Session, User: m.User}
	t.session = actors.SessionPID(t.self, m.Session)
	t.detach()
	t.occupies, t.leases = true, true
	t.become(Adopted, (*task).adopted, t.settings.RedialGrace)
}

func (t *task) adopted(message any) {
	m, ok := message.(*messages.BridgeArrived)
	switch {
	case !ok:
		t.unattached(message)
	case !t.reattach(m):
	case t.leavesOnceActive:
		t.becomeLeavingActive()
	default:
		t.becomeResuming()
	}
}

// becomeResuming waits for the bridge to say whether the agent is ready.
func (t *task) becomeResuming() { t.become(Resuming, (*task).resuming, t.settings.InitTimeout) }

func (t *task) resuming(message any) {
	switch m := message.(type) {
	case *messages.LinkFrame:
		t.resumingFrame(m)
	case *messages.LinkClosed:
		t.observe(messages.Event{Kind: messages.EventDetached, Reason: m.Cause})
		t.detached(m.Cause, Adopted, (*task).adopted)
	case *messages.BridgeArrived:
		if t.reattach(m) {
			t.deadline.Set(t.Clock, t.self, t.settings.InitTimeout)
		}
	case *messages.HandOver:
		t.becomeLeavingActive()
	case *messages.Alarm:
		if t.deadline.IsRung(m) {
			t.fail(messages.FailedInit, actors.TimedOut("bridge did not finish init_user", t.settings.InitTimeout), nil)
			return
		}
		t.serving(message)
	default:
		t.serving(message)
	}
}

// resumingFrame is activeFrame before the agent is known to be ready. Its bridge says so, or that it failed; the agent's
// lines of an earlier socket may come first.
func (t *task) resumingFrame(m *messages.LinkFrame) {
	switch frame := m.Frame.(type) {
	case wire.BridgeReady:
		t.Links.Credit(m.Link, m.Bytes)
		t.becomeActive()
	case wire.InitFailed:
		t.Links.Credit(m.Link, m.Bytes)
		t.initFailed(frame)
	default:
		t.activeFrame(m)
	}
}

// becomeLeavingActive asks the bridge to dial another gateway. The socket that there is stays until the bridge has been
// answered there, so that the user's lines go on meanwhile.
func (t *task) becomeLeavingActive() {
	t.become(LeavingActive, (*task).leavingActive, 0)
	t.askToRedial()
}

func (t *task) leavingActive(message any) {
	switch m := message.(type) {
	case *messages.LinkFrame:
		if failed, ok := m.Frame.(wire.InitFailed); ok { // of an agent that an earlier gateway began to start
			t.Links.Credit(m.Link, m.Bytes)
			t.initFailed(failed)
			return
		}
		t.activeFrame(m)
	case *messages.LinkClosed:
		t.becomeMoved()
	case *messages.BridgeArrived:
		switch {
		case !t.reattach(m):
		case t.stays:
			t.becomeResuming()
		default:
			t.askToRedial()
		}
	case *messages.HandOver:
		t.askToRedial()
	case *messages.Stay:
		t.stays = true
	default:
		t.serving(message)
	}
}

// askToRedial asks the bridge to dial another gateway. It dials until one answers, be it this one.
func (t *task) askToRedial() {
	t.stays = false
	t.send(wire.Redial{})
}

// reattach takes a bridge back that proves to be the one that was given this session. It reports whether it does.
func (t *task) reattach(m *messages.BridgeArrived) bool {
	hello := m.Hello
	bound := hello.State == wire.BridgeAssigned && hello.SessionID == t.assign.Session && hello.UserID == t.assign.User
	if !bound || !t.Signer.VerifyBinding(hello.Binding, t.request.Task, t.assign.Session, t.assign.User) {
		t.refuse(m.Link, "this task serves another session")
		return false
	}
	t.attach(m)
	t.observe(messages.Event{Kind: messages.EventReattached})
	if hello.SuspendedMs > 0 {
		t.observe(messages.Event{Kind: messages.EventResumed, Took: time.Duration(hello.SuspendedMs) * time.Millisecond})
	}
	t.tell(t.session, &messages.TaskReattached{Task: t.request.Task, InSeq: hello.InSeq, OutSeq: hello.OutSeq, MaxPayload: t.maxPayload, IO: t.io})
	return true
}
