package world

import "github.com/asynkron/protoactor-go/actor"

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
