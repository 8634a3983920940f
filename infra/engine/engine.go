// Package engine runs actors in production: a pool of workers, bounded mailboxes, supervision that stops what fails, the
// wall clock and real randomness. It is the real implementation of the ports actors.Engine, actors.Clock and actors.Rand;
// sim/world is the simulated one.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"hearth/actors/system"
)

// DefaultMailboxLimit is far above what flow control lets any mailbox hold.
const DefaultMailboxLimit = 1 << 17

// ErrNoReceiver of Ask: the actor does not exist any more, or its mailbox was full.
var ErrNoReceiver = errors.New("engine: no such actor, or it is overloaded")

// Config says how an engine runs. The zero Config works.
type Config struct {
	// Workers is the number of goroutines that run actors; 0 means GOMAXPROCS.
	Workers int
	// MailboxLimit bounds each actor's waiting user messages; 0 means DefaultMailboxLimit.
	MailboxLimit int
	// Log gets crashes, refusals and dead letters, by the types of messages only.
	Log zerolog.Logger
	// OnRootFailure is told that the root actor has panicked; everything below it is being stopped. It is called on a
	// worker's goroutine and must neither block nor call Stop. May be nil.
	OnRootFailure func(reason error)
	// OnIncident is told everything that should not happen, for metrics. It must not block; it is called from many
	// goroutines at once. May be nil.
	OnIncident func(Incident)
}

// Engine owns one actor system, its workers and its timers.
type Engine struct {
	log           zerolog.Logger
	onIncident    func(Incident)
	onRootFailure func(error)
	mailboxLimit  int

	system *system.System
	pool   *pool
	timers timers
	// props is what every actor's Props start from.
	props *actor.Props

	mu   sync.Mutex
	root *actor.PID
}

// New makes an engine and starts its workers; Stop ends them.
func New(config Config) *Engine {
	if config.Workers == 0 {
		config.Workers = runtime.GOMAXPROCS(0)
	}
	if config.MailboxLimit == 0 {
		config.MailboxLimit = DefaultMailboxLimit
	}
	if config.OnIncident == nil {
		config.OnIncident = func(Incident) {}
	}
	if config.OnRootFailure == nil {
		config.OnRootFailure = func(error) {}
	}
	e := &Engine{
		log:           config.Log,
		onIncident:    config.OnIncident,
		onRootFailure: config.OnRootFailure,
		mailboxLimit:  config.MailboxLimit,
		pool:          newPool(config.Workers),
		timers:        timers{live: make(map[*timer]struct{})},
	}
	// Below warn the library logs whole messages.
	log := slog.New(zerolog.NewSlogHandler(config.Log.Level(zerolog.WarnLevel)))
	e.system = system.New(log, system.Hooks{Crashed: e.reportCrash, DeadLetter: e.reportDeadLetter})
	e.props = actor.PropsFromProducer(nil,
		actor.WithDispatcher(e.pool),
		actor.WithMailbox(func() actor.Mailbox { return newMailbox(e) }),
		actor.WithSupervisor(system.StopOnFailure{}),
	)
	return e
}

// Spawn starts an actor on this engine; see actors.Engine.
func (e *Engine) Spawn(parent actor.SpawnerContext, name string, child actor.Actor) (*actor.PID, error) {
	props := *e.props
	shell := e.system.Shell(child)
	props.Configure(actor.WithProducer(func() actor.Actor { return &shell }))
	return parent.SpawnNamed(&props, name)
}

// PID is the address of an actor by its name, also of one that is still to be spawned.
func (e *Engine) PID(name string) *actor.PID { return e.system.NewLocalPID(name) }

// SpawnRoot starts the engine's one root actor, which every other is a descendant of.
func (e *Engine) SpawnRoot(name string, child actor.Actor) (*actor.PID, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.root != nil {
		return nil, system.ErrRootExists
	}
	above := e.system.Above(func(reason any) {
		e.onRootFailure(fmt.Errorf("root actor %s failed: %s", name, reasonText(reason)))
	})
	root, err := e.Spawn(above, name, child)
	if err != nil {
		return nil, fmt.Errorf("engine: spawn %s: %w", name, err)
	}
	e.root = root
	return root, nil
}

// Send gives a message to an actor, from outside the actors. It does not wait, and an actor that has ended is no error:
// the message is counted as a dead letter.
func (e *Engine) Send(to *actor.PID, message any) error {
	if to == nil || system.IsNil(message) {
		return system.ErrNil
	}
	e.system.Root.Send(to, message)
	return nil
}

// Enter and Leave are around what a goroutine that serves a peer sends: the actors that this wakes, and those that they
// send to, run on that goroutine once it leaves, as far as they are few, and no worker has to be woken for them. Nothing
// that an actor's ports could wait for may be held at Leave, and neither is called by an actor. Whoever enters has left before Stop.
func (e *Engine) Enter() { e.pool.enter() }

// Leave ends what Enter has begun.
func (e *Engine) Leave() { e.pool.leave() }

// Stop stops the root actor and all below it, waits for them, stops the timers and ends the workers. When ctx ends first
// it gives up waiting and says what for; a handler that hangs goes on to hang, all else ends. Called once, by the
// engine's owner, never by an actor.
func (e *Engine) Stop(ctx context.Context) error {
	err := e.stopRoot(ctx)
	e.timers.close()
	return errors.Join(err, e.pool.close(ctx))
}

func (e *Engine) stopRoot(ctx context.Context) error {
	e.mu.Lock()
	root := e.root
	e.mu.Unlock()
	if root == nil {
		return nil
	}
	process, alive := e.system.ProcessRegistry.Get(root)
	if !alive {
		return nil
	}
	watcher, terminated := e.openInbox()
	defer watcher.Close()
	process.SendSystemMessage(root, &actor.Watch{Watcher: watcher.PID})
	process.Stop(root)
	select {
	case <-terminated:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("engine: actors are still stopping: %w", ctx.Err())
	}
}
