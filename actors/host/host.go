package host

import (
	"github.com/asynkron/protoactor-go/actor"

	"hearth/actors"
	"hearth/messages"
)

// missingSweeps is how many sweeps in a row must miss a host before it is lost. ECS is eventually consistent: one answer
// without it proves nothing.
const missingSweeps = 2

// host is the actor of one container instance. It turns what sweeps see, which may be late or incomplete, into the few
// facts that the pool acts on.
//
//	in service ⇄ draining
//	     └──────────┴──→ lost
type host struct {
	*actors.Ports
	id   messages.HostID
	root *actor.RootContext
	pool *actor.PID

	state  messages.HostState
	handle func(*host, any)
	// missed counts the sweeps in a row that did not see it.
	missed int
}

// New makes a host's actor. It begins in the state that an earlier actor of the same host has left it in, in service
// when there was none.
func New(ports *actors.Ports, pool *actor.PID, id messages.HostID, was messages.HostState) actor.Actor {
	return &host{Ports: ports, pool: pool, id: id, state: was}
}

// Receive leaves every message to the state.
func (h *host) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		h.root = ctx.ActorSystem().Root
		if h.state == messages.HostDraining {
			h.become(messages.HostDraining, (*host).draining)
		} else {
			h.become(messages.HostInService, (*host).inService)
		}
	case *actor.Stopping, *actor.Stopped:
	default:
		h.handle(h, m)
	}
}

func (h *host) become(state messages.HostState, handle func(*host, any)) {
	h.Observer.Observe(messages.Event{
		At: h.Clock.Now(), Kind: messages.EventHost, Host: h.id, Was: string(h.state), Phase: string(state),
	})
	h.state, h.handle = state, handle
	h.root.Send(h.pool, &messages.HostChanged{Host: h.id, State: state})
}

func (h *host) inService(message any) {
	switch m := message.(type) {
	case *messages.HostSeen:
		h.missed = 0
		if m.Draining {
			h.become(messages.HostDraining, (*host).draining)
		}
	case *messages.HostMissing:
		h.miss()
	default:
		h.unexpected(message)
	}
}

func (h *host) draining(message any) {
	switch m := message.(type) {
	case *messages.HostSeen:
		h.missed = 0
		if !m.Draining {
			h.become(messages.HostInService, (*host).inService)
		}
	case *messages.HostMissing:
		h.miss()
	default:
		h.unexpected(message)
	}
}

// miss counts a sweep without the host; with enough of them it is lost.
func (h *host) miss() {
	if h.missed++; h.missed >= missingSweeps {
		h.become(messages.HostLost, (*host).lost)
	}
}

// lost is the end: the pool stops the actor. A host that comes back after all is found anew.
func (h *host) lost(message any) {
	switch message.(type) {
	case *messages.HostSeen, *messages.HostMissing:
	default:
		h.unexpected(message)
	}
}

func (h *host) unexpected(message any) {
	actors.Unexpected(h.Observer, messages.Event{At: h.Clock.Now(), Host: h.id, Phase: string(h.state)}, message)
}
