package session

import (
	"time"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
)

// beginning is a session before its first client, which comes in the message after it was spawned. The pool has
// claimed a task for it in the same breath, so that sessions are served in the order in which their clients came.
func (s *session) beginning(message any) {
	switch m := message.(type) {
	case *messages.ClientArrived:
		s.attach(m)
		s.lastData = s.begun
		s.becomeWaiting()
	case *messages.AdoptSession:
		s.becomeAdopted(m)
	default:
		s.unexpected(message)
	}
}

// becomeWaiting waits for the task that was claimed. The start deadline covers everything up to ready.
func (s *session) becomeWaiting() {
	s.task, s.taskPID = "", nil
	s.asked = s.Clock.Now()
	s.become(Waiting, (*session).waiting, s.settings.StartTimeout)
	s.sent = s.token
}

func (s *session) waiting(message any) {
	switch m := message.(type) {
	case *messages.Hint:
		s.sendWaiting(m)
	case *messages.Alarm:
		if s.deadline.IsRung(m) {
			s.startTimedOut()
			return
		}
		s.tell(s.pool, &messages.HintRequest{Session: s.id})
		s.hint.Set(s.Clock, s.self, s.settings.HintInterval) // if no answer comes
	default:
		s.agentless(message)
	}
}

// sendWaiting tells the client, if it is there, how long it will take, and comes again while that lasts.
func (s *session) sendWaiting(m *messages.Hint) {
	if s.client.link != 0 {
		s.send(wire.Status{State: s.waitState(wire.StateWaiting), Reason: m.Reason, EtaMs: wire.Millis(m.Eta), Message: m.Message})
		s.hint.Set(s.Clock, s.self, s.settings.HintInterval)
	}
}

// agentless takes what means the same in both states of a session that waits for its agent.
func (s *session) agentless(message any) {
	switch m := message.(type) {
	case *messages.ClientArrived:
		s.attach(m)
		s.hint.Set(s.Clock, s.self, 0)
	case *messages.LinkFrame:
		s.clientFrame(m)
	case *messages.LinkWritten:
	case *messages.LinkClosed:
		s.clientLeft(m.Cause)
	case *messages.Bound:
		s.becomeStarting(m)
	case *messages.StartFailed:
		s.failure = m.Kind
		s.fail(wire.Error{
			Code: m.Code, Message: m.Message, Retryable: m.Retryable, RetryAfterMs: wire.Millis(m.After),
		}, messages.EndStartFailed)
	case *messages.HostLeaving: // of a task that is lost: until another's agent is ready there is no work to be saved
	case *messages.DrainSession:
		s.end(messages.EndDraining)
	default:
		s.unexpected(message)
	}
}

// startTimedOut ends a session that has waited for its agent for as long as a client may have to.
func (s *session) startTimedOut() {
	s.failure = messages.FailedTimeout
	s.fail(wire.Error{
		Code: wire.CodeStartTimeout, Message: actors.TimedOut("no agent was ready", s.settings.StartTimeout), Retryable: true,
	}, messages.EndTimeout)
}

// becomeStarting waits for the task that is now the session's own to get its agent ready. The deadline goes on counting
// from when the session asked for a task. A second Bound means that the first task has failed.
func (s *session) becomeStarting(m *messages.Bound) {
	s.task, s.bound, s.fenced = m.Task, *m, time.Time{}
	s.taskPID = actors.TaskPID(s.self, m.Task)
	s.become(Starting, (*session).starting, keep)
	s.sendStarting()
}

func (s *session) starting(message any) {
	switch m := message.(type) {
	case *messages.TaskActive:
		s.becomeActive(m)
	case *messages.Hint: // it has a task whose agent is not to start yet
		s.fenced = s.Clock.Now().Add(m.Eta)
		s.sendStarting()
	case *messages.WaitAgain:
		s.task, s.taskPID = "", nil
		s.become(Waiting, (*session).waiting, keep)
		s.sendWaiting(&m.Hint)
	case *messages.TaskMoved: // its bridge went to another gateway as the agent was getting ready
		s.end(messages.EndDraining)
	case *messages.Alarm:
		if s.deadline.IsRung(m) {
			s.startTimedOut()
			return
		}
		s.sendStarting()
	default:
		s.agentless(message)
	}
}

// becomeParked waits for the client before another task is asked for: only it has the token that the agent needs. It waits
// for as long as a session without its client may be idle.
func (s *session) becomeParked() {
	s.task, s.taskPID = "", nil
	quiet := s.Clock.Now().Sub(s.lastData)
	s.become(Parked, (*session).parked, max(s.settings.IdleTimeout-quiet, time.Nanosecond))
	s.tell(s.pool, &messages.Parked{Session: s.id})
}

func (s *session) parked(message any) {
	switch m := message.(type) {
	case *messages.ClientArrived:
		s.attach(m)
		s.restart()
	case *messages.HostLeaving: // of the task that is lost
	case *messages.DrainSession:
		s.end(messages.EndDraining)
	case *messages.Alarm:
		s.end(messages.EndIdle)
	default:
		s.unexpected(message)
	}
}
