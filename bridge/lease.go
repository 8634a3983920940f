package bridge

import (
	"errors"
	"syscall"
	"time"

	"hearth/bridge/isolation"
	"hearth/messages/wire"
)

const (
	// defaultLease and defaultOrphan hold where neither the gateway nor the task's settings say.
	defaultLease  = 30 * time.Second
	defaultOrphan = 15 * time.Minute
	// minLease is the shortest that a bridge is told: a network's hiccup must not suspend an agent.
	minLease = time.Second
	// leasePings is how many pings are sent in a lease: one or two of them may be late.
	leasePings = 3
	// fencePause is how long the bridge waits before it looks again whether its task was overtaken, which the file system did not say.
	fencePause = time.Second
)

// lease is the right to run the user's agent, as long as gateways keep the session for this task. It is the loop's.
//
// Invariant: it is counted from when the bridge sent what a gateway has answered, and never from when the answer came. The
// gateway counts from when it last heard the bridge, which was later. So however long anything is under way, the gateway's wait
// outlasts the lease.
type lease struct {
	length, orphan time.Duration
	told           bool      // a gateway has said that it knows of leases: agents start with its leave
	since          time.Time // zero before the session's
	over           alarm     // at the end of length
	orphaned       alarm     // at the end of orphan
	ping           alarm     // the next one
	// lapsed: it was over, and no gateway has confirmed since that the session is still this task's. Invariant: then no process of
	// the agent's runs; suspended are those that were stopped for it, since suspendedAt.
	lapsed      bool
	suspended   []process
	suspendedAt time.Time
}

func (l *lease) stop() {
	l.over.stop()
	l.orphaned.stop()
	l.ping.stop()
}

// inForce is the smaller of what the gateway says and what the task's settings say, or else the default.
func inForce(told int64, own, fallback time.Duration) time.Duration {
	switch gateway := time.Duration(told) * time.Millisecond; {
	case gateway > 0 && own > 0:
		return min(gateway, own)
	case gateway > 0:
		return gateway
	case own > 0:
		return own
	}
	return fallback
}

// agreeOnLease takes what a gateway says of leases, which holds from the next answer on.
func (b *bridge) agreeOnLease(f wire.Limits) {
	b.lease.told = f.LeaseMs > 0
	b.lease.length = inForce(f.LeaseMs, b.cfg.TaskLease, defaultLease)
	b.lease.orphan = inForce(f.OrphanMs, b.cfg.TaskOrphanTTL, defaultOrphan)
}

// holdLease begins or renews the lease: a gateway has answered what was sent at the given time.
func (b *bridge) holdLease(sent time.Time) {
	l := &b.lease
	if !sent.After(l.since) || b.session.ended {
		return
	}
	isFirst := l.since.IsZero()
	l.since = sent
	l.over.set(b.post, time.Until(sent.Add(l.length)), b.lapse)
	l.orphaned.set(b.post, time.Until(sent.Add(l.orphan)), func() { b.endNow("its gateway has been gone for " + l.orphan.String()) })
	if isFirst {
		b.pingForLease()
	}
}

// pingForLease asks for an answer that renews the lease, again and again.
func (b *bridge) pingForLease() {
	for _, s := range []*socket{b.link.current, b.link.next} {
		if s != nil {
			s.ping()
		}
	}
	b.lease.ping.set(b.post, b.lease.length/leasePings, b.pingForLease)
}

// onPong takes the answer to a ping. It proves that the gateway has the session only on a socket on which it has said so.
func (b *bridge) onPong(from *socket, sent time.Time) {
	if b.link.hears(from) && from.confirmed && !b.lease.lapsed {
		b.holdLease(sent)
	}
}

// confirm takes in that a gateway holds the session for this task: it has answered a hello that says whose task it is.
func (b *bridge) confirm(from *socket) {
	if from.confirmed || from.greeted.IsZero() {
		return
	}
	from.confirmed = true
	if !b.session.proceeds {
		b.session.cancel() // it has no leave, and whoever was to give it is gone: another task is as good
	}
	was := b.lease.lapsed
	b.lease.lapsed = false
	b.holdLease(from.greeted)
	if was {
		b.resumeAgent()
	}
}

// proceed lets the agent start, once. Only the gateway that gave the task its user does: another one knows neither that it has not
// started, nor who else may run in the workspace.
func (b *bridge) proceed() {
	if s := b.session; !s.proceeds {
		s.proceeds = true
		close(s.proceed)
	}
}

// lapse takes in that the lease is over: another task may be given the session from here on, so nothing of the agent's runs
// until a gateway has confirmed that the session is still this one's. What was answered on the sockets that there are is not
// enough for that, so they are given up.
func (b *bridge) lapse() {
	s, l := b.session, &b.lease
	if l.lapsed || s.ended || s.failed != nil {
		return
	}
	l.lapsed = true
	s.log.Warn().Dur("leaseMs", l.length).Msg("the lease is over: no gateway has answered for that long")
	switch {
	case b.stopping:
		b.killAgent()
	case s.agent == nil:
		s.cancel() // and the agent is not started any more
	default:
		b.suspendAgent()
	}
	for _, socket := range []*socket{b.link.current, b.link.next} {
		if socket != nil {
			socket.because(errors.New("it brought no answer for the length of a lease"))
			socket.kill()
		}
	}
}

// suspendAgent stops every process of the agent's, however many there are.
func (b *bridge) suspendAgent() {
	s, l := b.session, &b.lease
	var err error
	l.suspended, err = s.agent.suspend()
	l.suspendedAt = time.Now()
	if err != nil {
		s.log.Error().Err(err).Msg("could not suspend all of the agent")
	}
	s.log.Warn().Int("processes", len(l.suspended)).Msg("the agent is suspended until a gateway takes the session up again")
}

// resumeAgent lets the agent go on where it was.
func (b *bridge) resumeAgent() {
	s, l := b.session, &b.lease
	if s.agent == nil || s.ended || l.suspendedAt.IsZero() {
		return
	}
	s.agent.resume(l.suspended)
	s.log.Info().Dur("suspendedMs", time.Since(l.suspendedAt)).Msg("the agent goes on")
	l.suspended, l.suspendedAt = nil, time.Time{}
}

// killAgent ends an agent that must not run any more, be it for its grace.
func (b *bridge) killAgent() {
	s := b.session
	if s.agent == nil {
		return
	}
	kill := func() error { return s.agent.signal(syscall.SIGKILL) }
	if b.lease.lapsed {
		kill = s.agent.killSuspended
	}
	if err := kill(); err != nil && !errors.Is(err, syscall.ESRCH) {
		s.log.Error().Err(err).Msg("could not kill the agent")
	}
}

// endNow ends a task whose agent must not run any more.
func (b *bridge) endNow(why string) {
	b.session.cancel()
	b.killAgent()
	b.finish(nil, why)
}

// greetLapsed has a socket begin whose bridge has let its lease lapse: only if no other task was given the session since.
func (b *bridge) greetLapsed(s *socket) {
	fence := b.session.fence
	b.wg.Go(func() {
		err := fence.Renew()
		taken := b.post(func() { b.onRenewed(s, err) })
		if !taken {
			s.kill()
		}
	})
}

func (b *bridge) onRenewed(s *socket, err error) {
	switch {
	case errors.Is(err, isolation.ErrOvertaken):
		s.kill()
		b.endNow("another task was given its session")
	case err != nil:
		b.session.log.Error().Err(err).Msg("could not look whether another task was given the session")
		s.kill()
		b.link.dialing = false
		b.link.retry.set(b.post, fencePause, b.dial)
	default:
		b.carryOn(s)
	}
}
