package pool

import (
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
)

// timerBackoff rings when starts are allowed again after a failure.
const timerBackoff messages.Timer = "backoff"

// timerSurplus rings when tasks were above the minimum for so long that they are given up.
const timerSurplus messages.Timer = "surplus"

// remembered bounds how many ended sessions and tasks are known for what they were. At least half as many are.
const remembered = 10_000

// endedSession is what is remembered of a session that is over.
type endedSession struct {
	user   wire.UserID
	reason messages.EndReason
	stand  messages.Stand
}

// pool is the root actor. It decides everything that concerns more than one task or session.
type pool struct {
	*actors.Ports
	records
	settings actors.Settings
	// target is what the pool is filled up to: the settings' minimum, or what its policy says. turn rings when it may change.
	target int
	turn   actors.Alarm
	aim    aim
	// shadow is another policy that is counted beside the one in force, nil for none. shadowDue rings when it is told how it stands.
	shadow    *shadow
	shadowDue actors.Alarm
	// thresholdGap is how far the threshold is below the target.
	thresholdGap int
	ctx          actor.Context

	// startTime is this deployment's own measured time from a start to ready.
	startTime estimate
	// boots are its own measured times until a host that a task waits for has taken it.
	boots [bootKinds]estimate
	// backoff holds starts back after failures, until backoffOver rings. lastFailure is what happened, kept until a task
	// becomes ready; shortage says that it will pass by itself; crashed that the task had been ready.
	backoff     backoff
	backoffOver actors.Alarm
	sweepDue    actors.Alarm
	drainedLong actors.Alarm
	adoption    adoption
	unheard     unheard
	listing     listing
	lastFailure string
	// breaker tells when agents that cannot be started count as failed starts. troubles are the users whose agents cannot be,
	// and troubledDue rings when the first of their claims that are put off is due.
	breaker           breaker
	troubles          recent[wire.UserID, trouble]
	troubledDue       actors.Alarm
	shortage, crashed bool
	// lastFault is the kind of the last failure, if ECS's answer was one.
	lastFault messages.LaunchErrorKind

	// revision is what tasks are started with, empty as long as nobody has said so.
	revision messages.Revision

	// refill and lull are the policy's memory. lullOver rings when what is too many may have been so for long enough. Invariant: it
	// is set exactly while the lull is not empty.
	refill   refill
	lull     lull
	lullOver actors.Alarm

	// endedSessions are the sessions that have ended. Those that ended for want of their clients may be begun again by their users.
	endedSessions recent[wire.SessionID, endedSession]
	// sought are the sessions that are not known here and whose clients look for them elsewhere, and since when.
	sought recent[wire.SessionID, time.Time]
	// denied are the users whom an operator keeps out, and until when.
	denied recent[wire.UserID, time.Time]
	// starts bounds how fast sessions begin, userStarts how fast each user's.
	starts     pace
	userStarts recent[wire.UserID, pace]
	// endedTasks are the tasks that were stopped: a bridge that dials in its last moments is not adopted. crashedTasks are those
	// of which an actor has panicked: its Terminated may overtake its last messages.
	endedTasks, crashedTasks recent[wire.TaskID, struct{}]
	// drainer waits to be told that nothing is left. Invariant: a drain that somebody waits for is never taken back.
	draining bool
	drainer  *actor.PID
	// handOver says that tasks are not stopped in a drain but given to another gateway.
	handOver bool
	// stopping says that the actor system is being stopped, children first.
	stopping bool
}

