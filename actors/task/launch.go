package task

import (
	"time"

	"hearth/actors"
	"hearth/messages"
)

// launchState is what is known of ECS's answer to a start.
type launchState int

const (
	// launchAsked: the answer is awaited.
	launchAsked launchState = iota
	// launchUnknown: no answer came. ECS may have the task; asking again tells.
	launchUnknown
	// launchAskedAgain: an answer is awaited, and an earlier one never came.
	launchAskedAgain
	// launchListed: an earlier gateway started it, and the list will tell its ARN.
	launchListed
	// launchRefused: ECS has no such task.
	launchRefused
	// launchAccepted: the ARN is known.
	launchAccepted
)

// runAttempts is how often a start whose answer was lost is asked for, before the start has failed.
const runAttempts = 3

// stopAttempts bounds how often a stop is asked for. With the backoff's ceiling that is about ten minutes; a task that
// ECS cannot be made to stop in that time is reported, for an operator to look at.
const stopAttempts = 25

// settled is how old a task must be for ECS's word that it does not know it: before that, not all of ECS may have heard of it.
const settled = time.Minute

// run asks ECS for the task. Asking again is safe, because ECS knows the request by its client token.
func (t *task) run() {
	if t.launch == launchUnknown {
		t.launch = launchAskedAgain
	}
	t.attempts++
	t.Launcher.Run(t.self, t.request)
}

// runDone takes ECS's answer to the start. An answer that never came is asked for again, with the same client token.
func (t *task) runDone(m *messages.RunDone) {
	switch {
	case m.Err == nil:
		t.launched(m.ARN, m.Host, m.Revision)
		return
	case t.arn != "": // a list has told meanwhile that it was carried out
		t.observeLaunchError(m.Err)
		return
	}
	t.launchFailed(m.Err)
	if m.Err.Ambiguous() && t.attempts < runAttempts {
		t.retry.Set(t.Clock, t.self, t.settings.PollInterval)
		return
	}
	t.fail(messages.FailedLaunch, m.Err.Error(), m.Err)
}

// undialledDescribed notices a start that has failed, or that has come to a running task whose bridge does not dial.
func (t *task) undialledDescribed(m *messages.TaskDescribed) {
	now := t.Clock.Now()
	t.placed(m.Host)
	switch {
	case m.Err != nil:
		t.observeLaunchError(m.Err)
	case m.Phase == messages.PhaseStopped:
		t.stoppedByECS(m)
	case m.Phase != messages.PhaseRunning:
	case t.running.IsZero():
		t.running = now
	case now.Sub(t.running) >= t.settings.DialTimeout:
		t.unheard(actors.TimedOut("it runs, but its bridge did not reach the gateway", now.Sub(t.running)))
	case now.Sub(t.running) >= t.settings.DialGrace && !t.toldNotDialled:
		t.toldNotDialled = true
		t.observe(messages.Event{Kind: messages.EventNotDialled, Took: now.Sub(t.running)})
	}
}

// describe asks ECS where the task stands, now and then.
func (t *task) describe() {
	if t.arn != "" {
		t.Launcher.Describe(t.self, t.request.Task, t.arn)
	}
	t.poll.Set(t.Clock, t.self, t.settings.PollInterval)
}

// launched takes in that ECS has accepted the task, once: a list may tell it before the answer does. Invariant: a task whose
// ARN is known is accepted, whatever else ECS answers.
func (t *task) launched(arn string, host messages.HostID, revision messages.Revision) {
	if t.arn != "" {
		t.placed(host)
		return
	}
	t.launch, t.arn = launchAccepted, arn
	t.retry.Cancel()
	t.observe(messages.Event{Kind: messages.EventLaunched, Took: t.Clock.Now().Sub(t.born)})
	t.tell(t.pool, &messages.TaskLaunched{Task: t.request.Task, ARN: arn, Revision: revision})
	t.placed(host)
	t.locate()
}

// placed takes in which host the task is on.
func (t *task) placed(host messages.HostID) {
	if t.host == "" && host != "" {
		t.host = host
		t.tell(t.pool, &messages.TaskPlaced{Task: t.request.Task, Host: host})
	}
}

