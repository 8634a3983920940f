package chaos

import (
	"slices"
	"time"

	"hearth/messages"
	"hearth/messages/wire"
)

// place is where the oracle's books have a task.
type place int

const (
	placeUnknown place = iota
	placeStarting
	placeReady
	placeElsewhere
)

// poolBook counts what the pool should have by its decisions alone.
type poolBook struct {
	ready, starting, waiting int
	// queue are the sessions that wait, in the order in which they are to be served.
	queue []wire.SessionID
	// turns are in which order: of those that wait, and of those whose clients are away. first and last are the ends of it.
	turns       map[wire.SessionID]int
	first, last int
	// begun counts the sessions.
	begun int
	// away are the sessions of which the pool knows that they have a turn and no client.
	away   map[wire.SessionID]bool
	shadow shadowBook
	// low says that the supply has been at or below the threshold, or that an operator has changed the bounds, since the
	// minimum last stood ready: until it does again, the pool owes it.
	low bool
	// failures counts the starts that failed: from the first on, backoff holds starts back.
	failures int
	draining bool
	// listed says that the pool knows which tasks run: it starts none before.
	listed bool
	// taken is when everything of an earlier gateway will have been taken over: until then what seems to be the pool's may
	// turn out to have a session, and is not evicted.
	taken time.Duration
	// claimed is what the pool says itself, as of its last fact; nil once compared.
	claimed *messages.Census
}

// move takes a task from its place to another.
func (o *oracle) move(id wire.TaskID, to place) {
	t := o.task(id)
	t.gateway = max(t.gateway, o.number)
	for _, change := range []struct {
		place place
		by    int
	}{{o.places[id], -1}, {to, 1}} {
		switch change.place {
		case placeStarting:
			o.pool.starting += change.by
		case placeReady:
			o.pool.ready += change.by
		}
	}
	o.places[id] = to
}

// wait takes a session among the waiters, at its turn: it has one from before, when its client is back, or the last.
func (o *oracle) wait(id wire.SessionID) {
	p := &o.pool
	delete(p.away, id)
	o.takeTurn(id)
	place, _ := slices.BinarySearchFunc(p.queue, p.turns[id], func(other wire.SessionID, turn int) int {
		return p.turns[other] - turn
	})
	p.queue = slices.Insert(p.queue, place, id)
	p.waiting = len(p.queue)
}

// takeTurn gives a session the last turn, if it has none.
func (o *oracle) takeTurn(id wire.SessionID) {
	if _, has := o.pool.turns[id]; !has {
		o.pool.last++
		o.pool.turns[id] = o.pool.last
	}
}

// again gives a session that a task has failed the first turn.
func (o *oracle) again(id wire.SessionID) {
	o.pool.first--
	o.pool.turns[id] = o.pool.first
}

// waitNoMore takes a session away from the waiters, if it was one, and tells its place. Its turn is over, unless it is away.
func (o *oracle) waitNoMore(id wire.SessionID, away bool) int {
	place := slices.Index(o.pool.queue, id)
	if place >= 0 {
		o.pool.queue = slices.Delete(o.pool.queue, place, place+1)
		o.pool.waiting = len(o.pool.queue)
	}
	if !away {
		delete(o.pool.turns, id)
		delete(o.pool.away, id)
	}
	return place
}

// tooMany is the reason of a task that the pool's bounds leave no room for.
const tooMany = "the pool has too many"

// poolEvent keeps the books.
func (o *oracle) poolEvent(e *messages.Event) {
	switch e.Kind {
	case messages.EventStarting:
		o.pool.shadow.started++
		o.move(e.Task, placeStarting)
		o.started(e)
	case messages.EventListed:
		o.pool.listed = true
		o.pool.taken = o.storm.elapsed() + o.settings.AdoptionGrace
	case messages.EventAdopted:
		o.pool.taken = o.storm.elapsed() + o.settings.AdoptionGrace // the first list may come late, after it was not waited for any more
		o.adopted(e)
	case messages.EventReady:
		o.move(e.Task, placeReady)
	case messages.EventUnready:
		o.move(e.Task, placeStarting)
	case messages.EventClaimed:
		o.move(e.Task, placeElsewhere)
		left, isAlone := o.alone[e.Session]
		isAlone = isAlone && left.Before(e.At) && !o.session(e.Session).met // else it crossed with the claim
		if (isAlone || o.pool.away[e.Session]) && o.settings.WarmPool {
			o.breach("session %s was given task %s, and its client is away", e.Session, e.Task)
		}
		if place := o.waitNoMore(e.Session, false); place > 0 && o.settings.WarmPool {
			o.breach("session %s was served before %d that have waited longer", e.Session, place)
		}
	case messages.EventEvicted:
		o.hosts.replacedFirst(o, e)
		if o.places[e.Task] == placeReady && e.Reason == tooMany && o.pool.starting > 0 {
			o.breach("task %s was ready and given up as one too many, with %d starting", e.Task, o.pool.starting)
		}
		o.move(e.Task, placeElsewhere)
	case messages.EventStartFailed:
		o.move(e.Task, placeElsewhere)
		o.pool.failures++
	case messages.EventAgentsFail:
		o.pool.failures++
	case messages.EventResized:
		o.settings.Min, o.settings.Max = e.N, e.M
		o.settings.Threshold = max(0, e.N-o.spare)
		o.pool.low = true
	case messages.EventShadowed, messages.EventShadowResized:
		o.shadowed(e.Shadow)
	case messages.EventDraining:
		o.pool.draining = true
	case messages.EventUndrained:
		o.pool.draining = false
		o.pool.taken = o.storm.elapsed() + o.settings.AdoptionGrace
	}
	o.turnEvent(e)
	if e.Census != nil {
		claimed := *e.Census
		o.pool.claimed = &claimed
	}
}

