package actors

import (
	"fmt"
	"time"

	"hearth/messages"
	"hearth/messages/wire"
)

// becomeStarting waits for the bridge to dial.
func (t *task) becomeStarting(deadline time.Duration) {
	t.become(taskStarting, (*task).starting, deadline)
	t.poll.set(t.Clock, t.self, t.settings.PollInterval)
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
		t.attachWarm(m.Link)
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
		case t.poll.isRung(m):
			t.describe()
		case t.retry.isRung(m):
			t.run()
		default:
			if t.adopted != nil {
				t.moved() // it is another gateway's, or hangs and ends by its own deadline
				return
			}
			t.fail(timeout("its bridge did not reach the gateway", t.Clock.Now().Sub(t.since)), nil)
		}
	default:
		t.unexpected(message)
	}
}

// runDone takes ECS's answer to the start. An answer that never came is asked for again, with the same client token.
func (t *task) runDone(m *messages.RunDone) {
	switch {
	case m.Err == nil:
		t.launched(m)
		return
	case t.arn != "": // a list has told meanwhile that it was carried out
		t.observeLaunchError(m.Err)
		return
	}
	t.launchFailed(m.Err)
	if m.Err.Ambiguous() && t.attempts < runAttempts {
		t.retry.set(t.Clock, t.self, t.settings.PollInterval)
		return
	}
	t.fail(m.Err.Error(), m.Err)
}

// startingDescribed notices a start that has failed, or that has come to a running task whose bridge does not dial.
func (t *task) startingDescribed(m *messages.TaskDescribed) {
	now := t.Clock.Now()
	t.placed(m.Host)
	switch {
	case m.Err != nil:
		t.observeLaunchError(m.Err)
	case m.Phase == messages.PhaseStopped:
		t.ended(m)
	case m.Phase == messages.PhaseRunning && t.running.IsZero():
		t.running = now
	case m.Phase == messages.PhaseRunning && now.Sub(t.running) >= t.settings.DialTimeout && t.adopted != nil:
		t.moved() // it may be in use at another gateway
	case m.Phase == messages.PhaseRunning && now.Sub(t.running) >= t.settings.DialTimeout:
		t.fail(timeout("it runs, but its bridge did not reach the gateway", now.Sub(t.running)), nil)
	case m.Phase == messages.PhaseRunning && now.Sub(t.running) >= t.settings.DialGrace && !t.notDialled:
		t.notDialled = true
		t.observe(messages.Event{Kind: messages.EventNotDialled, Took: now.Sub(t.running)})
	}
}

// becomeReady offers the task to be claimed. Its deadline is its time to live, spread by a tenth to both sides so that
// tasks that were started together are not replaced together.
func (t *task) becomeReady() {
	ttl := time.Duration(float64(t.settings.ReadyTTL) * (0.9 + 0.2*t.Rand.Float64()))
	t.become(taskReady, (*task).ready, ttl)
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
		t.attachWarm(m.Link)
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
	t.session = siblingPID(t.self, sessionName(m.Session))
	t.become(taskAssigned, (*task).assigned, t.settings.AcceptTimeout)
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
		t.fail(timeout("bridge did not accept or finish init_user", t.Clock.Now().Sub(t.since)), nil)
	default:
		t.unexpected(message)
	}
}

// evicted takes the last word of a bridge whose container somebody else has told to end: an operator, or its host. It
// reports whether the frame was that.
func (t *task) evicted(m *messages.LinkFrame) bool {
	if _, gone := m.Frame.(wire.Gone); !gone {
		return false
	}
	const reason = "its container was told to end"
	t.Links.Credit(m.Link, m.Bytes)
	t.tell(t.pool, &messages.TaskFailed{Task: t.request.Task, Reason: reason, Evicted: true})
	t.becomeStopping(reason)
	return true
}

func (t *task) assignedFrame(m *messages.LinkFrame) {
	if t.evicted(m) {
		return
	}
	switch frame := m.Frame.(type) {
	case wire.Accepted:
		t.Links.Credit(m.Link, m.Bytes)
		t.deadline.set(t.Clock, t.self, t.settings.InitTimeout)
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

// initFailed gives up a task that could not be given its user.
func (t *task) initFailed(f wire.InitFailed) {
	reason := fmt.Sprintf("init_user failed: %s: %s", f.Code, f.Message)
	t.tell(t.pool, &messages.TaskFailed{
		Task: t.request.Task, Reason: reason, AgentFailed: f.Code == wire.InitCodeAgent,
	})
	t.becomeStopping(reason)
}

// becomeAdopted takes a task over in the midst of its session. Its bridge, which has proven whose it is, comes in the next
// message.
func (t *task) becomeAdopted(m *messages.Adopt) {
	t.assign = &messages.Assign{Session: m.Session, User: m.User}
	t.session = siblingPID(t.self, sessionName(m.Session))
	t.unready = true
	t.become(taskActive, (*task).active, t.settings.RedialGrace)
}

// becomeActive hands the user's lines through from here on.
func (t *task) becomeActive(timings wire.Timings) {
	took := t.Clock.Now().Sub(t.since)
	timings.InitMs = wire.Millis(took)
	t.become(taskActive, (*task).active, 0)
	t.observe(messages.Event{Kind: messages.EventActive, Timings: timings, Took: took})
	up := &messages.TaskActive{Task: t.request.Task, Session: t.assign.Session, Timings: timings}
	t.tell(t.session, up)
	t.tell(t.pool, up)
	if t.leaving {
		t.handOver()
	}
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
		if t.poll.isRung(m) {
			t.describe()
			return
		}
		if t.link != 0 {
			t.fail(timeout("bridge did not finish init_user", t.settings.InitTimeout), nil)
			return
		}
		t.fail(timeout("bridge did not dial again", t.settings.RedialGrace), nil)
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
			t.deadline.cancel()
		}
	case wire.InitFailed: // of a task that was adopted before its agent was ready
		t.Links.Credit(m.Link, m.Bytes)
		t.initFailed(frame)
	default:
		t.unexpected(m)
	}
}

// detached gives the bridge a while to dial again, and asks ECS at once whether the task still is.
func (t *task) detached(cause string) {
	if !t.exited {
		t.observe(messages.Event{Kind: messages.EventDetached, Reason: cause})
	}
	t.tell(t.session, &messages.TaskDetached{Task: t.request.Task, Reason: cause})
	t.deadline.set(t.Clock, t.self, t.settings.RedialGrace)
	t.describe()
}

// reattach takes a bridge back that proves to be the one that was given this session.
func (t *task) reattach(m *messages.BridgeArrived) {
	hello := m.Hello
	bound := hello.State == wire.BridgeAssigned && hello.SessionID == t.assign.Session && hello.UserID == t.assign.User
	if !bound || !t.Signer.VerifyBinding(hello.Binding, t.request.Task, t.assign.Session, t.assign.User) {
		t.refuse(m.Link, "this task serves another session")
		return
	}
	t.deadline.cancel()
	if t.unready {
		t.deadline.set(t.Clock, t.self, t.settings.InitTimeout)
	}
	t.poll.cancel()
	t.attach(m.Link)
	t.observe(messages.Event{Kind: messages.EventReattached})
	t.tell(t.session, &messages.TaskReattached{Task: t.request.Task, InSeq: hello.InSeq, OutSeq: hello.OutSeq})
	if t.leaving {
		t.handOver()
	}
}
