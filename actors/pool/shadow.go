package pool

import (
	"slices"
	"time"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
)

// timerShadow rings when the shadow's figures are told again.
const timerShadow messages.Timer = "shadow"

// shadow is a pool under another policy beside the one in force: it is only counted what it would have started, whom it would have had a
// task ready for, and what would have idled. It decides by the same functions, and is one itself of what it is told: when
// sessions take a task, and how long starts take here. Its own starts take as long as those did, one after the other. They
// never fail, hosts always have room, and its sessions wait until they have their task. It begins full, as a gateway does that takes no
// session before its pool is.
//
// Invariant: nobody waits while a task is ready; ready and starting tasks never exceed the maximum.
type shadow struct {
	aim
	// bounds' minimum is the target, and gap how far the threshold is below it.
	bounds               limits
	gap                  int
	readyTTL, surplusTTL time.Duration
	took                 startTimes
	// at is up to when everything has happened, turn when the target is looked at next.
	at, turn time.Time
	// ready is since when its tasks are, starting when they will be; both in order.
	ready, starting []time.Time
	waiting         int
	refill          refill
	lull            lull
	// own and inForce are what it and the pool in force came to since it began.
	since        time.Time
	own, inForce messages.Tally
	// told is the target that was told last.
	told int
	// idling is how many tasks of the pool in force were ready or starting since idled.
	idling int
	idled  time.Time
}

// newShadow begins one, of the settings' Shadow.
func newShadow(s *actors.Settings, now time.Time) *shadow {
	w := &shadow{
		aim: newAim(s.Shadow, now), gap: s.Shadow.ThresholdGap(), readyTTL: s.ReadyTTL, surplusTTL: s.SurplusTTL,
		bounds: limits{maximum: s.Shadow.Max, concurrency: s.LaunchConcurrency},
		took:   startTimes{guess: s.StartEstimate}, at: now, since: now, idled: now, told: unsettled,
	}
	w.look(now)
	for range w.bounds.minimum {
		w.ready = append(w.ready, now)
	}
	return w
}

// look brings the target to what the policy says of a time.
func (w *shadow) look(now time.Time) {
	target, until := w.target(now)
	if !w.turn.After(now) {
		w.turn = now.Add(planInterval)
	}
	if !until.IsZero() && until.Before(w.turn) {
		w.turn = later(until, now.Add(soonest))
	}
	if target != w.bounds.minimum {
		w.bounds.minimum, w.bounds.threshold = target, max(0, target-w.gap)
		w.refill.under = true
	}
}

// claim has a session take a task, and reports whether one is ready for it.
func (w *shadow) claim(now time.Time) bool {
	w.pass(now)
	w.began(now)
	w.look(now)
	hit := len(w.ready) > 0
	w.own.Claims++
	if hit {
		w.ready = w.ready[1:]
		w.own.Hits++
	} else {
		w.waiting++
	}
	w.replenish(now)
	return hit
}

// started takes in how long a start of the pool in force took.
func (w *shadow) started(took time.Duration, now time.Time) {
	if w != nil {
		w.pass(now)
		w.aim.started(took)
		w.took.add(took)
	}
}

// pass has everything happen up to a time, one thing after the other.
func (w *shadow) pass(now time.Time) {
	for next := w.next(); !next.After(now); next = w.next() {
		w.idle(next)
		for len(w.starting) > 0 && !w.starting[0].After(next) {
			if w.starting = w.starting[1:]; w.waiting > 0 {
				w.waiting--
			} else {
				w.ready = append(w.ready, next)
			}
		}
		if !w.turn.After(next) {
			w.look(next)
		}
		stood := w.lull.stood(next.Add(-w.surplusTTL))
		w.lull = w.lull[stood:]
		w.shed(stood)
		w.replenish(next)
	}
	w.idle(now)
}

// next is when something happens that nobody has to be told of.
func (w *shadow) next() time.Time {
	next := w.turn
	if len(w.starting) > 0 {
		next = earlier(next, w.starting[0])
	}
	if n := w.expired(w.at); w.readyTTL > 0 && n < len(w.ready) {
		next = earlier(next, w.ready[n].Add(w.readyTTL))
	}
	if len(w.lull) > 0 {
		next = earlier(next, w.lull[0].Add(w.surplusTTL))
	}
	return later(next, w.at)
}

