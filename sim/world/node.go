package world

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	cmap "github.com/orcaman/concurrent-map"

	"hearth/actors"
	"hearth/actors/system"
)

// ErrKilled of Send and Ask: the node was killed.
var ErrKilled = errors.New("world: the node was killed")

// Node is one simulated process: an actor system of its own, with one root actor. It implements actors.Engine,
// actors.Clock and actors.Rand. A PID means something in its own node only.
type Node struct {
	world  *World
	system *system.System
	rand   *rand.Rand
	// props are the properties of every actor; born is the mailbox of the actor that is being spawned.
	props *actor.Props
	born  *mailbox
	root  *actor.PID
	// failure is why the root actor failed, if it did.
	failure error
	// alive counts the actors that were started and have not ended.
	alive int
	dead  bool
}

// NewNode adds a process to the world.
func (w *World) NewNode() *Node {
	w.begun++
	n := &Node{world: w, rand: w.Stream("node/" + strconv.Itoa(w.begun))}
	w.nodes = append(w.nodes, n)
	n.system = system.New(slog.New(slog.DiscardHandler), system.Hooks{
		Crashed:    n.recordCrash,
		Ended:      func() { n.alive-- },
		DeadLetter: func(*actor.DeadLetterEvent) { w.counts.DeadLetters++ },
	})
	// One map instead of the library's 1024, which are so many because goroutines contend for them. Here is only one, and
	// what it needs stays in the processor's cache.
	n.system.ProcessRegistry.LocalPIDs = &actor.SliceMap{LocalPIDs: []cmap.ConcurrentMap{cmap.New()}}
	n.props = actor.PropsFromProducer(
		func() actor.Actor { return &n.born.shell },
		actor.WithMailbox(func() actor.Mailbox { return n.born }),
		actor.WithSupervisor(system.StopOnFailure{}),
		actor.WithSpawnMiddleware(n.onlyOurs),
	)
	return n
}

// Spawn starts an actor in this node; see actors.Engine.
func (n *Node) Spawn(parent actor.SpawnerContext, name string, child actor.Actor) (*actor.PID, error) {
	n.born = newMailbox(n, child)
	return parent.SpawnNamed(n.props, name)
}

// onlyOurs panics when a child is spawned otherwise than by Spawn: it would run on goroutines of its own.
func (n *Node) onlyOurs(next actor.SpawnFunc) actor.SpawnFunc {
	return func(system *actor.ActorSystem, id string, props *actor.Props, parent actor.SpawnerContext) (*actor.PID, error) {
		if props != n.props {
			panic(misuse("world: " + id + " was spawned otherwise than by Engine.Spawn"))
		}
		return next(system, id, props, parent)
	}
}

// SpawnRoot starts the node's one root actor, which every other is a descendant of.
func (n *Node) SpawnRoot(name string, child actor.Actor) (*actor.PID, error) {
	if n.root != nil {
		return nil, system.ErrRootExists
	}
	above := n.system.Above(func(reason any) {
		n.failure = fmt.Errorf("root actor %s failed: %v", name, reason)
	})
	root, err := n.Spawn(above, name, child)
	if err != nil {
		return nil, fmt.Errorf("world: spawn %s: %w", name, err)
	}
	n.root = root
	return root, nil
}

// Send gives a message to an actor, from outside the actors. An actor that has ended is no error: the message is counted
// as a dead letter.
func (n *Node) Send(to *actor.PID, message any) error {
	if to == nil || system.IsNil(message) {
		return system.ErrNil
	}
	if n.dead {
		return ErrKilled
	}
	n.system.Root.Send(to, message)
	return nil
}

// Ask sends a message as a request and calls answered with the actor's ctx.Respond, in the middle of a pick. It is not
// called when no answer comes.
func (n *Node) Ask(to *actor.PID, message any, answered func(answer any)) error {
	if system.IsNil(message) {
		return system.ErrNil
	}
	var inbox *system.Inbox
	inbox = n.system.OpenInbox(func(answer any) {
		inbox.Close()
		if _, dead := answer.(*actor.DeadLetterResponse); !dead {
			answered(answer)
		}
	})
	err := n.Send(to, &actor.MessageEnvelope{Message: message, Sender: inbox.PID})
	if err != nil {
		inbox.Close()
	}
	return err
}

// deliver is Send for a timer, which has been checked, and whose node may be gone.
func (n *Node) deliver(to *actor.PID, message any) {
	if !n.dead {
		n.system.Root.Send(to, message)
	}
}

// Now is the virtual time.
func (n *Node) Now() time.Time { return n.world.Now() }

// After sends msg to the actor once d has passed; see actors.Clock. A nil actor or message is a mistake of the caller's,
// who panics.
func (n *Node) After(d time.Duration, to *actor.PID, msg any) actors.Timer {
	if to == nil || system.IsNil(msg) {
		panic(system.ErrNil)
	}
	t := &timer{world: n.world, node: n, to: to, what: msg}
	n.world.events.add(n.world.now, d, t)
	return t
}

// Uint64 comes from the node's stream, as does Float64.
func (n *Node) Uint64() uint64 { return n.rand.Uint64() }

// Float64 is in [0, 1).
func (n *Node) Float64() float64 { return n.rand.Float64() }

// Stop asks the root actor, and with it all below, to stop as infra/engine's Stop does. It is done once the world has
// run on and Actors is 0.
func (n *Node) Stop() {
	if n.root != nil && !n.dead {
		n.system.Root.Stop(n.root)
	}
}

// Kill ends the process as a power cut does: its actors are gone and are told nothing.
func (n *Node) Kill() {
	n.dead = true
	n.alive = 0
	w := n.world
	w.nodes = slices.DeleteFunc(w.nodes, func(other *Node) bool { return other == n })
	w.runnable.drop(n)
	w.events.drop(n)
}

// Actors is the number of actors that have not ended.
func (n *Node) Actors() int { return n.alive }

// Failure is why the root actor failed, where the real process would end; nil while it has not.
func (n *Node) Failure() error { return n.failure }
