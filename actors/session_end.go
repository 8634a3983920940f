package actors

import (
	"hearth/messages"
	"hearth/messages/wire"
)

// becomeExited sees the client to the end of the agent's output. What it has not read yet is in the bridge.
func (s *session) becomeExited(exit wire.Exit) {
	s.exit = &exit
	s.become(sessionExited, (*session).exited, s.settings.IdleTimeout)
	s.finish()
}

// finish tells the client of the agent's end, after all of its output, and ends the session once the client has that.
func (s *session) finish() {
	if s.state != sessionExited || s.client.link == 0 || s.output.sent < s.output.seen {
		return
	}
	if s.exitTold != s.client.link {
		s.exitTold = s.client.link
		s.send(*s.exit)
		s.deadline.set(s.Clock, s.self, s.settings.ExitLinger)
	}
	if !s.client.acks || s.output.acked == s.output.seen {
		s.end(messages.EndExited)
	}
}

func (s *session) exited(message any) {
	switch m := message.(type) {
	case *messages.ClientArrived:
		s.resume(m)
	case *messages.LinkFrame:
		s.clientFrame(m)
	case *messages.LinkWritten:
		s.clientWrote(m)
	case *messages.LinkClosed:
		s.clientLeft(m.Cause)
		s.deadline.set(s.Clock, s.self, s.settings.IdleTimeout)
	case *messages.FromBridge:
		s.exitedFrame(m)
	case *messages.TaskDetached:
		s.up = false
	case *messages.TaskReattached:
		s.reattached(m)
	case *messages.TaskLost:
		s.remainderLost()
	case *messages.TaskMoved:
		s.end(messages.EndDraining)
	case *messages.HostChanged:
	case *messages.Drain:
		s.end(messages.EndDraining)
	case *messages.Alarm:
		s.end(messages.EndExited)
	default:
		s.unexpected(message)
	}
	s.finish()
}

// exitedFrame takes the rest of the output that a client who came back asked for. A bridge that dials again tells the
// exit again.
func (s *session) exitedFrame(m *messages.FromBridge) {
	if _, again := m.Frame.(wire.Exit); again {
		s.Links.Credit(m.Link, m.Bytes)
		return
	}
	s.bridgeFrame(m)
}

// remainderLost tells the client which of the agent's last outputs went with its task.
func (s *session) remainderLost() {
	if s.output.sent < s.output.seen {
		s.send(wire.Gap{From: s.output.sent + 1, To: s.output.seen})
	}
	if s.exitTold != s.client.link {
		s.send(*s.exit)
	}
	s.end(messages.EndExited)
}

// fail ends a session that got no agent, with the reason for whoever waits.
func (s *session) fail(reason wire.Error, end messages.EndReason) {
	s.send(reason)
	s.end(end)
}

// farewells are the last frame and the close code for every end.
var farewells = map[messages.EndReason]struct {
	bye  wire.ByeReason
	code wire.CloseCode
}{
	messages.EndClosed:      {wire.ByeClosed, wire.CloseNormal},
	messages.EndExited:      {wire.ByeClosed, wire.CloseNormal},
	messages.EndIdle:        {wire.ByeIdleTimeout, wire.CloseNormal},
	messages.EndStartFailed: {wire.ByeStartFailed, wire.CloseNormal},
	messages.EndTimeout:     {wire.ByeStartFailed, wire.CloseNormal},
	messages.EndTaskLost:    {wire.ByeTaskLost, wire.CloseNormal},
	messages.EndDraining:    {wire.ByeDraining, wire.CloseDraining},
}

// end is the session's last word: to its client, and to the supervisor, which stops the task and the actor.
func (s *session) end(reason messages.EndReason) {
	farewell := farewells[reason]
	s.bye(farewell.bye, farewell.code)
	s.become(sessionEnded, (*session).ended, 0)
	s.observe(messages.Event{
		Kind: messages.EventSessionEnded, Reason: string(reason), Took: s.Clock.Now().Sub(s.begun),
	})
	s.tell(s.pool, &messages.SessionEnded{
		Session: s.id, Reason: reason,
		Stand: messages.Stand{In: s.input.given, Out: s.output.seen, Acked: s.output.acked},
	})
}

func (s *session) ended(message any) {
	switch m := message.(type) {
	case *messages.ClientArrived:
		s.tell(s.pool, m) // it crossed with the last word; the supervisor knows by now
	case *messages.FromBridge:
		s.Links.Credit(m.Link, m.Bytes)
	default:
		// News of what the session had; the supervisor is taking it away.
	}
}
