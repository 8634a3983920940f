package client

import (
	"time"

	"github.com/lxzan/gws"

	"hearth/messages/wire"
)

// debts are what the writer owes the gateway beside inputs.
type debts struct {
	attached   bool   // the hello was answered: inputs may go
	acksInData bool   // by a gateway that reads acks that come with them
	cursor     uint64 // the last input that went
	unacked    wire.Unacked
	ackAt      time.Time // when the next ack is due; zero if none is
	pingAt     time.Time
	closed     bool // close went

	window wire.Resize // the size that went
	ended  bool        // the end of the input went

	pong      bool // a WebSocket ping is to be answered with pongData
	pongData  []byte
	framePong *wire.Pong
}

// oweAck makes the outputs up to last acknowledged soon, or at once if there are many; bytes is what came with the newest.
func (d *debts) oweAck(last uint64, bytes int, now time.Time) {
	switch {
	case d.unacked.Add(last, bytes):
		d.ackAt = now
	case d.ackAt.IsZero():
		d.ackAt = now.Add(wire.OutputAckDelay)
	}
}

// hurryAck makes an ack that is owed due now.
func (d *debts) hurryAck(now time.Time) {
	if !d.ackAt.IsZero() {
		d.ackAt = now
	}
}

// writeLoop is the runner's work while the socket lasts. It ends when the reader has, or when a write fails.
func (k *socket) writeLoop() {
	timer := time.NewTimer(pingEvery)
	defer timer.Stop()
	var buffer []byte
	for {
		opcode, payload, wait := k.next(buffer[:0], time.Now())
		if opcode != 0 {
			if k.write(opcode, payload) != nil {
				return // the reader finds out why
			}
			buffer = payload
			continue
		}
		timer.Reset(wait)
		select {
		case <-k.gone:
			return
		case <-k.bell:
		case <-timer.C:
		}
	}
}

// next appends to buffer the most urgent message that is owed. No opcode means that nothing is owed for wait.
func (k *socket) next(buffer []byte, now time.Time) (opcode gws.Opcode, payload []byte, wait time.Duration) {
	s, d := k.s, &k.owed
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case d.pong:
		d.pong = false
		return gws.OpcodePong, append(buffer, d.pongData...), 0
	case !now.Before(d.pingAt):
		d.pingAt = now.Add(pingEvery)
		return gws.OpcodePing, append(buffer, "hearth"...), 0
	}
	if frame := s.nextFrame(d, now); frame != nil {
		return gws.OpcodeText, wire.AppendFrame(buffer, frame), 0
	}
	wait = d.pingAt.Sub(now)
	if !d.ackAt.IsZero() {
		wait = min(wait, d.ackAt.Sub(now))
	}
	return 0, nil, wait
}

// nextFrame is called with mu held. Whatever keeps outputs and the session's end moving goes ahead of inputs.
func (s *Session) nextFrame(d *debts, now time.Time) wire.Frame {
	if s.closing && !d.closed {
		d.closed = true
		return wire.Close{}
	}
	if pong := d.framePong; pong != nil {
		d.framePong = nil
		return *pong
	}
	if !d.ackAt.IsZero() && !now.Before(d.ackAt) {
		return wire.Ack{Seq: s.acknowledge(d)}
	}
	if !d.attached || s.closing {
		return nil
	}
	if s.fresh {
		s.fresh = false
		return wire.Token{Token: s.token}
	}
	if s.window != d.window {
		d.window = s.window
		return d.window
	}
	if len(s.signals) > 0 {
		signal := s.signals[0]
		s.signals = s.signals[1:]
		return signal
	}
	d.cursor = max(d.cursor, s.in.given)
	if payload := s.in.after(d.cursor); payload != nil {
		d.cursor++
		input := wire.Data{Seq: d.cursor, Payload: payload}
		if d.acksInData && !d.ackAt.IsZero() {
			input.Ack = s.acknowledge(d)
		}
		return input
	}
	if s.ended && !d.ended {
		d.ended = true
		return wire.EOF{}
	}
	return nil
}

// acknowledge is the output up to which all are acknowledged now. mu is held.
func (s *Session) acknowledge(d *debts) uint64 {
	d.ackAt = time.Time{}
	d.unacked.Sent(s.outLast)
	return s.outLast
}

// write sends one message and gives a gateway that does not read a bounded time.
func (k *socket) write(opcode gws.Opcode, payload []byte) error {
	if err := k.conn.SetWriteDeadline(time.Now().Add(silenceLimit)); err != nil {
		return err
	}
	return k.conn.WriteMessage(opcode, payload)
}