// New makes the one root actor. The settings must be valid.
func New(ports *actors.Ports, settings actors.Settings) actor.Actor {
	return &pool{
		Ports:         ports,
		records:       newRecords(),
		settings:      settings,
		startTime:     estimate{fallback: settings.StartEstimate},
		boots:         newBootTimes(settings.Boot),
		backoff:       backoff{base: settings.BackoffBase, ceiling: settings.BackoffMax},
		backoffOver:   actors.Alarm{Name: timerBackoff},
		lullOver:      actors.Alarm{Name: timerSurplus},
		sweepDue:      actors.Alarm{Name: timerSweep},
		drainedLong:   actors.Alarm{Name: timerDrained},
		turn:          actors.Alarm{Name: timerTarget},
		shadowDue:     actors.Alarm{Name: timerShadow},
		troubledDue:   actors.Alarm{Name: timerTroubled},
		troubles:      newRecent[wire.UserID, trouble](remembered),
		target:        settings.Min,
		adoption:      newAdoption(),
		unheard:       newUnheard(),
		listing:       newListing(),
		thresholdGap:  settings.ThresholdGap(),
		endedSessions: newRecent[wire.SessionID, endedSession](remembered),
		endedTasks:    newRecent[wire.TaskID, struct{}](remembered),
		crashedTasks:  newRecent[wire.TaskID, struct{}](remembered),
		starts:        pace{perSecond: settings.MaxSessionStartsPerSecond},
		userStarts:    newRecent[wire.UserID, pace](remembered),
		sought:        newRecent[wire.SessionID, time.Time](remembered),
		denied:        newRecent[wire.UserID, time.Time](remembered),
	}
}

// Receive takes the actor system's messages and leaves the rest to handle.
func (p *pool) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		p.ctx = ctx
		p.begin()
	case *actor.Stopping:
		p.stopping = true
		p.backoffOver.Cancel()
		p.lullOver.Cancel()
		p.sweepDue.Cancel()
		p.drainedLong.Cancel()
		p.turn.Cancel()
		p.shadowDue.Cancel()
		p.unheard.over.Cancel()
		p.troubledDue.Cancel()
		p.adoption.over.Cancel()
		p.listing.due.Cancel()
	case *actor.Stopped:
	case *actor.Terminated:
		if !p.stopping { // else it is only the end of everything
			p.terminated(m.Who)
		}
	default:
		p.handle(ctx, m)
	}
}

// handle is every message that is not the actor system's.
func (p *pool) handle(ctx actor.Context, message any) {
	switch m := message.(type) {
	case *messages.Alarm:
		p.rung(m)

	case *messages.ClientArrived:
		p.clientArrived(m)
	case *messages.BridgeArrived:
		p.bridgeArrived(m)

	case *messages.Claim:
		p.claim(m)
	case *messages.Presence:
		p.presence(m)
	case *messages.HintRequest:
		p.hintRequested(m)
	case *messages.Parked:
		p.sessionParked(m)
	case *messages.SessionEnded:
		p.sessionEnded(m)

	case *messages.ListRequest:
		p.listWithin(0)
	case *messages.TasksListed:
		p.tasksListed(m)
	case *messages.TaskLaunched:
		p.onTask(m.Task, m, func(t *taskRecord) { p.taskLaunched(t, m) })
	case *messages.TaskDescribed:
		if t := p.tasks[m.Task]; t != nil { // else it is another gateway's
			p.tell(t.pid, m)
		}
	case *messages.RevisionFound:
		p.revisionFound(m.Revision)
	case *messages.TaskPlaced:
		p.onTask(m.Task, m, func(t *taskRecord) { p.taskPlaced(t, m) })
	case *messages.TaskUp:
		p.onTask(m.Task, m, p.taskUp)
	case *messages.TaskDown:
		p.onTask(m.Task, m, func(t *taskRecord) { p.taskDown(t, m) })
	case *messages.TaskExpired:
		p.onTask(m.Task, m, p.taskExpired)
	case *messages.TaskActive:
		p.onTask(m.Task, m, func(t *taskRecord) { p.taskActive(t, m) })
	case *messages.TaskFailed:
		p.onTask(m.Task, m, func(t *taskRecord) { p.taskFailed(t, m) })
	case *messages.TaskMoved:
		p.onTask(m.Task, m, func(t *taskRecord) { p.taskMoved(t, m) })
	case *messages.TaskGone:
		p.onTask(m.Task, m, p.taskGone)

	case *messages.HostsListed:
		p.hostsListed(m)
	case *messages.HostChanged:
		p.hostChanged(m)

	default:
		p.handleAgents(ctx, m)
	}
}

// handleAgents is what tells of agents: which may run in a workspace, and how they end.
func (p *pool) handleAgents(ctx actor.Context, message any) {
	switch m := message.(type) {
	case *messages.AgentEnded:
		p.agentEnded(m)
	case *messages.FenceFound:
		p.onTask(m.Task, m, func(t *taskRecord) { p.fenceFound(t, m) })
	case *messages.TaskVacated:
		p.onTask(m.Task, m, p.taskVacated)
	default:
		p.handleOperator(ctx, m)
	}
}

