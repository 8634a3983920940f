package session

import (
	"fmt"
	"time"

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
		s.passOnAcks()
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

// fail ends a session, and tells its client why, if it is there.
func (s *session) fail(reason wire.Error, end messages.EndReason) {
	s.send(reason)
	s.end(end)
}

// takeToken notes the user's newest token, and looks at the end of its time what has become of it.
func (s *session) takeToken(token wire.Secret, until time.Time) {
	s.token, s.tokenUntil = token, until
	s.expiry.Cancel()
	if s.settings.RequireToken && !until.IsZero() {
		s.expiry.Set(s.Clock, s.self, max(until.Sub(s.Clock.Now()), 0))
	}
}

// tokenExpired asks the client for another token, and ends the session when none has come within the grace.
func (s *session) tokenExpired() {
	if left := s.tokenUntil.Add(s.settings.TokenGrace).Sub(s.Clock.Now()); left > 0 {
		s.send(wire.Error{
			Code: wire.CodeUnauthenticated, Message: fmt.Sprintf("the token has expired; the session ends in %v unless a new one comes", left), Retryable: true,
		})
		s.expiry.Set(s.Clock, s.self, left)
		return
	}
	s.endNow(messages.EndToken, wire.Error{Code: wire.CodeUnauthenticated, Message: "the token has expired"})
}

// outlived ends a session that is as old as one may be.
func (s *session) outlived() {
	s.endNow(messages.EndLifetime, wire.Error{
		Code: wire.CodeForbidden, Message: fmt.Sprintf("a session lasts %v at most", s.settings.MaxSessionLifetime),
	})
}

// endNow ends the session in whatever state it is, and tells its client why.
func (s *session) endNow(end messages.EndReason, why wire.Error) {
	if s.state != unborn && s.state != Ended {
		s.fail(why, end)
	}
}

// farewells are the last frame and the close code for every end.
var farewells = map[messages.EndReason]struct {
	bye  wire.ByeReason
	code wire.CloseCode
}{
	messages.EndClosed:      {wire.ByeClosed, wire.CloseNormal},
	messages.EndExited:      {wire.ByeClosed, wire.CloseNormal},
	messages.EndIdle:        {wire.ByeIdleTimeout, wire.CloseNormal},
	messages.EndAbandoned:   {wire.ByeIdleTimeout, wire.CloseNormal},
	messages.EndStartFailed: {wire.ByeStartFailed, wire.CloseNormal},
	messages.EndTimeout:     {wire.ByeStartFailed, wire.CloseNormal},
	messages.EndTaskLost:    {wire.ByeTaskLost, wire.CloseNormal},
	messages.EndDraining:    {wire.ByeDraining, wire.CloseDraining},
	messages.EndToken:       {wire.ByeToken, wire.CloseUnauthenticated},
	messages.EndLifetime:    {wire.ByeLifetime, wire.CloseNormal},
	messages.EndOperator:    {wire.ByeOperator, wire.CloseNormal},
}

// end is the session's last word: to its client, and to the pool, which stops the task and the actor.
func (s *session) end(reason messages.EndReason) {
	s.passOnAcks()
	farewell := farewells[reason]
	s.bye(farewell.bye, farewell.code)
	s.absence.Cancel()
	s.become(Ended, (*session).ended, 0)
	s.observe(messages.Event{
		Kind: messages.EventSessionEnded, Failure: s.failure, Reason: string(reason), Took: s.Clock.Now().Sub(s.begun),
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
	s.creditUnread()
}
