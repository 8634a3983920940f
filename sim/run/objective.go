package run

import (
	"fmt"
	"math/rand/v2"
	"time"

	"hearth/sim/model"
)

// Objective is what a pool must reach: that a share of all requests is in time. The zero Objective asks for nothing and
// counts those that find a task ready.
type Objective struct {
	// HitRate is the share that must find a task ready, below 1; 0 when the objective is a wait.
	HitRate float64 `json:"hitRate,omitempty"`
	// Percentile is the percentage that must wait at most WaitMs milliseconds, such as 99 or 99.9: for a task, or with Ready
	// from hello to ready.
	Percentile float64 `json:"percentile,omitempty"`
	WaitMs     float64 `json:"waitMs,omitempty"`
	Ready      bool    `json:"ready,omitempty"`
	// WorstHour asks for it in each hour of the week that has enough requests to tell, not only over all.
	WorstHour bool `json:"worstHour,omitempty"`
}

// String words the objective.
func (o Objective) String() string {
	text := fmt.Sprintf("hit rate >= %g", o.HitRate)
	if o.HitRate == 0 {
		what := "wait"
		if o.Ready {
			what = "hello to ready"
		}
		text = fmt.Sprintf("p%g %s <= %g ms", o.Percentile, what, o.WaitMs)
	}
	if o.WorstHour {
		text += " in the worst hour"
	}
	return text
}

// Goal is the share of requests that must be in time.
func (o Objective) Goal() float64 {
	if o.HitRate > 0 {
		return o.HitRate
	}
	return o.Percentile / 100
}

// Shown is the percentile of the waits that is worth showing beside the objective.
func (o Objective) Shown() float64 {
	if o.Percentile > 0 {
		return o.Percentile
	}
	return 99
}

// bound is how long a request may wait and be in time.
func (o Objective) bound() time.Duration { return time.Duration(o.WaitMs * float64(time.Millisecond)) }

// allowance is how long a request may wait for its task to be in time; below 0 for one that cannot be. The agent's start
// takes the rest of the time to ready.
func (o Objective) allowance(bridge model.BridgeOptions, random *rand.Rand) time.Duration {
	switch {
	case o.HitRate > 0 || o.Percentile == 0:
		return 0
	case o.Ready:
		return o.bound() - drawn(bridge.Workspace, random) - drawn(bridge.Token, random) - drawn(bridge.Agent, random)
	}
	return o.bound()
}

// inTime reports whether a request that is ready was.
func (o Objective) inTime(missed bool, waited, ready time.Duration) bool {
	switch {
	case o.HitRate > 0 || o.Percentile == 0:
		return !missed
	case o.Ready:
		return ready <= o.bound()
	}
	return waited <= o.bound()
}
