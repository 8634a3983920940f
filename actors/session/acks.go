package session

import (
	"time"

	"hearth/messages/wire"
)

// passedOn is how acknowledgements go on in one direction: at once after a pause, and at most every AckDelay or AckLines while they
// come one after the other, however often the receiver says so.
type passedOn struct {
	// seq is the last line whose acknowledgement was passed on, at that time.
	seq uint64
	at  time.Time
}

// wait is how long the acknowledgement of seq is to wait, 0 for not at all.
func (p *passedOn) wait(seq uint64, now time.Time) time.Duration {
	if seq >= p.seq+wire.AckLines {
		return 0
	}
	return max(p.at.Add(wire.AckDelay).Sub(now), 0)
}

// sent notes that the acknowledgement of seq was passed on.
func (p *passedOn) sent(seq uint64, now time.Time) { *p = passedOn{seq: seq, at: now} }

// inputGiven passes on that the agent was given inputs.
func (s *session) inputGiven() {
	now := s.Clock.Now()
	if wait := s.inputAcks.wait(s.input.given, now); wait > 0 {
		s.ackLater(wait)
		return
	}
	s.inputAcks.sent(s.input.given, now)
	s.send(wire.Ack{Seq: s.input.given})
}

// outputRead passes on that the client has processed outputs, so that the bridge may forget them.
func (s *session) outputRead() {
	now := s.Clock.Now()
	if wait := s.outputAcks.wait(s.output.acked, now); wait > 0 {
		s.ackLater(wait)
		return
	}
	s.outputAcks.sent(s.output.acked, now)
	s.toBridge(wire.Ack{Seq: s.output.acked})
}

// ackLater has passOnAcks called in a while, unless it will be anyway.
func (s *session) ackLater(wait time.Duration) {
	if !s.acksWait {
		s.acksWait = true
		s.acks.Set(s.Clock, s.self, wait)
	}
}

// passOnAcks passes on every acknowledgement that waits.
func (s *session) passOnAcks() {
	if s.acksWait {
		s.acksWait = false
		s.acks.Cancel()
	}
	now := s.Clock.Now()
	if s.input.given > s.inputAcks.seq {
		s.inputAcks.sent(s.input.given, now)
		s.send(wire.Ack{Seq: s.input.given})
	}
	if s.output.acked > s.outputAcks.seq {
		s.outputAcks.sent(s.output.acked, now)
		s.toBridge(wire.Ack{Seq: s.output.acked})
	}
}
