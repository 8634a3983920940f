package chaos

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
	"hearth/sim/model"
	"hearth/sim/world"
)

// slack is what a promise with a deadline may be late by: the sockets' own delays.
const slack = 2 * second

// maxBroken is how many broken promises of one storm are kept.
const maxBroken = 10

// oracle watches a storm. It knows the settings and what happened at the ports, and nothing of the actors' inside.
type oracle struct {
	storm *storm
	// The book of the process that is looked at, and those of all, by number.
	*gatewayBook
	books map[int]*gatewayBook
	// spare is how far the threshold is below the minimum, however a pool is resized: at least 1.
	spare int
	// witnesses are the processes' forecasts, where the pool follows the demand.
	witnesses []*witness

	broken []string
	// calm: the storm is over. sabotaged counts the crashes that were made.
	calm      bool
	sabotaged int

	tasks    map[wire.TaskID]*taskBook
	sessions map[wire.SessionID]*sessionBook
	lines    lineBook
	fences   fenceBook
	// strangers must never be let in.
	strangers map[*model.Client]bool
	// stalled clients did not read for a while, or their socket was slow. Hasty ones had two sockets at once, which may be
	// overtaken; shared are the sessions of those and of several clients that knew nothing of one another.
	stalled, hasty map[*model.Client]bool
	shared         map[wire.SessionID]bool
	// alone are the sessions that have no client, since when.
	alone map[wire.SessionID]time.Time
	// letIn is when a client was last given its session.
	letIn map[*model.Client]time.Time
}

// taskBook is what the oracle knows of a task.
type taskBook struct {
	// gateway is the latest process that has decided on it, claimer the one that has claimed it.
	gateway, claimer int
	// session is whom it was claimed for, inits how many init_user its bridge was sent.
	session wire.SessionID
	inits   int
	// dying: the task itself said so, or its actor crashed. elsewhere: its bridge did not come to this gateway in time, so that
	// it counts as another one's, which will find it; or it was left to an operator, and is abandoned.
	dying, elsewhere, abandoned bool
	// claimed is when it was last claimed, dyingSince when it last was given up, and dyingAt by which process.
	claimed, dyingSince time.Time
	dyingAt             int
}

// sessionBook is what the oracle knows of a session.
type sessionBook struct {
	user wire.UserID
	task wire.TaskID
	// gateway is the process that the task is the session's at, heldBy the one whose session actor has last spoken.
	gateway, heldBy int
	// given is when it was last given a task, at any process of the gateway.
	given time.Time
	// ready says that it has had an agent, met that it had its client then, or had both before it was adopted.
	ready, met bool
}

func newOracle(s *storm, o *model.Options) *oracle {
	oracle := &oracle{
		storm: s, spare: max(1, o.Settings.Min-o.Settings.Threshold), books: map[int]*gatewayBook{},
		tasks: map[wire.TaskID]*taskBook{}, sessions: map[wire.SessionID]*sessionBook{},
		lines: newLineBook(), fences: fenceBook{ended: map[int]time.Time{}}, strangers: map[*model.Client]bool{}, letIn: map[*model.Client]time.Time{},
		alone: map[wire.SessionID]time.Time{}, stalled: map[*model.Client]bool{}, hasty: map[*model.Client]bool{}, shared: map[wire.SessionID]bool{},
	}
	oracle.turnTo(1)
	return oracle
}

func (o *oracle) failed() bool { return len(o.broken) > 0 }

// breach notes a broken promise.
func (o *oracle) breach(format string, arguments ...any) {
	if len(o.broken) == maxBroken {
		return
	}
	text := fmt.Sprintf("%.3fs: ", o.storm.elapsed().Seconds()) + fmt.Sprintf(format, arguments...)
	o.broken = append(o.broken, text)
	o.storm.tell("BROKEN: %s", text)
}

// rule notes what a port saw broken.
func (o *oracle) rule(text string) { o.breach("%s", text) }

func (o *oracle) task(id wire.TaskID) *taskBook {
	t := o.tasks[id]
	if t == nil {
		t = &taskBook{}
		o.tasks[id] = t
	}
	return t
}

func (o *oracle) session(id wire.SessionID) *sessionBook {
	s := o.sessions[id]
	if s == nil {
		s = &sessionBook{}
		o.sessions[id] = s
	}
	return s
}

