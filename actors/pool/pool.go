package pool

import (
	"strings"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
)

// timerBackoff rings when starts are allowed again after a failure.
const timerBackoff messages.Timer = "backoff"

// remembered bounds how many ended sessions and tasks are known for what they were. At least half as many are.
const remembered = 10_000

// endedSession is what is remembered of a session that is over.
type endedSession struct {
	user   wire.UserID
	reason messages.EndReason
	stand  messages.Stand
}

// supervisor is the root actor. It decides everything that concerns more than one task or session.
type supervisor struct {
	*actors.Ports
	records
	settings actors.Settings
	// spare is how far the threshold is below the minimum, also once the pool was resized.
	spare int
	ctx   actor.Context

	// startTime is this deployment's own measured time from a start to ready.
	startTime estimate
	// backoff holds starts back after failures, until backoffOver rings. lastFailure is what happened, kept until a task
	// becomes ready; shortage says that it will pass by itself; crashed that the task had been ready.
	backoff           backoff
	backoffOver       actors.Alarm
	sweepDue          actors.Alarm
	adoption          adoption
	lastFailure       string
	shortage, crashed bool

	// over are the sessions that have ended. Those that ended idle may be begun again by their users.
	over recent[wire.SessionID, endedSession]
	// starts bounds how fast sessions begin.
	starts pace
	// past are the tasks that were stopped: a bridge that dials in its last moments is not adopted. It says which of them
	// crashed: a Terminated may overtake an actor's last messages.
	past recent[wire.TaskID, bool]
	// drainer waits to be told that nothing is left. Invariant: draining is never taken back.
	draining bool
	drainer  *actor.PID
	// handOver says that tasks are not stopped in a drain but given to another gateway.
	handOver bool
	// stopping says that the actor system is being stopped, children first.
	stopping bool
}

// New makes the one root actor. The settings must be valid.
func New(ports *actors.Ports, settings actors.Settings) actor.Actor {
	return &supervisor{
		Ports:       ports,
		records:     newRecords(),
		settings:    settings,
		startTime:   estimate{fallback: settings.StartEstimate},
		backoff:     backoff{base: settings.BackoffBase, ceiling: settings.BackoffMax},
		backoffOver: actors.Alarm{Name: timerBackoff},
		sweepDue:    actors.Alarm{Name: timerSweep},
		adoption:    newAdoption(),
		spare:       settings.Min - settings.Threshold,
		over:        newRecent[wire.SessionID, endedSession](remembered),
		past:        newRecent[wire.TaskID, bool](remembered),
		starts:      pace{perSecond: settings.MaxSessionStartsPerSecond},
	}
}

// Receive takes the actor system's messages and leaves the rest to handle.
func (s *supervisor) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		s.ctx = ctx
		s.begin()
	case *actor.Stopping:
		s.stopping = true
		s.backoffOver.Cancel()
		s.sweepDue.Cancel()
		s.adoption.cancel()
	case *actor.Stopped:
	case *actor.Terminated:
		if !s.stopping { // else it is only the end of everything
			s.terminated(m.Who)
		}
	default:
		s.handle(ctx, m)
	}
}

