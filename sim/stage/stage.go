// Package stage has one actor act alone: the test is everybody else. A stage has ports behind which nothing happens by
// itself; what the actor does there is written down in words.
package stage

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
)

// Stage is where an actor acts.
type Stage struct {
	actor  actor.Actor
	system *actor.ActorSystem
	self   *actor.PID
	now    time.Time
	timers []*timer
	said   []string
}

// Spawn makes an actor with the given ports and pool.
type Spawn func(ports *actors.Ports, pool *actor.PID) actor.Actor

// Begin has an actor begin on a stage of its own, under the name that it has among the pool's children.
func Begin(name string, spawn Spawn) *Stage {
	s := &Stage{now: time.Unix(0, 0), system: &actor.ActorSystem{}}
	s.system.Root = actor.NewRootContext(s.system, nil, func(actor.SenderFunc) actor.SenderFunc {
		return func(_ actor.SenderContext, to *actor.PID, envelope *actor.MessageEnvelope) {
			s.say("%s %s", whose(to), typeOf(envelope.Message))
		}
	})
	pool := actor.NewPID("stage", actors.PoolName)
	s.self = actor.NewPID(pool.Address, pool.Id+"/"+name)
	ports := &actors.Ports{
		Clock: s, Rand: s, Launcher: launcher{s}, Fleet: fleet{}, Links: links{s}, Signer: signer{}, Observer: s,
	}
	s.actor = spawn(ports, pool)
	s.Tell(&actor.Started{})
	return s
}

// Actor is the one that acts.
func (s *Stage) Actor() actor.Actor { return s.actor }

// Tell has the actor handle a message. A panic of the actor's is the caller's.
func (s *Stage) Tell(message any) { s.actor.Receive(&context{stage: s, message: message}) }

// Ring has the timer of a name ring, if it is set.
func (s *Stage) Ring(name messages.Timer) (rung bool) {
	for _, t := range s.timers {
		if alarm, ok := t.message.(*messages.Alarm); ok && alarm.Timer == name {
			s.now = s.now.Add(t.after)
			t.Stop()
			s.Tell(alarm)
			return true
		}
	}
	return false
}

// Said is what the actor has done since it was asked last, in order.
func (s *Stage) Said() string {
	said := strings.Join(s.said, ", ")
	s.said = nil
	return said
}

func (s *Stage) say(format string, values ...any) {
	s.said = append(s.said, fmt.Sprintf(format, values...))
}

// Now is the stage's time. It goes on only by timers that ring.
func (s *Stage) Now() time.Time { return s.now }

// After notes a timer.
func (s *Stage) After(d time.Duration, _ *actor.PID, message any) actors.Timer {
	t := &timer{stage: s, after: d, message: message}
	s.timers = append(s.timers, t)
	return t
}

// Uint64 is not random here, nor is Float64.
func (*Stage) Uint64() uint64 { return 0 }

// Float64 is in the middle.
func (*Stage) Float64() float64 { return 0.5 }

// Observe notes a fact.
func (s *Stage) Observe(e messages.Event) {
	if e.Was+e.Phase != "" && e.Kind == messages.EventSessionState || e.Kind == messages.EventHost {
		s.say("fact %s to %s", e.Kind, e.Phase)
		return
	}
	s.say("fact %s", e.Kind)
}

// timer is one that may be rung.
type timer struct {
	stage   *Stage
	after   time.Duration
	message any
}

// Stop takes the timer back.
func (t *timer) Stop() bool {
	place := slices.Index(t.stage.timers, t)
	if place >= 0 {
		t.stage.timers = slices.Delete(t.stage.timers, place, place+1)
	}
	return place >= 0
}

// context is all that an actor asks of its context.
type context struct {
	actor.Context
	stage   *Stage
	message any
}

func (c *context) Message() any                    { return c.message }
func (c *context) Self() *actor.PID                { return c.stage.self }
func (c *context) ActorSystem() *actor.ActorSystem { return c.stage.system }

// launcher and the other ports write down what is asked of them.
type launcher struct{ stage *Stage }

func (l launcher) Run(*actor.PID, messages.RunTask)               { l.stage.say("ecs run") }
func (l launcher) Stop(_ *actor.PID, _ wire.TaskID, _, _ string)  { l.stage.say("ecs stop") }
func (l launcher) List(*actor.PID)                                { l.stage.say("ecs list") }
func (l launcher) Describe(_ *actor.PID, _ wire.TaskID, _ string) { l.stage.say("ecs describe") }

type fleet struct{}

func (fleet) Sweep(*actor.PID) {}

type links struct{ stage *Stage }

func (l links) Bind(link messages.LinkID, owner *actor.PID) {
	if owner == nil {
		l.stage.say("socket %d let go", link)
		return
	}
	l.stage.say("socket %d taken", link)
}

func (l links) Send(link messages.LinkID, frame wire.Frame) (written bool) {
	l.stage.say("socket %d %s", link, frame.FrameType())
	return false
}

func (l links) Credit(link messages.LinkID, _ int) { l.stage.say("socket %d credited", link) }

func (l links) Close(link messages.LinkID, code wire.CloseCode) {
	l.stage.say("socket %d closed with %d", link, code)
}

// Binding and Pass are the signatures that the stage's signer makes, and takes for good.
const (
	Binding             = "the binding"
	Pass    wire.Secret = "the pass"
)

type signer struct{}

func (signer) Binding(wire.TaskID, wire.SessionID, wire.UserID) string { return Binding }
func (signer) VerifyBinding(binding string, _ wire.TaskID, _ wire.SessionID, _ wire.UserID) bool {
	return binding == Binding
}
func (signer) WarmPass(wire.TaskID) wire.Secret                    { return Pass }
func (signer) VerifyWarmPass(pass wire.Secret, _ wire.TaskID) bool { return pass == Pass }

// whose is the actor behind an address, without its id.
func whose(pid *actor.PID) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(pid.Id, actors.PoolName+"/"), "-")
	return name
}

func typeOf(message any) string {
	return strings.TrimPrefix(fmt.Sprintf("%T", message), "*messages.")
}