// event takes a fact.
func (o *oracle) event(e *messages.Event) {
	o.turnTo(o.speaker())
	if e.Kind == messages.EventClaimed {
		o.claimed(e) // before the books are changed by it
	}
	o.poolEvent(e)
	o.agentEvent(e)
	o.attendance(e)
	o.hosts.fact(e)
	switch e.Kind {
	case messages.EventSessionBegun:
		o.session(e.Session)
		o.pool.begun++
	case messages.EventClaimed:
		o.hosts.heeded(o, e)
	case messages.EventStopping:
		t := o.task(e.Task)
		t.dying, t.dyingSince, t.dyingAt = true, e.At, o.number
	case messages.EventHandedOver:
		if t := o.task(e.Task); t.gateway <= o.number { // else the other has it already
			t.elsewhere = true
		}
	case messages.EventCrashed:
		o.crashed(e)
	case messages.EventReleased, messages.EventSessionEnded:
		if s := o.session(e.Session); s.gateway <= o.number { // else it goes on at the other
			s.task = ""
		}
	case messages.EventUnexpected:
		if slices.Contains(badFrames, e.Reason) {
			return
		}
		o.breach("unexpected %s in state %s of task %q session %q", e.Reason, e.Phase, e.Task, e.Session)
	case messages.EventAbandoned:
		if o.sabotaged == 0 {
			o.breach("task %s was abandoned: %s", e.Task, e.Reason)
		}
		o.task(e.Task).elsewhere, o.task(e.Task).abandoned = true, true // an operator's
	}
}

// attendance follows which sessions have their clients.
func (o *oracle) attendance(e *messages.Event) {
	if e.Session == "" {
		return
	}
	s := o.session(e.Session)
	switch e.Kind {
	case messages.EventSessionBegun:
		s.ready, s.met = false, false
	case messages.EventAdopted:
		s.ready, s.met = true, true
	case messages.EventAttached:
		delete(o.alone, e.Session)
	case messages.EventClientLeft:
		o.alone[e.Session] = e.At
	case messages.EventSessionReady:
		s.ready = true
	case messages.EventSessionEnded:
		delete(o.alone, e.Session)
		return
	case messages.EventCrashed:
		delete(o.alone, e.Session)
		return
	default:
		return
	}
	s.heldBy = o.number
	_, isAlone := o.alone[e.Session]
	s.met = s.met || s.ready && !isAlone
}

// claimed checks that a task is ready, that it serves one session in its life, and that a session has one live task. What
// the task has said in the same moment may cross with its claim.
func (o *oracle) claimed(e *messages.Event) {
	t, s := o.task(e.Task), o.session(e.Session)
	switch {
	case t.session != "" && (t.inits > 0 || t.claimer == o.number): // else its bridge left the other gateway before it heard
		o.breach("task %s was claimed for %s after %s", e.Task, e.Session, t.session)
	case o.places[e.Task] != placeReady:
		o.breach("task %s was claimed for %s and was not ready", e.Task, e.Session)
	case s.task != "" && !o.task(s.task).dying:
		o.breach("session %s was given task %s while it had %s", e.Session, e.Task, s.task)
	}
	t.claimed = e.At
	t.dying = t.dying && t.dyingAt == o.number // an earlier gateway may have given it up before its bridge had a user
	t.session, t.claimer, s.task, s.gateway = e.Session, o.number, e.Task, o.number
}

func (o *oracle) crashed(e *messages.Event) {
	if o.sabotaged == 0 {
		reason := "?"
		if crashes := o.storm.model.World.Crashes(); len(crashes) > 0 {
			reason = crashes[len(crashes)-1].Reason + "\n" + crashes[len(crashes)-1].Stack
		}
		o.breach("%s of task %q session %q crashed: %s", e.Reason, e.Task, e.Session, reason)
	}
	switch {
	case e.Task == "":
		o.session(e.Session).task = ""
	case !o.handsOver || !o.pool.draining: // else it may be another gateway's by now
		o.task(e.Task).dying = true
	}
}

// launched sees a task come into being in the cloud: only one that the pool decided on may.
func (o *oracle) launched(c *model.Container) {
	if o.tasks[c.Request.Task] == nil {
		o.breach("task %s was started by nobody's decision", c.Request.Task)
	}
}

// init sees an init_user reach a bridge: once in the task's life, and for the session that it was claimed for.
func (o *oracle) init(id wire.TaskID, init wire.InitUser) {
	t := o.task(id)
	if t.inits++; t.inits > 1 {
		o.breach("task %s was given a user %d times", id, t.inits)
	}
	if t.session != init.SessionID {
		o.breach("task %s of session %q was given session %q", id, t.session, init.SessionID)
	}
	if init.WorkspaceDir == "" || init.Token == "" {
		o.breach("task %s was given no token or no workspace", id)
	}
}

