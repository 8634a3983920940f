package task

import (
	"fmt"
	"time"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
)

// becomeLaunching asks ECS for the task and waits for its bridge to dial.
func (t *task) becomeLaunching() {
	t.become(Launching, (*task).launching, t.settings.TaskStartTimeout)
	t.poll.Set(t.Clock, t.self, t.settings.PollInterval)
	t.run()
}

func (t *task) launching(message any) {
	switch m := message.(type) {
	case *messages.BridgeArrived:
		t.firstDialled(m, doubtUnproven(m.Hello))
	case *messages.RunDone:
		t.runDone(m)
	default:
		t.undialled(message)
	}
}

// becomeAwaited waits for the bridge of a task that an earlier gateway has started.
func (t *task) becomeAwaited(deadline time.Duration) {
	t.become(Awaited, (*task).awaited, deadline)
	t.poll.Set(t.Clock, t.self, t.settings.PollInterval)
}

func (t *task) awaited(message any) {
	switch m := message.(type) {
	case *messages.BridgeArrived:
		t.firstDialled(m, doubtReturned(t.Signer, m.Hello))
	case *messages.RunDone:
		t.lateRunDone(m) // it had left, and has come back, while its start was not answered yet
	case *messages.Adopt:
		t.becomeAdopted(m)
	case *messages.Assign:
		t.claimedTooLate(m)
	case *messages.HandOver:
		t.becomeMoved() // it has no socket: the bridge finds the other gateway by itself
	default:
		t.undialled(message)
	}
}

// becomeRedialling waits for the bridge of a task that was ready to dial again.
func (t *task) becomeRedialling() {
	t.become(Redialling, (*task).redialling, t.settings.RedialGrace)
}

func (t *task) redialling(message any) {
	switch m := message.(type) {
	case *messages.BridgeArrived:
		t.firstDialled(m, doubtReturned(t.Signer, m.Hello))
	case *messages.RunDone:
		t.runDone(m)
	case *messages.Assign:
		t.claimedTooLate(m)
	case *messages.HandOver:
		t.becomeMoved() // it has no socket: the bridge finds the other gateway by itself
	default:
		t.undialled(message)
	}
}

// undialled takes what means the same in all states of a task that has no session and no socket.
func (t *task) undialled(message any) {
	switch m := message.(type) {
	case *messages.TaskFound:
		t.launched(m.ARN, m.Host, m.Revision)
	case *messages.TaskDescribed:
		t.undialledDescribed(m)
	case *messages.Retire:
		t.retired(m.Reason)
	case *messages.Alarm:
		switch {
		case t.poll.IsRung(m):
			t.describe()
		case t.retry.IsRung(m):
			t.run()
		default:
			t.unheard(actors.TimedOut("its bridge did not reach the gateway", t.Clock.Now().Sub(t.since)))
		}
	default:
		t.unexpected(message)
	}
}

// firstDialled takes the bridge of a task without a socket, unless there is a doubt that it may be given a user.
func (t *task) firstDialled(m *messages.BridgeArrived, doubt string) {
	switch {
	case m.Hello.State == wire.BridgeFailed:
		t.unfit(m)
	case doubt != "":
		t.turnAway(m.Link, doubt)
		t.fail(messages.FailedUnproved, doubt, nil)
	default:
		t.attachWarm(m)
		t.becomeReady()
	}
}

// unfit gives up a task whose bridge says that it cannot start an agent for anybody. It ends by itself, and is told that it was
// heard.
func (t *task) unfit(m *messages.BridgeArrived) {
	reason := fmt.Sprintf("its bridge cannot start agents: %s: %s", m.Hello.Code, m.Hello.Message)
	t.refuse(m.Link, "the gateway knows that this task has failed")
	t.fail(messages.FailureOf(m.Hello.Code), reason, nil)
}

// unheard gives up waiting for the bridge to dial. That of an earlier gateway's task may be in use at another gateway, or it
// hangs and ends by its own deadline.
func (t *task) unheard(reason string) {
	if t.state == Awaited {
		t.becomeMoved()
		return
	}
	t.fail(messages.FailedDial, reason, nil)
}

// claimedTooLate gives up a task that was claimed in the moment in which its socket dropped.
func (t *task) claimedTooLate(m *messages.Assign) {
	t.assign = m
	t.fail(messages.FailedSocket, "socket dropped before init_user", nil)
}

// becomeReady offers the task to be claimed. Its deadline is its time to live, spread by a tenth to both sides so that
// tasks that were started together are not replaced together.
func (t *task) becomeReady() {
	ttl := time.Duration(float64(t.settings.ReadyTTL) * (0.9 + 0.2*t.Rand.Float64()))
	t.become(Ready, (*task).ready, ttl)
	t.running = time.Time{} // its bridge has dialled: should it have to again, its time to do so begins then
	t.tell(t.pool, &messages.TaskUp{Task: t.request.Task})
	t.locate()
}

func (t *task) ready(message any) {
	switch m := message.(type) {
	case *messages.HandOver:
		t.becomeLeavingReady()
	case *messages.LinkClosed:
		t.tell(t.pool, &messages.TaskDown{Task: t.request.Task, Reason: m.Cause})
		if t.origin == takenOver {
			t.becomeAwaited(t.settings.RedialGrace)
		} else {
			t.becomeRedialling()
		}
		t.describe()
	default:
		t.claimable(message)
	}
}

// becomeLeavingReady asks the bridge to dial another gateway. The socket that there is stays until the bridge has been
// answered there.
func (t *task) becomeLeavingReady() {
	t.become(LeavingReady, (*task).leavingReady, 0)
	t.askToRedial()
}

func (t *task) leavingReady(message any) {
	switch m := message.(type) {
	case *messages.LinkClosed:
		t.becomeMoved()
	case *messages.Assign, *messages.Adopt:
		t.leavesOnceActive = !t.stays
		t.claimable(m)
	case *messages.BridgeArrived:
		switch t.claimable(m); {
		case t.link != m.Link: // it was refused
		case t.stays:
			t.becomeReady()
		default:
			t.askToRedial()
		}
	case *messages.HandOver:
		t.askToRedial()
	case *messages.Stay:
		t.stays = true
	default:
		t.claimable(message)
	}
}

// claimable takes what means the same whether or not the ready task is to leave.
func (t *task) claimable(message any) {
	if t.lateAnswer(message) {
		return
	}
	switch m := message.(type) {
	case *messages.Assign:
		t.becomeAssigned(m)
	case *messages.Adopt:
		t.becomeAdopted(m)
	case *messages.LinkFrame:
		if !t.toldToEnd(m) {
			t.unexpected(m)
		}
	case *messages.BridgeArrived:
		if doubt := doubtReturned(t.Signer, m.Hello); doubt != "" {
			t.turnAway(m.Link, doubt) // and the socket that there is stays
			return
		}
		t.attachWarm(m)
	case *messages.Retire:
		t.retired(m.Reason)
	case *messages.Alarm:
		t.tell(t.pool, &messages.TaskExpired{Task: t.request.Task})
	default:
		t.unexpected(message)
	}
}
