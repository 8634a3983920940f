package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/actors/system"
)

// askLimit bounds every Ask, whatever its context says.
const askLimit = 30 * time.Second

// Ask sends a message as a request and waits for the actor's ctx.Respond, at most until ctx ends and at most 30 s. For
// adapters only: an actor must not wait. ErrNoReceiver says that there will be no answer.
func (e *Engine) Ask(ctx context.Context, to *actor.PID, message any) (any, error) {
	if to == nil || system.IsNil(message) {
		return nil, system.ErrNil
	}
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	sender, answers := e.openInbox()
	defer sender.Close()
	e.system.Root.RequestWithCustomSender(to, message, sender.PID)
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

// openInbox makes an inbox that keeps the first message that it is sent and lets later ones go.
func (e *Engine) openInbox() (*system.Inbox, <-chan any) {
	first := make(chan any, 1)
	return e.system.OpenInbox(func(message any) {
		select {
		case first <- message:
		default:
		}
	}), first
}
