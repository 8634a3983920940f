package pool

import (
	"container/list"
	"time"

	"hearth/actors"
	"hearth/actors/task"
	"hearth/messages"
	"hearth/messages/wire"
)

// replenish brings the pool to what its policy asks for. It is called after everything that changes the counts.
func (p *pool) replenish() {
	switch {
	case !p.adoption.mayStart, p.draining && !p.handOver:
		return
	case p.draining && p.waiters.Len() == 0:
		p.handOverIdle()
		return
	}
	now := p.Clock.Now()
	bounds := p.limits(now)
	if now.Before(p.backoff.until) {
		p.backoffOver.Set(p.Clock, p.ctx.Self(), p.backoff.until.Sub(now))
	}
	if !p.settings.WarmPool {
		p.startDedicated(p.policyCensus().dedicatedStarts(bounds))
		return
	}
	if !p.adoption.undecided(now) {
		p.evictReady(p.policyCensus().replaced(bounds))
		p.shed(p.policyCensus().excess(bounds))
	}
	for range p.refill.starts(p.policyCensus(), bounds) {
		p.start(nil)
	}
	if !p.draining {
		p.watchSurplus(p.policyCensus().surplus(bounds))
	}
}

// watchSurplus notes how many tasks are above the minimum, and has those looked at again that stay.
func (p *pool) watchSurplus(n int) {
	calm := len(p.lull) == 0
	p.lull.note(n, p.Clock.Now())
	switch {
	case n == 0:
		p.lullOver.Cancel()
	case calm:
		p.lullOver.Set(p.Clock, p.ctx.Self(), p.settings.SurplusTTL)
	}
}

// surplusStood gives up what has been too many for a while.
func (p *pool) surplusStood() {
	now := p.Clock.Now()
	n := p.lull.stood(now.Add(-p.settings.SurplusTTL))
	p.lull = p.lull[n:]
	if !p.adoption.undecided(now) {
		p.shed(n)
	}
	if len(p.lull) > 0 {
		p.lullOver.Set(p.Clock, p.ctx.Self(), p.settings.SurplusTTL-now.Sub(p.lull[0]))
	}
	p.replenish()
}

// policyCensus counts what the policy decides on.
func (p *pool) policyCensus() census {
	return census{
		ready: p.ready.Len(), expired: p.expired, starting: p.starting.Len(), waiting: p.waiters.Len(),
	}
}

// start begins a task's life, for a session alone when one is given.
func (p *pool) start(owner *sessionRecord) {
	request := messages.RunTask{Task: wire.TaskID(actors.RandomID("t", p.Rand))}
	if owner != nil {
		request.Session, request.User = owner.id, owner.user
	}
	t := &taskRecord{
		id: request.Task, request: request, state: poolStarting, dedicated: owner, started: p.Clock.Now(),
	}
	if owner != nil {
		owner.starting = t
	}
	// Invariant: the name is free, for ids are 80 random bits.
	t.pid = p.spawn(actors.TaskName(t.id), task.New(p.Ports, &p.settings, p.ctx.Self(), request))
	p.enter(t)
	p.hear(t.id)
	p.observe(messages.Event{Kind: messages.EventStarting, Task: t.id, Session: request.Session})
}

// startDedicated starts a task for each of the first n waiters that have none starting. One that was not put off for its user's
// failure, since its task was starting, and has lost that task, is put off now.
func (p *pool) startDedicated(n int) {
	var late []*sessionRecord
	for place := p.waiters.Front(); place != nil && n > 0; place = place.Next() {
		switch waiter := place.Value.(*sessionRecord); {
		case waiter.starting != nil:
		case waiter.turned.Before(p.troubleOf(waiter.user).last):
			late = append(late, waiter)
		default:
			p.start(waiter)
			n--
		}
	}
	for _, waiter := range late {
		p.assignTurn(waiter)
	}
	p.standAnew(late...)
}

// tooMany is why a task is given up that the pool's bounds leave no room for.
const tooMany = "the pool has too many"

// shed gives up n tasks that are too many: those that are starting before those that are ready, and of them the newest first,
// which have the longest to go.
func (p *pool) shed(n int) {
	var next *list.Element
	for place := p.starting.Back(); place != nil && n > 0; place = next {
		next = place.Prev()
		p.retire(place.Value.(*taskRecord), messages.EvictedSurplus, tooMany)
		n--
	}
	p.evictReady(n)
}

