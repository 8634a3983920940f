package pool

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestStarts(t *testing.T) {
	defaults := limits{minimum: 3, maximum: 10, threshold: 2, concurrency: 10}
	batches := limits{minimum: 10, maximum: 20, threshold: 4, concurrency: 10}
	tests := []struct {
		name   string
		pool   census
		bounds limits
		want   int
	}{
		{"an empty pool is filled to the minimum", census{}, defaults, 3},
		{"a full one is left alone", census{ready: 3}, defaults, 0},
		{"one consumed is one started", census{ready: 2}, defaults, 1},
		{"those that are starting count", census{starting: 3}, defaults, 0},
		{"each waiter brings one start", census{starting: 3, waiting: 2}, defaults, 2},
		{"waiters are served before the pool is filled", census{waiting: 4}, defaults, 7},
		{"the maximum holds with any number of waiters", census{starting: 6, waiting: 50}, defaults, 4},
		{"above the threshold nothing is started", census{ready: 5}, batches, 0},
		{"at the threshold the minimum is filled", census{ready: 4}, batches, 6},
		{"the launch concurrency bounds what starts at once", census{starting: 2}, limits{10, 20, 9, 3}, 1},
		{"backoff starts nothing", census{waiting: 1}, limits{3, 10, 2, 0}, 0},
		{"a pool of none starts for waiters alone", census{waiting: 2}, limits{0, 10, 0, 10}, 2},
		{"a pool of none is empty", census{}, limits{0, 10, 0, 10}, 0},
		{"an expired task is replaced while it is there", census{ready: 3, expired: 1}, defaults, 1},
		{"also above the threshold", census{ready: 10, expired: 2}, batches, 2},
		{"but not above the maximum", census{ready: 3, expired: 3}, limits{3, 3, 2, 10}, 0},
		{"a pool that is too large starts nothing", census{ready: 12}, defaults, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := new(refill).starts(test.pool, test.bounds); got != test.want {
				t.Errorf("%+v with %+v starts %d, want %d", test.pool, test.bounds, got, test.want)
			}
		})
	}
}

func TestReplaced(t *testing.T) {
	defaults := limits{minimum: 3, maximum: 10, threshold: 2, concurrency: 10}
	tests := []struct {
		name   string
		pool   census
		bounds limits
		want   int
	}{
		{"nothing has expired", census{ready: 3, starting: 2}, defaults, 0},
		{"an expired one waits for its replacement", census{ready: 3, expired: 1, starting: 1}, defaults, 0},
		{"and goes when that is ready", census{ready: 4, expired: 1}, defaults, 1},
		{"no more go than are expired", census{ready: 9, expired: 2}, defaults, 2},
		{"nor so many that the minimum is not held", census{ready: 4, expired: 3}, defaults, 1},
		{"while somebody waits nothing goes", census{ready: 4, expired: 1, waiting: 1}, defaults, 0},
		{"without room for a replacement one goes first", census{ready: 3, expired: 3}, limits{3, 3, 2, 10}, 1},
		{"and the next when that is replaced", census{ready: 2, expired: 2, starting: 1}, limits{3, 3, 2, 10}, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.pool.replaced(test.bounds); got != test.want {
				t.Errorf("%+v with %+v stops %d expired ones, want %d", test.pool, test.bounds, got, test.want)
			}
		})
	}
}

func TestExcessAndSurplus(t *testing.T) {
	bounds := limits{minimum: 3, maximum: 10, threshold: 2, concurrency: 10}
	tests := []struct {
		name            string
		pool            census
		excess, surplus int
	}{
		{"a full pool", census{ready: 3}, 0, 0},
		{"one that fills", census{ready: 1, starting: 1}, 0, 0},
		{"tasks that somebody waits for", census{starting: 8, waiting: 5}, 0, 0},
		{"and when they have given up", census{starting: 8}, 0, 5},
		{"a replacement is none too many", census{ready: 3, expired: 1, starting: 1}, 0, 0},
		{"over the maximum", census{ready: 2, starting: 10, waiting: 9}, 2, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if e, u := test.pool.excess(bounds), test.pool.surplus(bounds); e != test.excess || u != test.surplus {
				t.Errorf("%+v: excess %d and surplus %d, want %d and %d", test.pool, e, u, test.excess, test.surplus)
			}
		})
	}
}

func TestWhatIsTooManyIsSoForAWhile(t *testing.T) {
	begin := time.Unix(0, 0)
	at := func(seconds int) time.Time { return begin.Add(time.Duration(seconds) * time.Second) }
	var u lull
	for i, step := range []struct{ at, surplus, since, want int }{
		{0, 2, 0, 2},
		{10, 5, 0, 2},
		{10, 5, 10, 5},
		{20, 3, 10, 3}, // two were needed: those of which there had been as many for the shortest time
		{30, 4, 29, 3},
		{40, 0, 40, 0},
		{50, 1, 40, 0}, // and what was needed once has not been too many since before
		{50, 1, 50, 1},
	} {
		u.note(step.surplus, at(step.at))
		if got := u.stood(at(step.since)); got != step.want {
			t.Errorf("step %d: %d have stood since %d s, want %d", i, got, step.since, step.want)
		}
	}
}

