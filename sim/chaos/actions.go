package chaos

import (
	"encoding/json"
	"fmt"
	"time"

	"hearth/messages"
	"hearth/messages/wire"
	"hearth/sim/model"
)

// action is something that can happen. Its play does nothing when it cannot happen now.
type action struct {
	name   string
	weight int
	play   func(*storm)
}

// actions are all that can happen. The first must bring a client, the last three deploy, restart and drain.
var actions []action

func init() {
	actions = []action{
		{"arrive", 8, (*storm).arrive},
		{"burst", 1, (*storm).burst},
		{"leave", 3, (*storm).leave},
		{"reload", 2, (*storm).reload},
		{"give-up", 1, (*storm).giveUp},
		{"say", 6, (*storm).say},
		{"drop-client", 3, (*storm).dropClient},
		{"dial-again", 2, (*storm).dialAgain},
		{"twin", 1, (*storm).twin},
		{"stall-client", 1, (*storm).stallClient},
		{"hold-client", 1, (*storm).holdClient},
		{"hold-bridge", 1, (*storm).holdBridge},
		{"refresh-token", 2, (*storm).refreshToken},
		{"bad-client", 1, (*storm).badClient},
		{"stranger", 1, (*storm).stranger},
		{"kill-task", 3, (*storm).killTask},
		{"evict-task", 2, (*storm).evictTask},
		{"lose-host", 1, (*storm).loseHost},
		{"drain-host", 2, (*storm).drainHost},
		{"interrupt-host", 1, (*storm).interruptHost},
		{"hide-host", 1, (*storm).hideHost},
		{"drop-bridge", 3, (*storm).dropBridge},
		{"cut-off", 2, (*storm).cutOff},
		{"exit-agent", 1, (*storm).exitAgent},
		{"capture-bridge", 3, (*storm).captureBridge},
		{"script", 2, (*storm).script},
		{"resize", 2, (*storm).resize},
		{"regret", 1, (*storm).regret},
		{"stand-back", 1, (*storm).standBack},
		{"deploy", 0, (*storm).deploy},
		{"restart", 0, (*storm).restart},
		{"drain", 0, (*storm).drain},
	}
}

func (s *storm) client() *model.Client {
	if len(s.clients) == 0 {
		return nil
	}
	return s.clients[s.dice.IntN(len(s.clients))]
}

func (s *storm) task() *model.Container {
	running := s.model.Cloud.Running()
	if len(running) == 0 {
		return nil
	}
	return running[s.dice.IntN(len(running))]
}

func (s *storm) arrive() {
	s.users++
	d := s.dice
	visit := model.Visit{
		User: wire.UserID(fmt.Sprintf("user-%d", s.users%some(d, 1000, 3))),
		Stay: some(d, 0, 30*second, 5*minute), Vanish: often(d, 4), Patience: some(d, 0, 0, 5*second),
		Acks: often(d, 2), Numbers: often(d, 2), Early: some(d, 0, 0, 3),
		Typing: maybe(d, 2, model.Exponential(some(d, second, 10*second))),
	}
	if !often(d, 4) {
		visit.Return = model.Uniform{Max: some(d, second, 20*second)}
	}
	c := s.model.Arrive(visit)
	s.clients = append(s.clients, c)
	s.tell("client %d arrives (acks=%t numbers=%t)", c.Number, c.Acks, c.Numbers)
}

func (s *storm) burst() {
	for range 2 + s.dice.IntN(12) {
		s.arrive()
	}
}

func (s *storm) leave() {
	if c := s.client(); c != nil {
		s.tell("client %d leaves", c.Number)
		c.Leave()
	}
}

// reload has a user come again in another session, as a page does that is loaded again, and leave the one before without a
// word.
func (s *storm) reload() {
	for range 1 + s.dice.IntN(5) {
		c := s.client()
		if c == nil {
			return
		}
		s.tell("client %d reloads its page", c.Number)
		c.Vanish = true
		c.Leave()
		s.forgetClients()
		s.arrive()
		s.model.World.Advance(time.Duration(s.dice.IntN(500)) * ms)
	}
}

// giveUp has everyone leave who waits.
func (s *storm) giveUp() {
	for _, c := range s.clients {
		if c.ReadyAt.IsZero() {
			s.tell("client %d gives up", c.Number)
			c.Leave()
		}
	}
}

