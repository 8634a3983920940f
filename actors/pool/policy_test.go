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
			if got := test.pool.starts(test.bounds); got != test.want {
				t.Errorf("%+v with %+v starts %d, want %d", test.pool, test.bounds, got, test.want)
			}
		})
	}
}

func TestEvictions(t *testing.T) {
	defaults := limits{minimum: 3, maximum: 10, threshold: 2, concurrency: 10}
	tests := []struct {
		name   string
		pool   census
		bounds limits
		want   int
	}{
		{"a pool within its bounds keeps all", census{ready: 3, starting: 2}, defaults, 0},
		{"those over the maximum go", census{ready: 12}, defaults, 2},
		{"of them only ready ones can", census{ready: 1, starting: 12}, defaults, 1},
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
			if got := test.pool.evictions(test.bounds); got != test.want {
				t.Errorf("%+v with %+v evicts %d, want %d", test.pool, test.bounds, got, test.want)
			}
		})
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
		n := c.starts(l)
		switch {
		case n < 0:
			t.Fatalf("starts %d", n)
		case n > 0 && c.ready+c.starting+n > l.maximum:
			t.Fatalf("%d starts exceed the maximum", n)
		case n > 0 && c.starting+n > l.concurrency:
			t.Fatalf("%d starts exceed the concurrency", n)
		case n > 0 && c.ready-c.expired+c.starting-c.waiting+n > l.minimum:
			t.Fatalf("%d starts fill more than the minimum", n)
		}
		c.starting += n
		if again := c.starts(l); again > 0 && c.ready-c.expired+c.starting-c.waiting >= l.minimum {
			t.Fatalf("%d more starts once %d are under way", again, n)
		}
	})
}

// A pool whose starts all succeed, one after the other, comes to rest: full, without expired tasks, with nobody waiting.
func TestThePolicyComesToRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, l := drawCensus(t)
		l.maximum, l.concurrency = max(1, l.maximum), max(1, l.concurrency)
		for range 1000 {
			served := min(c.ready, c.waiting)
			c.ready, c.waiting, c.expired = c.ready-served, c.waiting-served, max(0, c.expired-served)
			evicted := c.evictions(l)
			c.ready, c.expired = c.ready-evicted, max(0, c.expired-evicted)
			c.starting += c.starts(l)
			if c.starting == 0 && evicted == 0 {
				break
			}
			if c.starting > 0 {
				c.starting, c.ready = c.starting-1, c.ready+1
			}
		}
		if c.waiting > 0 || c.expired > 0 || c.ready < min(l.minimum, l.threshold+1) || c.ready > l.maximum {
			t.Fatalf("rests at %+v with %+v", c, l)
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
		{census{waiting: 3, starting: 2}, 10, 1},
		{census{waiting: 5, starting: 2}, 3, 1},
		{census{waiting: 1, starting: 2}, 10, 0},
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
