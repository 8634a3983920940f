package model

import (
	"errors"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/actors"
	"hearth/actors/pool"
	"hearth/messages"
	"hearth/sim/world"
)

// gateway is one process of the gateway. There is one after the other, and two while one takes over from another.
type gateway struct {
	model *Model
	// number counts the processes from 1.
	number int
	node   *world.Node
	// lane is what is left of the rate that it holds itself to.
	lane bucket
	pool *actor.PID
	// leaving: it hands over what it has, and new connections go to another. refusing: there is no other, and it takes none. dead: the
	// process has ended.
	leaving, refusing, dead bool
}

// begin starts a process of the gateway in a node that has none yet. New connections go there from now on.
func (m *Model) begin(node *world.Node) {
	m.begun++
	g := &gateway{model: m, number: m.begun, node: node, lane: bucket{Rate: m.options.Cloud.Rates.Gateway}}
	m.front = g
	ports := &actors.Ports{
		Engine: node, Clock: node, Rand: node,
		Launcher: ecs{m.Cloud, g}, Links: edge{m.network, g}, Signer: signer{}, Observer: observer{g},
	}
	if m.Cloud.fleet.finite() {
		ports.Fleet = ecs{m.Cloud, g}
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
	root, err := node.SpawnRoot(actors.PoolName, around(pool.New(ports, m.options.Settings)))
	if err != nil {
		panic(err) // Invariant: the node has no root
	}
	g.pool = root
	m.World.Drain(1 << 10)
}

// beginOthers starts gateways beside the first.
func (m *Model) beginOthers(count int) {
	m.several = []*gateway{m.front}
	for range count {
		m.begin(m.World.NewNode())
		m.several = append(m.several, m.front)
	}
	m.front = m.several[0]
}

// gatewayOf is the gateway that a peer connects to. Of several it is, for a bridge, the one that has started its task; clients
// take turns.
func (m *Model) gatewayOf(p peer) *gateway {
	if len(m.several) > 0 {
		switch p := p.(type) {
		case *bridge:
			return p.container.starter
		case *Client:
			return m.several[p.Number%len(m.several)]
		}
	}
	return m.front
}

// isOthers reports whether a task is another one's of several gateways.
func (m *Model) isOthers(t *Container, g *gateway) bool { return len(m.several) > 0 && t.starter != g }

// Restart ends the gateway's process as a power cut does, and starts another one after a while. What the old one knew is
// gone, and so are its sockets; nobody can dial meanwhile.
func (m *Model) Restart(after time.Duration) {
	if m.Down() {
		return
	}
	m.front.end()
	m.World.Later(after, func() { m.begin(m.World.NewNode()) })
}

// End ends the gateway's process for good, as one ends that has drained.
func (m *Model) End() { m.front.end() }

// Deploy replaces the gateway: another process begins, and new connections go to it from then on. The old one has the timeout to
// hand over what it has; replaced is called when it has ended. Nothing happens while there is no gateway, or while another one is
// being replaced.
func (m *Model) Deploy(timeout time.Duration, replaced func()) {
	if m.Down() || m.Deploying() || m.front.leaving {
		return
	}
	old := m.front
	old.leaving, m.old = true, old
	m.begin(m.World.NewNode())
	end := func() {
		if !old.dead {
			old.end()
			replaced()
		}
	}
	old.ask(&messages.Drain{HandOver: true}, func(any) { m.World.Later(0, end) })
	m.World.Later(timeout, end)
}

// Deploying reports whether a gateway is being replaced.
func (m *Model) Deploying() bool { return m.old != nil && !m.old.dead }

// Down reports whether there is no gateway at the moment that connections could go to.
func (m *Model) Down() bool { return m.front.dead }

// Front is the number of the gateway that new connections go to. Gateways are counted from 1.
func (m *Model) Front() int { return m.front.number }

// Speaker is the number of the gateway whose fact Hooks.Event is being told.
func (m *Model) Speaker() int { return m.speaker }

// Number is that of the gateway in a node.
func (m *Model) Number(node *world.Node) int {
	if m.old != nil && m.old.node == node {
		return m.old.number
	}
	return m.front.number
}

// Failure is why the pool failed, where the real process would end; nil while it has not.
func (m *Model) Failure() error {
	if m.old != nil && m.old.node.Failure() != nil {
		return m.old.node.Failure()
	}
	return m.front.node.Failure()
}

// end ends the process and its sockets.
func (g *gateway) end() {
	g.dead = true
	g.node.Kill()
	g.model.network.die(g)
}

// send gives a message to an actor of the process.
func (g *gateway) send(to *actor.PID, message any) {
	if err := g.node.Send(to, message); err != nil && !errors.Is(err, world.ErrKilled) {
		panic(err) // Invariant: the models send no nil
	}
}

// ask sends the pool a request and calls answered with its answer, between picks or in the middle of one.
func (g *gateway) ask(request any, answered func(any)) {
	if err := g.node.Ask(g.pool, request, answered); err != nil && !errors.Is(err, world.ErrKilled) {
		panic(err) // Invariant: the models ask no nil
	}
}

// observer passes on what the actors of one process report; it implements actors.Observer.
type observer struct{ gateway *gateway }

// Observe takes a fact.
func (o observer) Observe(event messages.Event) {
	o.gateway.model.speaker = o.gateway.number
	o.gateway.model.Log.take(&event)
}

// wrapping is an engine that puts something around each actor.
type wrapping struct {
	actors.Engine
	around func(actor.Actor) actor.Actor
}

// Spawn starts an actor with what is around it.
func (w wrapping) Spawn(parent actor.SpawnerContext, name string, child actor.Actor) (*actor.PID, error) {
	return w.Engine.Spawn(parent, name, w.around(child))
}
