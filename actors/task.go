package actors

import (
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/messages"
	"hearth/messages/wire"
)

// The states of a task, as they are reported.
const (
	// starting: ECS was asked for it, or it lost its socket while it waited. It counts, and cannot be claimed.
	taskStarting = "starting"
	// ready: its bridge is connected and waits for a user.
	taskReady = "ready"
	// assigned: init_user was sent and the agent is not ready yet.
	taskAssigned = "assigned"
	// active: its agent serves the session.
	taskActive = "active"
	// stopping: it is of no more use; what is left is to see that ECS stops it.
	taskStopping = "stopping"
	// gone: nothing of it is left. The supervisor has been told and stops the actor.
	taskGone = "gone"
)

// launchState is what is known of ECS's answer to a start.
type launchState int

const (
	// launchAsked: the answer is awaited.
	launchAsked launchState = iota
	// launchUnknown: no answer came. ECS may have the task; asking again tells.
	launchUnknown
	// launchListed: an earlier gateway started it, and the list will tell its ARN.
	launchListed
	// launchRefused: ECS has no such task.
	launchRefused
	// launchAccepted: the ARN is known.
	launchAccepted
)

// runAttempts is how often a start whose answer was lost is asked for, before the start has failed.
const runAttempts = 3

// The timers of a task.
const (
	timerDeadline messages.Timer = "deadline"
	timerPoll     messages.Timer = "poll"
	timerRetry    messages.Timer = "retry"
)

// task is the actor of one ECS task, from the decision to start it until ECS has accepted its stop. It owns the
// socket of the task's bridge.
//
//	starting ⇄ ready → assigned → active
//	    └────────┴─────────┴────────┴──→ stopping
type task struct {
	*Ports
	settings *Settings
	request  messages.RunTask

	root *actor.RootContext
	self *actor.PID
	pool *actor.PID

	// state is the current behaviour's name, handle the behaviour. Invariant: only the become methods change them.
	state  string
	handle func(*task, any)

	// orphan says that the task's first actor has crashed and that this one only sees to its end.
	orphan bool
	// adopted is what is known of a task that an earlier gateway started, nil for one of this gateway's.
	adopted *messages.ListedTask
	// unready says that an adopted task's bridge has a session and has not said that the agent is ready, which it does after
	// every hello: the agent is still being started.
	unready bool
	// passed says that the bridge may have been given a pass, by this gateway or an earlier one, and so must show it. Before
	// that it cannot have had a user: only a gateway that has started a task takes its bridge without a pass.
	passed bool
	// arn is ECS's name for the task, empty until ECS has answered.
	arn string
	// host is where the task runs, empty until that is known.
	host messages.HostID
	// launch is what is known of ECS's answer to the start.
	launch launchState
	// answerLost says that at least one of the answers to the start never came.
	answerLost bool
	// link is the bridge's socket, 0 when there is none.
	link messages.LinkID
	// exited says that the agent has ended: its bridge will end too, and need not dial again.
	exited bool
	// leaving says that the bridge is asked to dial another gateway.
	leaving bool
	// assign is the session that the task serves. Invariant: it is set once, on the way from ready to assigned.
	assign  *messages.Assign
	session *actor.PID

	// born is when the task was asked for, since when it entered the state.
	born, since time.Time
	// running is when ECS was first seen to call the task running, zero before.
	running time.Time
	// notDialled says that a missing hello was reported.
	notDialled bool
	// attempts counts the tries of the ECS call that the state is about.
	attempts int
	// stopReason is what ECS and the bridge are told.
	stopReason string

	// deadline is the current state's; poll asks ECS how the task is; retry repeats an ECS call that failed.
	deadline, poll, retry alarm
}

// newTask makes a task's actor.
func newTask(ports *Ports, settings *Settings, pool *actor.PID, request messages.RunTask) *task {
	return &task{
		Ports: ports, settings: settings, pool: pool, request: request,
		deadline: alarm{name: timerDeadline}, poll: alarm{name: timerPoll}, retry: alarm{name: timerRetry},
	}
}

// newOrphan makes the actor that sees to the end of a task whose own actor has crashed.
func newOrphan(ports *Ports, settings *Settings, pool *actor.PID, request messages.RunTask, arn string) *task {
	t := newTask(ports, settings, pool, request)
	t.orphan, t.arn = true, arn
	return t
}

