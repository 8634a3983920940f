package model

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
)

// Link is one socket between a peer and the gateway.
type Link struct {
	ID      messages.LinkID
	network *network
	gateway *gateway
	peer    peer
	delay   Distribution
	up,
	down direction
	// faults counts what goes wrong on it, with the others of its leg.
	faults *Faults

	// hello is what the pool is told once the first frame was read.
	hello any

	// The gateway's end.

	owner *actor.PID
	// unread is how many bytes the owner was given and has not credited.
	unread int
	// held are frames that arrived and that the reader has not read, because nobody owns the link or the window is used up.
	held []arrival
	// waiting are frames that were not written yet, because the peer does not read.
	waiting      []wire.Frame
	waitingBytes int
	overdue      actors.Timer
	// written is to be reported: the last data frame that has left, and the bytes since the last report.
	written messages.LinkWritten
	// closing: the gateway wants it closed, with the code. ended: the owner was told that it is gone.
	closing, ended bool
	code           wire.CloseCode

	// The peer's end.

	// flying is how many bytes are on their way to the gateway or held there. full: the peer found no room.
	flying int
	full   bool
	// stalled: the peer does not read. left: the peer has closed it, for the cause, or was told that it is gone.
	stalled, left bool
	// cut: nothing arrives any more on either side. Until heldUntil everything that is sent comes late.
	cut       bool
	heldUntil time.Duration
	cause     string
}

type arrival struct {
	frame wire.Frame
	bytes int
}

// send sends a frame to the gateway. What is sent on a socket that is gone is lost.
func (l *Link) send(frame wire.Frame) {
	if l.left {
		return
	}
	bytes := frameSize(frame)
	l.ascend(arrival{frame, bytes})
	if l.repeats(frame) {
		l.again(func() { l.ascend(arrival{frame, bytes}) })
	}
}

// ascend has a frame of the peer's travel up.
func (l *Link) ascend(a arrival) {
	l.flying += a.bytes
	l.faults.note(l)
	l.up.carry(l, (*Link).arrive, a)
}

// greet is the first frame's arrival at the gateway.
func (l *Link) greet(arrival) {
	if l.ended || l.cut {
		return
	}
	l.gateway.send(l.gateway.pool, l.hello)
	l.hello = nil // a link may be held for long
	l.network.world.Schedule(BindTimeout, (*expiry)(l))
}

// room reports whether the socket takes more data; when not, the peer is told once it does.
func (l *Link) room() bool {
	if l.flying < l.network.options.Window {
		return true
	}
	l.full = true
	return false
}

// arrive is a frame's arrival at the gateway.
func (l *Link) arrive(a arrival) {
	if l.cut || l.ended {
		return
	}
	if len(l.held) > 0 || !l.reads() {
		l.held = append(l.held, a)
		return
	}
	l.read(a)
	l.wake()
}

// reads reports whether the gateway reads from the socket.
func (l *Link) reads() bool { return l.owner != nil && l.unread < l.network.options.Window }

// read gives a frame to the owner.
func (l *Link) read(a arrival) {
	l.unread += a.bytes
	l.flying -= a.bytes
	m := &messages.LinkFrame{Link: l.ID, Frame: a.frame, Bytes: a.bytes}
	if _, isToken := a.frame.(wire.Token); isToken {
		if c, ok := l.peer.(*Client); ok {
			m.Expires = c.goodUntil()
		}
	}
	l.gateway.send(l.owner, m)
}

// release reads what the window allows.
func (l *Link) release() {
	for len(l.held) > 0 && l.reads() {
		a := l.held[0]
		l.held = l.held[1:]
		l.read(a)
	}
	l.wake()
}

// wake tells a peer that found no room that there is some.
func (l *Link) wake() {
	if l.full && !l.left && l.flying < l.network.options.Window {
		l.full = false
		// Not at once: this runs inside an actor's call.
		l.network.world.Later(0, func() {
			if !l.left {
				l.peer.writable(l)
			}
		})
	}
}

// gatewaySend writes a frame, or queues it while the peer does not read. Of data for a client some are written at once, and
// some a while later; it reports whether they were.
func (l *Link) gatewaySend(frame wire.Frame) (written bool) {
	if !l.stalled {
		l.write(frame)
		if l.written.Bytes == 0 && l.isReported(frame) && frame.(wire.Data).Seq%2 == 0 {
			return true
		}
		l.reportLater(frame)
		return false
	}
	l.waiting = append(l.waiting, frame)
	l.waitingBytes += frameSize(frame)
	if l.waitingBytes > l.network.options.Outbox {
		l.gatewayClose(wire.CloseTryAgain)
		return false
	}
	if l.overdue == nil {
		l.overdue = l.network.world.AfterFunc(writeTimeout, func() { l.gatewayClose(wire.CloseTryAgain) })
	}
	return false
}

func (l *Link) write(frame wire.Frame) {
	l.descend(arrival{frame: frame})
	if !l.isReported(frame) && l.repeats(frame) {
		l.again(func() { l.descend(arrival{frame: frame}) })
	}
}

