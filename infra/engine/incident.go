package engine

import (
	"fmt"
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

// reportCrash is called while the panic's frames are on the stack.
func (e *Engine) reportCrash(self *actor.PID, reason, message any) {
	e.log.Error().Str("actor", self.GetId()).Str("received", typeName(message)).Str("panic", reasonText(reason)).
		Str("stack", string(debug.Stack())).Msg("actor crashed")
	e.onIncident(Incident{Kind: IncidentCrash, Actor: self.GetId(), Message: typeName(message)})
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
	e.system.NoAnswer(message)
}

func (e *Engine) reportDeadLetter(letter *actor.DeadLetterEvent) {
	e.log.Debug().Str("actor", letter.PID.GetId()).Str("received", typeName(letter.Message)).Msg("dead letter")
	e.onIncident(Incident{Kind: IncidentDeadLetter, Actor: letter.PID.GetId(), Message: typeName(letter.Message)})
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
