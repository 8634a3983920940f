package session

import (
	"time"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
)

// State is where a session stands.
type State string

// The states of a session.
const (
	// Waiting: it has claimed a task and has none.
	Waiting State = "waiting"
	// Starting: a task is its own and is being given its user.
	Starting State = "starting"
	// Active: its agent takes input. Either socket may be gone for a while.
	Active State = "active"
	// Parked: it was taken over from an earlier gateway, and its task was lost before its client was back, who has the token
	// that another agent needs.
	Parked State = "parked"
	// Exited: its agent has ended; the client has yet to read the last of it.
	Exited State = "exited"
	// Ended: the pool has been told and stops the actor.
	Ended State = "ended"
)

// keep has a state go on with the deadline of the one before it.
const keep time.Duration = -1

// become enters a state and gives it its deadline, 0 for none.
func (s *session) become(state State, handle func(*session, any), deadline time.Duration) {
	s.observe(messages.Event{Kind: messages.EventSessionState, Was: string(s.state), Phase: string(state)})
	s.state = state
	s.handle = handle
	s.hint.Cancel()
	switch {
	case deadline > 0:
		s.deadline.Set(s.Clock, s.self, deadline)
	case deadline != keep:
		s.deadline.Cancel()
	}
}

// unborn is a session before its first client, which comes in the message after it was spawned. The pool has
// claimed a task for it in the same breath, so that sessions are served in the order in which their clients came.
func (s *session) unborn(message any) {
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

// becomeAdopted takes a session over in its midst, from its bridge, which comes in the next message, and without its
// client, who comes when it comes. What that one has processed it will say itself.
func (s *session) becomeAdopted(m *messages.AdoptSession) {
	s.task, s.taskPID = m.Task, actors.SiblingPID(s.self, actors.TaskName(m.Task))
	s.ready, s.lastData = s.begun, s.begun
	s.unmet = true
	s.become(Active, (*session).active, s.settings.IdleTimeout)
}

// becomeWaiting waits for the task that was claimed. The start deadline covers everything up to ready.
func (s *session) becomeWaiting() {
	s.task, s.taskPID, s.up = "", nil, false
	s.asked = s.Clock.Now()
	s.become(Waiting, (*session).waiting, s.settings.StartTimeout)
	s.sent = s.token
}

func (s *session) waiting(message any) {
	if s.unready(message) {
		return
	}
	switch m := message.(type) {
	case *messages.Hint:
		if s.client.link != 0 {
			s.send(wire.Status{State: s.waitState(wire.StateWaiting), Reason: m.Reason, EtaMs: wire.Millis(m.Eta)})
			s.hint.Set(s.Clock, s.self, s.settings.HintInterval)
		}
	case *messages.Alarm:
		s.tell(s.pool, &messages.HintRequest{Session: s.id})
		s.hint.Set(s.Clock, s.self, s.settings.HintInterval) // if no answer comes
	default:
		s.unexpected(message)
	}
}

// unready takes what means the same in both states before ready. It reports whether the message was such.
func (s *session) unready(message any) bool {
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
		s.fail(wire.Error{Code: m.Code, Message: m.Message, Retryable: m.Retryable}, messages.EndStartFailed)
	case *messages.HostChanged: // of a task that is lost: until another's agent is ready there is no work to be saved
	case *messages.Drain:
		s.end(messages.EndDraining)
	case *messages.Alarm:
		if !s.deadline.IsRung(m) {
			return false
		}
		s.fail(wire.Error{
			Code: wire.CodeStartTimeout, Message: actors.TimedOut("no agent was ready", s.settings.StartTimeout), Retryable: true,
		}, messages.EndTimeout)
	default:
		return false
	}
	return true
}

// becomeStarting waits for the task that is now the session's own to get its agent ready. The deadline goes on counting
// from when the session asked for a task. A second Bound means that the first task has failed.
func (s *session) becomeStarting(m *messages.Bound) {
	s.task, s.bound = m.Task, *m
	s.taskPID = actors.SiblingPID(s.self, actors.TaskName(m.Task))
	s.become(Starting, (*session).starting, keep)
	s.sendStarting()
}

