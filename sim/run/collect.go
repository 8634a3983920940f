package run

import (
	"time"

	"hearth/messages"
	"hearth/messages/wire"
	"hearth/sim/model"
)

// neededBound bounds the curve of needed sizes; a request that needed even more is counted at the end.
const neededBound = 1 << 16

// collector draws up a Result from the facts as they happen. Its memory does not grow with the run: it keeps the requests
// that wait, and sums.
type collector struct {
	result  Result
	minimum int
	prices  Prices
	// slots is how many tasks share a host where the world has none.
	slots int
	hosts hostFacts

	// began is when the traffic began, in the world's time; closed says that it has ended: levels are not counted any more.
	began         time.Duration
	begun, closed bool

	// waiting are the requests that are not ready yet.
	waiting map[wire.SessionID]*request
	levels  levels
	series  series
	// since is the time up to which the hours have been summed.
	since                           time.Duration
	taskTime, idleTime, hostTime    float64
	waits, ready, firstVisit, again histogram
	// needed counts misses by how many tasks were lacking.
	needed []int
	// visits tells first visits from others; nil when nobody asks.
	visits map[wire.UserID]bool
	missed func(Miss)
}

// request is a session that is not ready yet.
type request struct {
	miss  Miss
	first bool
	// claimed says that it has a task, waited for how long.
	claimed, missed bool
	waited          time.Duration
	// host is the kind of host that it waited for.
	host model.Origin
	at   time.Duration
}

func newCollector(c Config) *collector {
	col := &collector{
		minimum: c.Settings.Min, prices: c.Prices, slots: c.slots(), series: newSeries(),
		waiting: map[wire.SessionID]*request{}, missed: c.Missed,
		result: Result{FailureReasons: map[string]int{}, WhyCold: map[wire.ColdReason]int{}},
	}
	if !c.Settings.WarmPool {
		col.minimum = 0
	}
	if c.OldWay {
		col.visits = map[wire.UserID]bool{}
	}
	return col
}

// begin opens the traffic at the world's time.
func (c *collector) begin(now time.Duration) {
	c.began, c.since, c.begun = now, now, true
	c.hosts.begin()
}

// close ends the count of hours at the world's time; requests that still wait are followed to their end.
func (c *collector) close(now time.Duration) {
	c.pass(now)
	c.closed = true
	c.hosts.close(&c.result)
	c.result.Hours = (now - c.began).Hours()
}

// pass takes in that the levels stayed as they are until now.
func (c *collector) pass(now time.Duration) {
	if !c.begun || c.closed || now == c.since {
		return
	}
	d := float64(now - c.since)
	l := c.levels
	c.taskTime += float64(l.tasks) * d
	c.idleTime += float64(l.ready+l.starting) * d
	c.hostTime += float64((l.tasks+c.slots-1)/c.slots) * d
	c.since = now
	c.series.add(l, now-c.began)
}

// observe takes one fact, at the world's time.
func (c *collector) observe(now time.Duration, e *messages.Event) {
	if census := e.Census; census != nil {
		l := c.levels
		l.ready, l.starting, l.waiting = census.Ready, census.Starting, census.Waiting
		if l != c.levels {
			c.pass(now)
			c.levels = l
			c.result.PeakPool = max(c.result.PeakPool, l.ready+l.starting)
		}
	}
	switch e.Kind {
	case messages.EventStarting:
		c.result.Starts++
	case messages.EventStartFailed:
		c.result.FailedStarts++
	case messages.EventSessionBegun:
		c.begunSession(now, e)
	case messages.EventRefused:
		c.refused(e)
	case messages.EventWaiting:
		c.missedTask(e)
	case messages.EventClaimed, messages.EventLeft:
		if r := c.waiting[e.Session]; r != nil {
			r.claimed = e.Kind == messages.EventClaimed
			r.host = c.hosts.waitedFor(e.Task, r.at)
			r.waited = e.Took
		}
	case messages.EventSessionReady:
		c.sessionReady(e)
	case messages.EventSessionEnded:
		c.sessionEnded(now, e)
	}
}

// tasks takes in that ECS runs so many more or fewer tasks.
func (c *collector) tasks(now time.Duration, change int) {
	c.pass(now)
	c.levels.tasks += change
}

func (c *collector) begunSession(now time.Duration, e *messages.Event) {
	r := &request{at: now}
	if c.visits != nil {
		r.first = !c.visits[e.User]
		c.visits[e.User] = true
	}
	c.waiting[e.Session] = r
}

