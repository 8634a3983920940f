package model

import (
	"math/rand/v2"
	"time"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
	"hearth/sim/world"
)

// The real bridge's own figures; see package bridge.
const (
	redialBase = 100 * time.Millisecond
	redialMax  = 5 * time.Second
	// settleTimeout is how long an ended agent's outputs may take to be acknowledged.
	settleTimeout = 10 * time.Second
	// flushTimeout bounds what a stopped bridge still sends.
	flushTimeout = 5 * time.Second
	// defaultBuffer is how many outputs are kept.
	defaultBuffer = 1000
	// orphanTimeout is how long a bridge lives without a gateway while nobody is its user.
	orphanTimeout = 2 * time.Minute
)

// Bridges changes the options of the bridges that begin from now on.
func (m *Model) Bridges(change func(*BridgeOptions)) { change(&m.options.Bridge) }

// bridge is the gateway's end in a container: what package bridge is in production. It differs in having no bound on
// its input, and in knowing one address, behind which there is whatever gateway takes new connections.
type bridge struct {
	model   *Model
	world   *world.World
	options *Options
	// random is what all bridges draw from.
	random    *rand.Rand
	container *Container
	// link is its socket, nil when there is none. next is one that was dialled beside it, because a gateway asked for that,
	// and takes over with its first frame. Meanwhile neither outputs nor acks are sent on link; see package bridge.
	link     *Link
	next     *Link
	answered bool
	retry    actors.Timer
	failures int
	// goneSince is when it was last answered by a gateway, or began.
	goneSince time.Duration
	// orphan ends a bridge without a user whose gateway is gone, ending one that is of no more use.
	orphan, ending actors.Timer

	wrongAddress, unfit, deaf, stuck, failing bool

	// pass is the latest that a gateway has given it, empty once it has a user.
	pass wire.Secret
	// user is what init_user gave, nil before.
	user *user
	// captured is what its agent has made of it, nil while it is honest.
	captured *captured
	// stopping: it was told to end. dismissed: a gateway has. evicted: its container was, and no gateway has. gone: it has
	// ended.
	stopping, dismissed, evicted, gone bool
	// hung: it does nothing any more, and its health check fails.
	hung bool
}

// newBridge starts a container's bridge.
func (m *Model) newBridge(t *Container, dialAfter time.Duration) *bridge {
	b := &bridge{
		model: m, world: m.World, options: &m.options, random: m.bridgeRandom, container: t, goneSince: m.World.Elapsed(),
	}
	o := &m.options.Bridge
	b.wrongAddress, b.deaf = b.chance(o.WrongAddress), b.chance(o.Deaf)
	b.stuck, b.failing = b.chance(o.Stuck), b.chance(o.Failing)
	b.unfit = b.chance(o.Unfit) || o.Outage.Shows && b.isOutage("")
	b.retry = m.World.AfterFunc(dialAfter, b.dial)
	b.orphan = m.World.AfterFunc(o.orphan(), b.finish)
	return b
}

// isOutage reports whether the user's agents cannot be started now.
func (b *bridge) isOutage(user wire.UserID) bool {
	o, now := &b.options.Bridge.Outage, b.world.Elapsed()
	return o.From <= now && now < o.Until && (o.User == "" || o.User == user)
}

func (b *bridge) chance(p float64) bool { return p > 0 && b.random.Float64() < p }

// dial connects to the gateway and says hello.
func (b *bridge) dial() {
	b.retry = nil
	if b.gone || b.dismissed || b.hung {
		return
	}
	if b.wrongAddress || b.container.cutOff {
		b.redialLater()
		return
	}
	if b.user != nil && b.user.holding.lapsed && b.overtaken() {
		b.finish()
		return
	}
	b.cancel(&b.orphan)
	hello := b.hello()
	o := &b.options.Network
	b.answered = false
	link := b.model.network.dial(b, o.BridgeDelay, b.model.network.options.BridgeDrop, func(id messages.LinkID) any {
		return &messages.BridgeArrived{Link: id, Hello: hello}
	})
	if b.link == nil {
		b.link = link
		b.begun()
	} else {
		b.next = link
	}
	if b.user != nil {
		b.user.announce(link)
		if b.evicted {
			b.user.windDown() // this gateway may be all that it waits for
		}
	}
}