// idle counts what idles up to a time.
func (w *shadow) idle(now time.Time) {
	w.own.IdleTaskSeconds += float64(len(w.ready)+len(w.starting)) * now.Sub(w.at).Seconds()
	w.at = later(w.at, now)
}

// expired is how many ready tasks are past their time to live.
func (w *shadow) expired(now time.Time) int {
	n := 0
	for w.readyTTL > 0 && n < len(w.ready) && !w.ready[n].Add(w.readyTTL).After(now) {
		n++
	}
	return n
}

func (w *shadow) census(now time.Time) census {
	return census{ready: len(w.ready), expired: w.expired(now), starting: len(w.starting), waiting: w.waiting}
}

// replenish does what the policy asks for, as the pool's own does.
func (w *shadow) replenish(now time.Time) {
	w.ready = w.ready[w.census(now).replaced(w.bounds):]
	for range w.refill.starts(w.census(now), w.bounds) {
		due := now.Add(w.took.next())
		place, _ := slices.BinarySearchFunc(w.starting, due, time.Time.Compare)
		w.starting = slices.Insert(w.starting, place, due)
		w.own.Starts++
	}
	w.lull.note(w.census(now).surplus(w.bounds), now)
}

// shed gives up n tasks that are too many: those that are starting before those that are ready.
func (w *shadow) shed(n int) {
	dropped := min(n, len(w.starting))
	w.starting = w.starting[:len(w.starting)-dropped]
	w.ready = w.ready[min(n-dropped, len(w.ready)):]
}

// saw counts a fact of the pool in force.
func (w *shadow) saw(e *messages.Event) {
	if w == nil {
		return
	}
	if e.Kind == messages.EventStarting {
		w.inForce.Starts++
	}
	w.inForce.IdleTaskSeconds += float64(w.idling) * e.At.Sub(w.idled).Seconds()
	w.idling, w.idled = e.Census.Ready+e.Census.Starting, e.At
}

// standing is how it all stands at a time; nil without a shadow.
func (w *shadow) standing(now time.Time) *messages.Shadow {
	if w == nil {
		return nil
	}
	w.pass(now)
	inForce := w.inForce
	inForce.IdleTaskSeconds += float64(w.idling) * now.Sub(w.idled).Seconds()
	return &messages.Shadow{
		Policy: string(w.Policy), Since: w.since, Target: w.bounds.minimum, Ready: len(w.ready), Starting: len(w.starting),
		Waiting: w.waiting, InForce: inForce, Shadow: w.own,
	}
}

// startTimes are the last start times that were measured, each used as often as the others.
type startTimes struct {
	guess       time.Duration
	known       [512]time.Duration
	count, used int
}

func (s *startTimes) add(took time.Duration) {
	s.known[s.count%len(s.known)] = took
	s.count++
}

// next is how long the next start takes: the guess, as long as nothing was measured.
func (s *startTimes) next() time.Duration {
	if s.count == 0 {
		return s.guess
	}
	took := s.known[s.used%min(s.count, len(s.known))]
	s.used++
	return took
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// beginShadow begins the shadow, if there is to be one.
func (p *pool) beginShadow() {
	if p.settings.Shadow != nil {
		p.shadow = newShadow(&p.settings, p.Clock.Now())
		p.tellShadow("", "")
	}
}

// shadowed has the shadow take in a claim, of which it is known by now whether a task was ready.
func (p *pool) shadowed(session *sessionRecord) {
	if p.shadow == nil {
		return
	}
	p.shadow.inForce.Claims++
	if session.task != nil {
		p.shadow.inForce.Hits++
	}
	path := wire.PathCold
	if p.shadow.claim(p.Clock.Now()) {
		path = wire.PathWarm
	}
	p.tellShadow(session.id, path)
}

// tellShadow tells how the shadow stands, of a session by which path it would have had its task; and again in a minute.
func (p *pool) tellShadow(session wire.SessionID, path wire.Path) {
	w := p.shadow
	standing := w.standing(p.Clock.Now())
	p.shadowDue.Set(p.Clock, p.ctx.Self(), planInterval)
	e := messages.Event{
		Kind: messages.EventShadowed, Session: session, Path: path, N: standing.Target, M: w.bounds.maximum, Shadow: standing,
	}
	if standing.Target != w.told {
		w.told, e.Kind = standing.Target, messages.EventShadowResized
		if w.forecast != nil {
			e.Plan = &w.plan
		}
	}
	p.observe(e)
}
