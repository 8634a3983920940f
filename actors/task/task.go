package task

import (
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
)

// The timers of a task.
const (
	timerPoll  messages.Timer = "poll"
	timerRetry messages.Timer = "retry"
	timerLease messages.Timer = "lease"
)

// origin is where a task's actor comes from. It never changes.
type origin int

const (
	// startedHere: the pool has asked for the task.
	startedHere origin = iota
	// takenOver: an earlier gateway has started the task, and another one may have it.
	takenOver
	// orphaned: the task's first actor has crashed, or no gateway has one, and this one only sees to its end.
	orphaned
)

// task is the actor of one ECS task, from the decision to start it until ECS has accepted its stop. It owns the
// socket of the task's bridge. Its states are in states.go; launch, what is known of ECS's answer to the start, goes on beside
// them, for the bridge may be faster than ECS.
type task struct {
	*actors.Ports
	settings *actors.Settings
	request  messages.RunTask

	root *actor.RootContext
	self *actor.PID
	pool *actor.PID

	// state is the current state, handle its handler. Invariant: only become changes them.
	state  State
	handle func(*task, any)

	origin origin
	// phase is where ECS said that a task stands that was taken over.
	phase messages.TaskPhase
	// arn is ECS's name for the task, empty until ECS has answered.
	arn string
	// host is where the task runs, empty until that is known.
	host messages.HostID
	// launch is what is known of ECS's answer to the start.
	launch launchState
	// link is the bridge's socket, 0 when there is none.
	link messages.LinkID
	// maxPayload is the largest input that the bridge takes, in bytes, 0 where it did not say, and io how its agent takes it.
	maxPayload int
	io         wire.AgentIO
	// acksInData says that the bridge reads acknowledgements that come with data.
	acksInData bool
	// leavesOnceActive says that this gateway hands over, and that the bridge has a user whose agent must be ready first. It is a
	// flag because until then nothing about the task is different.
	leavesOnceActive bool
	// toldNotDialled says that a missing hello was reported. It is a flag because nothing but that report depends on it.
	toldNotDialled bool
	// stays says, of a task whose bridge was asked to dial another gateway, that this one would keep it by now.
	stays bool
	// leases says that its bridge holds to a lease. occupies says that its agent may run in its user's workspace: it is a flag
	// because it is so in states that have nothing else in common, and outlasts them. unlinked is when the last socket was gone,
	// on which the lease may have been renewed.
	leases, occupies bool
	unlinked         time.Time
	// assign is the session that the task serves. Invariant: it is set once.
	assign  *messages.Assign
	session *actor.PID

	// born is when the task was asked for, since when it entered the state that is reported.
	born, since time.Time
	// running is when ECS was first seen to call the task running while its bridge was to dial, zero before.
	running time.Time
	// attempts counts the tries of the ECS call that the state is about.
	attempts int
	// stopReason is what ECS and the bridge are told.
	stopReason string

	// deadline is the current state's; poll asks ECS how the task is; retry repeats an ECS call that failed; lease rings when an
	// agent that may run is to be cut off, and when its lease is over.
	deadline, poll, retry, lease actors.Alarm
}

// New makes a task's actor.
func New(ports *actors.Ports, settings *actors.Settings, pool *actor.PID, request messages.RunTask) actor.Actor {
	return newTask(ports, settings, pool, request)
}

func newTask(ports *actors.Ports, settings *actors.Settings, pool *actor.PID, request messages.RunTask) *task {
	return &task{
		Ports: ports, settings: settings, pool: pool, request: request,
		deadline: actors.Alarm{Name: actors.TimerDeadline}, poll: actors.Alarm{Name: timerPoll}, retry: actors.Alarm{Name: timerRetry},
		lease: actors.Alarm{Name: timerLease},
	}
}

// NewOrphan makes the actor that sees to the end of a task that has no actor of its own any more, for a reason. occupies says that
// its agent may run in its user's workspace.
func NewOrphan(
	ports *actors.Ports, settings *actors.Settings, pool *actor.PID, request messages.RunTask, arn, reason string, occupies bool,
) actor.Actor {
	t := newTask(ports, settings, pool, request)
	t.origin, t.arn, t.stopReason = orphaned, arn, reason
	t.occupies, t.leases = occupies, true
	return t
}

