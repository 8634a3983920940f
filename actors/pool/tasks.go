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
func (s *supervisor) replenish() {
	switch {
	case !s.adoption.mayStart, s.draining && !s.handOver:
		return
	case s.draining && s.waiters.Len() == 0:
		s.handOverIdle()
		return
	}
	now := s.Clock.Now()
	bounds := limits{
		minimum: s.settings.Min, maximum: s.settings.Max, threshold: s.settings.Threshold,
		concurrency: s.backoff.concurrency(s.settings.LaunchConcurrency, now),
	}
	if s.draining {
		bounds.minimum, bounds.threshold = 0, -1 // only for those who wait already
	}
	if now.Before(s.backoff.until) {
		s.backoffOver.Set(s.Clock, s.ctx.Self(), s.backoff.until.Sub(now))
	}
	if !s.settings.WarmPool {
		s.startDedicated(s.policyCensus().dedicatedStarts(bounds))
		return
	}
	if !s.adoption.undecided(now) {
		s.evict(s.policyCensus().evictions(bounds))
	}
	for range s.policyCensus().starts(bounds) {
		s.start(nil)
	}
}

// policyCensus counts what the policy decides on.
func (s *supervisor) policyCensus() census {
	return census{
		ready: s.ready.Len(), expired: s.expired, starting: s.starting.Len(), waiting: s.waiters.Len(),
	}
}

// start begins a task's life, for a session alone when one is given.
func (s *supervisor) start(owner *sessionRecord) {
	request := messages.RunTask{Task: wire.TaskID(actors.RandomID("t", s.Rand))}
	if owner != nil {
		request.Session, request.User = owner.id, owner.user
	}
	t := &taskRecord{
		id: request.Task, request: request, state: poolStarting, dedicated: owner, started: s.Clock.Now(),
	}
	if owner != nil {
		owner.starting = t
	}
	// Invariant: the name is free, for ids are 80 random bits.
	t.pid = s.spawn(actors.TaskName(t.id), task.New(s.Ports, &s.settings, s.ctx.Self(), request))
	s.enter(t)
	s.observe(messages.Event{Kind: messages.EventStarting, Task: t.id, Session: request.Session})
}

// startDedicated starts a task for each of the first n waiters that have none starting.
func (s *supervisor) startDedicated(n int) {
	for place := s.waiters.Front(); place != nil && n > 0; place = place.Next() {
		if waiter := place.Value.(*sessionRecord); waiter.starting == nil {
			s.start(waiter)
			n--
		}
	}
}

// evict stops n ready tasks, expired ones first, the oldest first.
func (s *supervisor) evict(n int) {
	for _, wantExpired := range []bool{true, false} {
		var next *list.Element
		for place := s.ready.Front(); place != nil && n > 0; place = next {
			next = place.Next()
			t := place.Value.(*taskRecord)
			if t.expired != wantExpired {
				continue
			}
			reason := "the pool has too many"
			if t.expired {
				reason = "its time to live is over"
			}
			s.retire(t, reason)
			n--
		}
	}
}

// retire stops a task that has no session.
func (s *supervisor) retire(t *taskRecord, reason string) {
	s.evicted(t, reason)
	s.tell(t.pid, &messages.Retire{Reason: reason})
}

// evicted takes a task that has no session out of the pool's count.
func (s *supervisor) evicted(t *taskRecord, reason string) {
	s.disown(t)
	s.move(t, poolStopping)
	s.observe(messages.Event{Kind: messages.EventEvicted, Task: t.id, Reason: reason})
}

// disown forgets whom a task was started for.
func (s *supervisor) disown(t *taskRecord) {
	if t.dedicated != nil {
		t.dedicated.starting = nil
		t.dedicated = nil
	}
}

// taskUp takes a task that can be claimed, for whoever waits longest.
func (s *supervisor) taskUp(t *taskRecord) {
	if t.state != poolStarting {
		return // it crossed with the decision to stop it
	}
	if !s.hasUse(t) {
		s.retire(t, "nobody needs it")
		return
	}
	now := s.Clock.Now()
	var took time.Duration // of a start that this gateway has seen from its begin to its end
	if t.readySince.IsZero() && !t.adopted {
		took = now.Sub(t.started)
		s.startTime.add(took)
	}
	t.readySince = now
	if !s.crashed {
		s.backoff.succeed()
	}
	s.lastFailure, s.shortage = "", false
	s.move(t, poolReady)
	s.observe(messages.Event{Kind: messages.EventReady, Task: t.id, Took: took})

	waiter := s.firstWaiter()
	if owner := t.dedicated; owner != nil {
		waiter = owner
	}
	if waiter != nil {
		s.unqueue(waiter)
		s.give(t, waiter)
	}
	s.replenish()
}

