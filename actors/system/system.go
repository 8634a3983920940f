// Package system is what both machines that run actors, infra/engine and sim/world, need of protoactor: an actor system
// without the library's clocks, goroutines and logs of whole messages. No actor imports it.
package system

import (
	"errors"
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/eventstream"
	cmap "github.com/orcaman/concurrent-map"
)

// The library keeps its actors in 1024 maps and each of those in SHARD_COUNT more, which makes an actor system cost
// 3 ms and 3 MiB. One shard is enough. The variable is read at every look-up, so it must be set before the first system
// is made.
func init() { cmap.SHARD_COUNT = 1 }

// Errors of sending to actors and of spawning the root actor.
var (
	// ErrNil: the actor or the message is nil.
	ErrNil = errors.New("nil actor or message")
	// ErrRootExists: the system has its one root actor.
	ErrRootExists = errors.New("there is a root actor already")
)

// Hooks tell the program that runs the actors what happens to them. A hook runs within the handling of a message, and must not
// block.
type Hooks struct {
	// Crashed hears that an actor panicked over a message, while the panic's frames are on the stack.
	Crashed func(self *actor.PID, reason, message any)
	// Ended hears that an actor has ended. May be nil.
	Ended func()
	// DeadLetter hears of a message that reached no actor; the library's own are left out.
	DeadLetter func(letter *actor.DeadLetterEvent)
}

// System is protoactor's actor system. Its actors live in Shells.
type System struct {
	*actor.ActorSystem
	hooks Hooks
}

// New makes a system that has no actors yet. The library's warnings go to log.
func New(log *slog.Logger, hooks Hooks) *System {
	s := &System{hooks: hooks}
	s.ActorSystem = actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return log }))
	// The library's own subscribers log whole messages and throttle themselves with a goroutine that nothing ends.
	s.EventStream = eventstream.NewEventStream()
	s.EventStream.Subscribe(s.onEvent)
	return s
}

// Above is the parent of the root actor. Failed is told why that panicked; all actors are being stopped then. It must not
// block.
func (s *System) Above(failed func(reason any)) actor.SpawnerContext {
	return s.Root.Copy().WithGuardian(&guardian{failed})
}

// onEvent hears of every message that reached no actor, on its sender's goroutine.
func (s *System) onEvent(event any) {
	letter, ok := event.(*actor.DeadLetterEvent)
	if !ok {
		return
	}
	switch message := letter.Message.(type) {
	case *actor.Watch:
		if watcher, alive := s.ProcessRegistry.Get(message.Watcher); alive {
			watcher.SendSystemMessage(message.Watcher,
				&actor.Terminated{Who: letter.PID, Why: actor.TerminatedReason_NotFound})
		}
		return
	case actor.SystemMessage, actor.MailboxMessage, actor.AutoReceiveMessage, *actor.DeadLetterResponse:
		return
	}
	s.noAnswer(letter.Sender)
	s.hooks.DeadLetter(letter)
}

// NoAnswer tells whoever sent a request that nobody will answer it. The message is as a mailbox has it.
func (s *System) NoAnswer(message any) {
	_, _, sender := actor.UnwrapEnvelope(message)
	s.noAnswer(sender)
}

func (s *System) noAnswer(sender *actor.PID) {
	if sender != nil {
		s.Root.Send(sender, &actor.DeadLetterResponse{})
	}
}

// IsNil reports a message that would reach an actor as nil, on which the library's mailboxes loop for ever.
func IsNil(message any) bool {
	if envelope, ok := message.(*actor.MessageEnvelope); ok {
		return envelope == nil || envelope.Message == nil
	}
	return message == nil
}
