package model

import (
	"errors"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/actors"
	"hearth/sim/world"
)

// gateway is the process of the gateway, of which there is one after the other.
type gateway struct {
	node   *world.Node
	pool   *actor.PID
	system *actor.ActorSystem
	// lives counts the processes, so that an answer to one that is dead reaches no other.
	lives int
	down  bool
}

// begin starts the gateway's process in a node that has none yet.
func (m *Model) begin(node *world.Node) {
	m.node, m.down = node, false
	m.lives++
	ports := &actors.Ports{
		Engine: node, Clock: node, Rand: node,
		Launcher: m.Cloud, Links: m.network, Signer: signer{}, Observer: m.Log,
	}
	if m.Cloud.fleet.finite() {
		ports.Fleet = m.Cloud
	}
	around := m.options.Around
	if around != nil {
		ports.Engine = wrapping{node, around}
	} else {
		around = func(a actor.Actor) actor.Actor { return a }
	}
	if m.options.Wrap != nil {
		m.options.Wrap(ports)
	}
	produce := actors.NewSupervisor(ports, m.options.Settings)
	root, err := node.SpawnRoot(func() actor.Actor { return &doorway{Actor: around(produce()), model: m} }, actors.PoolName)
	if err != nil {
		panic(err) // Invariant: the node has no root
	}
	m.pool = root
	m.World.Drain(1 << 10)
}

// Restart ends the gateway's process as a power cut does, and starts another one after a while. What the old one knew is
// gone, and so are its sockets; nobody can dial meanwhile.
func (m *Model) Restart(after time.Duration) {
	if m.down {
		return
	}
	m.down = true
	m.node.Kill()
	m.network.die()
	m.World.Later(after, func() { m.begin(m.World.NewNode()) })
}

// Down reports whether there is no gateway at the moment.
func (m *Model) Down() bool { return m.down }

// Failure is why the supervisor failed, where the real process would end; nil while it has not.
func (m *Model) Failure() error { return m.node.Failure() }

// send gives a message to an actor of the present process.
func (m *Model) send(to *actor.PID, message any) {
	if err := m.node.Send(to, message); err != nil && !errors.Is(err, world.ErrKilled) {
		panic(err) // Invariant: the models send no nil
	}
}

// doorway is around the supervisor, for its actor system: answers to requests from outside need an address in it.
type doorway struct {
	actor.Actor
	model *Model
}

// Receive passes everything on.
func (d *doorway) Receive(ctx actor.Context) {
	d.model.system = ctx.ActorSystem()
	d.Actor.Receive(ctx)
}

// wrapping is an engine that puts something around each actor.
type wrapping struct {
	actors.Engine
	around func(actor.Actor) actor.Actor
}

// Props describes an actor with what is around it.
func (w wrapping) Props(produce actor.Producer) *actor.Props {
	return w.Engine.Props(func() actor.Actor { return w.around(produce()) })
}