// The first claims after a batch are what the threshold leaves alone; what is taken before the batch is ready is not.
func TestTheThresholdCountsFromAFullPool(t *testing.T) {
	bounds := limits{minimum: 10, maximum: 20, threshold: 4, concurrency: 3}
	var r refill
	for i, step := range []struct {
		pool census
		want int
	}{
		{census{ready: 10}, 0},
		{census{ready: 5}, 0},
		{census{ready: 4}, 3},
		{census{ready: 4, starting: 3}, 0}, // the launch concurrency, above the threshold
		{census{ready: 6, starting: 1}, 2},
		{census{ready: 8, starting: 2}, 0},
		{census{ready: 8, starting: 1}, 1}, // one has failed
		{census{ready: 9}, 1},
		{census{ready: 10}, 0},
		{census{ready: 9}, 0},
	} {
		if got := r.starts(step.pool, bounds); got != step.want {
			t.Errorf("step %d: %+v starts %d, want %d", i, step.pool, got, step.want)
		}
	}
}

func drawCensus(t *rapid.T) (census, limits) {
	count := rapid.IntRange(0, 30)
	c := census{
		ready: count.Draw(t, "ready"), starting: count.Draw(t, "starting"), waiting: count.Draw(t, "waiting"),
	}
	c.expired = rapid.IntRange(0, c.ready).Draw(t, "expired")
	l := limits{minimum: count.Draw(t, "minimum"), concurrency: count.Draw(t, "concurrency")}
	l.maximum = l.minimum + count.Draw(t, "more")
	l.threshold = rapid.IntRange(0, max(0, l.minimum-1)).Draw(t, "threshold")
	return c, l
}

func TestStartsKeepEveryBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, l := drawCensus(t)
		r := refill{under: rapid.Bool().Draw(t, "under")}
		n := r.starts(c, l)
		switch {
		case n < 0:
			t.Fatalf("starts %d", n)
		case n > 0 && c.ready+c.starting+n > l.maximum:
			t.Fatalf("%d starts exceed the maximum", n)
		case n > 0 && c.starting+n > l.concurrency:
			t.Fatalf("%d starts exceed the concurrency", n)
		case n > 0 && c.supply()+n > l.minimum:
			t.Fatalf("%d starts fill more than the minimum", n)
		}
		c.starting += n
		if again := r.starts(c, l); again > 0 {
			t.Fatalf("%d more starts once %d are under way", again, n)
		}
	})
}

// pond is a pool as its policy sees it, with whatever may happen to it.
type pond struct {
	census
	limits
	refill refill
	// low says that the supply has been at or below the threshold since the pool was last full.
	low bool
}

// decide does what the policy asks for, as the pool does after everything that changes the counts.
func (p *pond) decide(t *rapid.T) {
	served := min(p.ready, p.waiting)
	p.ready, p.waiting, p.expired = p.ready-served, p.waiting-served, max(0, p.expired-served)
	gone := p.replaced(p.limits)
	p.ready, p.expired = p.ready-gone, p.expired-gone
	for excess := p.excess(p.limits); excess > 0; excess-- {
		if p.starting > 0 {
			p.starting--
		} else {
			p.ready--
			p.expired = min(p.expired, p.ready)
		}
	}
	p.low = p.low || p.supply() <= p.threshold
	p.starting += p.refill.starts(p.census, p.limits)
	if p.ready-p.expired-p.waiting >= p.minimum {
		p.low = false
	}
	if p.ready+p.starting > p.maximum {
		t.Fatalf("%+v is over the maximum", *p)
	}
}

// happens is whatever may happen to a pool: claims, waiters that leave, starts that succeed and that fail, tasks that die or
// expire, caps on how many may start at once (none during a backoff), and an operator who resizes it.
func (p *pond) happens(t *rapid.T) {
	count := rapid.IntRange(0, 12)
	switch rapid.IntRange(0, 7).Draw(t, "what") {
	case 0:
		p.waiting += count.Draw(t, "claims")
	case 1:
		p.waiting -= min(p.waiting, count.Draw(t, "left"))
	case 2:
		up := min(p.starting, count.Draw(t, "up"))
		p.starting, p.ready = p.starting-up, p.ready+up
	case 3:
		p.starting -= min(p.starting, count.Draw(t, "failed"))
	case 4:
		p.ready -= min(p.ready, count.Draw(t, "died"))
		p.expired = min(p.expired, p.ready)
	case 5:
		p.expired = min(p.ready, p.expired+count.Draw(t, "expired"))
	case 6:
		p.concurrency = count.Draw(t, "concurrency")
	case 7:
		thresholdGap := p.minimum - p.threshold
		p.minimum = count.Draw(t, "minimum")
		p.maximum, p.threshold = max(1, p.minimum+count.Draw(t, "more")), max(0, p.minimum-thresholdGap)
	}
}

