package actors

import (
	"time"

	"hearth/messages"
	"hearth/messages/wire"
)

// unborn is a session before its first client, which comes in the message after it was spawned. The supervisor has
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
	s.task, s.taskPID = m.Task, siblingPID(s.self, taskName(m.Task))
	s.ready, s.lastData = s.begun, s.begun
	s.unmet = true
	s.become(sessionActive, (*session).active, s.settings.IdleTimeout)
}

// becomeWaiting waits for the task that was claimed. The start deadline covers everything up to ready.
func (s *session) becomeWaiting() {
	s.task, s.taskPID, s.up = "", nil, false
	s.asked = s.Clock.Now()
	s.become(sessionWaiting, (*session).waiting, s.settings.StartTimeout)
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
			s.hint.set(s.Clock, s.self, s.settings.HintInterval)
		}
	case *messages.Alarm:
		s.tell(s.pool, &messages.HintRequest{Session: s.id})
		s.hint.set(s.Clock, s.self, s.settings.HintInterval) // if no answer comes
	default:
		s.unexpected(message)
	}
}

// waitState is what a client without a ready agent is told: restarting, when it had one.
func (s *session) waitState(first wire.SessionState) wire.SessionState {
	if s.restarts > 0 {
		return wire.StateRestarting
	}
	return first
}

// unready takes what means the same in both states before ready. It reports whether the message was such.
func (s *session) unready(message any) bool {
	switch m := message.(type) {
	case *messages.ClientArrived:
		s.attach(m)
		s.hint.set(s.Clock, s.self, 0)
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
		if !s.deadline.isRung(m) {
			return false
		}
		s.fail(wire.Error{
			Code: wire.CodeStartTimeout, Message: timeout("no agent was ready", s.settings.StartTimeout), Retryable: true,
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
	s.taskPID = siblingPID(s.self, taskName(m.Task))
	s.become(sessionStarting, (*session).starting, keep)
	s.sendStarting()
}

// sendStarting tells the client that its task gets its agent ready, and comes again while that lasts.
func (s *session) sendStarting() {
	s.send(wire.Status{State: s.waitState(wire.StateStarting), Reason: wire.ReasonAvailable})
	s.hint.set(s.Clock, s.self, s.settings.HintInterval)
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
		s.become(sessionWaiting, (*session).waiting, keep)
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
	s.become(sessionActive, (*session).active, max(s.settings.IdleTimeout-now.Sub(s.lastData), time.Nanosecond))
	ready := wire.Ready{
		Path: s.bound.Path, Why: s.bound.Why, ElapsedMs: wire.Millis(now.Sub(s.asked)), Timings: m.Timings,
	}
	ready.Timings.ClaimMs = wire.Millis(s.bound.Waited)
	s.ready = now
	s.send(ready)
	s.observe(messages.Event{
		Kind: messages.EventSessionReady, Path: ready.Path, Why: ready.Why, Timings: ready.Timings, Took: now.Sub(s.asked),
	})
	s.refreshToken()
	s.flush()
	if s.client.link != 0 && s.output.sent < s.output.seen {
		s.replay() // what went with an earlier task: the bridge answers with the gap
	}
}

// flush gives the bridge every input that the agent has not been given. It knows which it has seen.
func (s *session) flush() {
	for _, entry := range s.input.entries {
		s.toBridge(entry.data)
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

// resume takes a client that comes back, or a second one that replaces the first.
func (s *session) resume(m *messages.ClientArrived) {
	s.attach(m)
	s.refreshToken()
	if !s.up {
		s.send(wire.Status{State: wire.StateReconnecting})
		return
	}
	s.send(wire.Ready{Path: wire.PathResumed})
	s.replay()
}

// replay asks the bridge for everything that the client has not been sent.
func (s *session) replay() {
	s.output.resuming = true
	s.toBridge(wire.Resume{FromSeq: s.output.sent})
}

// clientWrote takes what the client's socket has taken: the bridge's reader may go on. A client that does not
// acknowledge has its outputs acknowledged by this.
func (s *session) clientWrote(m *messages.LinkWritten) {
	if bytes := s.output.written(m.Seq, m.Bytes); bytes > 0 {
		s.Links.Credit(s.output.link, bytes)
	}
	if !s.client.acks {
		s.acknowledged(m.Seq)
	}
}

// bridgeFrame takes what the agent says.
func (s *session) bridgeFrame(m *messages.FromBridge) {
	switch frame := m.Frame.(type) {
	case wire.Data:
		s.lastData = s.Clock.Now()
		if s.deliver(m, frame) {
			return
		}
	case wire.Ack:
		if s.input.acknowledge(frame.Seq, s.Links.Credit) {
			s.send(frame)
		}
	case wire.Gap:
		if s.client.link != 0 {
			if gap, isNext := s.output.skip(frame); isNext {
				s.send(gap)
			}
		}
	case wire.Keepalive:
		s.lastData = s.Clock.Now()
	case wire.Exit:
		s.becomeExited(frame)
	default:
		s.unexpected(m)
		return
	}
	s.Links.Credit(m.Link, m.Bytes)
}

// deliver sends an output to the client when it is the next. It reports whether the output is on its way, so that its
// bytes are credited once they were written. Without a client the bridge keeps it.
func (s *session) deliver(m *messages.FromBridge, data wire.Data) bool {
	if s.client.link == 0 {
		s.output.seen = max(s.output.seen, data.Seq)
		return false
	}
	switch s.output.next(data.Seq) {
	case outputSend:
		s.output.charge(m.Link, m.Bytes)
		s.send(data)
		return true
	case outputReplay:
		s.replay()
	case outputDuplicate, outputHole:
	}
	return false
}

// reattached takes the bridge back: it may have missed inputs, and the client outputs.
func (s *session) reattached(m *messages.TaskReattached) {
	s.up = true
	s.output.seen = max(s.output.seen, m.OutSeq)
	if s.input.acknowledge(m.InSeq, s.Links.Credit) {
		s.send(wire.Ack{Seq: s.input.given})
	}
	if s.output.acked > 0 { // it may have been acknowledged while the bridge was away
		s.toBridge(wire.Ack{Seq: s.output.acked})
	}
	s.sent = "" // what was sent while the bridge was away is lost, and what it got it may get twice
	s.refreshToken()
	s.flush()
	if s.client.link != 0 {
		s.send(wire.Status{State: wire.StateReady})
		s.replay()
	}
}

// idle ends the session when no data went either way, and the agent did not ask for more time, for long enough; else it
// looks again when that could be.
func (s *session) idle() {
	if quiet := s.Clock.Now().Sub(s.lastData); quiet < s.settings.IdleTimeout {
		s.deadline.set(s.Clock, s.self, s.settings.IdleTimeout-quiet)
		return
	}
	s.end(messages.EndIdle)
}