// isReported reports whether the owner is told once a frame was written.
func (l *Link) isReported(frame wire.Frame) bool {
	_, isData := frame.(wire.Data)
	_, isClient := l.peer.(*Client)
	return isData && isClient
}

// reportLater has the owner told in a while that a frame was written.
func (l *Link) reportLater(frame wire.Frame) {
	if !l.isReported(frame) {
		return
	}
	data := frame.(wire.Data)
	first := l.written.Bytes == 0
	l.written.Link, l.written.Seq = l.ID, data.Seq
	l.written.Bytes += frameSize(frame)
	if first {
		l.network.world.Later(draw(l.network.options.Write, l.network.random), l.report)
	}
}

// descend has a frame of the gateway's travel down.
func (l *Link) descend(a arrival) {
	l.faults.note(l)
	l.down.carry(l, (*Link).reach, a)
}

// reach is a frame's arrival at the peer.
func (l *Link) reach(a arrival) {
	if !l.cut && !l.left {
		l.peer.receive(l, a.frame)
	}
}

// report tells the owner what has left.
func (l *Link) report() {
	written := l.written
	l.written = messages.LinkWritten{}
	if !l.ended && l.owner != nil {
		l.gateway.send(l.owner, &written)
	}
}

// gatewayClose closes the socket from the gateway's side.
func (l *Link) gatewayClose(code wire.CloseCode) {
	if l.closing || l.ended {
		return
	}
	l.closing, l.code = true, code
	l.missed()
	if l.stalled || l.cut {
		l.network.world.Later(closeTimeout, func() {
			l.end("closed without an answer")
			l.leave(0)
		})
		return
	}
	l.down.carry(l, (*Link).closeReached, arrival{})
}

// closeReached is the arrival of the gateway's close at the peer, who answers it.
func (l *Link) closeReached(arrival) {
	if l.cut {
		l.network.world.Later(closeTimeout, func() { l.end("closed without an answer") })
		return
	}
	l.leave(l.code)
	l.up.carry(l, (*Link).closeAnswered, arrival{})
}

// closeAnswered is the arrival of the peer's answer at the gateway.
func (l *Link) closeAnswered(arrival) { l.end("closed") }

// end is the end as the gateway sees it.
func (l *Link) end(cause string) {
	if l.ended {
		return
	}
	l.ended = true
	l.held, l.waiting = nil, nil
	if l.overdue != nil {
		l.overdue.Stop()
	}
	delete(l.network.links, l.ID)
	if l.owner != nil {
		l.gateway.send(l.owner, &messages.LinkClosed{Link: l.ID, Cause: cause})
	}
}

// leave is the end as the peer sees it.
func (l *Link) leave(code wire.CloseCode) {
	if !l.left {
		l.left = true
		l.peer.closed(l, code)
	}
}

// close closes the socket from the peer's side, who hears no more of it.
func (l *Link) close(cause string) {
	if l.left {
		return
	}
	l.left, l.cause = true, cause
	l.up.carry(l, (*Link).closeArrived, arrival{})
}

// closeArrived is the arrival of the peer's close at the gateway.
func (l *Link) closeArrived(arrival) {
	if !l.cut {
		l.end(l.cause)
	}
}

// Cut drops the socket: what is on its way is lost, and each end notices in its own time.
func (l *Link) Cut() {
	l.CutNoticed(draw(l.network.options.Notice, l.network.random), draw(l.network.options.Notice, l.network.random))
}

// CutNoticed is Cut with the times that the gateway and the peer take to notice.
func (l *Link) CutNoticed(gateway, peer time.Duration) {
	if l.cut || l.ended && l.left {
		return
	}
	l.cut = true
	l.missed()
	l.network.world.Later(gateway, func() { l.end("connection lost") })
	l.network.world.Later(peer, func() { l.leave(0) })
}

// Hold delays everything that is sent on it from now on by a while, in both directions, as a network does that is
// congested or fails over. Nothing is lost.
func (l *Link) Hold(d time.Duration) {
	now := l.network.world.Elapsed()
	l.up.busyUntil, l.down.busyUntil = max(l.up.busyUntil, now+d), max(l.down.busyUntil, now+d)
	l.heldUntil = now + d
	l.missed()
}

// missed tells a bridge that its pings come back no more, or late.
func (l *Link) missed() {
	if b, ok := l.peer.(*bridge); ok {
		b.misses(l)
	}
}

// Healthy reports whether the socket works, as far as anyone who sees both ends can tell.
func (l *Link) Healthy() bool { return !l.cut && !l.left && !l.ended && !l.stalled && !l.closing }

// Stall has the peer stop reading, or go on.
func (l *Link) Stall(stalled bool) {
	l.stalled = stalled
	if stalled {
		return
	}
	if l.overdue != nil {
		l.overdue.Stop()
		l.overdue = nil
	}
	waiting := l.waiting
	l.waiting, l.waitingBytes = nil, 0
	for _, frame := range waiting {
		l.write(frame)
		l.reportLater(frame)
	}
}