func (s *storm) say() {
	if c := s.client(); c != nil {
		for range 1 + s.dice.IntN(5) {
			c.Say()
		}
	}
}

func (s *storm) dropClient() {
	if c := s.client(); c != nil {
		s.tell("client %d loses its socket", c.Number)
		c.Drop()
	}
}

func (s *storm) dialAgain() {
	if c := s.client(); c != nil {
		s.tell("client %d dials again", c.Number)
		s.oracle.hasty[c] = true
		s.oracle.shared[c.Session] = true
		c.Again()
	}
}

func (s *storm) twin() {
	if c := s.client(); c != nil && c.Session != "" {
		twin := c.Twin()
		s.oracle.shared[c.Session] = true
		s.clients = append(s.clients, twin)
		s.tell("client %d joins the session of client %d", twin.Number, c.Number)
	}
}

func (s *storm) stallClient() {
	if c := s.client(); c != nil && c.Link() != nil {
		link := c.Link()
		s.tell("client %d stops reading", c.Number)
		link.Stall(true)
		s.oracle.stalled[c] = true
		s.model.World.Later(time.Duration(s.dice.IntN(15))*second, func() { link.Stall(false) })
	}
}

// maxHold is how long a socket delivers nothing at most.
const maxHold = 12 * second

// holdClient has what goes through a client's socket come late, holdBridge the same of a bridge's.
func (s *storm) holdClient() {
	if c := s.client(); c != nil && c.Link() != nil {
		s.tell("the socket of client %d is slow", c.Number)
		c.Link().Hold(s.holdTime())
		s.oracle.stalled[c] = true
	}
}

func (s *storm) holdBridge() {
	if t := s.task(); t != nil && t.Link() != nil {
		s.tell("the socket of task %s is slow", s.narrator.Task(t.Request.Task))
		t.Link().Hold(s.holdTime())
	}
}

func (s *storm) holdTime() time.Duration { return time.Duration(s.dice.IntN(int(maxHold/ms))) * ms }

// refreshToken has a client replace its token. On a socket that is broken already it would be lost.
func (s *storm) refreshToken() {
	c := s.client()
	if c == nil || c.Session == "" || c.Link() == nil || !c.Link().Healthy() {
		return
	}
	s.users++
	token := wire.Secret(fmt.Sprintf("token-%d", s.users))
	s.tell("client %d has a new token", c.Number)
	c.Refresh(token)
}

// badClient says what a client should not.
func (s *storm) badClient() {
	if c := s.client(); c != nil {
		s.tell("client %d misbehaves", c.Number)
		c.Send(some[wire.Frame](s.dice,
			wire.Ack{Seq: 1 << 40},
			wire.Unknown{Type: "surprise"},
			wire.Data{Seq: 1 << 40, Ack: 1 << 40, Payload: json.RawMessage("0")},
			wire.Hello{SessionID: c.Session},
			wire.Ping{ID: "p"},
			wire.Close{},
		))
	}
}

// stranger asks for somebody else's session, or for one that never was.
func (s *storm) stranger() {
	id := wire.SessionID("s-unknown")
	if c := s.client(); c != nil && c.Session != "" {
		id = c.Session
	}
	s.tell("a stranger asks for session %s", s.narrator.Session(id))
	s.oracle.strangers[s.model.Join(model.Visit{User: "stranger"}, id, 0)] = true
}

func (s *storm) killTask() {
	if t := s.task(); t != nil {
		s.tell("task %s dies", s.narrator.Task(t.Request.Task))
		t.Die("OutOfMemoryError: container killed")
	}
}

func (s *storm) evictTask() {
	if t := s.task(); t != nil {
		s.tell("an operator stops task %s", s.narrator.Task(t.Request.Task))
		t.Evict()
	}
}

func (s *storm) dropBridge() {
	if t := s.task(); t != nil && t.Link() != nil {
		s.tell("task %s loses its socket", s.narrator.Task(t.Request.Task))
		t.Link().Cut()
	}
}

func (s *storm) exitAgent() {
	if t := s.task(); t != nil {
		s.tell("the agent of task %s exits", s.narrator.Task(t.Request.Task))
		t.Exits(s.dice.IntN(2))
	}
}

