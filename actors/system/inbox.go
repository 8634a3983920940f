package system

import "github.com/asynkron/protoactor-go/actor"

// Inbox is an address without an actor: it takes answers to what comes from outside. The library's Future is not used, for
// a late or second answer races with its result.
type Inbox struct {
	PID    *actor.PID
	system *System
	take   func(message any)
}

// OpenInbox makes an inbox. Each message that it is sent, also the library's own, goes to take on its sender's goroutine.
// *actor.DeadLetterResponse says that no answer will come. Whoever opens an inbox closes it.
func (s *System) OpenInbox(take func(message any)) *Inbox {
	b := &Inbox{system: s, take: take}
	// NextId never gives an id twice, so the name is free.
	b.PID, _ = s.ProcessRegistry.Add(b, "inbox"+s.ProcessRegistry.NextId())
	return b
}

// Close ends the inbox: what comes later is a dead letter.
func (b *Inbox) Close() { b.system.ProcessRegistry.Remove(b.PID) }

// SendUserMessage is the library's way to deliver a message.
func (b *Inbox) SendUserMessage(_ *actor.PID, message any) {
	_, message, _ = actor.UnwrapEnvelope(message)
	b.take(message)
}

// SendSystemMessage is the same for one of the library's.
func (b *Inbox) SendSystemMessage(_ *actor.PID, message any) { b.take(message) }

// Stop does nothing: an inbox ends when it is closed.
func (*Inbox) Stop(*actor.PID) {}
