package messages

import "time"

// Plan is what a pool's target comes of that follows the demand.
type Plan struct {
	// Target is how many tasks are to be ready or starting beyond those that are waited for.
	Target int `json:"target"`
	// PerMinute is the rate of sessions that is expected, StartMs the mean time of a start.
	PerMinute float64 `json:"sessionsPerMinute"`
	StartMs   float64 `json:"startMs"`
	// HitRate is the share of sessions that is expected to find a task ready.
	HitRate float64 `json:"hitRate"`
	Basis   Basis   `json:"basis"`
	Caution Caution `json:"caution"`
}

// Shadow is how a policy stands that runs beside the one in force without acting, and what both came to since it began.
type Shadow struct {
	Policy string    `json:"policy"`
	Since  time.Time `json:"since"`
	// Target is what it would refill the pool to; Ready, Starting and Waiting are the tasks and waiters that it would have now.
	Target   int `json:"target"`
	Ready    int `json:"ready"`
	Starting int `json:"starting"`
	Waiting  int `json:"waiting"`
	// InForce is what the policy in force came to, Shadow what the other would have.
	InForce Tally `json:"inForce"`
	Shadow  Tally `json:"shadow"`
}

// Tally is what a policy came to.
type Tally struct {
	// Claims are the sessions that took a task or waited for one, Hits those of them that found one ready.
	Claims int `json:"claims"`
	Hits   int `json:"hits"`
	// Starts are the tasks asked for.
	Starts int `json:"starts"`
	// IdleTaskSeconds are those that tasks were starting or waited to be claimed: what a pool costs.
	IdleTaskSeconds float64 `json:"idleTaskSeconds"`
}

// Basis is what most of a forecast rests on.
type Basis string

// What forecasts rest on.
const (
	// BasisMinutes and BasisHours: what has come in the last minutes, or hours.
	BasisMinutes Basis = "last minutes"
	BasisHours   Basis = "last hours"
	// BasisTrend: how that has grown.
	BasisTrend Basis = "trend"
	// BasisWeek: what this hour of the week had in other weeks, and how this one compares.
	BasisWeek Basis = "hour of the week"
)

// Caution is how far a forecast is trusted, going by what came of it.
type Caution string

// How far forecasts are trusted.
const (
	// CautionNone: they are taken as they are.
	CautionNone Caution = "none"
	// CautionMore: too many sessions found no task ready, so that more is kept than they say.
	CautionMore Caution = "more"
	// CautionLess: fewer by far than expected found none, so that less is kept.
	CautionLess Caution = "less"
)
