package client

import (
	"errors"
	"fmt"
	"time"

	"github.com/lxzan/gws"

	"hearth/messages/wire"
)

// read is the reader's goroutine.
func (k *socket) read() {
	defer close(k.gone)
	// gws panics on a frame whose declared length is negative, and would take the process with it.
	defer func() {
		if r := recover(); r != nil {
			k.violate(fmt.Errorf("a frame could not be read: %v", r))
		}
	}()
	k.conn.ReadLoop()
}

// OnOpen is gws's.
func (k *socket) OnOpen(*gws.Conn) { k.renew() }

// OnClose is gws's; err is the peer's close code, what ended the connection, or gws's verdict on a broken frame.
func (k *socket) OnClose(_ *gws.Conn, err error) {
	k.end.err = err
	var broken interface {
		error
		Uint16() uint16
	}
	if errors.As(err, &broken) || errors.Is(err, gws.ErrTextEncoding) {
		k.violate(fmt.Errorf("broken frame: %w", err))
	}
}

// OnPing is gws's. Only the newest ping needs an answer, and the writer gives it: a reader that waited for its socket to
// take a pong could not make the gateway's writes move.
func (k *socket) OnPing(_ *gws.Conn, payload []byte) {
	k.renew()
	k.owe(func(d *debts) { d.pong, d.pongData = true, payload })
}

// OnPong is gws's.
func (k *socket) OnPong(*gws.Conn, []byte) { k.renew() }

// OnMessage is gws's. While it waits for the consumer nothing is read, and the gateway feels it.
func (k *socket) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer func() { _ = m.Close() }()
	if k.end.over() {
		return
	}
	frame, err := wire.DecodeToClient(m.Bytes())
	if err == nil {
		err = k.receive(frame)
	}
	if err != nil {
		k.violate(err)
		return
	}
	k.renew()
}

// renew gives the gateway until the next deadline to say something. It comes after a message's delivery, so that a slow
// consumer does not count as a silent gateway.
func (k *socket) renew() {
	limit := silenceLimit
	if k.end.over() {
		limit = byeGrace
	}
	// An error means that the socket is gone, which the next read finds.
	_ = k.conn.SetReadDeadline(time.Now().Add(limit))
}

func (k *socket) violate(err error) {
	if k.end.over() {
		return
	}
	k.end.violation = err
	k.s.deliver(Violation{Err: err})
	k.drop()
}

// receive takes a frame; an error is a violation of the contract.
func (k *socket) receive(frame wire.Frame) error {
	if _, bye := frame.(wire.Bye); !bye {
		k.end.refusal = nil // the socket went on after it, so it is not what ends it
	}
	switch f := frame.(type) {
	case wire.Session:
		return k.onSession(f)
	case wire.Data:
		if f.Ack != 0 {
			if err := k.onAck(f.Ack); err != nil {
				return err
			}
			f.Ack = 0 // not the consumer's
		}
		return k.onOutputs(f, f.Seq, f.Seq)
	case wire.Gap:
		return k.onOutputs(f, f.From, f.To)
	case wire.Ack:
		return k.onAck(f.Seq)
	case wire.Ping:
		k.owe(func(d *debts) { d.framePong = &wire.Pong{ID: f.ID} })
	case wire.Bye:
		k.end.bye = f.Reason
	case wire.Error:
		refusal := Refusal(f)
		k.end.refusal = &refusal
		k.s.deliver(f)
	case wire.Exit:
		k.s.deliver(f)
		// The gateway's bye waits for the acknowledgement of the agent's last words.
		k.owe(func(d *debts) { d.hurryAck(time.Now()) })
	case wire.Status, wire.Ready:
		k.s.deliver(f)
	}
	return nil
}

func (k *socket) onSession(f wire.Session) error {
	if err := k.attach(f); err != nil {
		return err
	}
	k.end.answered = true
	k.answer.Stop()
	k.s.deliver(f)
	return nil
}

// attach lets the writer send the inputs above f.LastSeq: the first time, and again whenever the gateway says so.
func (k *socket) attach(f wire.Session) error {
	s := k.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.id != "" && s.id != f.SessionID {
		return errors.New("session: not the session that was asked for")
	}
	if err := s.in.begin(f.LastSeq); err != nil {
		return err
	}
	s.id = f.SessionID
	k.owed.attached, k.owed.acksInData, k.owed.cursor = true, f.AcksInData, f.LastSeq
	k.wake()
	s.inputsChanged()
	return nil
}

func (k *socket) onAck(seq uint64) error {
	if !k.end.answered {
		return errors.New("ack before session")
	}
	s := k.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if seq > s.in.given {
		k.end.progress = true
	}
	if err := s.in.ack(seq); err != nil {
		return err
	}
	s.inputsChanged()
	return nil
}

// onOutputs takes the outputs from to to: one with its payload, or several that are gone.
func (k *socket) onOutputs(frame wire.Frame, from, to uint64) error {
	s := k.s
	if !k.end.answered {
		return fmt.Errorf("%s before session", frame.FrameType())
	}
	if from == 0 {
		return fmt.Errorf("%s without seq", frame.FrameType())
	}
	last := s.outLast // only this goroutine writes it
	if from > last+1 && !s.isMuted() {
		return fmt.Errorf("outputs %d to %d were skipped without a gap", last+1, from-1)
	}
	if to > last {
		if gap, ok := frame.(wire.Gap); ok {
			gap.From = last + 1
			frame = gap
		}
		if !s.deliver(frame) {
			return nil
		}
		k.end.progress = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if to > last {
		s.outLast = to
	} else {
		// The gateway would not repeat what it knows to be acknowledged.
		k.owed.unacked.Acked = min(k.owed.unacked.Acked, to-1)
	}
	var bytes int
	if data, ok := frame.(wire.Data); ok {
		bytes = len(data.Payload)
	}
	k.owed.oweAck(s.outLast, bytes, time.Now())
	k.wake()
	return nil
}

// owe changes what the writer owes the gateway.
func (k *socket) owe(change func(*debts)) {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	change(&k.owed)
	k.wake()
}
