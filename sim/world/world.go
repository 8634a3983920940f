// Package world runs the production actors in virtual time on one goroutine, in an order that a seed decides. It is the
// simulated implementation of the ports actors.Engine, actors.Clock and actors.Rand; infra/engine is the real one.
//
// A world alternates between two things: picks, each of which lets one actor handle one message, and events, which are
// timers that fire. Time stands still while picks run and moves from one event to the next when no actor has anything to
// do. Everything happens on the goroutine that calls Step, Drain, Advance or RunUntil, and nothing else may touch the
// world meanwhile. Same seed, same program: same history, on any machine.
package world

import (
	"fmt"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// stallLimit is the number of picks or events at one instant after which RunUntil panics: actors that keep each other
// busy for ever would otherwise hang the simulation.
const stallLimit = 10_000_000

// Options says what a world is like. The zero Options are a world of seed 0.
type Options struct {
	// Seed decides the order of picks and every random number.
	Seed uint64
	// Choose picks who is next out of n > 1 runnable actors, oldest first: an answer of 0 every time is plain first come
	// first served. Nil chooses by the seed.
	Choose func(n int) int
	// Start is the time at which the world begins; zero means 2025-01-01 00:00 UTC.
	Start time.Time
	// AfterPick is called after each pick, for oracles and traces. It may look and send, but not run the world. May be nil.
	AfterPick func(Pick)
	// Rethrow says which panics of actors go on up to the caller of the world instead of being a crash of the actor; see
	// FromTest. Nil means none.
	Rethrow func(reason any) bool
}

// Pick is one message that one actor has handled.
type Pick struct {
	Node *Node
	To   *actor.PID
	// Message is the message, or the library's envelope around it.
	Message any
}

// Counts are totals since the world began.
type Counts struct {
	Picks, Events uint64
	// Crashes counts panics, DeadLetters the messages that reached no actor, Nils the nil messages that were refused.
	Crashes, DeadLetters, Nils uint64
	// DeepestMailbox is the largest number of messages that ever waited for one actor.
	DeepestMailbox int
}

// World is the simulated machine room: the clock, the order of things, and one or more nodes. The embedded Node is the
// first of them, so a World is all that a simulation of one process needs.
type World struct {
	*Node

	seed      uint64
	choose    func(n int) int
	afterPick func(Pick)
	rethrow   func(any) bool
	start     time.Time
	// patience is stallLimit, except in its test.
	patience int

	// now is the time since start; date is the two in one. Invariant: only pass changes them.
	now      time.Duration
	date     time.Time
	events   events
	runnable runQueue
	// free and spare are cells and timers to be used again.
	free  *cell
	spare []*timer
	// nodes are the nodes that were not killed; begun counts all that there ever were.
	nodes   []*Node
	begun   int
	counts  Counts
	crashes []Crash
	last    Pick
}

// New makes a world in which nothing has happened yet.
func New(options Options) *World {
	if options.Start.IsZero() {
		options.Start = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if options.Rethrow == nil {
		options.Rethrow = func(any) bool { return false }
	}
	w := &World{
		seed:      options.Seed,
		choose:    options.Choose,
		afterPick: options.AfterPick,
		rethrow:   options.Rethrow,
		start:     options.Start.Round(0),
		patience:  stallLimit,
	}
	w.pass(0)
	if w.choose == nil {
		w.choose = w.Stream("schedule").IntN
	}
	w.Node = w.NewNode()
	return w
}

// Now is the virtual time.
func (w *World) Now() time.Time { return w.date }

// Elapsed is the virtual time since the world began.
func (w *World) Elapsed() time.Duration { return w.now }

// Counts returns the totals so far.
func (w *World) Counts() Counts { return w.counts }

// Idle reports whether no actor has anything to do before time moves.
func (w *World) Idle() bool { return w.runnable.size() == 0 }

// Step runs one pick. It reports false when there was none to run.
func (w *World) Step() bool {
	n := w.runnable.size()
	if n == 0 {
		return false
	}
	i := 0
	if n > 1 {
		i = w.choose(n)
	}
	w.counts.Picks++
	w.runnable.take(i).run()
	if w.afterPick != nil {
		w.afterPick(w.last)
	}
	return true
}

// Drain runs picks until no actor has anything to do, at most limit of them. It reports whether that was enough.
func (w *World) Drain(limit int) bool {
	for range limit {
		if !w.Step() {
			return true
		}
	}
	return w.Idle()
}

// Advance lets d pass; see RunUntil.
func (w *World) Advance(d time.Duration) { w.runUntil(w.now + d) }

// RunUntil drains, then moves time to the next event, lets every event of that instant happen in the order in which they
// were asked for, drains, and so on until the time is t and the world is idle.
func (w *World) RunUntil(t time.Time) { w.runUntil(t.Sub(w.start)) }

func (w *World) runUntil(end time.Duration) {
	for {
		w.settle()
		at, ok := w.events.next()
		if !ok || at > end {
			break
		}
		w.pass(at)
		w.events.turn(at)
		w.fireDue()
	}
	w.pass(end)
}

// pass moves time on.
func (w *World) pass(to time.Duration) {
	w.now = max(w.now, to)
	w.date = w.start.Add(w.now)
}

// settle drains, and panics when that does not end.
func (w *World) settle() {
	if !w.Drain(w.patience) {
		w.stalled("picks")
	}
}

// fireDue fires what is due now, in order.
func (w *World) fireDue() {
	for range w.patience {
		t := w.events.popDue()
		if t == nil {
			return
		}
		w.counts.Events++
		t.fire()
	}
	w.stalled("events")
}

func (w *World) stalled(what string) {
	panic(fmt.Sprintf("world: %d %s at %s and no end; the last pick was a %T for %s",
		w.patience, what, w.Now().Format(time.RFC3339Nano), w.last.Message, w.last.To.GetId()))
}

// Close kills every node and forgets every event: nothing happens in the world any more.
func (w *World) Close() {
	for _, n := range slices.Clone(w.nodes) {
		n.Kill()
	}
	w.events = events{}
}
