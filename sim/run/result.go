package run

import (
	"hearth/messages"
	"hearth/messages/wire"
)

// Summary is what a set of times comes to, in milliseconds. Mean and Max are exact; the percentiles are exact up to 10,000
// samples and within 0.2 % beyond.
type Summary struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99.9"`
	Max  float64 `json:"max"`
}

// Paths counts how requests got their tasks. Requests that failed took none.
type Paths struct {
	// Instant found a task ready.
	Instant int `json:"instant"`
	// Waited waited for a task on a host that ran already.
	Waited int `json:"waited"`
	// WarmHost and ColdHost waited for a task on a host that had to be woken or booted first.
	WarmHost int `json:"warmHost"`
	ColdHost int `json:"coldHost"`
}

// Needed is one step of the curve that answers "what size would have made it warm".
type Needed struct {
	// PoolMin is a minimum size; threshold and maximum are thought to be larger by as much.
	PoolMin int `json:"poolMin"`
	// HitRate is the share of this run's requests that would have found a task ready.
	HitRate Share `json:"hitRate"`
}

// percentile is one of those that a summary has.
func (s Summary) percentile(p float64) float64 {
	return map[float64]float64{50: s.P50, 90: s.P90, 95: s.P95, 99: s.P99, 99.9: s.P999}[p]
}

// Result is one run. Its JSON is what scripts read.
type Result struct {
	Name string `json:"name,omitempty"`
	// Requests are the sessions asked for; Hits those that found a task ready; HitRate the quotient, null when there were none.
	Requests int   `json:"requests"`
	Hits     int   `json:"hits"`
	HitRate  Share `json:"hitRate"`
	// WaitMs is the time waited for a task, 0 on a hit; a request that failed counts with the time that it waited.
	WaitMs Summary `json:"waitMs"`
	// ReadyMs is from hello to ready, of those that got there.
	ReadyMs Summary `json:"readyMs"`
	Paths   Paths   `json:"paths"`
	// Failures are requests that never got ready, by reason in FailureReasons.
	Failures       int            `json:"failures"`
	FailureReasons map[string]int `json:"failureReasons"`
	// Starts are the tasks asked for, with those that fill the pool before the first request; FailedStarts those of them
	// that came to nothing.
	Starts       int `json:"starts"`
	FailedStarts int `json:"failedStarts"`
	// PeakPool is the most tasks that were ready or starting at once: what a maximum would have to allow.
	PeakPool int `json:"peakPool"`
	// PeakStarting is the most tasks that were starting at once: what a launch limit would have to allow.
	PeakStarting int `json:"peakStarting"`
	// PeakTasks is the most tasks that there were at once, with those of sessions: what hosts would have to have room for.
	PeakTasks int `json:"peakTasks"`
	// PoolWasFull says that the traffic began with a full pool; SessionsAtBegin is how many sessions were under way then.
	PoolWasFull     bool `json:"poolWasFull"`
	SessionsAtBegin int  `json:"sessionsAtBegin"`
	// TaskHours are those of all tasks from the first request to the end of the traffic, IdleTaskHours those of them that
	// were spent starting or waiting to be claimed: what the pool costs on top of the sessions.
	TaskHours     float64 `json:"taskHours"`
	IdleTaskHours float64 `json:"idleTaskHours"`
	HostHours     float64 `json:"hostHours"`
	// PausedHostHours are those that hosts were stopped or hibernated in the warm pool.
	PausedHostHours float64 `json:"pausedHostHours,omitempty"`
	// Cost is that of the time of the traffic.
	Cost float64 `json:"cost"`
	// MonthlyCost is that of the whole, scaled to a month; MonthlyIdleCost the idle tasks' share of it.
	MonthlyCost     float64 `json:"monthlyCost"`
	MonthlyIdleCost float64 `json:"monthlyIdleCost"`
	// MonthlyRegret is what of MonthlyIdleCost an oracle would save, which knows the future and has each task ready just in
	// time: its tasks are idle for as long as they start. It is null where starts do not take what they are drawn to take.
	MonthlyRegret *float64 `json:"monthlyRegret"`
	// WhyCold counts the requests that found no task ready by the reason that their clients were told.
	WhyCold map[wire.ColdReason]int `json:"whyCold"`
	// HeldBack counts the requests that waited longer because a limit kept their starts back, by the limit; HeldSeconds is for
	// how long each did.
	HeldBack    map[messages.Hold]int     `json:"heldBack"`
	HeldSeconds map[messages.Hold]float64 `json:"heldSeconds"`
	// PoolNeeded is the hit rate that each larger pool would have had in this run; see Miss. It is null when a limit held
	// starts back and a request missed for it: then larger pools cannot be told from this one.
	PoolNeeded []Needed `json:"poolNeeded"`
	// ByHour is the requests by the hour of the week; WorstHour is that with the lowest hit rate of 100 requests and more,
	// null when no hour has as many.
	ByHour    []Hour `json:"byHour"`
	WorstHour *Hour  `json:"worstHour"`
	// Hours is how long the traffic lasted; Events the facts in the log, of which Digest is the hash.
	Hours  float64 `json:"hours"`
	Events int     `json:"events"`
	Seed   uint64  `json:"seed"`
	Digest string  `json:"digest"`
	// Series is pool and queue over time, at most 256 steps.
	Series []Point `json:"series"`
	// FirstVisitMs and ReturnMs are ReadyMs of users who came for the first time and again, where that matters.
	FirstVisitMs *Summary `json:"firstVisitMs,omitempty"`
	ReturnMs     *Summary `json:"returnMs,omitempty"`
	// Shadow is what the policy that ran beside the pool's own without acting would have come to; nil without one.
	Shadow *Shadowed `json:"shadow,omitempty"`
	// Config is what was run.
	Config Echo `json:"config"`

	// What runs of one configuration are added up from: see Merge. recorded says that they play one recording.
	recorded bool
	// hitsIn and inTimeIn are the requests of each window of the traffic's time that found a task ready, and that reached the
	// configuration's objective.
	hitsIn, inTimeIn []tally
	hours            *hours
	// lacked counts requests by how many tasks were lacking; lackUnknown says that for some nobody knows.
	lacked      []int
	lackUnknown bool
}

// Miss is one request that found no task ready, and what would have changed that.
type Miss struct {
	// AtSeconds is the time since the traffic began.
	AtSeconds float64         `json:"atSeconds"`
	Session   wire.SessionID  `json:"session"`
	Why       wire.ColdReason `json:"why"`
	// Starting tasks were under way already, and Ahead sessions were before it in the queue.
	Starting int `json:"starting"`
	Ahead    int `json:"ahead"`
	// HeldBack is the limit that kept starts back while it waited; empty when none did.
	HeldBack messages.Hold `json:"heldBack,omitempty"`
	// PoolNeeded is the minimum size with which a task would have been ready for it. A pool whose minimum, threshold and
	// maximum are all larger by d has d more tasks ready, or d fewer waiters, at every moment, because it starts its tasks at
	// the same moments. It is null where a limit has kept starts back since the pool was last full, for then it is not so.
	PoolNeeded *int `json:"poolNeeded"`
	// WaitMs is how long it waited in the end; Failed says that it got nothing for it.
	WaitMs float64 `json:"waitMs"`
	Failed bool    `json:"failed,omitempty"`
}
