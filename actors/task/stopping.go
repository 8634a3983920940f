package task

import (
	"hearth/messages"
	"hearth/messages/wire"
)

// becomeStopping ends the task: the bridge is told, so that the agent gets its grace, and so is ECS, which makes sure.
func (t *task) becomeStopping(reason string) {
	t.observe(messages.Event{Kind: messages.EventStopping, Reason: reason, Phase: string(t.state.Reported())})
	t.become(Stopping, (*task).stopping, 0)
	t.retry.Cancel()
	t.stopReason = reason
	t.send(wire.Stop{Reason: reason, GraceMs: wire.Millis(t.settings.StopGrace)})
	switch t.launch {
	case launchAccepted:
		t.stop()
	case launchRefused:
		t.stopped()
	case launchUnknown:
		t.run()
	case launchListed:
		t.retry.Set(t.Clock, t.self, t.settings.PollInterval) // the list is on its way
	case launchAsked, launchAskedAgain:
		// The answer is on its way; it always comes, if only as an error.
	}
	if t.occupies {
		t.awaitVacancy()
	}
}

func (t *task) stopping(message any) {
	if t.vacating(message) {
		return
	}
	switch m := message.(type) {
	case *messages.RunDone:
		t.stoppingRunDone(m)
	case *messages.TaskFound:
		t.stoppingFound(m.ARN, m.Host, m.Revision)
	case *messages.StopDone:
		switch young := t.Clock.Now().Sub(t.born) < settled; {
		case m.Err != nil:
			t.observeLaunchError(m.Err)
			t.tryAgain()
		case m.Missing && young:
			t.tryAgain()
		default:
			t.stopped()
		}
	case *messages.Alarm:
		switch t.launch {
		case launchAccepted:
			t.stop()
		case launchListed:
			t.askForList()
		default:
			t.run()
		}
	default:
		t.useless(message)
	}
}

// useless takes what comes for a task that is of no more use: the news of one that was in use a moment ago.
func (t *task) useless(message any) {
	switch m := message.(type) {
	case *messages.BridgeArrived:
		t.refuse(m.Link, "this task is stopping")
	case *messages.LinkFrame:
		t.Links.Credit(m.Link, m.Bytes) // the agent's last words; nobody is left to read them
	case *messages.LinkClosed, *messages.TaskDescribed, *messages.ToBridge, *messages.Retire,
		*messages.Assign, *messages.Adopt, *messages.HandOver, *messages.Stay, *messages.Proceed:
		// The session of an Assign or Adopt hears of the failure from the pool.
	default:
		t.unexpected(message)
	}
}

// becomeGone says the task's last word. The pool stops the actor.
func (t *task) becomeGone() {
	t.observe(messages.Event{Kind: messages.EventStopped, Reason: t.stopReason, Took: t.Clock.Now().Sub(t.born)})
	t.become(Gone, (*task).gone, 0)
	t.tell(t.pool, &messages.TaskGone{Task: t.request.Task})
}

func (t *task) gone(message any) {
	switch m := message.(type) {
	case *messages.TaskFound:
		if t.arn == "" { // several lists did not have it, and this one does
			t.arn = m.ARN
			t.stop()
		}
	case *messages.RunDone, *messages.StopDone:
		// ECS was asked for as long as there was hope.
	default:
		t.useless(message)
	}
}

// becomeMoved says the last word about a task that is another gateway's from here on. It is not stopped.
func (t *task) becomeMoved() {
	t.observe(messages.Event{Kind: messages.EventHandedOver, Took: t.Clock.Now().Sub(t.born)})
	t.leave()
	t.become(Moved, (*task).moved, 0)
	t.tell(t.pool, &messages.TaskMoved{Task: t.request.Task})
}

// moved takes the news of a task that is no longer this gateway's.
func (t *task) moved(message any) {
	if m, ok := message.(*messages.BridgeArrived); ok {
		t.Links.Close(m.Link, wire.CloseDraining)
	}
}
