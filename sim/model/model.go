package model

import (
	"fmt"
	"math/rand/v2"
	"time"

	"hearth/messages"
	"hearth/messages/wire"
	"hearth/sim/world"
)

// Model is a gateway and everything around it.
type Model struct {
	World *world.World
	Cloud *Cloud
	// Log is the history of the facts that the actors reported.
	Log *Log

	// options are the one copy that there is; all parts of the model point into it.
	options Options
	network *network
	// bridgeRandom is what all bridges draw from.
	bridgeRandom *rand.Rand
	clients      *clients
	// calm: the world is as good as it gets; see Calm.
	calm bool

	// front is the gateway that new connections go to; old, if any, is the gateway that it takes over from. begun counts all
	// gateways that there ever were, and speaker is the gateway that reports.
	front, old     *gateway
	begun, speaker int
	// several are all gateways where there is more than one at once; front is the first of them.
	several []*gateway
	// fences are the fencing records on each user's workspace.
	fences map[wire.UserID]*fences
}

// New makes a model in which the pool has started and nothing else has happened. The settings must be valid; see
// actors.Settings.Validate.
func New(options Options) *Model {
	m := &Model{options: options, fences: map[wire.UserID]*fences{}}
	m.options.defaults()
	m.World = world.New(world.Options{
		Seed: options.Seed, Start: options.Start, Choose: options.Schedule, Rethrow: options.Rethrow, AfterPick: options.AfterPick,
	})
	m.Log = newLog(m, options.Trace)
	m.network = newNetwork(m)
	m.Cloud = newCloud(m)
	m.bridgeRandom = m.World.Stream("bridge")
	m.clients = newClients(m)
	m.begin(m.World.Node)
	if options.Gateways > 1 {
		m.beginOthers(options.Gateways - 1)
	}
	return m
}

// Ask sends the pool a request and calls answered with its answer, between picks or in the middle of one.
func (m *Model) Ask(request any, answered func(any)) {
	m.front.ask(request, answered)
}

// Resize changes the pool's bounds, as an operator does.
func (m *Model) Resize(minimum, maximum int, answered func(*messages.Resized)) {
	m.Ask(&messages.Resize{Min: minimum, Max: maximum}, func(a any) { answered(a.(*messages.Resized)) })
}

// EndSessions ends a session, or a user's, as an operator does.
func (m *Model) EndSessions(request messages.EndSessions, answered func(*messages.Ended)) {
	m.Ask(&request, func(a any) { answered(a.(*messages.Ended)) })
}

// RollOut has tasks run another revision of their definition from here on. The gateway has looked and knows it.
func (m *Model) RollOut(revision messages.Revision) {
	m.Cloud.revision = revision
	m.front.send(m.front.pool, &messages.RevisionFound{Revision: revision})
}

// Drain ends everything; drained is called when nothing is left.
func (m *Model) Drain(drained func()) {
	m.front.leaving = true
	m.Ask(&messages.Drain{}, func(any) { drained() })
}

// StandBack has the gateway drain for an operator, who may take that back: it refuses new connections, and what it has ends or, to
// be handed over, looks for another gateway.
func (m *Model) StandBack(handOver bool) {
	m.front.leaving, m.front.refusing = true, true
	m.front.send(m.front.pool, &messages.Drain{HandOver: handOver})
}

// StandsBack reports whether the gateway drains for an operator.
func (m *Model) StandsBack() bool { return m.front.refusing }

// Undrain takes StandBack back.
func (m *Model) Undrain() {
	front := m.front
	front.ask(&messages.Undrain{}, func(any) { front.leaving, front.refusing = false, false })
}

// Status asks for the pool's status, and runs what can run without time going by to get it.
func (m *Model) Status() *messages.PoolStatus {
	status := &messages.PoolStatus{} // of a process that is not there
	m.Ask(&messages.StatusRequest{}, func(a any) { status = a.(*messages.PoolStatus) })
	m.World.Drain(1 << 20)
	return status
}

// Calm ends all faults and drops that come by themselves, and whatever clients and agents say unasked: from here on the
// world is as good as it gets, and everything that is under way can come to its end. Tasks and sockets
// that there are keep the lives that they drew, but what was broken about bridges is not for new ones.
func (m *Model) Calm() {
	m.calm = true
	bridge, cloud, network := &m.options.Bridge, &m.options.Cloud, &m.options.Network
	bridge.Unfit, bridge.WrongAddress, bridge.Deaf, bridge.Stuck, bridge.Failing = 0, 0, 0, 0, 0
	bridge.Outage = Outage{}
	cloud.Faults = CloudFaults{}
	cloud.Life = nil
	fleet := &cloud.Fleet
	fleet.Life, fleet.Spot, fleet.Missed = nil, nil, 0
	m.Cloud.script = nil
	network.ClientDrop, network.BridgeDrop = nil, nil
}

// Links is the number of sockets that the gateway has; Unread the bytes that its actors have not credited.
func (m *Model) Links() int { return len(m.network.links) }

// Unread is how many bytes the actors were given and have not credited, over all sockets.
func (m *Model) Unread() int {
	sum := 0
	for _, l := range m.network.links {
		sum += l.unread
	}
	return sum
}

// Close ends the world; nothing happens any more.
func (m *Model) Close() { m.World.Close() }

// broken reports a rule that the actors broke at a port.
func (m *Model) broken(format string, arguments ...any) {
	if m.options.Hooks.Broken != nil {
		m.options.Hooks.Broken(fmt.Sprintf(format, arguments...))
	}
}

// Feed has clients come by themselves. Next gives the next one, at a time since the world's beginning that must not go
// back, until it reports false; it is asked for one at a time, so that a feed may be endless.
func (m *Model) Feed(next func() (Arrival, bool)) {
	f := &feed{model: m, next: next}
	f.await()
}

// feed is clients that come by themselves: the event is that the next of them comes.
type feed struct {
	model  *Model
	next   func() (Arrival, bool)
	coming Arrival
}

// await has the next one come, if there is one.
func (f *feed) await() {
	var ok bool
	if f.coming, ok = f.next(); ok {
		f.model.World.Schedule(f.coming.At-f.model.World.Elapsed(), f)
	}
}

// Happen is its coming.
func (f *feed) Happen() {
	f.model.Arrive(f.coming.Visit)
	f.await()
}

// Arrival is a client that comes at a time since the world's beginning.
type Arrival struct {
	At    time.Duration
	Visit Visit
}