// newAdopted makes the actor of a task that an earlier gateway started. Of one whose bridge was faster than the list
// nothing is known yet, and its ARN will come with the list.
func newAdopted(
	ports *Ports, settings *Settings, pool *actor.PID, request messages.RunTask, listed messages.ListedTask,
) *task {
	t := newTask(ports, settings, pool, request)
	t.adopted, t.arn, t.host = &listed, listed.ARN, listed.Host
	t.passed = true
	return t
}

// Receive takes the messages that mean the same in every state, and leaves the rest to the state.
func (t *task) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		t.root = ctx.ActorSystem().Root
		t.self = ctx.Self()
		t.born = t.Clock.Now()
		t.begin()
	case *actor.Stopping:
		t.leave()
	case *actor.Stopped:
	case *messages.LinkFrame:
		if m.Link != t.link {
			return // a frame that was under way when its socket was replaced
		}
		t.handle(t, m)
	case *messages.LinkClosed:
		if m.Link != t.link {
			return
		}
		t.link = 0
		t.handle(t, m)
	case *messages.LinkWritten:
		// Inputs that have left for the bridge: what counts is its ack.
	case *messages.Alarm:
		if t.deadline.isRung(m) || t.poll.isRung(m) || t.retry.isRung(m) {
			t.handle(t, m)
		}
	default:
		t.handle(t, m)
	}
}

// begin enters the first state: a task's, an adopted one's, or an orphan's.
func (t *task) begin() {
	switch {
	case t.adopted != nil:
		t.launch = launchListed
		if t.arn != "" {
			t.launch = launchAccepted
		}
		grace := t.settings.AdoptionGrace
		if t.adopted.Phase == messages.PhasePending {
			grace = t.settings.TaskStartTimeout
		}
		t.becomeStarting(grace)
	case !t.orphan:
		t.becomeStarting(t.settings.TaskStartTimeout)
		t.run()
	case t.arn != "":
		t.launch = launchAccepted
		t.becomeStopping("its actor crashed")
	default:
		t.launch, t.answerLost = launchUnknown, true
		t.becomeStopping("its actor crashed")
	}
}

// leave lets go of everything that would outlive the actor, also when it crashed.
func (t *task) leave() {
	t.deadline.cancel()
	t.poll.cancel()
	t.retry.cancel()
	if t.link != 0 {
		t.dismiss(t.link, wire.CloseNormal)
		t.link = 0
	}
}

// become enters a state. Its deadline is counted from here.
func (t *task) become(state string, handle func(*task, any), deadline time.Duration) {
	t.state = state
	t.handle = handle
	t.since = t.Clock.Now()
	t.attempts = 0
	t.poll.cancel()
	if deadline > 0 {
		t.deadline.set(t.Clock, t.self, deadline)
	} else {
		t.deadline.cancel()
	}
}

// fail gives the task up and says why. The supervisor decides what becomes of its session.
func (t *task) fail(reason string, fault *messages.LaunchError) {
	t.tell(t.pool, &messages.TaskFailed{Task: t.request.Task, Reason: reason, Fault: fault})
	t.becomeStopping(reason)
}

// ended takes in that ECS has stopped the task.
func (t *task) ended(m *messages.TaskDescribed) {
	reason := "task stopped: " + m.Reason
	t.tell(t.pool, &messages.TaskFailed{Task: t.request.Task, Reason: reason, HostGone: m.HostGone})
	t.becomeStopping(reason)
}

// run asks ECS for the task. Asking again is safe, because ECS knows the request by its client token.
func (t *task) run() {
	t.launch = launchAsked
	t.attempts++
	t.Launcher.Run(t.self, t.request)
}

// describe asks ECS where the task stands, now and then.
func (t *task) describe() {
	if t.arn != "" {
		t.Launcher.Describe(t.self, t.request.Task, t.arn)
	}
	t.poll.set(t.Clock, t.self, t.settings.PollInterval)
}

// attach makes a socket the task's own. An older one is closed: a bridge that dials again has given it up.
func (t *task) attach(link messages.LinkID) {
	if t.link != 0 {
		t.dismiss(t.link, wire.CloseNormal)
	}
	t.link = link
	t.Links.Bind(link, t.self)
	t.send(wire.Ack{}) // the answer to its hello, after which a bridge that moved over closes its old socket
}