// handleOperator is what operators and the process itself ask for.
func (p *pool) handleOperator(ctx actor.Context, message any) {
	switch m := message.(type) {
	case *messages.Resize:
		ctx.Respond(p.resize(m))
	case *messages.EndSessions:
		ctx.Respond(p.endSessions(m))
	case *messages.Drain:
		p.drain(ctx.Sender(), m.HandOver)
	case *messages.Undrain:
		p.undrain()
		ctx.Respond(&messages.Undrained{})
	case *messages.CapacityRequest:
		ctx.Respond(p.capacity())
	case *messages.StatusRequest:
		ctx.Respond(p.status())
	default:
		p.unexpected(m)
	}
}

// begin looks at what there is. The pool is filled once that is known.
func (p *pool) begin() {
	p.beginAim()
	p.follow()
	p.beginShadow()
	if p.Fleet != nil {
		p.sweep()
	}
	p.beginUnheard()
	p.beginAdoption()
}

func (p *pool) rung(m *messages.Alarm) {
	switch {
	case p.backoffOver.IsRung(m):
		p.replenish()
	case p.lullOver.IsRung(m):
		p.surplusStood()
	case p.troubledDue.IsRung(m):
		now := p.Clock.Now()
		p.serve(func(delayed *sessionRecord) bool { return !delayed.due.After(now) })
	case p.turn.IsRung(m):
		p.turned()
	case p.shadowDue.IsRung(m):
		p.tellShadow("", "")
	case p.sweepDue.IsRung(m):
		p.sweep()
	case p.drainedLong.IsRung(m):
		p.clearHosts()
		p.replenish()
	case p.listing.due.IsRung(m):
		p.list()
	case p.unheard.over.IsRung(m):
		p.endUnheard()
	case p.adoption.over.IsRung(m):
		p.adoptionOver()
	}
}

// onTask looks a task up for a message about it. News of a task that is not in the books is reported.
func (p *pool) onTask(id wire.TaskID, message any, handle func(*taskRecord)) {
	if t, ok := p.tasks[id]; ok {
		handle(t)
		return
	}
	if !p.crashedTasks.has(id) {
		p.unexpected(message)
	}
}

// terminated hears that a child has stopped. One that stopped without its last word has crashed.
func (p *pool) terminated(who *actor.PID) {
	name := strings.TrimPrefix(who.Id, actors.PoolName+"/")
	if id, ok := strings.CutPrefix(name, actors.SessionName("")); ok {
		if record := p.sessions[wire.SessionID(id)]; record != nil {
			p.sessionTerminated(record)
		}
		return
	}
	if strings.HasPrefix(name, actors.HostName("")) {
		p.hostCrashed(who)
		return
	}
	switch t := p.tasks[wire.TaskID(strings.TrimPrefix(name, actors.TaskName("")))]; {
	case t == nil:
	case t.left:
		p.taskLeft(t)
	case t.leaving && t.state != poolStopping:
		p.leaverCrashed(t)
	default:
		p.taskCrashed(t)
	}
}

// spawn starts a child. That there is one of the name already would be a mistake in the books.
func (p *pool) spawn(name string, child actor.Actor) *actor.PID {
	pid, err := p.Engine.Spawn(p.ctx, name, child)
	if err != nil {
		panic("actors: " + name + ": " + err.Error())
	}
	return pid
}

func (p *pool) tell(to *actor.PID, message any) { p.ctx.Send(to, message) }

func (p *pool) observe(event messages.Event) {
	event.At = p.Clock.Now()
	event.Census = p.census()
	event.Census.Held = p.held(0)
	event.Census.Min, event.Census.Max = p.settings.Min, p.settings.Max
	if p.settings.WarmPool {
		event.Census.Target = p.target
	}
	p.shadow.saw(&event)
	p.Observer.Observe(event)
}

func (p *pool) unexpected(message any) {
	actors.Unexpected(p.Observer, messages.Event{At: p.Clock.Now(), Phase: actors.PoolName}, message)
}
