package engine

import (
	"fmt"

	"github.com/asynkron/protoactor-go/actor"
)

// shell is around every actor. The library abandons a stop when a handler panics on the way: the actor's children are
// not stopped, its parent is not told and can then never stop either. So from Stopping on a panic ends where it happens.
//
// Its fields belong to whoever runs the actor's mailbox.
type shell struct {
	actor.Actor
	crashed func(ctx actor.Context, reason any)
	// stopping is set from Stopping on: only what the library itself has to say reaches the actor after that.
	stopping bool
}

// Receive passes everything on.
func (s *shell) Receive(ctx actor.Context) {
	if _, ok := ctx.Message().(*actor.Stopping); ok {
		s.stopping = true
	}
	if s.stopping {
		defer s.contain(ctx)
	}
	s.Actor.Receive(ctx)
}

func (s *shell) contain(ctx actor.Context) {
	if reason := recover(); reason != nil {
		s.crashed(ctx, reason)
	}
}

// reasonText is a panic's value as it may be logged: what a programmer wrote, but no other value's content, which might
// be a message's.
func reasonText(reason any) string {
	switch r := reason.(type) {
	case error:
		return r.Error()
	case string:
		return r
	}
	return fmt.Sprintf("panic with a %T", reason)
}

// typeName names a message for logs and metrics without showing its content.
func typeName(message any) string {
	if envelope, ok := message.(*actor.MessageEnvelope); ok {
		message = envelope.Message
	}
	return fmt.Sprintf("%T", message)
}
