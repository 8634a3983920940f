package sockets

import (
	"net"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/lxzan/gws"
	"golang.org/x/time/rate"

	"hearth/messages"
	"hearth/messages/wire"
)

// stage is how far a link has come.
type stage int

const (
	awaitsHello stage = iota
	awaitsOwner
	bound
)

// ending is why and how a link is closed.
type ending struct {
	cause Cause
	// detail says more than the cause; it never quotes the peer.
	detail string
	code   wire.CloseCode
	// frame is the close frame, for when it is not simply made of the code and the detail.
	frame []byte
	// flush says that what is queued is still to be written.
	flush bool
}

// text is the cause with its detail.
func (e *ending) text() string {
	if e.detail == "" {
		return string(e.cause)
	}
	return string(e.cause) + ": " + e.detail
}

// link is one peer's socket.
type link struct {
	sockets *Sockets
	id      messages.LinkID
	kind    Kind
	// peer is whose it is, for the log: a user's or a task's id.
	peer  string
	since time.Time
	conn  *connection
	// introduced says that its handshake counts as one of its peer's. Guarded by Sockets.mu.
	introduced bool

	// The reader's own.

	// greet turns the first frame into the pool's message; nil once it has.
	greet     greeting
	limiter   *rate.Limiter // nil: not limited
	limited   time.Time     // when the peer was last told of it
	badFrames int
	readErr   error

	// events is held while an event is delivered and while the owner changes, so that they have one order. It comes before
	// mu.
	events sync.Mutex
	owner  *actor.PID
	gone   bool // the last event was delivered, if there was an owner

	mu    sync.Mutex
	stage stage
	timer *time.Timer
	// uncredited is the window's used part. blocked is since when the reader waits, and wake what it waits at; nil while it does not.
	uncredited int
	blocked    time.Time
	wake       chan struct{}

	out     outbox
	writing bool // a goroutine drains the outbox
	// end is set once: from then on nothing is queued and nothing delivered. broken: nothing can be written either.
	end      *ending
	broken   bool
	readDone bool
}

// start begins the link's life, with the upgrade behind it and the reader still to be started.
func (l *link) start() {
	l.mu.Lock()
	l.timer = time.AfterFunc(l.sockets.cfg.HandshakeTimeout, l.tick)
	l.mu.Unlock()
	if !l.sockets.add(l) {
		l.shut(ending{cause: CauseShutdown, code: wire.CloseDraining})
	}
}

// bind makes owner the receiver of events. It reports false if there will be none.
func (l *link) bind(owner *actor.PID) bool {
	l.events.Lock()
	defer l.events.Unlock()
	if l.gone {
		return false
	}
	l.owner = owner
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stage != bound {
		l.stage = bound
		if l.end == nil {
			l.timer.Reset(l.sockets.cfg.PingInterval)
		}
		l.wakeReader()
	}
	return true
}

// emit delivers an event to the owner.
func (l *link) emit(event any) {
	l.events.Lock()
	defer l.events.Unlock()
	if l.owner != nil {
		l.sockets.cfg.Deliver(l.owner, event)
	}
}

func (l *link) credit(bytes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.uncredited = max(0, l.uncredited-bytes)
	l.wakeReader()
}

// wakeReader lets the reader look again at what it waits for. mu is held.
func (l *link) wakeReader() {
	select {
	case l.wake <- struct{}{}:
	default: // it does not wait, or has been woken already
	}
}

// await holds the reader up until ready, which is asked with mu held. It gives up when the link is closed, which tick sees
// to in the end.
func (l *link) await(ready func() bool) {
	for {
		l.mu.Lock()
		if l.end != nil || ready() {
			l.blocked, l.wake = time.Time{}, nil
			l.mu.Unlock()
			return
		}
		if l.blocked.IsZero() {
			l.blocked = time.Now()
		}
		if l.wake == nil {
			l.wake = make(chan struct{}, 1)
		}
		wake := l.wake
		l.mu.Unlock()
		<-wake
	}
}

// tick is the timer's: each stage of a link's life has its limit, and a bound link its pings.
func (l *link) tick() {
	cfg := &l.sockets.cfg
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.end != nil:
		l.breakOff()
	case l.stage == awaitsHello:
		l.shutLocked(ending{cause: CauseNoHello, code: wire.CloseNotAllowed, detail: "none in time", flush: true})
	case l.stage == awaitsOwner:
		code := wire.CloseTryAgain
		if l.kind == Bridge {
			code = wire.CloseInternal
		}
		l.shutLocked(ending{cause: CauseUnbound, code: code, flush: true})
	case !l.blocked.IsZero() && time.Since(l.blocked) > cfg.BlockedTimeout:
		l.shutLocked(ending{cause: CauseBlocked, code: wire.CloseTryAgain, flush: true})
	default:
		l.out.addControl(controlFrame(gws.OpcodePing, nil))
		l.startWriting()
		l.timer.Reset(cfg.PingInterval)
	}
}

// shut ends the link in good order, unless it is ending already.
func (l *link) shut(end ending) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shutLocked(end)
}

func (l *link) shutLocked(end ending) {
	if l.end != nil {
		return
	}
	l.end = &end
	if !end.flush {
		l.out.drop()
	}
	if end.frame == nil {
		end.frame = closeFrame(end.code, end.text())
	}
	l.out.last = end.frame
	l.startWriting()
	l.timer.Reset(l.sockets.cfg.CloseTimeout)
	l.wakeReader()
}

// abort ends the link at once.
func (l *link) abort(cause Cause, detail string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end == nil {
		l.end = &ending{cause: cause, detail: detail}
	}
	l.breakOff()
}

// breakOff ends whatever reads or writes, and makes the kernel forget what it still has for the peer. mu is held, and end
// is set.
func (l *link) breakOff() {
	l.broken = true
	l.out.drop()
	raw := rawConn(l.conn.Conn)
	if tcp, ok := raw.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // fails only on a closed connection, as Close does
	}
	_ = raw.Close()
	l.wakeReader()
}

// finish is the end of everything, called once: by the reader or, when there is still something to write, by the writer.
func (l *link) finish() {
	l.mu.Lock()
	l.timer.Stop()
	end, greeted := l.end, l.stage != awaitsHello
	l.mu.Unlock()
	_ = l.conn.Conn.Close()
	l.sockets.remove(l, end.cause, greeted)
	l.events.Lock()
	l.gone = true
	if l.owner != nil {
		l.sockets.cfg.Deliver(l.owner, &messages.LinkClosed{Link: l.id, Cause: end.text()})
	}
	l.events.Unlock()
	l.logEnd(end)
	l.sockets.running.Done()
}

// logEnd is for those who debug: what an end means for a task or a session, its actor tells.
func (l *link) logEnd(end *ending) {
	l.sockets.log.Debug().Stringer("kind", l.kind).Str("peer", l.peer).Uint64("link", uint64(l.id)).
		Str("cause", end.text()).Dur("tookMs", time.Since(l.since)).Msg("socket closed")
}