// begun takes in that there is another socket: nothing was sent on it yet, and what is to be sent it will say.
func (b *bridge) begun() {
	if b.user != nil {
		b.user.flowing, b.user.exitSent = false, false
	}
}

// moveOver dials anew beside the socket that there is.
func (b *bridge) moveOver() {
	b.dropNext()
	b.cancel(&b.retry)
	b.failures = 0
	b.dial()
}

// promote makes the next socket the present one.
func (b *bridge) promote() {
	if b.link != nil {
		b.link.close("the bridge has moved over")
	}
	b.link, b.next = b.next, nil
	b.begun()
	if b.user != nil && b.captured == nil {
		b.link.send(wire.Ack{Seq: b.user.in})
	}
}

func (b *bridge) dropNext() {
	if next := b.next; next != nil {
		b.next = nil
		next.close("the bridge has no use for it")
		if b.user != nil {
			b.user.goOn()
		}
	}
}

func (b *bridge) hello() wire.BridgeHello {
	request := &b.container.Request
	hello := wire.BridgeHello{
		TaskID: request.Task, State: wire.BridgeWarm, SessionID: request.Session, UserID: request.User, Pass: b.pass, Leases: true,
		AcksInData: acksInData(b.container.number),
	}
	if b.unfit {
		hello.State, hello.Code, hello.Message = wire.BridgeFailed, b.options.Bridge.failCode(), failMessage
		return hello
	}
	if b.captured != nil {
		return b.captured.hello(hello)
	}
	if u := b.user; u != nil {
		hello.State, hello.SessionID, hello.UserID = wire.BridgeAssigned, u.init.SessionID, u.init.UserID
		hello.Binding, hello.InSeq, hello.OutSeq = u.init.Binding, u.in, u.out.last()
		if u.holding.lapsed {
			hello.SuspendedMs = wire.Millis(b.world.Elapsed() - u.holding.since)
		}
	}
	return hello
}

// redialLater dials again after a backoff with full jitter.
func (b *bridge) redialLater() {
	bound := redialMax
	if b.failures < 6 {
		bound = min(bound, redialBase<<b.failures)
	}
	b.failures++
	b.retry = b.world.AfterFunc(time.Duration(b.random.Int64N(int64(bound))), b.dial)
}

// closed looks for another socket.
func (b *bridge) closed(l *Link, _ wire.CloseCode) {
	if b.gone || l != b.link && l != b.next {
		return
	}
	if b.answered {
		b.failures, b.goneSince = 0, b.world.Elapsed()
	}
	switch {
	case b.unfit:
		b.finish() // whether it was heard or not
		return
	case l == b.next:
		b.next = nil
		if b.user != nil {
			b.user.goOn()
		}
	case b.next != nil:
		b.link = nil
		b.promote()
		return
	default:
		b.link = nil
	}
	if b.user == nil && b.link == nil && !b.hung {
		b.orphan = b.world.AfterFunc(max(0, b.goneSince+b.options.Bridge.orphan()-b.world.Elapsed()), b.finish)
	} else if b.user != nil {
		b.user.windDown()
	}
	if !b.gone && b.retry == nil && !b.dismissed {
		b.redialLater()
	}
}

// writable goes on with the outputs.
func (b *bridge) writable(l *Link) {
	if l == b.link && b.user != nil {
		b.user.pump()
	}
}

