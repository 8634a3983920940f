package sockets

import (
	"net"
	"syscall"
	"time"
)

// burst is how soon after other data some must come to be taken for many.
const burst = 30 * time.Microsecond

// directWriter writes to a connection without ever waiting for it. It is used by one goroutine at a time.
type directWriter struct {
	raw syscall.RawConn
	// attempt is try as a func value, made once because making one allocates. It writes p and leaves n.
	attempt func(fd uintptr) bool
	p       []byte
	n       int
}

// newDirectWriter gives nil for a connection that is not the kernel's own.
func newDirectWriter(conn net.Conn) *directWriter {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil // it is closed, as its first read tells
	}
	d := &directWriter{raw: raw}
	d.attempt = d.try
	return d
}

// try is one write, whose errors are left to whoever writes the rest: they come again.
func (d *directWriter) try(fd uintptr) bool {
	n, err := syscall.Write(int(fd), d.p)
	if err == nil {
		d.n = n
	}
	return true // done: do not wait until the connection takes more
}

// writesAtOnce reports whether a frame is to be written without queueing it. The link's mu is held.
func (w *connection) writesAtOnce(isData bool) bool {
	if w.direct == nil || !isData {
		return w.direct != nil
	}
	last := w.wroteAt
	w.wroteAt = time.Now()
	return w.wroteAt.Sub(last) > burst
}

// tryWrite writes as much of p as the kernel takes at once, and says how much that was.
func (w *connection) tryWrite(p []byte) int {
	d := w.direct
	d.p, d.n = p, 0
	_ = d.raw.Write(d.attempt) // fails only when nothing was tried
	d.p = nil
	return d.n
}
