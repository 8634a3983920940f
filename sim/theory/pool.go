package theory

import (
	"math"
	"sort"
	"time"
)

// Load is what a pool is exposed to: requests that come as a Poisson process, and starts.
type Load struct {
	// Rate is requests a second.
	Rate float64
	// Start is the mean time from the decision to start a task until it is ready.
	Start time.Duration
}

// Outstanding is the mean number of starts under way, Erlang's a = rate * start.
func (l Load) Outstanding() float64 { return l.Rate * l.Start.Seconds() }

// Answer is what theory says of a pool.
type Answer struct {
	// HitRate is the share of requests that find a task ready.
	HitRate float64
	// MeanWait is the mean time waited for a task over all requests, hits being 0. It is infinite for a pool whose
	// maximum is below its load.
	MeanWait time.Duration
}

// Never is a MeanWait without bound.
const Never = time.Duration(math.MaxInt64)

// BaseStock is a pool with the target size and no maximum, threshold = size - 1: each request starts one task, whether it
// hits or not, so the starts under way are Poisson (Palm's theorem: M/G/infinity), whatever the distribution of the
// start time. A request hits when fewer than size are under way; the mean wait follows by Little's law from the mean
// number of waiters.
func BaseStock(size int, load Load) Answer {
	a := load.Outstanding()
	return Answer{
		HitRate:  PoissonCDF(size-1, a),
		MeanWait: seconds(excess(size, a) / load.Rate),
	}
}

// BaseStockWaits is the probability that a request waits longer than t in the pool of BaseStock when every start takes
// exactly the same time: when at least size requests came in the start - t before it.
func BaseStockWaits(size int, load Load, t time.Duration) float64 {
	if t >= load.Start {
		return 0
	}
	return PoissonTail(size-1, load.Rate*(load.Start-t).Seconds())
}

// ErlangC is a pool whose maximum is its target size, with exponential starts: a slot is busy while its task starts, so
// this is the queue M/M/size.
func ErlangC(size int, load Load) Answer {
	a, s := load.Outstanding(), float64(size)
	if a >= s {
		return Answer{HitRate: 0, MeanWait: Never}
	}
	waits := erlangC(size, a)
	return Answer{HitRate: 1 - waits, MeanWait: seconds(waits * load.Start.Seconds() / (s - a))}
}

// erlangC is the probability of waiting in M/M/s for a < s, by the recursion of Erlang's B formula, which is stable.
func erlangC(s int, a float64) float64 {
	blocked := 1.0
	for n := 1; n <= s; n++ {
		blocked = a * blocked / (float64(n) + a*blocked)
	}
	return blocked / (1 - a/float64(s)*(1-blocked))
}

// largestSize bounds the search for a size.
const largestSize = 1 << 24

// SmallestForHitRate is the smallest size of a pool without maximum whose hit rate is at least the objective, which must
// be below 1. It reports false when none up to 16 million is.
func SmallestForHitRate(objective float64, load Load) (int, bool) {
	return smallest(func(size int) bool { return PoissonTail(size-1, load.Outstanding()) <= 1-objective })
}

// SmallestForWait is the smallest size of a pool without maximum in which at most the share late of requests waits longer
// than t, for starts that all take the mean. Starts that scatter need as much or a little more.
func SmallestForWait(late float64, t time.Duration, load Load) (int, bool) {
	return smallest(func(size int) bool { return BaseStockWaits(size, load, t) <= late })
}

// smallest finds the first size that is enough; every larger one must be, too.
func smallest(enough func(size int) bool) (int, bool) {
	limit := 1
	for !enough(limit) {
		if limit >= largestSize {
			return 0, false
		}
		limit *= 2
	}
	return 1 + sort.Search(limit-1, func(i int) bool { return enough(i + 1) }), true
}

func seconds(s float64) time.Duration {
	if s >= Never.Seconds() {
		return Never
	}
	return time.Duration(s*float64(time.Second) + 0.5)
}