// evictReady stops n ready tasks, expired ones first, the oldest first.
func (p *pool) evictReady(n int) {
	for _, wantExpired := range []bool{true, false} {
		var next *list.Element
		for place := p.ready.Front(); place != nil && n > 0; place = next {
			next = place.Next()
			t := place.Value.(*taskRecord)
			if t.expired != wantExpired {
				continue
			}
			switch {
			case t.hostDrains():
				p.retire(t, messages.EvictedHostDraining, hostDrains)
			case p.outdated(t):
				p.retire(t, messages.EvictedOutdated, "its task definition has another revision by now")
			case t.old:
				p.retire(t, messages.EvictedExpired, "its time to live is over")
			default:
				p.retire(t, messages.EvictedSurplus, tooMany)
			}
			n--
		}
	}
}

// retire stops a task that has no session.
func (p *pool) retire(t *taskRecord, cause messages.Eviction, reason string) {
	p.evicted(t, cause, reason)
	p.tell(t.pid, &messages.Retire{Reason: reason})
}

// evicted takes a task that has no session out of the pool's count.
func (p *pool) evicted(t *taskRecord, cause messages.Eviction, reason string) {
	p.disown(t)
	p.move(t, poolStopping)
	p.observe(messages.Event{Kind: messages.EventEvicted, Task: t.id, Cause: cause, Reason: reason})
}

// disown forgets whom a task was started for.
func (p *pool) disown(t *taskRecord) {
	if t.dedicated != nil {
		t.dedicated.starting = nil
		t.dedicated = nil
	}
}

// taskUp takes a task that can be claimed, for whoever waits longest.
func (p *pool) taskUp(t *taskRecord) {
	if t.state != poolStarting {
		return // it crossed with the decision to stop it
	}
	if !p.hasUse(t) {
		p.retire(t, messages.EvictedSurplus, "nobody needs it")
		return
	}
	now := p.Clock.Now()
	var took time.Duration // of a start that this gateway has seen from its begin to its end
	if t.readySince.IsZero() && !t.adopted {
		took = now.Sub(t.started)
		p.aim.started(took)
		p.shadow.started(took, now)
		if t.hostless.IsZero() { // else nobody knows how much of it was the wait for a host
			p.startTime.add(took - t.hostWait)
		}
	}
	t.readySince = now
	if !p.crashed {
		p.backoff.succeed()
	}
	if !p.breaker.open() {
		p.lastFailure = ""
	}
	p.shortage, p.lastFault = false, ""
	p.move(t, poolReady)
	p.judge(t)
	p.observe(messages.Event{Kind: messages.EventReady, Task: t.id, Took: took})

	waiter := p.firstWaiter()
	if owner := t.dedicated; owner != nil {
		waiter = owner
		if p.isOccupied(owner.user) {
			waiter = nil // it keeps the task for when its turn comes
		}
	}
	if waiter != nil {
		p.unqueue(waiter)
		p.give(t, waiter)
	}
	if t.hostDrains() {
		p.clearHosts()
	}
	p.replenish()
}

// hasUse reports whether a task that is up can be given to somebody. Without a pool that is the session that it was
// started for; an adopted one's may have gone with the gateway that knew it.
func (p *pool) hasUse(t *taskRecord) bool {
	if t.request.Dedicated() {
		return t.dedicated != nil
	}
	return p.settings.WarmPool
}

// taskDown takes a waiting task out of reach until its bridge has dialled again.
func (p *pool) taskDown(t *taskRecord, m *messages.TaskDown) {
	if t.state != poolReady {
		return // claimed or retired meanwhile: the task itself says what comes of it
	}
	p.move(t, poolStarting)
	p.observe(messages.Event{Kind: messages.EventUnready, Task: t.id, Reason: m.Reason})
	p.replenish()
}

// taskExpired has a task that waited too long replaced.
func (p *pool) taskExpired(t *taskRecord) {
	t.old = t.state == poolReady
	p.judge(t)
	p.replenish()
}

// taskActive notes that a start has come to its end, and with it every doubt about starts.
func (p *pool) taskActive(t *taskRecord, m *messages.TaskActive) {
	if t.session == nil || t.session.id != m.Session {
		return // its session ended meanwhile
	}
	t.session.active = true
	t.session.attempts = 0
	p.agentStarted(t.session.user)
	if t.host != nil && t.host.state == messages.HostDraining { // since the session was given its task
		p.tellLeaving(t)
	}
}

