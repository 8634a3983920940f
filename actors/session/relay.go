package session

import (
	"fmt"

	"hearth/messages"
	"hearth/messages/wire"
)

// accept numbers and queues an input, and hands it on if the agent takes input. Its bytes are credited once the agent has
// been given it: that is how a client is slowed down to its agent's pace.
func (s *session) accept(m *messages.LinkFrame, data wire.Data) {
	s.lastData = s.Clock.Now()
	acks := s.output.acknowledge(data.Ack)
	seq, verdict := s.input.add(data, m.Link, m.Bytes)
	if verdict == inputAccepted {
		frame := m.Frame // as it came, which saves to make it anew
		if data.Seq != seq || data.Ack != 0 && !acks {
			data.Seq = seq
			if !acks {
				data.Ack = 0 // it is old, or of what the client was never sent
			}
			frame = data
		}
		if acks {
			s.outputAcks.sent(s.output.acked, s.lastData)
		}
		s.toBridge(frame)
		return
	}
	if acks {
		s.outputRead()
	}
	switch verdict {
	case inputHole:
		s.send(wire.Error{
			Code:    wire.CodeBadFrame,
			Message: fmt.Sprintf("data: seq %d, but the next is %d", data.Seq, s.input.last+1),
		})
	case inputDuplicate:
		s.send(wire.Ack{Seq: s.input.given})
	case inputFull:
		s.send(wire.Error{
			Code: wire.CodeRateLimited, Message: "too much input waits for the agent", Retryable: true,
		})
		s.Links.Close(s.client.link, wire.CloseTryAgain)
	case inputTooLarge:
		s.refuseTooLarge()
	}
	s.Links.Credit(m.Link, m.Bytes)
}

// refuseTooLarge tells the client of an input that the bridge would not take, and closes its socket as it is closed for one that
// the gateway itself would not take. What was not accepted the client hears from the next session frame.
func (s *session) refuseTooLarge() {
	s.send(wire.Error{
		Code: wire.CodeFrameTooLarge, Message: fmt.Sprintf("payload larger than the %d bytes that this task takes", s.input.largest),
	})
	if s.client.link != 0 {
		s.Links.Close(s.client.link, wire.CloseTooLarge)
	}
}

// holdTo holds to the largest input that the bridge takes.
func (s *session) holdTo(largest int) {
	if s.input.limit(largest, s.Links.Credit) {
		s.refuseTooLarge()
	}
}

// flush gives the bridge every input that the agent has not been given, with what the client has told beside them. It knows
// which it has seen.
func (s *session) flush() {
	if s.window != (wire.Resize{}) {
		s.toBridge(s.window) // it may have changed since the claim
	}
	for _, entry := range s.input.entries {
		s.toBridge(entry.data)
	}
	if s.inputEnd != nil {
		s.toBridge(wire.EOF{After: *s.inputEnd})
	}
}

// toBridge sends the bridge a frame while it is connected. What is not sent then is sent when it is back.
func (s *session) toBridge(frame wire.Frame) {
	if s.state.isConnected() {
		s.tell(s.taskPID, &messages.ToBridge{Frame: frame})
	}
}

// acknowledged takes in that the client has processed outputs.
func (s *session) acknowledged(seq uint64) {
	if s.output.acknowledge(seq) {
		s.outputRead()
	}
}

// refreshToken hands on a token that the task has not been given.
func (s *session) refreshToken() {
	if s.state == Active && s.token != s.sent {
		s.sent = s.token
		s.toBridge(wire.Token{Token: s.token})
	}
}

// bridgeFrame takes what the agent says.
func (s *session) bridgeFrame(m *messages.FromBridge) {
	switch frame := m.Frame.(type) {
	case wire.Data:
		s.lastData = s.Clock.Now()
		if !s.heard {
			s.heard = true
			s.observe(messages.Event{Kind: messages.EventFirstOutput, Took: s.lastData.Sub(s.ready)})
		}
		s.answered = s.answered || frame.Stream != wire.StreamStderr
		if s.deliver(m, frame) {
			return
		}
	case wire.Ack:
		if s.input.acknowledge(frame.Seq, s.Links.Credit) {
			s.inputGiven()
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

// deliver sends an output to the client when it is the next. It reports whether the output is queued, so that its bytes are credited
// once they were written. Without a client the bridge keeps it.
func (s *session) deliver(m *messages.FromBridge, data wire.Data) bool {
	given := s.input.acknowledge(data.Ack, s.Links.Credit)
	if s.client.link == 0 {
		s.output.seen = max(s.output.seen, data.Seq)
		return false
	}
	verdict := s.output.next(data.Seq)
	frame := m.Frame
	if given && verdict == outputSend && s.client.acksInData {
		s.inputAcks.sent(s.input.given, s.lastData)
	} else {
		if data.Ack != 0 {
			data.Ack = 0
			frame = data
		}
		if given {
			s.inputGiven()
		}
	}
	switch verdict {
	case outputSend:
		if s.Links.Send(s.client.link, frame) {
			s.clientWrote(data.Seq, 0)
			return false
		}
		s.output.charge(m.Link, m.Bytes)
		return true
	case outputReplay:
		s.replay()
	case outputDuplicate, outputHole:
	}
	return false
}

// clientWrote takes what the client's socket has taken, so many bytes up to seq: the bridge's reader may go on. A client that does
// not acknowledge has its outputs acknowledged by this.
func (s *session) clientWrote(seq uint64, bytes int) {
	if bytes = s.output.written(seq, bytes); bytes > 0 {
		s.Links.Credit(s.output.link, bytes)
	}
	if !s.client.acks {
		s.acknowledged(seq)
	}
}

// replay asks the bridge for everything that the client has not been sent.
func (s *session) replay() {
	s.output.resuming = true
	s.toBridge(wire.Resume{FromSeq: s.output.sent})
}

// reattached takes the bridge back: it may have missed inputs, and the client outputs.
func (s *session) reattached(m *messages.TaskReattached) {
	s.output.seen = max(s.output.seen, m.OutSeq)
	if s.input.acknowledge(m.InSeq, s.Links.Credit) {
		s.inputGiven()
	}
	if s.output.acked > 0 { // it may have been acknowledged while the bridge was away
		s.toBridge(wire.Ack{Seq: s.output.acked})
	}
	s.sent = "" // what was sent while the bridge was away is lost, and what it got it may get twice
	s.io = m.IO
	s.holdTo(m.MaxPayload)
	s.refreshToken()
	s.flush()
	if s.client.link != 0 {
		if s.client.ready {
			s.send(wire.Status{State: wire.StateReady})
		} else {
			s.sendReadyAgain()
		}
		s.replay()
	}
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

// creditUnread gives back to the bridge's reader all that the client will not read any more.
func (s *session) creditUnread() {
	if link, bytes := s.output.discard(); bytes > 0 {
		s.Links.Credit(link, bytes)
	}
}