// send sends a frame to the bridge, if there is one.
func (t *task) send(frame wire.Frame) {
	if t.link != 0 {
		t.Links.Send(t.link, frame)
	}
}

// refuse tells a bridge that this task has no use for it to end its container.
func (t *task) refuse(link messages.LinkID, reason string) {
	t.Links.Send(link, wire.Stop{Reason: reason, GraceMs: wire.Millis(t.settings.StopGrace)})
	t.Links.Close(link, wire.CloseNotAllowed)
}

func (t *task) tell(to *actor.PID, message any) { t.root.Send(to, message) }

func (t *task) observe(event messages.Event) {
	event.At = t.Clock.Now()
	event.Task = t.request.Task
	event.ARN = t.arn
	if t.assign != nil {
		event.Session = t.assign.Session
	}
	t.Observer.Observe(event)
}

func (t *task) observeLaunchError(err *messages.LaunchError) {
	t.observe(messages.Event{Kind: messages.EventLaunchError, Reason: err.Error(), Fault: err.Kind, Phase: t.state})
}

// unexpected reports a message that the state has no use for, and gives its bytes back to the socket's reader.
func (t *task) unexpected(message any) {
	if m, ok := message.(*messages.LinkFrame); ok {
		t.Links.Credit(m.Link, m.Bytes)
		message = m.Frame
	}
	event := messages.Event{At: t.Clock.Now(), Task: t.request.Task, Phase: t.state}
	unexpected(t.Observer, event, message)
}

// launched takes in that ECS has accepted the task, once: a list may tell it before the answer does. Invariant: a task whose
// ARN is known is accepted, whatever else ECS answers.
func (t *task) launched(m *messages.RunDone) {
	if t.arn != "" {
		t.placed(m.Host)
		return
	}
	t.launch, t.arn = launchAccepted, m.ARN
	t.retry.cancel()
	t.observe(messages.Event{Kind: messages.EventLaunched, Took: t.Clock.Now().Sub(t.born)})
	t.tell(t.pool, &messages.TaskLaunched{Task: t.request.Task, ARN: m.ARN})
	t.placed(m.Host)
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
	if t.Fleet != nil && t.host == "" && t.arn != "" && t.state != taskStarting && t.state != taskStopping {
		t.Launcher.Describe(t.self, t.request.Task, t.arn)
	}
}

// launchFailed takes in that a start was not accepted, as far as is known. Once one answer was lost, a later refusal does
// not prove that ECS has no such task: the lost one may have been a yes. Only a want of room does, because ECS looks for
// room after it has not found the client token.
func (t *task) launchFailed(err *messages.LaunchError) {
	t.observeLaunchError(err)
	switch {
	case err.Ambiguous():
		t.answerLost = true
	case err.Kind == messages.LaunchNoCapacity:
		t.answerLost = false
	}
	if t.answerLost {
		t.launch = launchUnknown
	} else {
		t.launch = launchRefused
	}
}

// lateAnswer takes an answer of ECS that comes when the bridge is connected already. The ARN is still needed: without it
// the task could not be stopped. It reports whether the message was one.
func (t *task) lateAnswer(message any) bool {
	switch m := message.(type) {
	case *messages.RunDone:
		switch {
		case m.Err == nil:
			t.launched(m)
			return true
		case t.arn != "":
			t.observeLaunchError(m.Err)
			return true
		}
		t.launchFailed(m.Err)
		t.launch, t.answerLost = launchUnknown, true // whatever ECS says: its bridge is here
		t.retry.set(t.Clock, t.self, t.settings.BackoffMax)
		return true
	case *messages.TaskDescribed:
		t.placed(m.Host)
		if m.Err != nil {
			t.observeLaunchError(m.Err)
		} else if m.Phase == messages.PhaseStopped {
			t.ended(m)
		}
		return true
	case *messages.Alarm:
		if t.retry.isRung(m) {
			t.run()
			return true
		}
	}
	return false
}

// timeout words a deadline's end.
func timeout(what string, d time.Duration) string {
	return fmt.Sprintf("%s within %v", what, d.Round(time.Millisecond))
}