// hasUse reports whether a task that is up can be given to somebody. Without a pool that is the session that it was
// started for; an adopted one's may have gone with the gateway that knew it.
func (s *supervisor) hasUse(t *taskRecord) bool {
	if t.request.Dedicated() {
		return t.dedicated != nil
	}
	return s.settings.WarmPool
}

// taskDown takes a waiting task out of reach until its bridge has dialled again.
func (s *supervisor) taskDown(t *taskRecord, m *messages.TaskDown) {
	if t.state != poolReady {
		return // claimed or retired meanwhile: the task itself says what comes of it
	}
	s.move(t, poolStarting)
	s.observe(messages.Event{Kind: messages.EventUnready, Task: t.id, Reason: m.Reason})
	s.replenish()
}

// taskExpired has a task that waited too long replaced.
func (s *supervisor) taskExpired(t *taskRecord) {
	s.expire(t)
	s.replenish()
}

// task.Active notes that a start has come to its end, and with it every doubt about starts.
func (s *supervisor) taskActive(t *taskRecord, m *messages.TaskActive) {
	if t.session == nil || t.session.id != m.Session {
		return // its session ended meanwhile
	}
	t.session.active = true
	t.session.attempts = 0
	s.crashed = false
	s.backoff.succeed()
	if t.host != nil && t.host.state == messages.HostDraining { // since the session was given its task
		s.tellLeaving(t)
	}
}

// taskFailed decides what becomes of the session of a task that gave up, and whether starts are still worth trying.
func (s *supervisor) taskFailed(t *taskRecord, m *messages.TaskFailed) {
	if m.HostGone && t.host != nil {
		s.hostLost(t.host) // the others on it are, too
		s.replenish()
		return
	}
	switch t.state {
	case poolStopping:
		// It was given up here already.
	case poolStarting, poolReady:
		s.startFailed(t, m)
	case poolAssigned:
		session, active := t.session, t.session.active
		s.released(t, m.Reason)
		if active {
			s.tell(session.pid, &messages.TaskLost{Task: t.id, Reason: m.Reason, Evicted: m.Evicted})
		} else {
			s.claimFailed(session, m)
		}
	}
	s.replenish()
}

// startFailed notes a start that came to nothing, or a task that died while it waited. After several in a row that no
// waiting will mend, everyone who waits is told: they must not wait for ever.
func (s *supervisor) startFailed(t *taskRecord, m *messages.TaskFailed) {
	if t.adopted && t.readySince.IsZero() || m.Evicted {
		s.evicted(t, m.Reason) // an orphan of an earlier gateway's says nothing about starts, nor does an operator's stop
		return
	}
	s.crashed = t.state == poolReady || !t.readySince.IsZero()
	s.disown(t)
	s.move(t, poolStopping)
	s.shortage = m.Fault != nil && m.Fault.Shortage()
	s.lastFailure = m.Reason
	again := s.backoff.sameIncident(t.started)
	var pause time.Duration
	if !again {
		pause = s.backoff.fail(s.Clock.Now(), s.Rand.Float64())
	}
	failed := messages.Event{Kind: messages.EventStartFailed, Task: t.id, Reason: m.Reason, N: s.backoff.streak}
	if m.Fault != nil {
		failed.Fault = m.Fault.Kind
	}
	s.observe(failed)
	if again {
		return
	}
	s.observe(messages.Event{Kind: messages.EventBackoff, Took: pause})
	if s.shortage || s.backoff.streak < s.settings.ClaimAttempts {
		return
	}
	for waiter := s.firstWaiter(); waiter != nil; waiter = s.firstWaiter() {
		s.unqueue(waiter)
		s.giveUp(waiter, wire.CodeStartFailed, m.Reason)
	}
}

// task.Gone closes a task's record. Its actor has said its last word and is stopped.
func (s *supervisor) taskGone(t *taskRecord) {
	s.forget(t)
	s.past.add(t.id, t.crashed)
	s.ctx.Poison(t.pid)
	s.observe(messages.Event{Kind: messages.EventGone, Task: t.id})
	s.reportDrained()
}

// taskCrashed cleans up after a task's actor that panicked. A new actor of the same task sees to its end.
func (s *supervisor) taskCrashed(t *taskRecord) {
	s.observe(messages.Event{Kind: messages.EventCrashed, Task: t.id, Reason: "task actor"})
	s.taskFailed(t, &messages.TaskFailed{Task: t.id, Reason: "internal error"})
	if t.crashed {
		s.observe(messages.Event{Kind: messages.EventAbandoned, Task: t.id, ARN: t.arn, Reason: "its actor crashed twice"})
		s.forget(t)
		s.past.add(t.id, true)
		s.reportDrained()
		return
	}
	t.crashed = true
	orphan := task.NewOrphan(s.Ports, &s.settings, s.ctx.Self(), t.request, t.arn)
	t.pid = s.spawn(actors.TaskName(t.id), orphan) // Invariant: the name is free before Terminated comes
}
