package session

import (
	"hearth/messages"
	"hearth/messages/wire"
)

// idle ends the session when no data went either way, and the agent did not ask for more time, for long enough; else it
// looks again when that could be.
func (s *session) idle() {
	if quiet := s.Clock.Now().Sub(s.lastData); quiet < s.settings.IdleTimeout {
		s.deadline.Set(s.Clock, s.self, s.settings.IdleTimeout-quiet)
		return
	}
	s.end(messages.EndIdle)
}

// finish tells the client of the agent's end, after all of its output, and ends the session once the client has that.
func (s *session) finish() {
	if s.state == Ended || s.client.link == 0 || s.output.sent < s.output.seen {
		return
	}
	if s.exitTold != s.client.link {
		s.exitTold = s.client.link
		s.send(*s.exit)
		s.deadline.Set(s.Clock, s.self, s.settings.ExitLinger)
	}
	if !s.client.acks || s.output.acked == s.output.seen {
		s.end(messages.EndExited)
	}
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

// end is the session's last word: to its client, and to the pool, which stops the task and the actor.
func (s *session) end(reason messages.EndReason) {
	farewell := farewells[reason]
	s.bye(farewell.bye, farewell.code)
	s.become(Ended, (*session).ended, 0)
	s.observe(messages.Event{
		Kind: messages.EventSessionEnded, Reason: string(reason), Took: s.Clock.Now().Sub(s.begun),
	})
	s.tell(s.pool, &messages.SessionEnded{
		Session: s.id, Reason: reason,
		Stand: messages.Stand{In: s.input.given, Out: s.output.seen, Acked: s.output.acked},
	})
}

// bye is the last that a client hears. Bytes of the bridge that it has not read are nobody's any more.
func (s *session) bye(reason wire.ByeReason, code wire.CloseCode) {
	if s.client.link != 0 {
		s.send(wire.Bye{Reason: reason})
		s.Dismiss(s.client.link, code)
		s.client.link = 0
	}
	s.discredit()
}
