package sockets

import (
	"net"
	"syscall"
	"time"
)

// burst is how soon after other data some must come to be taken for many.
const burst = 30 * time.Microsecond

// kernelsOwn gives access to a connection that is the kernel's own, as one with TLS is not, whose writes cannot be tried.
func kernelsOwn(conn net.Conn) syscall.RawConn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil // it is closed, as its first read tells
	}
	return raw
}

// writesAtOnce reports whether a frame is to be written without queueing it. The link's mu is held.
func (w *connection) writesAtOnce(isData bool) bool {
	if w.raw == nil || !isData {
		return w.raw != nil
	}
	last := w.wroteAt
	w.wroteAt = time.Now()
	return w.wroteAt.Sub(last) > burst
}

// tryWrite writes as much of a frame as the kernel takes at once, and says how much that was.
func (w *connection) tryWrite(e *encodedFrame) int {
	e.taken = 0
	_ = w.raw.Write(e.try) // fails only when nothing was tried
	return e.taken
}

// write is one write, whose errors are left to whoever writes the rest: they come again.
func (e *encodedFrame) write(fd uintptr) bool {
	if n, err := syscall.Write(int(fd), e.bytes()); err == nil {
		e.taken = n
	}
	return true // done: do not wait until the connection takes more
}
