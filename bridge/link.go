package bridge

import (
	"time"

	"github.com/rs/zerolog"

	"hearth/messages/wire"
)

// repeatLog is how often the same failure to reach the gateway is told again.
const repeatLog = 15 * time.Second

// manyFailures in a row are more than a gateway that is being replaced.
const manyFailures = 3

// link is the bridge's side of the connection: at most one socket that carries the session, and at most one that is to
// take over from it. It belongs to the loop.
type link struct {
	// current carries the session; nil while there is no socket.
	current *socket
	// next was dialled while current lives, for a redial: it takes over with its first frame. Invariant: meanwhile current
	// is held, so that what next's hello said of the lines that went through stays true: a client that comes to the other
	// gateway at once must not know more than that one.
	next   *socket
	answer alarm // next's, to its hello

	// base is where the gateway is: GATEWAY_WS_URL, or where a redial frame pointed.
	base string
	// dialing: an attempt is under way.
	dialing  bool
	failures int   // in a row
	retry    alarm // the next attempt

	// goneSince is when there was last a gateway, while there is none.
	goneSince time.Time
	orphan    alarm

	lastFailure string
	lastTold    time.Time
}

func (l *link) stop() {
	l.answer.stop()
	l.retry.stop()
	l.orphan.stop()
}

// hears reports whether the bridge still listens to this socket.
func (l *link) hears(s *socket) bool { return s == l.current || s == l.next }

// address is what is dialled now. Where a redial frame pointed and nobody answers, every second attempt goes to the
// configured gateway again, unless there is still a socket to live on: one that is gone for good must not take its tasks
// with it.
func (b *bridge) address() string {
	base := b.link.base
	if b.link.current == nil && b.link.failures%2 == 1 {
		base = b.cfg.GatewayURL
	}
	var session wire.SessionID
	switch {
	case b.session != nil:
		session = b.session.id
	case !b.cfg.Warm:
		session = b.cfg.SessionID
	}
	return target(base, session, b.cfg.TaskID)
}

// dial makes one attempt now, unless one is under way.
func (b *bridge) dial() {
	if b.link.dialing {
		return
	}
	b.link.dialing = true
	b.link.retry.stop()
	owner := socketOwner{
		frame:    func(s *socket, f wire.Frame) { b.post(func() { b.onFrame(s, f) }) },
		pong:     func(s *socket, sent time.Time) { b.post(func() { b.onPong(s, sent) }) },
		exitSent: func(s *socket) { b.post(func() { b.onExitSent(s) }) },
		down:     func(s *socket, err error) { b.post(func() { b.onDown(s, err) }) },
	}
	s := newSocket(b.address(), owner, b.alive, b.log)
	b.wg.Go(func() {
		err := s.dial(b.ctx, b.cfg.TaskToken, b.cfg.MaxFrameBytes)
		taken := b.post(func() { b.onDialed(s, err) })
		if !taken && err == nil {
			s.kill()
		}
	})
}

func (b *bridge) onDialed(s *socket, err error) {
	l := &b.link
	l.dialing = false
	switch {
	case err != nil:
		b.tellFailure(s.url, "cannot reach the gateway", err)
		b.redialLater()
		return
	case b.dismissed:
		s.kill()
		return
	case s.url != b.address(): // a redial frame or init_user came in between
		s.kill()
		b.dial()
		return
	}
	b.log.Info().Str("gateway", s.url).Msg("connected to the gateway")
	if b.lease.lapsed && b.session.fence != nil {
		l.dialing = true // until that is known
		b.greetLapsed(s)
		return
	}
	b.carryOn(s)
}

// carryOn says hello on a new socket and goes on with it.
func (b *bridge) carryOn(s *socket) {
	l := &b.link
	l.dialing = false
	l.orphan.stop()
	if l.current == nil {
		l.current = s
	} else {
		l.current.hold(true)
		l.next = s
		l.answer.set(b.post, b.answer, s.kill)
	}
	b.announce(s)
	b.wg.Go(func() { s.read(b.ctx) })
	b.wg.Go(s.write)
	if b.evicted {
		b.windDown() // this gateway may be all that it waits for
	}
}

// redialLater dials again after a backoff that grows with each failure. Whoever was dismissed has nobody to dial.
func (b *bridge) redialLater() {
	if b.dismissed {
		return
	}
	l := &b.link
	l.retry.set(b.post, backoff(l.failures), b.dial)
	l.failures++
}

// onDown notes the end of a socket and looks for another.
func (b *bridge) onDown(s *socket, err error) {
	l := &b.link
	if !l.hears(s) {
		return // it was closed because another took over
	}
	if s.healthy() {
		l.failures = 0
		l.goneSince = time.Now()
		l.lastFailure = ""
	}
	b.tellFailure(s.url, "lost the gateway", err)
	if s == l.next {
		b.forgetNext()
	} else {
		l.current = nil
		if l.next != nil {
			b.promote()
			return
		}
		b.watchOrphan()
	}
	if b.session != nil {
		b.windDown()
	}
	if !l.dialing {
		b.redialLater()
	}
}

// onRedial dials the given gateway, or the same again. The socket that there is stays until the new one was answered.
func (b *bridge) onRedial(f wire.Redial) {
	if f.URL != "" {
		if err := checkBase(f.URL); err != nil {
			b.log.Error().Err(err).Msg("ignored a redial to a bad address")
			return
		}
		b.link.base = f.URL
	}
	b.log.Info().Str("gateway", b.link.base).Msg("the gateway asks for a redial")
	b.moveOver()
}

// moveOver dials anew beside the current socket.
func (b *bridge) moveOver() {
	l := &b.link
	if l.next != nil {
		l.next.kill()
		b.forgetNext()
	}
	l.failures = 0
	b.dial()
}

// forgetNext goes on with the socket that there is.
func (b *bridge) forgetNext() {
	b.link.next = nil
	b.link.answer.stop()
	b.link.current.hold(false)
}

// promote makes the next socket the current one.
func (b *bridge) promote() {
	l := &b.link
	if l.current != nil {
		l.current.close()
	}
	l.current, l.next = l.next, nil
	l.answer.stop()
	if s := b.session; s != nil {
		l.current.sendAck(s.in.given())
	}
}

// watchOrphan ends a bridge that still has no user once its gateway has been gone for too long.
func (b *bridge) watchOrphan() {
	l := &b.link
	l.orphan.set(b.post, time.Until(l.goneSince.Add(b.cfg.WarmOrphanTTL)), func() {
		if b.session == nil {
			b.finish(nil, "it has no user, and its gateway has been gone for "+b.cfg.WarmOrphanTTL.String())
		}
	})
}

// tellFailure logs why the gateway is out of reach: at once when that is news, and every so often while it lasts. It is a warning at
// first, for gateways come and go, and an error once it lasts.
func (b *bridge) tellFailure(address, what string, err error) {
	l := &b.link
	reason := reasonOf(err)
	news := what + address + reason
	if news == l.lastFailure && time.Since(l.lastTold) < repeatLog {
		return
	}
	l.lastFailure, l.lastTold = news, time.Now()
	level := zerolog.WarnLevel
	if l.failures >= manyFailures {
		level = zerolog.ErrorLevel
	}
	b.log.WithLevel(level).Str("gateway", address).Str("reason", reason).Int("failures", l.failures).Msg(what)
}