// NewAdopted makes the actor of a task that an earlier gateway started. Of one whose bridge was faster than the list
// nothing is known yet, and its ARN will come with the list.
func NewAdopted(
	ports *actors.Ports, settings *actors.Settings, pool *actor.PID, request messages.RunTask, listed messages.ListedTask,
) actor.Actor {
	t := newTask(ports, settings, pool, request)
	t.origin, t.phase, t.arn, t.host = takenOver, listed.Phase, listed.ARN, listed.Host
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
		t.link, t.unlinked = 0, t.Clock.Now()
		t.handle(t, m)
	case *messages.Alarm:
		if t.deadline.IsRung(m) || t.poll.IsRung(m) || t.retry.IsRung(m) || t.lease.IsRung(m) {
			t.handle(t, m)
		}
	default:
		t.handle(t, m)
	}
}

// leave lets go of everything that would outlive the actor, also when it crashed.
func (t *task) leave() {
	t.deadline.Cancel()
	t.poll.Cancel()
	t.retry.Cancel()
	t.lease.Cancel()
	t.detach()
}

// detach closes the socket, if there is one.
func (t *task) detach() {
	if t.link != 0 {
		t.Dismiss(t.link, wire.CloseNormal)
		t.link, t.unlinked = 0, t.Clock.Now()
	}
}

// attach makes a socket the task's own. An older one is closed: a bridge that dials again has given it up.
func (t *task) attach(m *messages.BridgeArrived) {
	t.detach()
	t.link, t.maxPayload, t.io = m.Link, m.Hello.MaxFrameBytes, m.Hello.IO
	t.leases, t.acksInData = m.Hello.Leases, m.Hello.AcksInData
	t.Links.Bind(t.link, t.self)
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

// unexpected reports a message that the state has no use for, and gives its bytes back to the socket's reader.
func (t *task) unexpected(message any) {
	if m, ok := message.(*messages.LinkFrame); ok {
		t.Links.Credit(m.Link, m.Bytes)
		message = m.Frame
	}
	event := messages.Event{At: t.Clock.Now(), Task: t.request.Task, Phase: string(t.state.Reported())}
	actors.Unexpected(t.Observer, event, message)
}

// begin enters the first state.
func (t *task) begin() {
	if t.arn != "" {
		t.launch = launchAccepted
	}
	switch t.origin {
	case startedHere:
		t.becomeLaunching()
	case takenOver:
		if t.arn == "" {
			t.launch = launchListed
		}
		grace := t.settings.AdoptionGrace
		if t.phase == messages.PhasePending {
			grace = t.settings.TaskStartTimeout
		}
		t.becomeAwaited(grace)
	case orphaned:
		if t.arn == "" {
			t.launch = launchUnknown
		}
		t.becomeStopping(t.stopReason)
	}
}

// toldToEnd takes the last word of a bridge whose container somebody else has told to end: an operator, or its host. It
// reports whether the frame was that.
func (t *task) toldToEnd(m *messages.LinkFrame) bool {
	if _, gone := m.Frame.(wire.Gone); !gone {
		return false
	}
	const reason = "its container was told to end"
	t.Links.Credit(m.Link, m.Bytes)
	t.occupies = false
	t.fail(messages.FailedTold, reason, nil)
	return true
}

// initFailed gives up a task that could not be given its user.
func (t *task) initFailed(f wire.InitFailed) {
	t.occupies = false
	t.fail(messages.FailureOf(f.Code), fmt.Sprintf("init_user failed: %s: %s", f.Code, f.Message), nil)
}

// fail gives the task up and says why. The pool decides what becomes of its session.
func (t *task) fail(kind messages.Failure, reason string, fault *messages.LaunchError) {
	t.tell(t.pool, &messages.TaskFailed{Task: t.request.Task, Kind: kind, Reason: reason, Vacated: !t.occupies, Fault: fault})
	t.becomeStopping(reason)
}

// stoppedByECS takes in that ECS has stopped the task.
func (t *task) stoppedByECS(m *messages.TaskDescribed) {
	kind := messages.FailedStopped
	if m.HostGone {
		kind = messages.FailedHost
	}
	t.occupies = false
	t.fail(kind, "task stopped: "+m.Reason, nil)
}
