package engine

import (
	"runtime/debug"

	"github.com/asynkron/protoactor-go/actor"
)

// IncidentKind names what should not have happened.
type IncidentKind string

// The kinds of incidents.
const (
	// IncidentCrash: an actor panicked; it is being stopped.
	IncidentCrash IncidentKind = "crash"
	// IncidentOverflow: a message was refused because the mailbox was full.
	IncidentOverflow IncidentKind = "overflow"
	// IncidentDeadLetter: a message reached no actor. A few are normal: a timer may fire as its actor stops.
	IncidentDeadLetter IncidentKind = "dead_letter"
	// IncidentNil: a nil message was refused.
	IncidentNil IncidentKind = "nil_message"
)

// Incident is something that should not have happened. It holds no message, only its type's name.
type Incident struct {
	Kind IncidentKind
	// Actor is the id of the actor that was meant; too many to be a metric's label.
	Actor   string
	Message string
}

// reportCrash must be called from the deferred function that recovered, while the panic's frames are on the stack.
func (e *Engine) reportCrash(self *actor.PID, reason, message any) {
	e.log.Error().Str("actor", self.GetId()).Str("received", typeName(message)).Str("panic", reasonText(reason)).
		Str("stack", string(debug.Stack())).Msg("actor crashed")
	e.onIncident(Incident{Kind: IncidentCrash, Actor: self.GetId(), Message: typeName(message)})
}

func (e *Engine) containedCrash(ctx actor.Context, reason any) {
	e.reportCrash(ctx.Self(), reason, ctx.Message())
}

func (e *Engine) refuseNil(self *actor.PID) {
	e.log.Error().Str("actor", self.GetId()).Msg("nil message refused")
	e.onIncident(Incident{Kind: IncidentNil, Actor: self.GetId(), Message: "nil"})
}

// refuseFull says once for each overflow that it happens, and counts every message.
func (e *Engine) refuseFull(self *actor.PID, message any, first bool) {
	if first {
		e.log.Error().Str("actor", self.GetId()).Str("received", typeName(message)).Int("limit", e.mailboxLimit).
			Msg("mailbox full, refusing messages")
	}
	e.onIncident(Incident{Kind: IncidentOverflow, Actor: self.GetId(), Message: typeName(message)})
	e.noAnswer(message)
}

// noAnswer tells whoever sent a request that nobody will answer it.
func (e *Engine) noAnswer(message any) {
	if _, _, sender := actor.UnwrapEnvelope(message); sender != nil {
		e.system.Root.Send(sender, &actor.DeadLetterResponse{})
	}
}

// onEvent hears of every message that reached no actor, on its sender's goroutine.
func (e *Engine) onEvent(event any) {
	letter, ok := event.(*actor.DeadLetterEvent)
	if !ok {
		return
	}
	switch message := letter.Message.(type) {
	case *actor.Watch:
		if watcher, alive := e.system.ProcessRegistry.Get(message.Watcher); alive {
			watcher.SendSystemMessage(message.Watcher,
				&actor.Terminated{Who: letter.PID, Why: actor.TerminatedReason_NotFound})
		}
		return
	case actor.SystemMessage, actor.MailboxMessage, actor.AutoReceiveMessage, *actor.DeadLetterResponse:
		return
	}
	if letter.Sender != nil {
		e.system.Root.Send(letter.Sender, &actor.DeadLetterResponse{})
	}
	e.log.Debug().Str("actor", letter.PID.GetId()).Str("received", typeName(letter.Message)).Msg("dead letter")
	e.onIncident(Incident{Kind: IncidentDeadLetter, Actor: letter.PID.GetId(), Message: typeName(letter.Message)})
}
