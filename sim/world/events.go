package world

import (
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

// Stop takes it back if it has not happened yet.
func (t *timer) Stop() {
	if t.over {
		return
	}
	t.retire()
	t.world.events.forgetOne()
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
// A stopped timer stays until its bucket is looked at, or until the stopped ones are the majority and all are swept out:
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
	es.put(event{at: now + max(d, 0), timer: t})
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

// next is the time of the first timer that is not stopped.
func (es *events) next() (time.Duration, bool) {
	for _, t := range es.due[es.fired:] {
		if !t.over {
			return es.last, true
		}
	}
	bucket, ok := es.first()
	if !ok {
		return 0, false
	}
	at := es.later[bucket][0].at
	for _, e := range es.later[bucket][1:] {
		at = min(at, e.at)
	}
	return at, true
}

// first is the first bucket with a timer that is not stopped. It is left without any that are.
func (es *events) first() (bucket int, ok bool) {
	for es.filled != 0 {
		bucket = bits.TrailingZeros64(es.filled)
		if es.stopped > 0 {
			over := es.tidy(bucket)
			es.count -= over
			es.stopped -= over
		}
		if len(es.later[bucket]) > 0 {
			return bucket, true
		}
	}
	return 0, false
}

// tidy takes the stopped timers out of a bucket, and says how many those were.
func (es *events) tidy(bucket int) int {
	all := es.later[bucket]
	es.later[bucket] = slices.DeleteFunc(all, func(e event) bool { return e.timer.over })
	if len(es.later[bucket]) == 0 {
		es.filled &^= 1 << bucket
	}
	return len(all) - len(es.later[bucket])
}

// popDue takes the first timer that is due at now, or nil.
func (es *events) popDue(now time.Duration) *timer {
	for {
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
		if es.last == now {
			return nil
		}
		at, ok := es.next()
		if !ok || at > now {
			return nil
		}
		es.turn(at)
	}
}

// turn moves on to the first bucket's earliest moment. Only that bucket's entries have to move, each to one before it.
func (es *events) turn(at time.Duration) {
	es.last = at
	bucket := bits.TrailingZeros64(es.filled)
	moved := es.later[bucket]
	es.later[bucket] = moved[:0]
	es.filled &^= 1 << bucket
	for _, e := range moved {
		es.put(e)
	}
	clear(moved)
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
	for bucket := range es.later {
		es.tidy(bucket)
		es.count += len(es.later[bucket])
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
