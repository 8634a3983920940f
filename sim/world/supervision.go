package world

import "github.com/asynkron/protoactor-go/actor"

// What follows is infra/engine's supervision once more, so that a simulated failure goes exactly as a real one.

// stopOnFailure is every actor's way to treat a child that panicked: it is stopped, never restarted, because nothing is
// known of the state that it was left in. Its parent hears of it by a Terminated.
type stopOnFailure struct{}

// HandleFailure runs in the parent's mailbox.
func (stopOnFailure) HandleFailure(_ *actor.ActorSystem, parent actor.Supervisor, child *actor.PID,
	_ *actor.RestartStatistics, _, _ any) {
	parent.StopChildren(child)
}

// guardian is the parent of the root actor. It must not escalate: the library has nothing above a guardian, and panics.
type guardian struct {
	failed func(reason any)
}

// HandleFailure runs in the root actor's mailbox.
func (g *guardian) HandleFailure(_ *actor.ActorSystem, above actor.Supervisor, root *actor.PID,
	_ *actor.RestartStatistics, reason, _ any) {
	above.StopChildren(root)
	g.failed(reason)
}

// shell is around every actor. The library abandons a stop when a handler panics on the way: the actor's children are
// not stopped, its parent is not told and can then never stop either. So from Stopping on a panic ends where it happens.
type shell struct {
	actor.Actor
	node *Node
	// stopping is set from Stopping on: only what the library itself has to say reaches the actor after that.
	stopping bool
}

// Receive passes everything on.
func (s *shell) Receive(ctx actor.Context) {
	switch ctx.Message().(type) {
	case *actor.Stopping:
		s.stopping = true
	case *actor.Stopped:
		s.node.alive--
	}
	if s.stopping {
		defer s.contain(ctx)
	}
	s.Actor.Receive(ctx)
}

func (s *shell) contain(ctx actor.Context) {
	reason := recover()
	if reason != nil {
		s.node.recordCrash(ctx.Self(), reason, ctx.Message())
	}
}
