package run

import (
	"errors"
	"fmt"

	"hearth/messages"
)

// Trial is one pool of a search.
type Trial struct {
	PoolMin int `json:"poolMin"`
	// PoolMax is null without a maximum, LaunchConcurrency without a launch limit.
	PoolMax           *int `json:"poolMax"`
	LaunchConcurrency *int `json:"launchConcurrency"`
	// Seeds is how many runs tell the shares, Played in how many of them the actors were played. The others are computed from
	// the starts that the traffic asks for, which is exact as long as no limit holds them back, and knows of no costs.
	Seeds  int `json:"seeds"`
	Played int `json:"played"`
	// InTime is the share of requests that the objective is about.
	InTime  Interval `json:"inTime"`
	HitRate Interval `json:"hitRate"`
	// WaitMs is the percentile of the waits for a task that Percentile names.
	Percentile float64  `json:"percentile"`
	WaitMs     Interval `json:"waitMs"`
	Cost       Interval `json:"monthlyCost"`
	Idle       Interval `json:"monthlyIdleCost"`
	// HeldBack are the requests that a limit made wait longer.
	HeldBack map[messages.Hold]int `json:"heldBack,omitempty"`
	// WorstHour is that of all the runs.
	WorstHour *Hour `json:"worstHour,omitempty"`
	// Meets says that the average meets the objective; Sure that the whole interval is on the same side of it.
	Meets bool `json:"meets"`
	Sure  bool `json:"sure"`

	// PeakTasks is the most tasks that there were at once, those of sessions among them: what hosts must have room for.
	PeakTasks int `json:"peakTasks"`

	peakPool, peakStarting int
}

// Sizing is what a search found.
type Sizing struct {
	Objective Objective `json:"objective"`
	// Theory is the size that the base-stock formula gives for Poisson arrivals of the same mean rate.
	Theory int `json:"theory"`
	// Best is the smallest pool that meets the objective. Its launch limit never held a start back, and its maximum never
	// binds before the launch limit: both cost nothing while nobody waits.
	Best Trial `json:"best"`
	// Threshold belongs to Best: each task taken is replaced at once.
	Threshold int `json:"replenishThreshold"`
	// Smaller is the next smaller pool, which does not; null when Best is the smallest there can be.
	Smaller *Trial `json:"smaller"`
	// Lift are the limits of the configuration that must be lifted for Best, and to what.
	Lift []Limit `json:"lift"`
	// Kept is the pool of a task or two more that does with the limits as they are; null when none is to be lifted, or when it
	// takes more than that.
	Kept *Trial `json:"kept"`
	// Schedule is null unless one was asked for.
	Schedule *Scheduled `json:"schedule"`
	// Group is null unless the hosts were to be sized as well.
	Group *GroupSizing `json:"group"`
	// IntervalsOf says what the intervals are of.
	IntervalsOf string `json:"intervalsOf"`
	// Sensitivity is the size under other circumstances; null where only playing would tell.
	Sensitivity []Circumstance `json:"sensitivity"`
	// Trials are all pools of the search, in its order.
	Trials []Trial `json:"trials"`
	Config Echo    `json:"config"`
}

// Limit is a limit that holds starts back, what it is and what it would have to be.
type Limit struct {
	Limit messages.Hold `json:"limit"`
	Is    int           `json:"is"`
	Needs int           `json:"needs"`
}

// limitNames are the limits in words, with the flag and the setting that lift them.
var limitNames = map[messages.Hold]string{
	messages.HeldLaunchLimit: "launch concurrency (--launch-concurrency, LAUNCH_CONCURRENCY)",
	messages.HeldMaximum:     "pool's maximum (--pool-max, WARM_POOL_MAX_SIZE)",
	messages.HeldHosts:       "number of hosts in service (--hosts)",
}

// String says which limit to lift and to what.
func (l Limit) String() string {
	return fmt.Sprintf("the %s of %d holds starts back: lift it to %d", limitNames[l.Limit], l.Is, l.Needs)
}

// Circumstance is the size that the objective takes when something is otherwise.
type Circumstance struct {
	// Rate is a factor of the traffic's; StartTime the distribution of start times, empty for the configuration's own.
	Rate      float64 `json:"rate"`
	StartTime string  `json:"startTime"`
	PoolMin   int     `json:"poolMin"`
}

// Unreachable says that no pool meets the objective under the configuration's limits.
type Unreachable struct {
	Objective Objective
	Lift      []Limit
	// Best is the most that was reached, Size the pool that did.
	Best float64
	Size int
}

// Error says which limit to lift and to what, if that is all it takes.
func (u *Unreachable) Error() string {
	text := fmt.Sprintf("no pool meets the objective: %s: a minimum of %d reaches %.4g %%", u.Objective, u.Size, 100*u.Best)
	for _, l := range u.Lift {
		text += ": " + l.String()
	}
	return text
}

// ErrUnreachable is what every Unreachable is.
var ErrUnreachable = errors.New("no pool meets the objective")

// Is has errors.Is find ErrUnreachable.
func (u *Unreachable) Is(target error) bool { return target == ErrUnreachable }
