package pool

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
}

// add takes in one measured start.
func (e *estimate) add(d time.Duration) {
	e.samples[e.count%len(e.samples)] = d
	e.count++
}

// value is the median, or the fallback as long as nothing was measured.
func (e *estimate) value() time.Duration {
	if e.count == 0 {
		return e.fallback
	}
	known := e.samples // a copy: the samples stay in the order in which they came
	sorted := known[:min(e.count, len(known))]
	slices.Sort(sorted)
	return sorted[len(sorted)/2]
}
