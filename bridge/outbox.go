package bridge

import (
	"sync"

	"hearth/messages/wire"
)

// outbox is the agent's output on its way to the gateway: the readers of the agent put, the writer of the one socket that
// carries the session takes, at its own cursor. There is no queue behind it, so a slow socket only leaves more in here.
type outbox struct {
	limit int
	drop  bool

	mu     sync.Mutex
	room   sync.Cond // with mu: outputs were forgotten, or the outbox is closed
	kept   replay
	exit   *wire.Exit // after the last output
	closed bool
	reader bell // of the socket attached last; nil before the first
}

// cursor is a socket's place in the outputs: everything up to seq was sent, and the exit, too, once ended. An output with a
// payload larger than max is a gap on this socket, whose gateway would not take it; 0 is no bound.
type cursor struct {
	seq   uint64
	ended bool
	max   int
}

// newOutbox goes on counting after last.
func newOutbox(last uint64, limit int, mode OverflowMode) *outbox {
	o := &outbox{limit: limit, drop: mode == OverflowDrop, kept: newReplay(last)}
	o.room.L = &o.mu
	return o
}

// put adds an output. At the limit it waits for room, or forgets the oldest. It reports false once the outbox is closed.
func (o *outbox) put(output wire.Data) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for !o.closed && !o.kept.fits(len(output.Payload), o.limit) {
		if o.drop {
			o.kept.forget(o.kept.first)
		} else {
			o.room.Wait()
		}
	}
	if o.closed {
		return false
	}
	o.kept.add(output)
	o.wakeReader()
	return true
}

// finish adds the exit, which comes after every output. Nothing is put afterwards.
func (o *outbox) finish(exit wire.Exit) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.exit = &exit
	o.wakeReader()
}

// close refuses all further output, and releases the writers that wait for room.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.room.Broadcast()
}

// ack forgets the outputs up to seq.
func (o *outbox) ack(seq uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept.forget(seq)
	o.room.Broadcast()
}

// attach gives the next socket its place, after output seq, and rings its bell from now on.
func (o *outbox) attach(reader bell, seq uint64) cursor {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reader = reader
	o.wakeReader()
	return cursor{seq: min(seq, o.kept.last())}
}

// next moves the cursor over the next data, gap or exit and returns it; nil when there is none yet.
func (o *outbox) next(c *cursor) wire.Frame {
	o.mu.Lock()
	defer o.mu.Unlock()
	frame, seq := o.kept.after(c.seq)
	c.seq = seq
	if frame == nil && o.exit != nil && !c.ended {
		c.ended = true
		return *o.exit
	}
	if data, ok := frame.(wire.Data); ok && c.max > 0 && len(data.Payload) > c.max {
		return wire.Gap{From: data.Seq, To: data.Seq}
	}
	return frame
}

// last is the number of the newest output.
func (o *outbox) last() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.kept.last()
}

// settled reports that every output has been acknowledged.
func (o *outbox) settled() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.kept.kept) == 0
}

func (o *outbox) wakeReader() {
	if o.reader != nil {
		o.reader.ring()
	}
}
