package bridge

import (
	"time"

	"hearth/messages/wire"
)

// sendAck acknowledges the inputs up to seq now. Only the newest waits to be written.
func (s *socket) sendAck(seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owed = seq
	s.ackNow()
}

// oweAck acknowledges the inputs up to seq soon: what was given to an agent that then dies is given to the next one unless it was
// acknowledged. After a pause that is at once, but for a gateway to whom the answer may bring it. bytes is what came with those that
// are new.
func (s *socket) oweAck(seq uint64, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owed = seq
	switch {
	case s.unacked.Add(seq, bytes), !s.acksInData && time.Since(s.ackedAt) >= wire.AckDelay:
		s.ackNow()
	case s.ackTimer == nil:
		s.ackTimer = time.AfterFunc(wire.AckDelay, s.ackLate)
	}
}

// settleAck acknowledges the inputs up to seq now, if they were not.
func (s *socket) settleAck(seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owed = seq; seq > s.unacked.Acked {
		s.ackNow()
	}
}

// ackLate acknowledges what is owed since the timer was set, unless something else has.
func (s *socket) ackLate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ackTimer = nil
	if s.owed > s.unacked.Acked {
		s.ackNow()
	}
}

// ackNow has the writer acknowledge what is owed. The lock is held.
func (s *socket) ackNow() {
	s.ackDue = true
	s.wake.ring()
}

// nextFrame is the newest ack, if it is due, or the next output. An output takes an ack along where the gateway reads that. The lock is
// held.
func (s *socket) nextFrame() wire.Frame {
	upcoming := s.upcoming()
	if upcoming != nil {
		s.owed = max(s.owed, s.inputs.given()) // the loop may not have heard of it yet
	}
	owes := s.owed > s.unacked.Acked
	_, isData := upcoming.(wire.Data)
	switch {
	case owes && isData && s.acksInData:
		output := s.outputs.next(&s.cursor)
		if data, ok := output.(wire.Data); ok { // else it was forgotten meanwhile, and this is a gap
			data.Ack = s.acknowledge()
			output = data
		}
		return output
	case s.ackDue, owes && upcoming != nil:
		return wire.Ack{Seq: s.acknowledge()}
	case upcoming != nil:
		return s.outputs.next(&s.cursor)
	}
	return nil
}

// acknowledge is the input up to which all are acknowledged now. The lock is held.
func (s *socket) acknowledge() uint64 {
	s.ackDue = false
	s.unacked.Sent(s.owed)
	s.ackedAt = time.Now()
	return s.owed
}

// upcoming is the output to be written next, or nil. The inputs that it may have come from are acknowledged before it, or with it: who
// has seen an agent's answer must not be taken for not having asked. The lock is held.
func (s *socket) upcoming() wire.Frame {
	if s.outputs == nil {
		return nil
	}
	ahead := s.cursor
	return s.outputs.next(&ahead)
}
