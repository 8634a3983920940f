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
type host struct {
	*actors.Ports
	id   messages.HostID
	root *actor.RootContext
	pool *actor.PID

	// left is the state in which an earlier actor of the host has left it, empty when there was none.
	left messages.HostState
	// state is the current state, handle its handler. Invariant: only become changes them.
	state  messages.HostState
	handle func(*host, any)
	// missed counts the sweeps in a row that did not see it.
	missed int
}

// New makes a host's actor. It begins in the state that an earlier actor of the same host has left it in, in service
// when there was none.
func New(ports *actors.Ports, pool *actor.PID, id messages.HostID, was messages.HostState) actor.Actor {
	return &host{Ports: ports, pool: pool, id: id, left: was}
}

// Receive leaves every message to the state.
func (h *host) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		h.root = ctx.ActorSystem().Root
		if h.left == messages.HostDraining {
			h.becomeDraining()
		} else {
			h.becomeInService()
		}
	case *actor.Stopping, *actor.Stopped:
	default:
		h.handle(h, m)
	}
}

func (h *host) unexpected(message any) {
	actors.Unexpected(h.Observer, messages.Event{At: h.Clock.Now(), Host: h.id, Phase: string(h.state)}, message)
}
