package bridge

import (
	"errors"
	"syscall"
	"time"

	"hearth/messages/wire"
)

const (
	// settleTimeout is how long the gateway may take to react to an init_failed with a stop, or to an exit with the
	// acknowledgement of the outputs before it.
	settleTimeout = 10 * time.Second
	// flushTimeout bounds what a stopped bridge still sends, or waits to have acknowledged, once its agent is gone.
	flushTimeout = 5 * time.Second
	// hangUpAgain is how long a shell is waited for that was told that its user has hung up before it is told again.
	hangUpAgain = 250 * time.Millisecond
	// maxGrace bounds the grace that the gateway asks for.
	maxGrace = time.Hour
)

// dismiss ends the task because a gateway says so: nobody waits for it any more.
func (b *bridge) dismiss(f wire.Stop) {
	b.dismissed = true
	reason := "the gateway said: " + f.Reason
	if b.evicted && b.session.ended {
		b.finish(nil, reason)
		return
	}
	b.evicted = false
	grace := min(max(f.GraceMs, 0), maxGrace.Milliseconds())
	b.stop(reason, time.Duration(grace)*time.Millisecond)
}

// evict ends the task because its container was told to end, which no gateway has asked for: its session is to go on in
// another task. So the agent is given no more input, and its end is not told as an exit.
func (b *bridge) evict() {
	const reason = "the container was told to end"
	s := b.session
	if s == nil {
		b.sayGone()
	} else if !b.stopping && s.failed == nil && !s.ended {
		b.evicted = true
		s.in.close()
	}
	b.stop(reason, b.cfg.StopGrace)
}

// stop ends the agent: SIGTERM, or SIGHUP if that means nothing to it, and SIGKILL after the grace. Told again, it can only become shorter.
func (b *bridge) stop(reason string, grace time.Duration) {
	s := b.session
	if s == nil || s.failed != nil {
		b.finish(nil, reason)
		return
	}
	if s.ended {
		b.stopping = true
		b.windDown()
		return
	}
	by := time.Now().Add(grace)
	if b.stopping && !by.Before(b.stopBy) {
		return
	}
	b.stopping, b.stopBy = true, by
	b.log.Info().Str("reason", reason).Dur("graceMs", grace).Msg("stopping the agent")
	s.cancel()
	if b.lease.lapsed {
		b.killAgent() // it must not run again, be it to end
	} else {
		b.terminateAgent()
	}
	b.ending.set(b.post, grace, func() {
		b.log.Warn().Msg("the grace is over")
		b.killAgent()
		b.ending.set(b.post, b.flush, func() { b.finish(nil, "stopped, without all of the agent's output delivered") })
	})
}

// signalAgent signals the agent, if there is one.
func (b *bridge) signalAgent(sig syscall.Signal) {
	if b.session.agent == nil {
		return
	}
	if err := b.session.agent.signal(sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		b.log.Error().Err(err).Stringer("signal", sig).Msg("could not signal the agent")
	}
}

// terminateAgent asks the agent to end.
func (b *bridge) terminateAgent() {
	b.signalAgent(syscall.SIGTERM)
	b.hangUpShell()
}

// hangUpShell asks a shell in a terminal to end, which ignores SIGTERM: it is told that its user has hung up, and tells its jobs. It is
// told until it has ended: bash takes SIGTERM while it starts a program, and misses a SIGHUP that comes just before it waits for one.
func (b *bridge) hangUpShell() {
	a := b.session.agent
	if a == nil || a.terminal == nil {
		return
	}
	if a.ignores(syscall.SIGTERM) {
		b.signalAgent(syscall.SIGHUP)
		b.signalAgent(syscall.SIGCONT)
	}
	b.hangUp.set(b.post, hangUpAgain, b.hangUpShell)
}

// onAgentEnded takes in that the agent has ended and that all of its output is in the outbox.
func (b *bridge) onAgentEnded(s *session, exit wire.Exit) {
	s.ended = true
	b.lease.stop()
	b.hangUp.stop()
	if b.link.current != nil {
		b.link.current.settleAck(s.in.given()) // before the exit, after which nobody may listen
	}
	if b.evicted {
		b.ending.set(b.post, b.flush, b.endEvicted)
	} else {
		s.out.finish(exit)
	}
	b.windDown()
}

// sayGone tells the gateway, if there is one, that the task ends without its doing.
func (b *bridge) sayGone() {
	if b.link.current != nil {
		b.link.current.send(wire.Gone{})
	}
}

// endEvicted is the end of a bridge whose container was told to end: everything that its agent said is acknowledged, or the
// time for that is over.
func (b *bridge) endEvicted() {
	b.sayGone()
	b.finish(nil, "its container was told to end")
}

func (b *bridge) onExitSent(on *socket) {
	on.exitSent = true
	b.windDown()
}

// windDown sees to it that a task whose agent has ended ends soon as well, but not before its last words were heard.
func (b *bridge) windDown() {
	current := b.link.current
	listens := current != nil && current.resumeFrom != nil
	heard := current != nil && current.exitSent
	switch {
	case !b.session.ended:
	case b.evicted:
		if current != nil && b.session.out.settled() {
			b.endEvicted()
		}
	case b.stopping && (heard || !listens):
		b.finish(nil, "stopped")
	case heard && b.session.out.settled():
		b.finish(nil, "the agent has ended, and all is delivered")
	case b.stopping:
		b.ending.set(b.post, b.flush, func() { b.finish(nil, "stopped, without all of the agent's output delivered") })
	case heard:
		b.ending.set(b.post, b.settle, func() { b.finish(nil, "the agent has ended, and nobody acknowledges the rest") })
	default:
		b.ending.set(b.post, b.cfg.WarmOrphanTTL, func() { b.finish(nil, "the agent has ended, and nobody asks for the rest") })
	}
}
