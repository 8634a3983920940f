package demand

import (
	"math"
	"time"

	"hearth/messages"
)

const (
	// shortestBin and longestBin bound the time over which sessions are counted to see who foretold them.
	shortestBin, longestBin = 1.0, 60.0
	// longestGap bounds the time without news that is gone through step by step.
	longestGap = 2 * week
)

// Learner is what is known of the demand. The zero Learner is not usable; see New.
type Learner struct {
	// at is the Unix time up to which everything is taken in, 0 before the first news.
	at       float64
	starts   starts
	calendar weekHours
	filters  [filterCount]filter
	trust    trust
	// binBegan and binEnds bound the time in which binCount sessions have begun so far; binBefore did in the one before.
	binBegan, binEnds   float64
	binCount, binBefore int
	// foretold is what the filters believed when it began.
	foretold   [filterCount]belief
	candidates candidates
	// plan is what came of the last look, which was at lookedAt, 0 before the first, with lookedCount in the bin.
	plan        messages.Plan
	lookedAt    float64
	lookedCount int
}

// New begins with nothing known but about how long a start takes. The objective is the share of sessions that are to find a task ready.
func New(objective float64, start time.Duration) Learner {
	l := Learner{starts: newStarts(start), candidates: candidates{allowed: 1 - objective}}
	l.trust.begin()
	return l
}

// Began takes in that a session began, or anything else that takes a task from the pool.
func (l *Learner) Began(now time.Time) {
	l.pass(now)
	if l.lookedAt > 0 {
		l.candidates.count(1 + l.underWay())
	}
	for i := range l.filters {
		l.filters[i].count++
	}
	l.binCount++
	l.calendar.now.count++
}

// Started takes in how long a start has taken.
func (l *Learner) Started(took time.Duration) { l.starts.add(took.Seconds()) }

// pass takes in that no other session began up to now. Times that go back are taken for the last.
func (l *Learner) pass(now time.Time) {
	t := max(l.at, unix(now))
	switch {
	case l.at == 0:
		l.at = t
		l.beginBin()
	case t-l.at > longestGap:
		l.at = t - longestGap
		l.beginBin()
	}
	for l.binEnds <= t {
		l.passTo(l.binEnds)
		l.trust.judge(&l.foretold, l.binEnds-l.binBegan, l.binCount)
		l.beginBin()
	}
	l.passTo(t)
}

// passTo lets time go by, at most until the bin's end.
func (l *Learner) passTo(t float64) {
	seconds := t - l.at
	if seconds <= 0 {
		return
	}
	expected, _ := l.calendar.at(l.at + seconds/2)
	for i, k := range filterKinds {
		rate := 1.0
		if k.basis == weekly {
			rate = expected
		}
		l.filters[i].pass(k.memory, seconds, rate)
	}
	was := int(weekTime(l.at) / hour)
	l.calendar.now.seconds += seconds
	if is := int(weekTime(t) / hour); is != was {
		if !l.calendar.known {
			l.forgetWeekly()
		}
		l.calendar.end(was)
	}
	l.at = t
}

// forgetWeekly has the filters that go by the calendar begin when there is one.
func (l *Learner) forgetWeekly() {
	for i, k := range filterKinds {
		if k.basis == weekly {
			l.filters[i] = filter{}
		}
	}
}

// beginBin begins to count sessions over about the time of a start.
func (l *Learner) beginBin() {
	l.lookedCount = 0
	l.binBefore, l.binBegan, l.binCount, l.foretold = l.binCount, l.at, 0, l.beliefs(l.at)
	l.candidates.mark()
	l.binEnds = l.at + min(max(l.starts.mean(), shortestBin), longestBin)
}

// underWay is about how many sessions began within the time of a start up to now: how many starts a pool has under way that replaces
// each task as it is taken.
func (l *Learner) underWay() int {
	left := (l.binEnds - l.at) / (l.binEnds - l.binBegan)
	return l.binCount + int(math.Round(left*float64(l.binBefore)))
}

// shift moves everything that was learned in time.
func (l *Learner) shift(by float64) {
	for _, t := range []*float64{&l.at, &l.binBegan, &l.binEnds, &l.lookedAt} {
		*t += by
	}
	for i := range l.candidates.all {
		for j := range l.candidates.all[i] {
			l.candidates.all[i][j].stood += by
		}
	}
}

// unix is a time in seconds since 1970.
func unix(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