// locate asks which host the task is on, once it runs and if nobody has said so.
func (t *task) locate() {
	runs := t.state.Reported() != messages.TaskStateStarting && t.state != Stopping
	if t.Fleet != nil && t.host == "" && t.arn != "" && runs {
		t.Launcher.Describe(t.self, t.request.Task, t.arn)
	}
}

// launchFailed takes in that a start was not accepted, as far as is known. Once one answer was lost, a later refusal does
// not prove that ECS has no such task: the lost one may have been a yes. Only a want of room does, because ECS looks for
// room after it has not found the client token.
func (t *task) launchFailed(err *messages.LaunchError) {
	t.observeLaunchError(err)
	switch {
	case err.Ambiguous(), t.launch == launchAskedAgain && err.Kind != messages.LaunchNoCapacity:
		t.launch = launchUnknown
		t.tell(t.pool, &messages.ListRequest{}) // a list may tell sooner than asking again
	default:
		t.launch = launchRefused
	}
}

// lateAnswer takes an answer of ECS that comes when the bridge is connected already. The ARN is still needed: without it
// the task could not be stopped. It reports whether the message was one.
func (t *task) lateAnswer(message any) bool {
	switch m := message.(type) {
	case *messages.RunDone:
		t.lateRunDone(m)
	case *messages.TaskFound:
		t.launched(m.ARN, m.Host, m.Revision)
	case *messages.TaskDescribed:
		t.placed(m.Host)
		if m.Err != nil {
			t.observeLaunchError(m.Err)
		} else if m.Phase == messages.PhaseStopped {
			t.stoppedByECS(m)
		}
	case *messages.Alarm:
		if !t.retry.IsRung(m) {
			return false
		}
		t.run()
	default:
		return false
	}
	return true
}

// lateRunDone takes the answer to the start of a task whose bridge is here: whatever ECS says, it has the task.
func (t *task) lateRunDone(m *messages.RunDone) {
	switch {
	case m.Err == nil:
		t.launched(m.ARN, m.Host, m.Revision)
	case t.arn != "":
		t.observeLaunchError(m.Err)
	default:
		t.observeLaunchError(m.Err)
		t.launch = launchUnknown
		t.tell(t.pool, &messages.ListRequest{})
		t.retry.Set(t.Clock, t.self, t.settings.BackoffMax)
	}
}

// askForList asks for the list that tells an adopted task's ARN. A task that several lists do not have has stopped.
func (t *task) askForList() {
	if t.attempts++; t.attempts > runAttempts {
		t.stopped()
		return
	}
	t.tell(t.pool, &messages.ListRequest{})
	t.retry.Set(t.Clock, t.self, t.settings.PollInterval)
}

// stoppingRunDone stops a task whose start is answered only now. Until its ARN is known nothing can be stopped, so an
// answer that was lost is asked for again.
func (t *task) stoppingRunDone(m *messages.RunDone) {
	switch {
	case t.arn != "": // told by a list, when it was stopped
		return
	case m.Err == nil:
		t.stoppingFound(m.ARN, m.Host, m.Revision)
		return
	}
	t.launchFailed(m.Err)
	if t.launch == launchRefused {
		t.stopped()
		return
	}
	t.tryAgain()
}

// stoppingFound stops a task whose ARN is known only now.
func (t *task) stoppingFound(arn string, host messages.HostID, revision messages.Revision) {
	if t.arn == "" {
		t.launched(arn, host, revision)
		t.stop()
	}
}

func (t *task) stop() {
	t.attempts++
	t.Launcher.Stop(t.self, t.request.Task, t.arn, t.stopReason)
}

// tryAgain repeats the ECS call that the stop needs, later and later, for as long as there is hope.
func (t *task) tryAgain() {
	if t.attempts >= stopAttempts {
		t.observe(messages.Event{Kind: messages.EventAbandoned, Reason: "ECS could not be made to stop it", Took: t.Clock.Now().Sub(t.since)})
		t.stopped()
		return
	}
	t.retry.Set(t.Clock, t.self, actors.Pause(t.settings.BackoffBase, t.settings.BackoffMax, t.attempts+1, t.Rand.Float64()))
}

func (t *task) observeLaunchError(err *messages.LaunchError) {
	t.observe(messages.Event{Kind: messages.EventLaunchError, Reason: err.Error(), Fault: err.Kind, Phase: string(t.state.Reported())})
}