// receive takes a frame of the gateway's.
func (b *bridge) receive(l *Link, frame wire.Frame) {
	if b.gone || b.hung || l != b.link && l != b.next {
		return
	}
	b.answered = true
	if l == b.next {
		b.promote()
	}
	switch f := frame.(type) {
	case wire.Redial:
		b.moveOver()
	case wire.InitUser:
		b.initUser(f)
	case wire.Stop:
		if b.disobeys() {
			b.answered = false // it tries again, but not at once
			return
		}
		b.dismiss(time.Duration(f.GraceMs) * time.Millisecond)
	case wire.Pass:
		if b.user == nil {
			b.pass = f.Pass
		}
	case wire.Proceed:
		if b.user != nil {
			b.user.proceed()
			b.confirm(l)
		}
	default:
		if b.user != nil {
			if l != b.user.holding.initial || b.user.proceeds {
				b.confirm(l)
			}
			b.user.receive(frame)
		}
	}
}

// initUser gives the task its user.
func (b *bridge) initUser(init wire.InitUser) {
	if b.deaf {
		return
	}
	if hook := b.options.Hooks.Init; hook != nil {
		hook(b.container.Request.Task, init)
	}
	taken := b.container.Request.Session
	if b.user != nil {
		taken = b.user.init.SessionID
	}
	if taken != "" && taken != init.SessionID {
		b.model.broken("task %s of session %s was given session %s", b.container.Request.Task, taken, init.SessionID)
		b.link.send(wire.InitFailed{Code: "already_assigned", Message: "it belongs to another session"})
		return
	}
	b.link.send(wire.Accepted{SessionID: init.SessionID})
	if b.user != nil {
		b.user.announce(b.link)
		return
	}
	if !b.options.Bridge.Hoarding {
		b.pass = ""
	}
	b.user = newUser(b, init)
	b.user.holding.initial = b.link
	b.user.holding.confirmed = b.link // the lease begins, and with it the time in which the gateway may let the agent start
	if b.next != nil {
		b.moveOver() // its hello said that the task is free
	}
}

// dismiss ends the task because a gateway says so.
func (b *bridge) dismiss(grace time.Duration) {
	b.dismissed = true
	if b.evicted && (b.user == nil || b.user.exit != nil) {
		b.finish()
		return
	}
	b.evicted = false
	b.stop(grace)
}

// evict ends the task because its container is told to end: its session is to go on in another one.
func (b *bridge) evict() {
	if b.disobeys() || b.hung {
		return
	}
	u := b.user
	b.evicted = !b.stopping && (u == nil || u.failed == nil && u.exit == nil)
	b.stop(stopTimeout)
}

// stop ends the task: the agent is told, and killed after the grace.
func (b *bridge) stop(grace time.Duration) {
	if b.gone {
		return
	}
	if u := b.user; u != nil && u.failed == nil {
		u.stop(grace)
		return
	}
	b.finish()
}

// finish is an orderly end.
func (b *bridge) finish() {
	if b.gone {
		return
	}
	b.dropNext()
	if b.link != nil {
		if b.evicted {
			b.link.send(wire.Gone{})
		}
		b.link.close("the bridge has ended")
	}
	b.vanish()
	b.container.stopped("EssentialContainerExited: Essential container in task exited")
}

// vanish ends everything in the container at once.
func (b *bridge) vanish() {
	running := b.user != nil && b.user.runs()
	b.gone = true
	if b.user != nil {
		b.user.tell(running)
		b.cancel(&b.user.holding.over)
		b.cancel(&b.user.holding.orphaned)
	}
	b.cancel(&b.orphan)
	b.cancel(&b.ending)
	b.cancel(&b.retry)
	for _, link := range []*Link{b.link, b.next} {
		if link != nil && !link.left {
			link.CutNoticed(draw(link.delay, b.random), 0)
		}
	}
}

// endingIn sets the time at which a bridge that is of no more use ends at the latest.
func (b *bridge) endingIn(d time.Duration) {
	b.cancel(&b.ending)
	b.ending = b.world.AfterFunc(d, b.finish)
}

func (b *bridge) cancel(timer *actors.Timer) {
	if *timer != nil {
		(*timer).Stop()
		*timer = nil
	}
}
