package model

import (
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/messages"
	"hearth/messages/wire"
	"hearth/sim/world"
)

const (
	// BindTimeout is how long the gateway's edge keeps a socket that no actor has taken: infra/sockets' default.
	BindTimeout = 30 * time.Second
	// closeTimeout bounds the close of a socket whose peer does not read.
	closeTimeout = time.Second
	// writeTimeout is how long a peer may not read before its socket is closed.
	writeTimeout = 10 * time.Second

	defaultWindow = 64 << 10
	defaultOutbox = 1 << 20
)

// peer is the other end of a link.
type peer interface {
	// receive takes a frame of the gateway's.
	receive(*Link, wire.Frame)
	// closed hears that the socket is gone: with the gateway's close code, or 0 when it dropped.
	closed(*Link, wire.CloseCode)
	// writable hears that there is room again after there was none.
	writable(*Link)
}

// network has all the sockets that gateways have.
type network struct {
	model   *Model
	world   *world.World
	options *NetworkOptions
	random  *rand.Rand
	lastID  messages.LinkID
	// links are those that the gateway has not seen the end of.
	links map[messages.LinkID]*Link
	// clientFaults and bridgeFaults count what goes wrong on the two legs.
	clientFaults, bridgeFaults Faults
	// landed are flights to be used again.
	landed []*flight
}

func newNetwork(m *Model) *network {
	return &network{
		model: m, world: m.World, options: &m.options.Network, random: m.World.Stream("network"), links: map[messages.LinkID]*Link{},
	}
}

// dial connects a peer. hello makes the message by which the gateway's edge tells the pool, once the first frame was
// read.
func (n *network) dial(p peer, delay, life Distribution, hello func(messages.LinkID) any) *Link {
	n.lastID++
	l := &Link{ID: n.lastID, network: n, gateway: n.model.gatewayOf(p), peer: p, delay: delay, faults: &n.bridgeFaults}
	if _, isClient := p.(*Client); isClient {
		l.faults = &n.clientFaults
	}
	if n.model.Down() || l.gateway.refusing {
		l.cut, l.ended = true, true
		n.world.Later(draw(delay, n.random), func() { l.leave(0) }) // connection refused
		return l
	}
	n.links[l.ID] = l
	l.hello = hello(l.ID)
	l.up.carry(l, (*Link).greet, arrival{})
	if life != nil {
		n.world.Later(life.Draw(n.random), l.Cut)
	}
	return l
}

// die ends all sockets of a gateway's process. The peers are told by its kernel, or notice in their own time.
func (n *network) die(g *gateway) {
	for _, id := range slices.Sorted(maps.Keys(n.links)) {
		l := n.links[id]
		if l.gateway != g {
			continue
		}
		delete(n.links, id)
		l.ended = true
		l.held, l.waiting = nil, nil
		l.CutNoticed(0, draw(n.options.Notice, n.random))
	}
}

// edge is a gateway's edge; it implements actors.Links.
type edge struct {
	network *network
	gateway *gateway
}

// Bind makes owner the receiver of the link's messages, or nobody; see actors.Links.
func (e edge) Bind(id messages.LinkID, owner *actor.PID) {
	l := e.network.links[id]
	if l == nil {
		if owner != nil {
			e.gateway.send(owner, &messages.LinkClosed{Link: id, Cause: "closed before it was taken"})
		}
		return
	}
	if l.owner != nil && owner != nil {
		e.network.model.broken("link %d was taken by %s after %s", id, owner.Id, l.owner.Id)
	}
	l.owner = owner
	l.release()
}

// expiry is the time by which an actor must have taken a link.
type expiry Link

// Happen closes a link that nobody has taken.
func (x *expiry) Happen() {
	if l := (*Link)(x); l.owner == nil {
		l.gatewayClose(wire.CloseTryAgain)
	}
}

// Send writes a frame or queues it; see actors.Links.
func (e edge) Send(id messages.LinkID, frame wire.Frame) (written bool) {
	l := e.network.links[id]
	return l != nil && !l.closing && l.gatewaySend(frame)
}

// Credit returns bytes to the reader's window; see actors.Links.
func (e edge) Credit(id messages.LinkID, bytes int) {
	l := e.network.links[id]
	if l == nil {
		if id == 0 || id > e.network.lastID {
			e.network.model.broken("credit for link %d, which never was", id)
		}
		return
	}
	if bytes < 0 || bytes > l.unread {
		e.network.model.broken("credit of %d bytes for link %d, of which %d are out", bytes, id, l.unread)
		return
	}
	l.unread -= bytes
	l.release()
}

// Close closes the socket once everything queued was written; see actors.Links.
func (e edge) Close(id messages.LinkID, code wire.CloseCode) {
	if l := e.network.links[id]; l != nil {
		l.gatewayClose(code)
	}
}

// frameSize is about what a frame takes on the wire.
func frameSize(frame wire.Frame) int {
	if data, ok := frame.(wire.Data); ok {
		return 40 + len(data.Payload)
	}
	return 64
}

// direction is one direction of a link. What is sent on it arrives in order.
type direction struct{ busyUntil time.Duration }

// delay is how long what is sent now takes to arrive.
func (d *direction) delay(l *Link) time.Duration {
	now := l.network.world.Elapsed()
	d.busyUntil = max(d.busyUntil, now+draw(l.delay, l.network.random))
	return d.busyUntil - now
}

// carry has something land when what is sent now arrives.
func (d *direction) carry(l *Link, land func(*Link, arrival), a arrival) {
	n := l.network
	var f *flight
	if last := len(n.landed) - 1; last >= 0 {
		f, n.landed = n.landed[last], n.landed[:last]
	} else {
		f = new(flight)
	}
	*f = flight{link: l, land: land, arrival: a}
	n.world.Schedule(d.delay(l), f)
}

// flight is something on its way. There are many, so they are used again.
type flight struct {
	link *Link
	land func(*Link, arrival)
	arrival
}

// Happen is the landing.
func (f *flight) Happen() {
	l, land, a := f.link, f.land, f.arrival
	*f = flight{}
	l.network.landed = append(l.network.landed, f)
	land(l, a)
}
