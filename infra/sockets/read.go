package sockets

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"github.com/lxzan/gws"

	"hearth/messages"
	"hearth/messages/wire"
)

// limitedInterval is how often a client is told at most that it sends too fast.
const limitedInterval = time.Second

// read is the reader's goroutine.
func (l *link) read(ws *gws.Conn) {
	defer func() { // also when an actor that ran here called runtime.Goexit
		l.mu.Lock()
		l.readDone = true
		last := !l.writing
		l.mu.Unlock()
		if last {
			l.finish()
		}
	}()
	l.readLoop(ws)
	l.readEnded()
}

// errReaderFailed stands for a panic under gws' loop.
var errReaderFailed = errors.New("the reader failed")

// readLoop guards gws' loop. A frame header with a negative length makes it panic, outside of what its own recovery
// covers: one such frame would end the process.
func (l *link) readLoop(ws *gws.Conn) {
	defer func() {
		if p := recover(); p != nil {
			l.readErr = errReaderFailed
			l.sockets.unruly.Error().Stringer("kind", l.kind).Str("peer", l.peer).Str("panic", fmt.Sprint(p)).
				Str("stack", string(debug.Stack())).Msg("socket reader failed")
		}
	}()
	ws.ReadLoop()
}

// readEnded closes the link for the reason for which its reading ended, unless that is our own close.
func (l *link) readEnded() {
	var closed *gws.CloseError
	code := l.conn.code()
	switch err := l.readErr; {
	case errors.As(err, &closed):
		l.shut(ending{cause: CausePeer, detail: fmt.Sprint(closed.Code), frame: l.conn.goodbye})
		return
	case errors.Is(err, errReaderFailed):
		code = closeProtocolError
	case errors.Is(err, os.ErrDeadlineExceeded):
		l.abort(CauseSilent, "")
		return
	case code == 0 || code == wire.CloseNormal: // what gws would tell a connection that failed
		l.abort(CauseLost, plainError(err))
		return
	}
	if code == wire.CloseTooLarge {
		l.complain(wire.CodeFrameTooLarge, fmt.Sprintf("frame larger than %d bytes", l.sockets.cfg.MaxFrameBytes))
	}
	l.shut(ending{cause: CauseViolation, code: code, flush: true})
	// Closing a connection that has unread bytes would make the peer's system drop what we have just told it. tick ends
	// this.
	_, _ = io.Copy(io.Discard, l.conn)
}

// closeProtocolError is a close code that only gws and we ourselves use.
const closeProtocolError wire.CloseCode = 1002

// complain tells a client what is wrong. Bridges are not told: it is for the log.
func (l *link) complain(code wire.ErrorCode, message string) {
	if l.kind == Client {
		l.send(wire.Error{Code: code, Message: message, Retryable: code == wire.CodeRateLimited})
	}
}

// events are gws', all called by the reader.
type events struct{}

func linkOf(ws *gws.Conn) *link { return ws.NetConn().(*connection).link }

func (events) OnOpen(*gws.Conn) {}

func (events) OnClose(ws *gws.Conn, err error) { linkOf(ws).readErr = err }

func (events) OnPing(ws *gws.Conn, payload []byte) {
	l := linkOf(ws)
	l.throttle()
	l.sendControl(controlFrame(gws.OpcodePong, payload))
}

// OnPong needs to do nothing: that something came has renewed the read's deadline.
func (events) OnPong(*gws.Conn, []byte) {}

func (events) OnMessage(ws *gws.Conn, message *gws.Message) {
	l := linkOf(ws)
	l.sockets.tallies[l.kind].framesIn.Add(1)
	if l.closing() {
		_ = message.Close() // gives the buffer back; never fails
		return
	}
	if l.greet != nil {
		l.hello(message)
		return
	}
	decode := l.decode
	if !isFrequent(message.Bytes()) {
		decode = l.decodeAside
	}
	frame, err := decode(message)
	bytes := message.Data.Len()
	_ = message.Close() // before any wait
	l.throttle()
	if err != nil {
		l.bad(err)
		if frame = l.answerFor(err); frame == nil {
			return
		}
	}
	var expires time.Time
	if token, ok := frame.(wire.Token); ok && l.kind == Client {
		if expires, err = l.sockets.cfg.RefreshToken(wire.UserID(l.peer), token.Token); err != nil {
			l.refuseToken(err)
			return
		}
	}
	l.take(frame, bytes, expires)
}

// refuseToken tells a client that its new token is not taken. The one before stays in use.
func (l *link) refuseToken(err error) {
	l.complain(wire.CodeUnauthenticated, err.Error())
	l.countBad()
}

// answerFor is what stands for a frame that could not be read: the number of a bridge's output must not be missing for ever,
// or every later one would wait for it.
func (l *link) answerFor(err error) wire.Frame {
	var unreadable *wire.UnreadableError
	if l.kind == Bridge && errors.As(err, &unreadable) {
		return wire.Gap{From: unreadable.Seq, To: unreadable.Seq}
	}
	return nil
}

func (l *link) closing() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.end != nil
}

var errBinary = errors.New("frame: binary, must be text")

func (l *link) decode(message *gws.Message) (wire.Frame, error) {
	if message.Opcode != gws.OpcodeText {
		return nil, errBinary
	}
	if l.kind == Bridge {
		return wire.DecodeFromBridge(message.Bytes())
	}
	return wire.DecodeFromClient(message.Bytes())
}