// turnEvent follows who waits for a task, and who has a turn beside the queue.
func (o *oracle) turnEvent(e *messages.Event) {
	switch e.Kind {
	case messages.EventWaiting:
		o.wait(e.Session)
	case messages.EventFenced:
		if e.Task == "" { // else it has its task, which waits
			o.waitNoMore(e.Session, true)
			o.takeTurn(e.Session)
			delete(o.pool.away, e.Session)
		}
	case messages.EventDelayed:
		o.takeTurn(e.Session)
		o.waitNoMore(e.Session, true)
	case messages.EventRequeued:
		o.again(e.Session)
	case messages.EventAway:
		o.waitNoMore(e.Session, true)
		o.takeTurn(e.Session)
		o.pool.away[e.Session] = true
	case messages.EventLeft, messages.EventClaimFailed:
		o.waitNoMore(e.Session, false)
	}
}

// adopted takes in a task of an earlier gateway: first the task, then its session if it serves one.
func (o *oracle) adopted(e *messages.Event) {
	o.task(e.Task).elsewhere = false
	if e.Session == "" {
		o.move(e.Task, placeStarting)
		return
	}
	o.move(e.Task, placeElsewhere)
	if t := o.task(e.Task); t.session != e.Session {
		o.breach("task %s of session %q was adopted with session %s", e.Task, t.session, e.Session)
	}
	s := o.session(e.Session)
	s.task, s.gateway = e.Task, o.number
	o.task(e.Task).dying = false // an earlier gateway may have given it up, which this one does not know
}

// started checks that a start was called for: within the maximum, and only up to what the policy fills.
func (o *oracle) started(e *messages.Event) {
	p, s := &o.pool, &o.settings
	switch {
	case p.draining && !(o.handsOver && p.waiting > 0):
		o.breach("task %s was started while draining", e.Task)
	case p.starting > s.LaunchConcurrency:
		o.breach("%d tasks are starting at once, %d are allowed", p.starting, s.LaunchConcurrency)
	case !s.WarmPool:
	case p.ready+p.starting > s.Max:
		o.breach("%d ready and %d starting tasks, the maximum is %d", p.ready, p.starting, s.Max)
	case s.ReadyTTL == 0 && len(o.hosts.draining) == 0 && p.ready+p.starting-p.waiting > s.Min:
		o.breach("a start too many: %d ready, %d starting, %d waiting, the minimum is %d", p.ready, p.starting, p.waiting, s.Min)
	}
}

// poolSettled checks the pool after each message that it has handled.
func (o *oracle) poolSettled() {
	p, s := &o.pool, &o.settings
	o.followsSchedule()
	o.followsDemand()
	o.shadowKeepsUp()
	if c := p.claimed; c != nil && (c.Ready != p.ready || c.Starting != p.starting || c.Waiting != p.waiting) {
		o.breach("the pool counts %d ready, %d starting, %d waiting; by what happened it is %d, %d and %d",
			c.Ready, c.Starting, c.Waiting, p.ready, p.starting, p.waiting)
	}
	p.claimed = nil
	if p.draining || !p.listed || !s.WarmPool {
		return
	}
	if p.ready > 0 && p.waiting > 0 {
		o.breach("%d sessions wait while %d tasks are ready", p.waiting, p.ready)
	}
	if p.ready > 0 && p.ready+p.starting > s.Max && o.storm.elapsed() > p.taken {
		o.breach("%d ready and %d starting tasks stay above the maximum of %d", p.ready, p.starting, s.Max)
	}
	supply := p.ready + p.starting - p.waiting
	p.low = (p.low || supply <= s.Threshold) && p.ready-p.waiting < s.Min
	if p.failures == 0 && s.ReadyTTL == 0 && supply <= s.Threshold && supply < s.Min &&
		p.starting < s.LaunchConcurrency && p.ready+p.starting < s.Max {
		o.breach("nothing is started: %d ready, %d starting, %d waiting, threshold %d, minimum %d",
			p.ready, p.starting, p.waiting, s.Threshold, s.Min)
	}
}