// Whatever has happened to a pool: once starts are not held back and succeed, it comes to rest, with nobody waiting and
// nothing expired; and it is full if its supply was at or below the threshold since it was last full.
func TestThePoolFillsToItsMinimum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p pond
		p.census, p.limits = drawCensus(t)
		p.maximum = max(1, p.maximum)
		p.threshold = min(p.threshold, max(0, p.minimum-1))
		p.decide(t)
		for range rapid.IntRange(0, 40).Draw(t, "happenings") {
			p.happens(t)
			p.decide(t)
		}
		p.concurrency = rapid.IntRange(1, 5).Draw(t, "in the end")
		for range 1000 {
			p.decide(t)
			if p.starting == 0 && p.expired == 0 {
				break
			}
			if p.starting > 0 {
				p.starting, p.ready = p.starting-1, p.ready+1
			}
		}
		switch least := min(p.minimum, p.threshold+1); {
		case p.starting > 0 || p.waiting > 0 || p.expired > 0:
			t.Fatalf("does not come to rest: %+v", p)
		case p.low, p.ready < least, p.ready > p.maximum:
			t.Fatalf("rests at %+v", p)
		}
	})
}

func TestDedicatedStarts(t *testing.T) {
	tests := []struct {
		pool        census
		concurrency int
		want        int
	}{
		{census{}, 10, 0},
		{census{waiting: 3}, 10, 3},
		{census{waiting: 3, starting: 2}, 10, 3}, // the two may be others'
		{census{waiting: 5, starting: 2}, 3, 1},
		{census{waiting: 1, starting: 2}, 10, 1},
		{census{waiting: 4}, 0, 0},
	}
	for _, test := range tests {
		if got := test.pool.dedicatedStarts(limits{concurrency: test.concurrency}); got != test.want {
			t.Errorf("%+v with concurrency %d starts %d, want %d", test.pool, test.concurrency, got, test.want)
		}
	}
}

func TestBackoffGrowsToItsCeilingAndEndsWithASuccess(t *testing.T) {
	now := time.Unix(0, 0)
	b := backoff{base: time.Second, ceiling: 10 * time.Second}
	for i, want := range []time.Duration{1, 2, 4, 8, 10, 10} {
		want *= time.Second
		shortest, longest := b, b
		if got := shortest.fail(now, 0); got != want/2 {
			t.Errorf("pause %d is %v at least, want %v", i+1, got, want/2)
		}
		if got := longest.fail(now, 0.999); got <= want/2 || got > want {
			t.Errorf("pause %d is %v at most, want up to %v", i+1, got, want)
		}
		b.fail(now, 0.5)
	}
	for range 100 {
		b.fail(now, 0.999)
	}
	if got := b.until.Sub(now); got > 10*time.Second {
		t.Errorf("after a hundred failures starts wait %v", got)
	}
	b.succeed()
	if b.streak != 0 || b.concurrency(5, now) != 5 {
		t.Errorf("after a success %+v", b)
	}
}

func TestBackoffLeavesNoThenOneThenAllStarts(t *testing.T) {
	now := time.Unix(0, 0)
	b := backoff{base: time.Second, ceiling: time.Minute}
	pause := b.fail(now, 0.5)
	if got := b.concurrency(10, now.Add(pause-1)); got != 0 {
		t.Errorf("%d starts during the pause", got)
	}
	if got := b.concurrency(10, now.Add(pause)); got != 10 {
		t.Errorf("%d starts after one failure, want all", got)
	}
	for b.streak < probeStreak {
		now = now.Add(time.Minute)
		pause = b.fail(now, 0.5)
	}
	if got := b.concurrency(10, now.Add(pause)); got != 1 {
		t.Errorf("%d starts after %d failures, want one to probe", got, b.streak)
	}
}

func TestFailuresOfOneIncidentAreOne(t *testing.T) {
	begin := time.Unix(0, 0)
	b := backoff{base: time.Second, ceiling: time.Minute}
	if b.sameIncident(begin) {
		t.Error("the first failure is of no earlier incident")
	}
	b.fail(begin.Add(time.Second), 0)
	if !b.sameIncident(begin) || b.sameIncident(begin.Add(2*time.Second)) {
		t.Error("what was begun before the failure is of its incident, what was begun after it is not")
	}
	b.succeed()
	if b.sameIncident(begin) {
		t.Error("a success ends the incident")
	}
}

func TestEstimateIsTheMedianOfTheLatest(t *testing.T) {
	e := estimate{fallback: 5 * time.Second}
	if e.value() != 5*time.Second {
		t.Errorf("without a measurement it is %v", e.value())
	}
	e.add(2 * time.Second)
	if e.value() != 2*time.Second {
		t.Errorf("with one measurement it is %v", e.value())
	}
	for range 10 {
		e.add(3 * time.Second)
	}
	e.add(10 * time.Minute)
	if e.value() != 3*time.Second {
		t.Errorf("one start that hung makes it %v", e.value())
	}
	for range len(e.samples) {
		e.add(4 * time.Second)
	}
	if e.value() != 4*time.Second {
		t.Errorf("what is long ago still counts: %v", e.value())
	}
}
