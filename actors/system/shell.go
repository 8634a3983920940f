package system

import "github.com/asynkron/protoactor-go/actor"

// Shell is around every actor. The library abandons a stop when a handler panics on the way: the actor's children are
// not stopped, its parent is not told and can then never stop either. So from Stopping on a panic ends where it happens.
//
// A shell belongs to whoever runs its actor's mailbox: one message at a time.
type Shell struct {
	actor.Actor
	system  *System
	invoker actor.MessageInvoker
	self    *actor.PID
	// stopping is set from Stopping on: only what the library itself has to say reaches the actor after that.
	stopping bool
}

// Shell is what to spawn in an actor's place.
func (s *System) Shell(child actor.Actor) Shell { return Shell{Actor: child, system: s} }

// Bind is for a mailbox's RegisterHandlers, and says whose the mailbox is.
func (s *Shell) Bind(invoker actor.MessageInvoker) (self *actor.PID) {
	s.invoker, s.self = invoker, invoker.(actor.Context).Self()
	return s.self
}

// Receive passes everything on.
func (s *Shell) Receive(ctx actor.Context) {
	switch ctx.Message().(type) {
	case *actor.Stopping:
		s.stopping = true
	case *actor.Stopped:
		if s.system.hooks.Ended != nil {
			s.system.hooks.Ended()
		}
	}
	if s.stopping {
		defer s.contain(ctx)
	}
	s.Actor.Receive(ctx)
}

func (s *Shell) contain(ctx actor.Context) {
	if reason := recover(); reason != nil {
		s.system.hooks.Crashed(s.self, reason, ctx.Message())
	}
}

// Handle has the actor handle a message. What a failed actor has waiting must go on when it reports true: the actor is
// stopping, and hands it to the dead letters, where it is counted and its sender gets an answer.
func (s *Shell) Handle(message any, isSystem bool) (resume bool) {
	switch {
	case isSystem:
		s.invoker.InvokeSystemMessage(message)
		return s.stopping
	case s.stopping:
		s.system.DeadLetter.SendUserMessage(s.self, message)
	default:
		s.invoker.InvokeUserMessage(message)
	}
	return false
}

// Fail hands an actor that panicked over a message to its parent, which stops it. It must be called from the deferred
// function that recovered, while the panic's frames are on the stack.
func (s *Shell) Fail(reason, message any) {
	s.system.hooks.Crashed(s.self, reason, message)
	s.system.NoAnswer(message)
	s.invoker.EscalateFailure(reason, message)
}
