package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// askLimit bounds every Ask, whatever its context says.
const askLimit = 30 * time.Second

// Ask sends a message as a request and waits for the actor's ctx.Respond, at most until ctx ends and at most 30 s. For
// adapters only: an actor must not wait. ErrNoReceiver says that there will be no answer.
//
// The library's Future is not used: a late or second answer races with its result.
func (e *Engine) Ask(ctx context.Context, to *actor.PID, message any) (any, error) {
	if to == nil || isNil(message) {
		return nil, ErrNil
	}
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	sender, answers := e.openInbox()
	defer e.system.ProcessRegistry.Remove(sender)
	e.system.Root.RequestWithCustomSender(to, message, sender)
	select {
	case answer := <-answers:
		if _, dead := answer.(*actor.DeadLetterResponse); dead {
			return nil, ErrNoReceiver
		}
		return answer, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("engine: no answer to %s: %w", typeName(message), ctx.Err())
	}
}

// inbox is a process without an actor. It holds the first message that it is sent and lets later ones go.
type inbox chan any

// openInbox registers an inbox; its owner removes it from the registry.
func (e *Engine) openInbox() (*actor.PID, <-chan any) {
	box := make(inbox, 1)
	registry := e.system.ProcessRegistry
	// NextId never gives an id twice, so the name is free.
	pid, _ := registry.Add(box, "inbox"+registry.NextId())
	return pid, box
}

// SendUserMessage is called on the sender's goroutine.
func (b inbox) SendUserMessage(_ *actor.PID, message any) {
	_, message, _ = actor.UnwrapEnvelope(message)
	b.SendSystemMessage(nil, message)
}

// SendSystemMessage is called on the sender's goroutine.
func (b inbox) SendSystemMessage(_ *actor.PID, message any) {
	select {
	case b <- message:
	default:
	}
}

// Stop does nothing: an inbox ends when its owner removes it.
func (inbox) Stop(*actor.PID) {}
