package world

import (
	"math"
	"math/bits"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/actors"
)

// timer is something that will happen. It is what After and AfterFunc return.
type timer struct {
	world *World
	// node and to are where what goes as a message; without a node what is an Event.
	node *Node
	to   *actor.PID
	what any
	// over: it has happened or was stopped.
	over bool
	// unheld: nobody but the heap knows of it, which makes it free for another use once it has happened.
	unheld bool
}

// Stop takes it back if it has not happened yet, and reports whether that was so.
func (t *timer) Stop() bool {
	if t.over {
		return false
	}
	t.retire()
	t.world.events.forgetOne()
	return true
}

// retire lets go of what the timer held: an actor may keep the timer itself for long.
func (t *timer) retire() {
	t.over = true
	t.node, t.to, t.what = nil, nil, nil
}

func (t *timer) fire() {
	node, to, what := t.node, t.to, t.what
	t.retire()
	if t.unheld {
		t.world.spare = append(t.world.spare, t)
	}
	if node == nil {
		what.(Event).Happen()
		return
	}
	node.deliver(to, what)
}

// Event is something that happens to a simulated adapter: a network, a cloud, a client.
type Event interface{ Happen() }

// call is the Event of calling a function.
type call func()

// Happen calls it.
func (f call) Happen() { f() }

// AfterFunc calls f once d has passed, between picks.
func (w *World) AfterFunc(d time.Duration, f func()) actors.Timer {
	t := &timer{world: w, what: call(f)}
	w.events.add(w.now, d, t)
	return t
}

// Later is AfterFunc for what is never taken back.
func (w *World) Later(d time.Duration, f func()) { w.Schedule(d, call(f)) }

// Schedule has e happen once d has passed, between picks. It cannot be taken back, and costs the world no memory.
func (w *World) Schedule(d time.Duration, e Event) {
	var t *timer
	if last := len(w.spare) - 1; last >= 0 {
		t, w.spare = w.spare[last], w.spare[:last]
		t.what, t.over = e, false
	} else {
		t = &timer{world: w, what: e, unheld: true}
	}
	w.events.add(w.now, d, t)
}

// At calls f when the time is at, or as soon as possible if that has passed.
func (w *World) At(at time.Time, f func()) { w.Later(at.Sub(w.Now()), f) }

// NextEvent is the time of the next event; false when there is none.
func (w *World) NextEvent() (time.Time, bool) {
	at, ok := w.events.next()
	return w.start.Add(at), ok
}

// events are the timers, in a radix heap: a queue for a time that never goes back, which moves an entry a few times from
// bucket to bucket instead of comparing it with others (Ahuja, Mehlhorn, Orlin and Tarjan, Faster Algorithms for the
// Shortest Path Problem, 1990). Timers of the same moment fire in the order in which they were added.
//
// A stopped timer stays until its bucket is emptied, or until the stopped ones are the majority and all are swept out:
// stopping is cheap, and there are never more than about twice as many entries as timers.
type events struct {
	// last is the moment of the latest timer that fired. Invariant: no entry is earlier.
	last time.Duration
	// due[fired:] are the timers of that moment.
	due   []*timer
	fired int
	// later holds the others by the highest binary digit in which their time differs from last: all in a bucket are earlier
	// than all in the buckets after it. filled has a bit for each bucket that is not empty.
	later  [64][]event
	filled uint64
	// count is the number of entries, stopped how many of them are of timers that are over.
	count, stopped int
}

type event struct {
	at    time.Duration
	timer *timer
}

// add has the timer fire once d has passed since now.
func (es *events) add(now, d time.Duration, t *timer) {
	es.count++
	es.put(event{at: now + min(max(d, 0), math.MaxInt64-now), timer: t})
}

func (es *events) put(e event) {
	bucket := bits.Len64(uint64(e.at ^ es.last))
	if bucket == 0 {
		es.due = append(es.due, e.timer)
		return
	}
	es.later[bucket] = append(es.later[bucket], e)
	es.filled |= 1 << bucket
}

// next is the time of the first timer that is not stopped. It looks through a whole bucket: cheap when time then moves on
// there, for that empties it.
func (es *events) next() (at time.Duration, ok bool) {
	for _, t := range es.due[es.fired:] {
		if !t.over {
			return es.last, true
		}
	}
	for es.filled != 0 {
		bucket := bits.TrailingZeros64(es.filled)
		if at, ok = earliest(es.later[bucket]); ok {
			return at, true
		}
		es.scatter(bucket)
	}
	return 0, false
}

// earliest is the time of the first timer of a bucket that is not stopped.
func earliest(bucket []event) (at time.Duration, ok bool) {
	for i := range bucket {
		if e := &bucket[i]; (!ok || e.at < at) && !e.timer.over {
			at, ok = e.at, true
		}
	}
	return at, ok
}

// turn moves on to the time that next has told. Only the entries of the first bucket have to move.
func (es *events) turn(at time.Duration) {
	if at > es.last {
		es.last = at
		es.scatter(bits.TrailingZeros64(es.filled))
	}
}

// scatter empties a bucket: its timers are put where they now belong, but for the stopped ones.
func (es *events) scatter(bucket int) {
	moved := es.later[bucket]
	es.later[bucket] = moved[:0]
	es.filled &^= 1 << bucket
	for _, e := range moved {
		if e.timer.over {
			es.count--
			es.stopped--
			continue
		}
		es.put(e)
	}
	clear(moved)
}

// popDue takes the first timer that is due, or nil.
func (es *events) popDue() *timer {
	for es.fired < len(es.due) {
		t := es.due[es.fired]
		es.due[es.fired] = nil
		es.fired++
		es.count--
		if !t.over {
			return t
		}
		es.stopped--
	}
	es.due, es.fired = es.due[:0], 0
	return nil
}

// forgetOne is told that a timer was stopped.
func (es *events) forgetOne() {
	es.stopped++
	if es.stopped > 64 && es.stopped > es.count/2 {
		es.sweep()
	}
}

// sweep takes all stopped timers out.
func (es *events) sweep() {
	es.due = slices.DeleteFunc(es.due[es.fired:], func(t *timer) bool { return t.over })
	es.fired, es.count, es.stopped = 0, len(es.due), 0
	for i := range es.later {
		kept := slices.DeleteFunc(es.later[i], func(e event) bool { return e.timer.over })
		es.later[i] = kept
		es.count += len(kept)
		if len(kept) == 0 {
			es.filled &^= 1 << i
		}
	}
}

// drop stops a node's timers.
func (es *events) drop(n *Node) {
	for _, t := range es.due[es.fired:] {
		if t.node == n {
			t.retire()
		}
	}
	for _, bucket := range es.later {
		for _, e := range bucket {
			if e.timer.node == n {
				e.timer.retire()
			}
		}
	}
	es.sweep()
}
