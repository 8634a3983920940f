package world

import (
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
	at, ok := w.events.next(w.now)
	return w.start.Add(at), ok
}

// events are the timers, ordered by time and then by the order in which they were added. A stopped timer stays until its
// turn comes, or until the stopped ones are the majority and all are swept out: stopping is cheap, and there are never
// more than about twice as many entries as timers.
type events struct {
	// heap holds what is to happen after the moment at which it was added. Each entry has four children; the order is kept
	// in the entries, by value, so that moving them touches no timer.
	heap  []event
	added uint64
	// soon[fired:] is what is to happen at the moment at which it was added: after all that the heap has for that moment,
	// since that was added earlier, and before time moves on.
	soon  []*timer
	fired int
	// stopped counts the entries whose timer is over.
	stopped int
}

type event struct {
	at    time.Duration
	order uint64
	timer *timer
}

func (e *event) before(o *event) bool {
	return e.at < o.at || e.at == o.at && e.order < o.order
}

// size counts the entries.
func (es *events) size() int { return len(es.heap) + len(es.soon) - es.fired }

// add has the timer fire once d has passed since now.
func (es *events) add(now, d time.Duration, t *timer) {
	if d <= 0 {
		es.soon = append(es.soon, t)
		return
	}
	es.added++
	es.heap = append(es.heap, event{at: now + d, order: es.added, timer: t})
	es.up(len(es.heap) - 1)
}

// next is the time of the first timer that is not stopped.
func (es *events) next(now time.Duration) (time.Duration, bool) {
	for _, t := range es.soon[es.fired:] {
		if !t.over {
			return now, true
		}
	}
	for len(es.heap) > 0 {
		if !es.heap[0].timer.over {
			return es.heap[0].at, true
		}
		es.stopped--
		es.pop()
	}
	return 0, false
}

// popDue takes the first timer that is due at now, or nil.
func (es *events) popDue(now time.Duration) *timer {
	for len(es.heap) > 0 && es.heap[0].at <= now {
		t := es.heap[0].timer
		es.pop()
		if !t.over {
			return t
		}
		es.stopped--
	}
	for es.fired < len(es.soon) {
		t := es.soon[es.fired]
		es.soon[es.fired] = nil
		es.fired++
		if !t.over {
			return t
		}
		es.stopped--
	}
	es.soon, es.fired = es.soon[:0], 0
	return nil
}

// forgetOne is told that a timer in the heap was stopped.
func (es *events) forgetOne() {
	es.stopped++
	if es.stopped > 64 && es.stopped > es.size()/2 {
		es.sweep()
	}
}

// sweep rebuilds the heap without the timers that are over.
func (es *events) sweep() {
	kept := es.heap[:0]
	for _, e := range es.heap {
		if !e.timer.over {
			kept = append(kept, e)
		}
	}
	clear(es.heap[len(kept):])
	es.heap = kept
	for i := (len(kept)+2)/4 - 1; i >= 0; i-- {
		es.down(i)
	}
	es.soon = slices.DeleteFunc(es.soon[es.fired:], func(t *timer) bool { return t.over })
	es.fired, es.stopped = 0, 0
}

func (es *events) pop() {
	last := len(es.heap) - 1
	es.heap[0] = es.heap[last]
	es.heap[last] = event{}
	es.heap = es.heap[:last]
	if last > 1 {
		es.down(0)
	}
}

func (es *events) up(i int) {
	heap, e := es.heap, es.heap[i]
	for i > 0 {
		parent := (i - 1) / 4
		if !e.before(&heap[parent]) {
			break
		}
		heap[i] = heap[parent]
		i = parent
	}
	heap[i] = e
}

func (es *events) down(i int) {
	heap, e := es.heap, es.heap[i]
	for {
		child := 4*i + 1
		if child >= len(heap) {
			break
		}
		least := child
		for c := child + 1; c < min(child+4, len(heap)); c++ {
			if heap[c].before(&heap[least]) {
				least = c
			}
		}
		if !heap[least].before(&e) {
			break
		}
		heap[i] = heap[least]
		i = least
	}
	heap[i] = e
}

// drop stops a node's timers.
func (es *events) drop(n *Node) {
	for _, e := range es.heap {
		if e.timer.node == n {
			e.timer.retire()
		}
	}
	for _, t := range es.soon[es.fired:] {
		if t.node == n {
			t.retire()
		}
	}
	es.sweep()
}