// captureBridge has an agent take its bridge over, which claims to be warm from its next dial on: with nothing to show for
// it but what it has, with something made up, or with what another task has.
func (s *storm) captureBridge() {
	t := s.task()
	if t == nil {
		return
	}
	pass := some(s.dice, "", "", "forged", s.task().Pass())
	if t.Capture(pass) {
		s.captures++
		s.tell("the agent of task %s has captured its bridge", s.narrator.Task(t.Request.Task))
	}
}

// script decides what becomes of the next few calls.
func (s *storm) script() {
	op := some(s.dice, model.OpRun, model.OpRun, model.OpStop, model.OpDescribe, model.OpSweep)
	outcome := some(s.dice,
		model.Outcome{Fault: messages.LaunchThrottled},
		model.Outcome{Fault: messages.LaunchUnavailable},
		model.Outcome{Fault: messages.LaunchTimeout, After: 5 * second},
		model.Outcome{Fault: messages.LaunchTimeout, Carried: true, After: 5 * second},
		model.Outcome{Fault: messages.LaunchNoCapacity},
		model.Outcome{Fault: messages.LaunchDenied},
		model.Outcome{After: 20 * second},
	)
	n := 1 + s.dice.IntN(5)
	s.tell("the next %d calls of %s: %+v", n, op, outcome)
	for range n {
		s.model.Cloud.Script(op, outcome)
	}
}

func (s *storm) resize() {
	minimum := s.dice.IntN(6)
	s.resizeTo(minimum, minimum+s.dice.IntN(5))
}

// regret has an operator ask for more tasks and take that back while they start.
func (s *storm) regret() {
	s.resizeTo(5+s.dice.IntN(6), 11)
	s.model.World.Advance(time.Duration(s.dice.IntN(3000)) * ms)
	s.resize()
}

func (s *storm) resizeTo(minimum, maximum int) {
	s.tell("the pool is to be %d to %d", minimum, maximum)
	asked := s.model.Front()
	s.model.Resize(minimum, maximum, func(r *messages.Resized) {
		if (r.Problem == "") != (maximum >= 1) {
			s.oracle.breach("resize to %d to %d was answered %q", minimum, maximum, r.Problem)
		}
		if r.Problem == "" {
			book := s.oracle.books[asked]
			book.floor, book.floored = minimum, s.elapsed()
		}
	})
}

// maxDown is how long it takes at most until another gateway runs.
const maxDown = 5 * second

// maxBack is how long an operator has the gateway drain at most before that is taken back.
const maxBack = 20 * second

// standBack has the gateway drain for a while. Nobody is there to take over what it hands over.
func (s *storm) standBack() {
	if s.draining || s.model.Down() || s.model.Deploying() || s.model.StandsBack() {
		return
	}
	s.tell("the gateway drains for an operator")
	s.oracle.turnTo(s.model.Front())
	s.oracle.handsOver = true
	s.model.StandBack(true)
	s.model.World.Later(time.Duration(s.dice.IntN(int(maxBack/ms)))*ms, func() {
		if s.model.StandsBack() { // it was not killed meanwhile
			s.tell("the operator takes that back")
			s.model.Undrain()
		}
	})
}

// restart kills the gateway's process. The next one finds its tasks and sessions in ECS, in the bridges and in the clients.
func (s *storm) restart() {
	if s.draining || s.model.Down() {
		return
	}
	s.tell("the gateway is killed")
	s.kills++
	s.oracle.ended(s.model.Front())
	s.model.Restart(time.Duration(s.dice.IntN(int(maxDown/ms))) * ms)
}

// deploy has another gateway take over. What the old one has not handed over in time, it drops.
func (s *storm) deploy() {
	if s.draining || s.model.Down() || s.model.Deploying() {
		return
	}
	old := s.model.Front()
	s.tell("another gateway takes over")
	s.deploys++
	s.oracle.turnTo(old)
	s.oracle.handsOver = true
	s.model.Deploy(time.Duration(s.dice.IntN(int(maxDeploy/ms)))*ms, func() {
		s.tell("the old gateway has ended")
		s.oracle.ended(old)
	})
}

// maxDeploy is how long a gateway is given at most to hand over what it has: DRAIN_TIMEOUT.
const maxDeploy = 30 * second

func (s *storm) drain() {
	if s.draining || s.model.Down() || s.model.Deploying() || s.model.StandsBack() {
		return
	}
	s.draining = true
	s.tell("the gateway drains")
	s.model.Drain(func() {
		s.drained = true
		s.tell("drained")
	})
}
