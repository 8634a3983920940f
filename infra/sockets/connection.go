package sockets

import (
	"bytes"
	"encoding/binary"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/lxzan/gws"

	"hearth/messages/wire"
)

// connection is a link's connection as gws sees it. Reads end when the peer has been silent for too long: the time runs only
// while a read is waiting, so that a reader that waits for credit is not taken for a dead peer. All that gws writes after
// the upgrade is a close frame, when its reading ends; it is kept, for the link to send in its turn.
type connection struct {
	net.Conn
	link *link
	// goodbye is the close frame that gws wanted to send; the reader's.
	goodbye []byte
	// renewed is when the read's deadline was last set; the reader's.
	renewed time.Time
	// raw is for writes that do not wait; nil where there are none.
	raw syscall.RawConn
	// wroteAt is when data were last offered. Guarded by the link's mu.
	wroteAt time.Time
}

// renewals is how often in a silence's time the read's deadline is set anew while something comes: to set it for every frame
// would cost more than to decode one.
const renewals = 16

// upgraded says that the handshake's answer has been written.
func (w *connection) upgraded() bool { return w.link != nil }

func (w *connection) Read(p []byte) (int, error) {
	s := w.link.sockets
	if now := time.Now(); now.Sub(w.renewed) > s.cfg.SilenceTimeout/renewals {
		if err := w.Conn.SetReadDeadline(now.Add(s.cfg.SilenceTimeout)); err != nil {
			return 0, err
		}
		w.renewed = now
	}
	n, err := w.Conn.Read(p)
	s.tallies[w.link.kind].bytesIn.Add(uint64(n))
	return n, err
}

func (w *connection) Write(p []byte) (int, error) {
	if !w.upgraded() {
		return w.Conn.Write(p)
	}
	w.goodbye = bytes.Clone(p)
	return len(p), nil
}

// Close leaves the connection open after the upgrade: its link closes it when everything has been written.
func (w *connection) Close() error {
	if !w.upgraded() {
		return w.Conn.Close()
	}
	return nil
}

// code is the close code that gws wanted to send, 0 for none.
func (w *connection) code() wire.CloseCode {
	if len(w.goodbye) < controlHeader+2 {
		return 0
	}
	return wire.CloseCode(binary.BigEndian.Uint16(w.goodbye[controlHeader:]))
}

const (
	// controlHeader is the length of a control frame's header.
	controlHeader = 2
	// maxHeader is the length of the longest header of an unmasked frame.
	maxHeader = 10
	// maxControlPayload is how much a control frame can carry.
	maxControlPayload = 125
	// final marks a frame that is a whole message.
	final = 0x80
)

// encodedFrame is a frame as it goes over the wire. It is used again once released.
type encodedFrame struct {
	// buf has the frame from start on: room for the longest header comes before the JSON text.
	buf   []byte
	start int
	// text is the length of the JSON text. seq is 0 for all but data.
	text int
	seq  uint64
	// try is write as a func value, made once because making one allocates; taken is what it has written.
	try   func(fd uintptr) bool
	taken int
}

// keptFrame is the largest buffer that is kept for another frame.
const keptFrame = 64 << 10

var encodedFrames = sync.Pool{New: func() any {
	e := &encodedFrame{buf: make([]byte, maxHeader, 512)}
	e.try = e.write
	return e
}}

// encode makes a frame ready to be written. The caller releases it.
func encode(frame wire.Frame) *encodedFrame {
	e := encodedFrames.Get().(*encodedFrame)
	e.buf = wire.AppendFrame(e.buf[:maxHeader], frame)
	e.text, e.seq = len(e.buf)-maxHeader, 0
	// The header goes right before the text, wherever that makes it begin.
	var header [maxHeader]byte
	h := append(header[:0], final|byte(gws.OpcodeText))
	switch {
	case e.text < 126:
		h = append(h, byte(e.text))
	case e.text < 1<<16:
		h = binary.BigEndian.AppendUint16(append(h, 126), uint16(e.text))
	default:
		h = binary.BigEndian.AppendUint64(append(h, 127), uint64(e.text))
	}
	e.start = maxHeader - len(h)
	copy(e.buf[e.start:], h)
	return e
}

func (e *encodedFrame) bytes() []byte { return e.buf[e.start:] }

// release gives the buffer back. Nobody may have kept a part of it.
func (e *encodedFrame) release() {
	if cap(e.buf) <= keptFrame {
		encodedFrames.Put(e)
	}
}

// controlFrame is a ping, pong or close as it goes over the wire. What is too long of the payload is cut off.
func controlFrame(opcode gws.Opcode, payload []byte) []byte {
	payload = payload[:min(len(payload), maxControlPayload)]
	return append([]byte{final | byte(opcode), byte(len(payload))}, payload...)
}

// closeFrame tells the peer why. The reason is a short text of ours.
func closeFrame(code wire.CloseCode, reason string) []byte {
	return controlFrame(gws.OpcodeCloseConnection, append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...))
}