// handle is every message that is not the actor system's.
func (s *supervisor) handle(ctx actor.Context, message any) {
	switch m := message.(type) {
	case *messages.Alarm:
		s.rung(m)

	case *messages.ClientArrived:
		s.clientArrived(m)
	case *messages.BridgeArrived:
		s.bridgeArrived(m)

	case *messages.Claim:
		s.claim(m)
	case *messages.HintRequest:
		s.hintRequested(m)
	case *messages.Parked:
		s.sessionParked(m)
	case *messages.SessionEnded:
		s.sessionEnded(m)

	case *messages.ListRequest:
		s.Launcher.List(s.ctx.Self())
	case *messages.TasksListed:
		s.tasksListed(m)
	case *messages.TaskLaunched:
		s.onTask(m.Task, m, func(t *taskRecord) { t.arn = m.ARN })
	case *messages.TaskPlaced:
		s.onTask(m.Task, m, func(t *taskRecord) { s.taskPlaced(t, m) })
	case *messages.TaskUp:
		s.onTask(m.Task, m, s.taskUp)
	case *messages.TaskDown:
		s.onTask(m.Task, m, func(t *taskRecord) { s.taskDown(t, m) })
	case *messages.TaskExpired:
		s.onTask(m.Task, m, s.taskExpired)
	case *messages.TaskActive:
		s.onTask(m.Task, m, func(t *taskRecord) { s.taskActive(t, m) })
	case *messages.TaskFailed:
		s.onTask(m.Task, m, func(t *taskRecord) { s.taskFailed(t, m) })
	case *messages.TaskMoved:
		s.onTask(m.Task, m, func(t *taskRecord) { s.taskMoved(t, m) })
	case *messages.TaskGone:
		s.onTask(m.Task, m, s.taskGone)

	case *messages.HostsListed:
		s.hostsListed(m)
	case *messages.HostChanged:
		s.hostChanged(m)

	case *messages.Resize:
		ctx.Respond(s.resize(m))
	case *messages.Drain:
		s.drain(ctx.Sender(), m.HandOver)
	case *messages.CapacityRequest:
		ctx.Respond(s.capacity())
	case *messages.StatusRequest:
		ctx.Respond(s.status())
	default:
		s.unexpected(m)
	}
}

// begin looks at what there is. The pool is filled once that is known.
func (s *supervisor) begin() {
	if s.Fleet != nil {
		s.sweep()
	}
	s.beginAdoption()
}

func (s *supervisor) rung(m *messages.Alarm) {
	switch {
	case s.backoffOver.IsRung(m):
		s.replenish()
	case s.sweepDue.IsRung(m):
		s.sweep()
	case s.adoption.relist.IsRung(m):
		s.Launcher.List(s.ctx.Self())
	case s.adoption.over.IsRung(m):
		s.adoptionOver()
	}
}

// onTask looks a task up for a message about it. News of a task that is not in the books is reported.
func (s *supervisor) onTask(id wire.TaskID, message any, handle func(*taskRecord)) {
	if t, ok := s.tasks[id]; ok {
		handle(t)
		return
	}
	if !s.past.get(id) {
		s.unexpected(message)
	}
}

// terminated hears that a child has stopped. One that stopped without its last word has crashed.
func (s *supervisor) terminated(who *actor.PID) {
	name := strings.TrimPrefix(who.Id, actors.PoolName+"/")
	if id, ok := strings.CutPrefix(name, actors.SessionName("")); ok {
		if record := s.sessions[wire.SessionID(id)]; record != nil {
			s.sessionTerminated(record)
		}
		return
	}
	if strings.HasPrefix(name, actors.HostName("")) {
		s.hostCrashed(who)
		return
	}
	switch t := s.tasks[wire.TaskID(strings.TrimPrefix(name, actors.TaskName("")))]; {
	case t == nil:
	case t.left:
		s.taskLeft(t)
	default:
		s.taskCrashed(t)
	}
}

// spawn starts a child. That there is one of the name already would be a mistake in the books.
func (s *supervisor) spawn(name string, child actor.Actor) *actor.PID {
	pid, err := s.Engine.Spawn(s.ctx, name, child)
	if err != nil {
		panic("actors: " + name + ": " + err.Error())
	}
	return pid
}

func (s *supervisor) tell(to *actor.PID, message any) { s.ctx.Send(to, message) }

func (s *supervisor) observe(event messages.Event) {
	event.At = s.Clock.Now()
	event.Census = s.census()
	s.Observer.Observe(event)
}

func (s *supervisor) unexpected(message any) {
	actors.Unexpected(s.Observer, messages.Event{At: s.Clock.Now(), Phase: actors.PoolName}, message)
}
