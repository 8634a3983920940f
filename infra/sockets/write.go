package sockets

import (
	"errors"
	"net"
	"os"
	"time"

	"hearth/messages"
	"hearth/messages/wire"
)

// send queues a frame.
func (l *link) send(frame wire.Frame) {
	encoded, text := textFrame(frame)
	var seq uint64
	if data, ok := frame.(wire.Data); ok {
		seq = data.Seq
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end == nil && l.hasRoom(len(encoded)) {
		l.out.add(encoded, text, seq)
		l.startWriting()
	}
}

// sendControl queues a pong.
func (l *link) sendControl(encoded []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end == nil && l.hasRoom(len(encoded)) {
		l.out.addControl(encoded)
		l.startWriting()
	}
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
		go l.write()
	}
}

// write empties the outbox.
func (l *link) write() {
	for {
		l.mu.Lock()
		b, ok := l.out.next()
		if !ok {
			l.writing = false
			last := l.readDone
			l.mu.Unlock()
			if last {
				l.finish()
			}
			return
		}
		l.mu.Unlock()
		err := l.put(b.buf)
		l.mu.Lock()
		l.out.written(b)
		l.mu.Unlock()
		if err != nil {
			l.abort(CauseLost, plainError(err))
			continue // to find the outbox empty
		}
		l.sockets.tallies[l.kind].framesOut.Add(uint64(b.frames))
		if b.seq != 0 {
			l.emit(&messages.LinkWritten{Link: l.id, Seq: b.seq, Bytes: b.bytes})
		}
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
