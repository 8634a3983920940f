package actors

import (
	"slices"
	"time"
)

// estimate is the median of the last few start times: what a waiting client is told. A median, because one start that
// hung must not frighten everybody.
type estimate struct {
	fallback time.Duration
	samples  [31]time.Duration
	count    int
	median   time.Duration
}

// add takes in one measured start.
func (e *estimate) add(d time.Duration) {
	e.samples[e.count%len(e.samples)] = d
	e.count++
	known := slices.Clone(e.samples[:min(e.count, len(e.samples))])
	slices.Sort(known)
	e.median = known[len(known)/2]
}

// value is the median, or the fallback as long as nothing was measured.
func (e *estimate) value() time.Duration {
	if e.count == 0 {
		return e.fallback
	}
	return e.median
}
