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
	// objective and length say which requests are in time, and in which window of the traffic a request comes.
	objective Objective
	length    time.Duration
	held      holds
	shadow    shadowing
	// meanStart is what a start takes, where foretold says that nothing else plays a part in it.
	meanStart time.Duration
	foretold  bool
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
	// lack is how many more tasks it would have taken, -1 where nobody knows.
	lack int
}

func newCollector(c Config) *collector {
	col := &collector{
		minimum: c.Settings.Min, prices: c.Prices, slots: c.slots(), series: newSeries(),
		waiting: map[wire.SessionID]*request{}, missed: c.Missed, objective: c.Objective, length: c.length(),
		meanStart: c.meanStart(), foretold: c.hasCurve(),
		held: holds{until: map[messages.Hold]time.Duration{}, time: map[messages.Hold]time.Duration{}},
		result: Result{
			FailureReasons: map[string]int{}, WhyCold: map[wire.ColdReason]int{}, HeldBack: map[messages.Hold]int{},
			HeldSeconds: map[messages.Hold]float64{}, recorded: c.Traffic.Length() > 0, hours: newHours(c.Traffic),
			hitsIn: make([]tally, windows), inTimeIn: make([]tally, windows), lackUnknown: c.Cloud.Fleet.Slots > 0 || c.moves(),
		},
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
	c.result.PeakPool, c.result.PeakStarting = c.levels.ready+c.levels.starting, c.levels.starting
	c.held.begin(now)
	c.shadow.first = c.shadow.last
	c.hosts.begin()
}

// close ends the count of hours at the world's time; requests that still wait are followed to their end.
func (c *collector) close(now time.Duration) {
	c.pass(now)
	c.closed = true
	c.held.pass(now)
	c.result.HeldSeconds = c.held.seconds()
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
			c.result.PeakStarting = max(c.result.PeakStarting, l.starting)
		}
		c.held.observe(now, census, c.minimum)
	}
	switch e.Kind {
	case messages.EventStarting:
		c.result.Starts++
	case messages.EventResized:
		c.minimum = e.N
	case messages.EventShadowed, messages.EventShadowResized:
		if !c.closed {
			c.shadow.last = shadowTold{now, *e.Shadow}
		}
	case messages.EventStartFailed:
		c.result.FailedStarts++
		c.held.late = true
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
			c.holdOf(r)
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
	if !c.closed {
		c.result.PeakTasks = max(c.result.PeakTasks, c.levels.tasks)
	}
}

func (c *collector) begunSession(now time.Duration, e *messages.Event) {
	if !c.begun {
		return // it is to be under way when the traffic begins
	}
	r := &request{at: now, lack: -1}
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
	c.over(&request{at: c.since, missed: true}, false)
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
		Starting: e.Census.Starting, Ahead: e.N - 1,
	}
	c.result.WhyCold[e.Why]++
	if c.held.late || c.result.lackUnknown {
		c.result.lackUnknown = true
		return
	}
	r.lack = min(e.N, neededBound)
	needed := c.minimum + e.N
	r.miss.PoolNeeded = &needed
	for len(c.result.lacked) <= r.lack {
		c.result.lacked = append(c.result.lacked, 0)
	}
	c.result.lacked[r.lack]++
}

// holdOf notes which limit kept starts back while a request waited: hosts, as only the world knows, or the pool's own.
func (c *collector) holdOf(r *request) {
	switch {
	case !r.missed:
		return
	case r.host != model.OriginNone:
		r.miss.HeldBack = messages.HeldHosts
	default:
		r.miss.HeldBack = c.held.since(r.at)
	}
	if r.miss.HeldBack != "" {
		c.result.HeldBack[r.miss.HeldBack]++
	}
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
	c.over(r, c.objective.inTime(r.missed, r.waited, e.Took))
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
		c.holdOf(r)
	}
	r.missed = true
	c.over(r, false)
	c.result.Failures++
	c.result.FailureReasons[e.Reason]++
	c.reportMiss(r, true)
}

// over adds a request up.
func (c *collector) over(r *request, inTime bool) {
	at := r.at - c.began
	window, hour := windowOf(at, c.length), &c.result.hours.sums[c.result.hours.hourOf(at)]
	for _, t := range []*tally{&c.result.hitsIn[window], &hour.hits} {
		t.add(!r.missed)
	}
	for _, t := range []*tally{&c.result.inTimeIn[window], &hour.inTime} {
		t.add(inTime)
	}
	c.waits.add(r.waited)
	hour.waits.add(r.waited)
}

func (c *collector) reportMiss(r *request, failed bool) {
	if !r.missed || c.missed == nil {
		return
	}
	r.miss.WaitMs, r.miss.Failed = milliseconds(r.waited), failed
	c.missed(r.miss)
}
