package actors

import (
	"hearth/messages"
	"hearth/messages/wire"
)

// stopAttempts bounds how often a stop is asked for. With the backoff's ceiling that is about ten minutes; a task that
// ECS cannot be made to stop in that time is reported, for an operator to look at.
const stopAttempts = 25

// becomeStopping ends the task: the bridge is told, so that the agent gets its grace, and so is ECS, which makes sure.
func (t *task) becomeStopping(reason string) {
	t.observe(messages.Event{Kind: messages.EventStopping, Reason: reason, Phase: t.state})
	t.become(taskStopping, (*task).stopping, 0)
	t.retry.cancel()
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
		t.retry.set(t.Clock, t.self, t.settings.PollInterval) // the list is on its way
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
		// supervisor.
	default:
		t.unexpected(message)
	}
}

// askForList asks for the list that tells an adopted task's ARN. A task that several lists do not have has stopped.
func (t *task) askForList() {
	if t.attempts++; t.attempts > runAttempts {
		t.gone()
		return
	}
	t.tell(t.pool, &messages.ListRequest{})
	t.retry.set(t.Clock, t.self, t.settings.PollInterval)
}

// stoppingRunDone stops a task whose start is answered only now. Until its ARN is known nothing can be stopped, so an
// answer that was lost is asked for again.
func (t *task) stoppingRunDone(m *messages.RunDone) {
	switch {
	case t.arn != "": // told by a list, when it was stopped
		return
	case m.Err == nil:
		t.launched(m)
		t.stop()
		return
	}
	t.launchFailed(m.Err)
	if t.launch == launchRefused {
		t.gone()
		return
	}
	t.tryAgain()
}

func (t *task) stop() {
	t.attempts++
	t.Launcher.Stop(t.self, t.request.Task, t.arn, t.stopReason)
}

// tryAgain repeats the ECS call that the stop needs, later and later, for as long as there is hope.
func (t *task) tryAgain() {
	if t.attempts >= stopAttempts {
		t.observe(messages.Event{Kind: messages.EventAbandoned, Reason: "ECS could not be made to stop it", Took: t.Clock.Now().Sub(t.since)})
		t.gone()
		return
	}
	pause := backoff{base: t.settings.BackoffBase, ceiling: t.settings.BackoffMax, streak: t.attempts}
	t.retry.set(t.Clock, t.self, pause.fail(t.Clock.Now(), t.Rand.Float64()))
}

// gone is the task's last word. The supervisor stops the actor.
func (t *task) gone() {
	t.observe(messages.Event{Kind: messages.EventStopped, Reason: t.stopReason, Took: t.Clock.Now().Sub(t.born)})
	t.become(taskGone, (*task).stopping, 0)
	t.tell(t.pool, &messages.TaskGone{Task: t.request.Task})
}
