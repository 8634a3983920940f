package session

import (
	"time"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
)

// becomeActive tells the client that its agent is ready, and gives the agent what was queued for it.
func (s *session) becomeActive(m *messages.TaskActive) {
	now := s.Clock.Now()
	// The time without an agent is not the user's silence. But a restart is no sign of life either: a session that nobody
	// uses must end even if its tasks die.
	if s.lastData = s.lastData.Add(now.Sub(s.asked)); s.lastData.After(now) {
		s.lastData = now
	}
	s.become(Active, (*session).active, max(s.settings.IdleTimeout-now.Sub(s.lastData), time.Nanosecond))
	ready := wire.Ready{
		Path: s.bound.Path, Why: s.bound.Why, ElapsedMs: wire.Millis(now.Sub(s.asked)), Timings: m.Timings,
	}
	ready.Timings.ClaimMs = wire.Millis(s.bound.Waited)
	s.ready, s.heard, s.answered, s.untilReady = now, false, false, s.input.given
	s.io = m.IO
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
		s.attach(m)
		s.agentIsThere()
	case *messages.FromBridge:
		s.bridgeFrame(m)
	case *messages.TaskReattached: // on another socket, before the old one has dropped
		s.reattached(m)
	case *messages.TaskDetached:
		s.become(Reconnecting, (*session).reconnecting, keep)
		s.send(wire.Status{State: wire.StateReconnecting})
	default:
		s.attended(message)
	}
}

func (s *session) reconnecting(message any) {
	switch m := message.(type) {
	case *messages.ClientArrived:
		s.attach(m)
		s.send(wire.Status{State: wire.StateReconnecting})
	case *messages.TaskReattached:
		s.become(Active, (*session).active, keep)
		s.reattached(m)
	default:
		s.attended(message)
	}
}

// attended takes what means the same in both states of a session that has an agent and has had its client.
func (s *session) attended(message any) {
	switch m := message.(type) {
	case *messages.LinkFrame:
		s.clientFrame(m)
	case *messages.LinkWritten:
		s.clientWrote(m.Seq, m.Bytes)
	case *messages.LinkClosed:
		s.clientLeft(m.Cause)
	case *messages.TaskLost:
		if s.taskLost(m) {
			s.restart()
		}
	case *messages.HostLeaving:
		s.hostLeaving()
	default:
		s.served(message)
	}
}

// served takes what means the same in all states of a session that has an agent.
func (s *session) served(message any) {
	switch message.(type) {
	case *messages.TaskMoved, *messages.DrainSession:
		s.end(messages.EndDraining)
	case *messages.Alarm:
		s.idle()
	default:
		s.unexpected(message)
	}
}

// becomeAdopted takes over a session that is under way. Its bridge comes in the next message, its client perhaps much later: the
// client's hello then says how much of the output it has processed.
func (s *session) becomeAdopted(m *messages.AdoptSession) {
	s.task, s.taskPID = m.Task, actors.TaskPID(s.self, m.Task)
	s.ready, s.lastData, s.wasReady = s.begun, s.begun, true
	s.become(Adopted, (*session).adopted, s.settings.IdleTimeout)
}

func (s *session) adopted(message any) {
	switch m := message.(type) {
	case *messages.ClientArrived:
		s.become(Reconnecting, (*session).reconnecting, keep)
		s.reconnecting(m)
	case *messages.TaskReattached:
		s.become(Unattended, (*session).unattended, keep)
		s.reattached(m)
	default:
		s.clientless(message)
	}
}

func (s *session) unattended(message any) {
	switch m := message.(type) {
	case *messages.ClientArrived:
		s.become(Active, (*session).active, keep)
		s.active(m)
	case *messages.FromBridge:
		s.bridgeFrame(m)
	case *messages.TaskReattached: // on another socket, before the old one has dropped
		s.reattached(m)
	case *messages.TaskDetached:
		s.become(Adopted, (*session).adopted, keep)
	default:
		s.clientless(message)
	}
}

// clientless takes what means the same in both states of a session that has an agent and was taken over without its client.
func (s *session) clientless(message any) {
	switch m := message.(type) {
	case *messages.TaskLost:
		if s.taskLost(m) {
			s.becomeParked()
		}
	case *messages.HostLeaving: // nobody is there to hear of it
	default:
		s.served(message)
	}
}

// becomeExited sees the client to the end of the agent's output. What it has not read yet is in the bridge.
func (s *session) becomeExited(exit wire.Exit) {
	s.exit = &exit
	ended := messages.Event{Kind: messages.EventAgentEnded, Exit: exit.End()}
	if !s.ready.IsZero() {
		ended.Took = s.Clock.Now().Sub(s.ready)
	}
	if s.isEndAtOnce() {
		ended.Reason = "the agent has ended as soon as it had started (exit " + exit.End() + ")"
	}
	s.observe(ended)
	s.tell(s.pool, &messages.AgentEnded{Session: s.id, Trouble: ended.Reason})
	s.become(Exited, (*session).exited, s.settings.IdleTimeout)
	s.finish()
}

// isEndAtOnce reports whether the agent that was started here has ended before it was of use to anybody: soon, and killed; or without
// an answer, unless it was given input to the end and did well; or with an error that no input can have brought about.
func (s *session) isEndAtOnce() bool {
	failed, idle := s.exit.Code != 0, s.input.given == s.untilReady
	switch {
	case s.bound.Task != s.task, s.Clock.Now().Sub(s.ready) >= s.settings.SettleTime:
		return false
	case s.exit.IsKilled():
		return true
	case !s.answered:
		return failed || idle || s.inputEnd == nil
	}
	return failed && idle
}

func (s *session) exited(message any) {
	switch m := message.(type) {
	case *messages.ClientArrived:
		s.attach(m)
		s.agentIsThere()
	case *messages.FromBridge:
		s.exitedFrame(m)
	case *messages.TaskReattached: // on another socket, before the old one has dropped
		s.reattached(m)
	case *messages.TaskDetached:
		s.become(ExitedDetached, (*session).exitedDetached, keep)
	default:
		s.remainder(message)
	}
	s.finish()
}

func (s *session) exitedDetached(message any) {
	switch m := message.(type) {
	case *messages.ClientArrived:
		s.attach(m)
		s.send(wire.Status{State: wire.StateReconnecting})
	case *messages.TaskReattached:
		s.become(Exited, (*session).exited, keep)
		s.reattached(m)
	default:
		s.remainder(message)
	}
	s.finish()
}

// remainder takes what means the same in both states of a session whose agent has ended.
func (s *session) remainder(message any) {
	switch m := message.(type) {
	case *messages.LinkFrame:
		s.clientFrame(m)
	case *messages.LinkWritten:
		s.clientWrote(m.Seq, m.Bytes)
	case *messages.LinkClosed:
		s.clientLeft(m.Cause)
		s.deadline.Set(s.Clock, s.self, s.settings.IdleTimeout)
	case *messages.TaskLost:
		s.remainderLost()
	case *messages.HostLeaving: // there is no work left to be saved
	case *messages.Alarm:
		s.end(messages.EndExited)
	default:
		s.served(message)
	}
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