// afterPick checks what must be true whenever the pool has handled a message.
func (o *oracle) afterPick(p world.Pick) {
	if p.To.Id == actors.PoolName {
		o.turnTo(o.storm.numberOf(p))
		o.hosts.afterPick(p)
		o.poolSettled()
	}
}

// afterStep checks what must be true at any time.
func (o *oracle) afterStep() {
	now := o.storm.model.World.Now()
	for _, c := range o.storm.clients {
		o.notLeftInSilence(c, now)
	}
	for _, id := range slices.Sorted(maps.Keys(o.alone)) {
		limit := o.books[o.session(id).heldBy].settings.AbandonGrace + slack
		if since := now.Sub(o.alone[id]); since > limit && !o.session(id).met {
			o.breach("session %s was never ready, and lives without its client for %v", id, since)
		}
	}
	if err := o.storm.model.Failure(); err != nil {
		o.breach("the pool failed: %v", err)
	}
	if nils := o.storm.model.World.Counts().Nils; nils > 0 {
		o.breach("%d nil messages were sent", nils)
	}
}

// notLeftInSilence checks that a client whose socket works gets an agent or an error in time, and hears something at
// least every two seconds until then.
func (o *oracle) notLeftInSilence(c *model.Client, now time.Time) {
	if c.Asked.IsZero() || c.Link() == nil || !c.Link().Healthy() {
		return
	}
	limit := o.settings.StartTimeout + o.settings.RedialGrace + slack
	if o.stalled[c] {
		limit += maxHold
	}
	if o.sabotaged > 0 {
		limit = max(limit, model.BindTimeout+slack) // its hello may have gone to an actor that had just crashed
	}
	if waited := now.Sub(c.Asked); waited > limit {
		o.breach("client %d of session %q has waited %v and was told neither ready nor an error", c.Number, c.Session, waited)
	}
	switch last := c.Heard.(type) {
	case wire.Session:
	case wire.Status:
		if last.State == wire.StateReconnecting {
			return
		}
	default:
		return
	}
	if c.HeardAt.Before(c.Asked) || o.stalled[c] {
		return
	}
	if quiet := min(now.Sub(c.HeardAt), now.Sub(c.Asked)); quiet > o.settings.HintInterval+slack {
		o.breach("client %d waits and has heard nothing for %v", c.Number, quiet)
	}
}

// clientFrame takes a frame that a client is about to take.
func (o *oracle) clientFrame(c *model.Client, frame wire.Frame) {
	if o.strangers[c] {
		if _, in := frame.(wire.Session); in {
			o.breach("a stranger was let into session %s", c.Session)
		}
		return
	}
	if f, ok := frame.(wire.Session); ok {
		o.letIn[c] = o.storm.model.World.Now()
		if o.hasty[c] {
			o.shared[f.SessionID] = true
		}
	}
	if f, ok := frame.(wire.Error); ok && slices.Contains(neverTold, f.Code) && o.sabotaged == 0 {
		o.breach("client %d was told %s: %s", c.Number, f.Code, f.Message)
	}
	// One that came back at the last moment, or whose socket is slow, finds that its session is over before what it owes is
	// there. It can begin the session again, and owes it still.
	late := o.stalled[c] || o.storm.model.World.Now().Sub(o.letIn[c]) < maxHold+slack
	if f, ok := frame.(wire.Bye); ok && f.Reason == wire.ByeIdleTimeout && o.calm && !late {
		if why := o.storm.owed(c); why != "" {
			o.breach("client %d was sent away idle, but %s", c.Number, why)
		}
	}
	o.lines.clientFrame(o, c, frame)
}

// badFrames are what only clients that misbehave send in the middle of a session.
var badFrames = []string{"wire.Hello", "wire.Unknown"}

// clientDone sees a client's last moment: who is sent away is told why.
func (o *oracle) clientDone(c *model.Client) {
	told := c.Bye != "" || c.Error != ""
	if c.Closed != 0 && c.Closed != wire.CloseTryAgain && !told && !o.strangers[c] {
		o.breach("client %d was closed with %d and not told why", c.Number, c.Closed)
	}
}

// neverTold are the errors that no storm without sabotage leads to.
var neverTold = []wire.ErrorCode{wire.CodeInternal, wire.CodeUnauthenticated, wire.CodeForbidden}