// hello takes the first frame, tells the pool, and waits for an owner.
func (l *link) hello(message *gws.Message) {
	aside(func() { l.meet(message) })
	if l.greet == nil {
		l.await(func() bool { return l.stage == bound })
	}
}

// meet takes the first frame and tells the pool, or closes the link.
func (l *link) meet(message *gws.Message) {
	frame, err := l.decode(message)
	_ = message.Close()
	var arrived any
	if err == nil {
		arrived, err = l.greet(l.id, frame)
	}
	if err != nil {
		l.sockets.tallies[l.kind].badFrames.Add(1)
		l.sockets.unruly.Warn().Stringer("kind", l.kind).Str("peer", l.peer).Err(err).Msg("hello refused")
		l.complain(wire.CodeBadFrame, err.Error())
		l.shut(ending{cause: CauseNoHello, code: wire.CloseNotAllowed, detail: err.Error(), flush: true})
		return
	}
	l.greet = nil
	l.mu.Lock()
	l.stage = awaitsOwner
	if l.end == nil {
		l.timer.Reset(l.sockets.cfg.BindTimeout)
	}
	l.mu.Unlock()
	l.sockets.greeted(l)
	if l.kind == Bridge {
		cfg := &l.sockets.cfg
		l.send(wire.Limits{
			MaxFrameBytes: cfg.MaxFrameBytes, LeaseMs: wire.Millis(cfg.TaskLease), OrphanMs: wire.Millis(cfg.TaskOrphanTTL),
			AcksInData: true,
		})
	}
	l.sockets.cfg.Deliver(l.sockets.cfg.Pool, arrived)
}

// aside runs what is rare and takes a large stack on a goroutine of its own, and waits for it. A reader's stack would stay large, and
// most readers do nothing for hours.
func aside(do func()) {
	failed := make(chan any, 1)
	go func() {
		defer func() { failed <- recover() }()
		do()
	}()
	if reason := <-failed; reason != nil {
		panic(reason)
	}
}

func (l *link) decodeAside(message *gws.Message) (frame wire.Frame, err error) {
	aside(func() { frame, err = l.decode(message) })
	return frame, err
}

// isFrequent reports whether a frame is data or an ack, as our own peers write them.
func isFrequent(text []byte) bool {
	return bytes.HasPrefix(text, []byte(`{"type":"data"`)) || bytes.HasPrefix(text, []byte(`{"type":"ack"`))
}

// take acts on a frame of a bound link. A client's token is good until it expires.
func (l *link) take(frame wire.Frame, bytes int, expires time.Time) {
	switch f := frame.(type) {
	case wire.Hello, wire.BridgeHello:
		l.bad(errors.New("hello: not the first frame"))
		return
	case wire.Unknown:
		return
	case wire.Ping:
		l.send(wire.Pong(f))
		return
	case wire.Data:
		if l.kind == Client && len(f.Payload) > l.sockets.cfg.MaxFrameBytes {
			l.complain(wire.CodeFrameTooLarge, fmt.Sprintf("payload larger than %d bytes", l.sockets.cfg.MaxFrameBytes))
			l.shut(ending{cause: CauseViolation, code: wire.CloseTooLarge, flush: true})
			return
		}
	}
	l.mu.Lock()
	l.uncredited += bytes
	l.mu.Unlock()
	event := &messages.LinkFrame{Link: l.id, Frame: frame, Bytes: bytes, Expires: expires}
	switch frame.(type) {
	case wire.Data, wire.Ack:
		l.sockets.cfg.Enter()
		l.emit(event)
		l.sockets.cfg.Leave()
	default: // rare, and what it leads to may need a large stack, which an idle link's reader would keep
		l.emit(event)
	}
	l.await(func() bool { return l.uncredited <= l.sockets.cfg.WindowBytes })
}

// bad refuses a frame. A client is told, and closed when it does not stop; a bridge is ours, and the log is told.
func (l *link) bad(err error) {
	l.sockets.tallies[l.kind].badFrames.Add(1)
	if l.kind == Bridge {
		l.sockets.unruly.Warn().Str("peer", l.peer).Err(err).Msg("ignored a bridge's bad frame")
		return
	}
	l.complain(wire.CodeBadFrame, err.Error())
	l.countBad()
}

// countBad closes the socket of a client that does not stop to send what is refused.
func (l *link) countBad() {
	if l.badFrames++; l.badFrames >= maxBadFrames {
		l.shut(ending{cause: CauseBadFrames, code: wire.CloseNotAllowed, flush: true})
	}
}

// throttle holds up the reader of a client that sends too fast; the client is told so now and then.
func (l *link) throttle() {
	if l.limiter == nil {
		return
	}
	wait := l.limiter.Reserve().Delay()
	if wait == 0 {
		return
	}
	l.sockets.tallies[l.kind].rateLimited.Add(1)
	if now := time.Now(); now.Sub(l.limited) >= limitedInterval {
		l.limited = now
		l.complain(wire.CodeRateLimited, fmt.Sprintf("more than %d frames a second: slowed down", l.sockets.cfg.FramesPerSecond))
	}
	time.Sleep(wait) // at most the time that one frame stands for: frames come here one by one
}