// refused counts a client that was turned away before it had a session.
func (c *collector) refused(e *messages.Event) {
	if e.User == "" {
		return // a bridge that dialled too late
	}
	c.result.Failures++
	c.result.FailureReasons["refused: "+e.Reason]++
	c.waits.add(0)
}

// missedTask notes that a request found no task ready. The fact counts it among the waiters.
func (c *collector) missedTask(e *messages.Event) {
	r := c.waiting[e.Session]
	if r == nil || r.missed {
		return // a session that had an agent before, or one whose task failed it
	}
	r.missed = true
	r.miss = Miss{
		AtSeconds: rounded((r.at - c.began).Seconds(), 1e6), Session: e.Session, Why: e.Why,
		Starting: e.Census.Starting, Ahead: e.N - 1, PoolNeeded: c.minimum + e.N,
	}
	c.result.WhyCold[e.Why]++
	lack := min(e.N, neededBound)
	for len(c.needed) <= lack {
		c.needed = append(c.needed, 0)
	}
	c.needed[lack]++
}

func (c *collector) sessionReady(e *messages.Event) {
	r := c.waiting[e.Session]
	if r == nil {
		return // it had an agent before
	}
	delete(c.waiting, e.Session)
	if r.missed {
		c.result.Paths.miss(r.host)
	} else {
		c.result.Hits++
		c.result.Paths.Instant++
	}
	c.waits.add(r.waited)
	c.ready.add(e.Took)
	if r.first {
		c.firstVisit.add(e.Took)
	} else {
		c.again.add(e.Took)
	}
	c.reportMiss(r, false)
}

// sessionEnded counts a request that ended before it was ready. One whose user gave up closed it before that.
func (c *collector) sessionEnded(now time.Duration, e *messages.Event) {
	r := c.waiting[e.Session]
	if r == nil {
		return
	}
	delete(c.waiting, e.Session)
	if !r.claimed {
		r.waited = now - r.at
	}
	c.waits.add(r.waited)
	c.result.Failures++
	c.result.FailureReasons[e.Reason]++
	c.reportMiss(r, true)
}

func (c *collector) reportMiss(r *request, failed bool) {
	if !r.missed || c.missed == nil {
		return
	}
	r.miss.WaitMs, r.miss.Failed = milliseconds(r.waited), failed
	c.missed(r.miss)
}

// finish draws the result up from the sums.
func (c *collector) finish() Result {
	r := &c.result
	r.HitRate = 1
	if r.Requests > 0 {
		r.HitRate = float64(r.Hits) / float64(r.Requests)
	}
	r.PoolNeeded = c.neededCurve()
	r.WaitMs, r.ReadyMs = c.waits.summary(), c.ready.summary()
	if c.visits != nil {
		first, again := c.firstVisit.summary(), c.again.summary()
		r.FirstVisitMs, r.ReturnMs = &first, &again
	}
	inHours := func(sum float64) float64 { return rounded(sum/float64(time.Hour), 1e6) }
	r.TaskHours, r.IdleTaskHours = inHours(c.taskTime), inHours(c.idleTime)
	if c.hosts.cloud == nil {
		r.HostHours = inHours(c.hostTime)
	}
	r.MonthlyCost = c.prices.monthly(r.TaskHours, r.HostHours, r.PausedHostHours, r.Hours)
	if c.taskTime > 0 {
		r.MonthlyIdleCost = rounded(r.MonthlyCost*min(1, c.idleTime/c.taskTime), 1e2)
	}
	r.Hours = rounded(r.Hours, 1e6)
	r.Series = c.series.points()
	return *r
}

// shownNeeded bounds the curve in a result.
const shownNeeded = 64

// neededCurve is the hit rate of this pool and of each larger one, up to where no request would have waited. A curve of
// more than 64 sizes is thinned.
func (c *collector) neededCurve() []Needed {
	curve := []Needed{{PoolMin: c.minimum, HitRate: c.result.HitRate}}
	stride := 1 + len(c.needed)/shownNeeded
	hits := c.result.Hits
	for lack, n := range c.needed {
		hits += n
		if lack > 0 && (lack%stride == 0 || lack == len(c.needed)-1) {
			curve = append(curve, Needed{PoolMin: c.minimum + lack, HitRate: float64(hits) / float64(c.result.Requests)})
		}
	}
	return curve
}