func (s *session) starting(message any) {
	if s.unready(message) {
		return
	}
	switch m := message.(type) {
	case *messages.TaskActive:
		s.becomeActive(m)
	case *messages.Hint:
		// The task has failed, and the session is first in the queue again.
		s.task, s.taskPID = "", nil
		s.become(Waiting, (*session).waiting, keep)
		s.waiting(m)
	case *messages.Alarm:
		s.sendStarting()
	default:
		s.unexpected(message)
	}
}

// becomeActive tells the client that its agent is ready, and gives the agent what was queued for it.
func (s *session) becomeActive(m *messages.TaskActive) {
	now := s.Clock.Now()
	// The time without an agent is not the user's silence. But a restart is no sign of life either: a session that nobody
	// uses must end even if its tasks die.
	if s.lastData = s.lastData.Add(now.Sub(s.asked)); s.lastData.After(now) {
		s.lastData = now
	}
	s.up = true
	s.become(Active, (*session).active, max(s.settings.IdleTimeout-now.Sub(s.lastData), time.Nanosecond))
	ready := wire.Ready{
		Path: s.bound.Path, Why: s.bound.Why, ElapsedMs: wire.Millis(now.Sub(s.asked)), Timings: m.Timings,
	}
	ready.Timings.ClaimMs = wire.Millis(s.bound.Waited)
	s.ready = now
	s.sendReady(ready)
	s.observe(messages.Event{
		Kind: messages.EventSessionReady, Path: ready.Path, Why: ready.Why, Timings: ready.Timings, Took: now.Sub(s.asked),
	})
	s.holdTo(m.MaxPayload)
	s.refreshToken()
	s.flush()
	if s.client.link != 0 && s.output.sent < s.output.seen {
		s.replay() // what went with an earlier task: the bridge answers with the gap
	}
}

func (s *session) active(message any) {
	switch m := message.(type) {
	case *messages.ClientArrived:
		s.resume(m)
	case *messages.LinkFrame:
		s.clientFrame(m)
	case *messages.LinkWritten:
		s.clientWrote(m)
	case *messages.LinkClosed:
		s.clientLeft(m.Cause)
	case *messages.FromBridge:
		s.bridgeFrame(m)
	case *messages.TaskDetached:
		s.up = false
		s.send(wire.Status{State: wire.StateReconnecting})
	case *messages.TaskReattached:
		s.reattached(m)
	case *messages.TaskLost:
		s.taskLost(m)
	case *messages.TaskMoved:
		s.end(messages.EndDraining)
	case *messages.HostChanged:
		s.hostLeaving()
	case *messages.Drain:
		s.end(messages.EndDraining)
	case *messages.Alarm:
		s.idle()
	default:
		s.unexpected(message)
	}
}

// becomeParked waits for the client before another task is asked for: only it has the token that the agent needs. It waits
// for as long as a session without its client may be idle.
func (s *session) becomeParked() {
	s.task, s.taskPID, s.up = "", nil, false
	quiet := s.Clock.Now().Sub(s.lastData)
	s.become(Parked, (*session).parked, max(s.settings.IdleTimeout-quiet, time.Nanosecond))
	s.tell(s.pool, &messages.Parked{Session: s.id})
}

func (s *session) parked(message any) {
	switch m := message.(type) {
	case *messages.ClientArrived:
		s.attach(m)
		s.restart()
	case *messages.HostChanged: // of the task that is lost
	case *messages.Drain:
		s.end(messages.EndDraining)
	case *messages.Alarm:
		s.end(messages.EndIdle)
	default:
		s.unexpected(message)
	}
}

// becomeExited sees the client to the end of the agent's output. What it has not read yet is in the bridge.
func (s *session) becomeExited(exit wire.Exit) {
	s.exit = &exit
	s.become(Exited, (*session).exited, s.settings.IdleTimeout)
	s.finish()
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
		s.deadline.Set(s.Clock, s.self, s.settings.IdleTimeout)
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

func (s *session) ended(message any) {
	switch m := message.(type) {
	case *messages.ClientArrived:
		s.tell(s.pool, m) // it crossed with the last word; the pool knows by now
	case *messages.FromBridge:
		s.Links.Credit(m.Link, m.Bytes)
	default:
		// News of what the session had; the pool is taking it away.
	}
}