// taskFailed decides what becomes of the session of a task that gave up, and whether starts are still worth trying.
func (p *pool) taskFailed(t *taskRecord, m *messages.TaskFailed) {
	if m.Kind == messages.FailedHost && t.host != nil {
		p.hostLost(t.host) // the others on it are, too
		p.taskVacated(t)
		p.replenish()
		return
	}
	if m.Vacated {
		p.hear(t.id)
	}
	switch t.state {
	case poolStopping: // it was given up here already
		if m.Vacated {
			p.taskVacated(t)
		}
	case poolStarting, poolReady:
		owner := t.dedicated
		p.startFailed(t, m)
		if owner != nil && owner.place != nil { // it may have been spared when its user's other sessions were put off
			p.assignTurn(owner)
			p.standAnew(owner)
		}
	case poolAssigned:
		p.assignedFailed(t, m)
	}
	p.replenish()
}

// assignedFailed has the session of a task that gave up restart elsewhere, or wait again if its agent was not ready yet.
func (p *pool) assignedFailed(t *taskRecord, m *messages.TaskFailed) {
	session, active := t.session, t.session.active
	p.released(t, m.Reason)
	if !m.Vacated {
		p.occupy(t, session.user)
	}
	if active {
		p.tell(session.pid, &messages.TaskLost{Task: t.id, Reason: m.Reason, ToldToEnd: m.Kind == messages.FailedTold})
	} else {
		p.claimFailed(session, m)
	}
}

// startFailed notes a start that came to nothing, or a task that died while it waited. After several in a row that no
// waiting will mend, everyone who waits is told: they must not wait for ever.
func (p *pool) startFailed(t *taskRecord, m *messages.TaskFailed) {
	switch { // what says nothing about starts
	case m.Kind == messages.FailedTold:
		p.evicted(t, messages.EvictedStopped, m.Reason)
		return
	case t.adopted && t.readySince.IsZero():
		p.evicted(t, messages.EvictedUnproved, m.Reason)
		return
	}
	p.crashed = t.state == poolReady || !t.readySince.IsZero() || p.breaker.open()
	p.disown(t)
	p.move(t, poolStopping)
	p.lastFailure, p.shortage, p.lastFault = m.Reason, false, ""
	if m.Fault != nil {
		p.shortage, p.lastFault = m.Fault.Shortage(), m.Fault.Kind
	}
	p.backoff.single = p.backoff.single || m.Kind.OfAgent()
	again := p.backoff.sameIncident(t.started)
	var pause time.Duration
	if !again {
		pause = p.backoff.fail(p.Clock.Now(), p.Rand.Float64())
	}
	failed := messages.Event{Kind: messages.EventStartFailed, Task: t.id, Failure: m.Kind, Reason: m.Reason, N: p.backoff.streak}
	if m.Fault != nil {
		failed.Fault = m.Fault.Kind
	}
	p.observe(failed)
	if again {
		return
	}
	p.observe(messages.Event{Kind: messages.EventBackoff, Took: pause})
	if p.shortage || p.backoff.streak < p.settings.ClaimAttempts {
		return
	}
	for waiter := p.firstWaiter(); waiter != nil; waiter = p.firstWaiter() {
		p.unqueue(waiter)
		p.giveUp(waiter, p.failed(waiter.user, m))
	}
}

// taskGone closes a task's record. Its actor has said its last word and is stopped.
func (p *pool) taskGone(t *taskRecord) {
	p.forget(t)
	p.admit()
	p.endedTasks.add(t.id, struct{}{})
	p.isolated(t, "")
	p.ctx.Poison(t.pid)
	p.observe(messages.Event{Kind: messages.EventGone, Task: t.id, Revision: t.revision})
	p.reportDrained()
}

// taskCrashed cleans up after a task's actor that panicked. A new actor of the same task sees to its end.
func (p *pool) taskCrashed(t *taskRecord) {
	p.actorCrashed(t)
	p.taskFailed(t, &messages.TaskFailed{Task: t.id, Kind: messages.FailedCrashed, Reason: "internal error"})
	if t.crashed {
		p.observe(messages.Event{Kind: messages.EventAbandoned, Task: t.id, ARN: t.arn, Reason: "its actor crashed twice"})
		p.forget(t)
		p.admit()
		p.endedTasks.add(t.id, struct{}{})
		p.reportDrained()
		return
	}
	t.crashed = true
	orphan := task.NewOrphan(p.Ports, &p.settings, p.ctx.Self(), t.request, t.arn, "its actor crashed", t.occupies != "")
	t.pid = p.spawn(actors.TaskName(t.id), orphan) // Invariant: the name is free before Terminated comes
}

// actorCrashed notes that a task's actor has panicked.
func (p *pool) actorCrashed(t *taskRecord) {
	p.crashedTasks.add(t.id, struct{}{})
	p.observe(messages.Event{Kind: messages.EventCrashed, Task: t.id, Reason: "task actor"})
}
