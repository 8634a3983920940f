package session

import (
	"hearth/messages"
	"hearth/messages/wire"
)

// hostLeaving tells the client that its task's host is going out of service: it may want to save its work.
func (s *session) hostLeaving() {
	s.send(wire.Error{
		Code: wire.CodeTaskLost, Message: "the host of this session is going out of service; the session will go on on another",
		Retryable: true,
	})
}

// taskLost has the session go on in another task, with the same workspace and the numbers going on. An agent that takes
// its task down again and again is not given tasks for ever: it reports whether the session goes on.
func (s *session) taskLost(m *messages.TaskLost) bool {
	s.restarts++
	if lasted := s.Clock.Now().Sub(s.ready); lasted >= s.settings.StartTimeout {
		s.quickLosses = 0
	} else if !m.ToldToEnd {
		s.quickLosses++
	}
	if s.quickLosses >= s.settings.ClaimAttempts {
		s.tell(s.pool, &messages.AgentEnded{Session: s.id, Trouble: "tasks were lost soon after they were ready: " + m.Reason})
		s.fail(wire.Error{Code: wire.CodeTaskLost, Message: m.Reason, Retryable: true}, messages.EndTaskLost)
		return false
	}
	s.creditUnread()
	s.output.resuming = false // the replay that was asked for went with the task
	s.observe(messages.Event{Kind: messages.EventRestarting, Reason: m.Reason, N: s.restarts})
	return true
}

// restart asks for another task.
func (s *session) restart() {
	s.becomeWaiting()
	s.tell(s.pool, &messages.Claim{
		Session: s.id, User: s.user, Token: s.token, InSeq: s.input.given, OutSeq: s.output.seen, Window: s.window, Trace: s.trace,
	})
}
