package sockets

import (
	"bytes"
	"errors"
	"net"
	"os"
	"time"

	"hearth/messages"
	"hearth/messages/wire"
)

// send writes a frame, or queues it behind what waits. It reports whether it has written data.
func (l *link) send(frame wire.Frame) (written bool) {
	encoded := encode(frame)
	defer encoded.release()
	if data, ok := frame.(wire.Data); ok {
		encoded.seq = data.Seq
	}
	return l.offer(encoded) && encoded.seq != 0
}

// sendControl is send for a pong.
func (l *link) sendControl(encoded []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end == nil && l.hasRoom(len(encoded)) {
		l.out.addControl(encoded)
		l.startWriting()
	}
}

// offer writes an encoded frame at once if nothing waits before it and the socket takes it without blocking: nobody need be woken
// then. Else it is queued. Data that come right after other data are likely many: those are queued, and written several at a
// time. It reports whether the frame was written, and with it all that was queued before.
func (l *link) offer(encoded *encodedFrame) (written bool) {
	p := encoded.bytes()
	l.mu.Lock()
	if l.end != nil || !l.hasRoom(len(p)) {
		l.mu.Unlock()
		return false
	}
	if l.writing || l.broken || !l.conn.writesAtOnce(encoded.seq != 0) {
		l.out.add(p, encoded.text, encoded.seq)
		l.startWriting()
		l.mu.Unlock()
		return false
	}
	l.writing = true
	l.mu.Unlock()
	n := l.conn.tryWrite(encoded)
	l.sockets.tallies[l.kind].bytesOut.Add(uint64(n))
	if n < len(p) {
		rest := batch{buf: bytes.Clone(p[n:]), frames: 1, seq: encoded.seq}
		if rest.seq != 0 {
			rest.bytes = encoded.text
		}
		l.mu.Lock()
		l.out.size += len(rest.buf)
		l.mu.Unlock()
		go l.write(rest)
		return false
	}
	l.sockets.tallies[l.kind].framesOut.Add(1)
	l.mu.Lock()
	if !l.out.empty() {
		go l.write(batch{})
		l.mu.Unlock()
		return true
	}
	l.stopWriting()
	return true
}

// hasRoom reports whether so many bytes fit into the outbox. If they do not, the peer does not keep up. mu is held.
func (l *link) hasRoom(bytes int) bool {
	if l.out.size+bytes <= l.sockets.cfg.maxQueued() {
		return true
	}
	l.shutLocked(ending{cause: CauseOverflow, code: wire.CloseTryAgain})
	return false
}

// startWriting makes sure that what is queued is written. mu is held.
func (l *link) startWriting() {
	if !l.writing && !l.broken {
		l.writing = true
		go l.write(batch{})
	}
}

// stopWriting ends the writer's part of the link, and the link if the reader's has ended. mu is held, and is not afterwards.
func (l *link) stopWriting() {
	l.writing = false
	last := l.readDone
	l.mu.Unlock()
	if last {
		l.finish()
	}
}

// write writes a batch that was taken out of the outbox, and then empties that.
func (l *link) write(b batch) {
	for {
		if len(b.buf) > 0 {
			err := l.put(b.buf)
			l.mu.Lock()
			l.out.written(b)
			l.mu.Unlock()
			if err != nil {
				l.abort(CauseLost, plainError(err)) // the outbox is empty then
			} else {
				l.tellWritten(b)
			}
		}
		var more bool
		l.mu.Lock()
		if b, more = l.out.next(); !more {
			_ = l.conn.Conn.SetWriteDeadline(time.Time{}) // it would be over when the next frame is written at once
			l.stopWriting()
			return
		}
		l.mu.Unlock()
	}
}

// tellWritten counts what was written, and tells a client's owner of data.
func (l *link) tellWritten(b batch) {
	l.sockets.tallies[l.kind].framesOut.Add(uint64(b.frames))
	if b.seq != 0 && l.kind == Client {
		l.sockets.cfg.Enter()
		l.emit(&messages.LinkWritten{Link: l.id, Seq: b.seq, Bytes: b.bytes})
		l.sockets.cfg.Leave()
	}
}

// put writes whole frames. A peer that does not take them in time is told to come back later, if it takes at least the
// rest of them while its link is closing.
func (l *link) put(p []byte) error {
	conn, cfg := l.conn.Conn, &l.sockets.cfg
	for {
		if err := conn.SetWriteDeadline(time.Now().Add(cfg.writeTimeout(l.kind))); err != nil {
			return err
		}
		n, err := conn.Write(p)
		l.sockets.tallies[l.kind].bytesOut.Add(uint64(n))
		p = p[n:]
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) || !l.tooSlow() {
			return err
		}
	}
}

// tooSlow closes the link, and reports false if it was closing before.
func (l *link) tooSlow() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end != nil {
		return false
	}
	l.shutLocked(ending{cause: CauseSlow, code: wire.CloseTryAgain})
	return true
}

// plainError is what went wrong with a connection, without addresses.
func plainError(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Op + ": " + op.Err.Error()
	}
	return err.Error()
}
