package actors

import (
	"fmt"
	"time"

	"hearth/messages"
)

// Sizing is how large a pool is to be: its bounds, and what its target follows between them.
type Sizing struct {
	// Min, Max and Threshold are the pool's policy; see actors/pool/policy.go. DefaultThreshold belongs to a minimum.
	Min, Max, Threshold int
	// Policy says what the pool is filled up to: the minimum, or if that is more what Schedule or a Forecast says, up to the maximum.
	// The threshold keeps its distance. Schedule is nil but with PolicySchedule, Forecast but with PolicySLO.
	Policy   Policy
	Schedule Schedule
	// Forecast makes a gateway's own, which begins now.
	Forecast func(now time.Time) Forecast
}

// Policy is how the pool's target comes about.
type Policy string

// The policies.
const (
	// PolicyFixed has the minimum for a target.
	PolicyFixed Policy = "fixed"
	// PolicySchedule raises it by the calendar.
	PolicySchedule Policy = "schedule"
	// PolicySLO raises it by what demand is expected.
	PolicySLO Policy = "slo"
)

// DefaultObjective is the share of sessions that are to find a task ready, where PolicySLO is not told another.
const DefaultObjective = 0.999

// Forecast learns the demand for tasks and says what target it takes. It is a pool's own, and does nothing by itself.
type Forecast interface {
	// Began takes in that a session took a task, or will take the next.
	Began(now time.Time)
	// Started takes in how long a start took.
	Started(took time.Duration)
	// Plan is the target now, up to a maximum, and what it comes of.
	Plan(now time.Time, maximum int) messages.Plan
}

// Schedule is a pool's target by the calendar. It is a pure function of the time.
type Schedule interface {
	// At is the target at a time, and a later time until which it stays that; the zero time for ever.
	At(now time.Time) (target int, until time.Time)
}

// DefaultThreshold is the threshold of a pool for which none was set: each task that is taken is replaced at once. Gateway and
// simulator both take it from here, so that the pool that was sized is the pool that runs.
func DefaultThreshold(minimum int) int { return max(0, minimum-1) }

// ThresholdGap is how far the threshold is below the minimum, also once that is another: at least 1.
func (z *Sizing) ThresholdGap() int { return max(1, z.Min-z.Threshold) }

// sizingNames are the variables of a sizing, the pool's or its shadow's; slo with its verb.
type sizingNames struct{ min, max, threshold, policy, schedule, slo string }

var (
	poolNames = sizingNames{
		"WARM_POOL_MIN_SIZE", "WARM_POOL_MAX_SIZE", "WARM_POOL_REPLENISH_THRESHOLD", "WARM_POOL_POLICY", "WARM_POOL_SCHEDULE",
		"WARM_POOL_SLO and WARM_POOL_TRACE play",
	}
	shadowNames = sizingNames{
		"WARM_POOL_SHADOW_MIN_SIZE", "WARM_POOL_SHADOW_MAX_SIZE", "the shadow's threshold", "WARM_POOL_SHADOW",
		"WARM_POOL_SHADOW_SCHEDULE", "WARM_POOL_SHADOW_SLO plays",
	}
)

// validate reports what makes no sense, one error a setting. A pool that is off has no threshold to be checked.
func (z *Sizing) validate(name sizingNames, warm bool) (problems []error) {
	problem := func(format string, arguments ...any) { problems = append(problems, fmt.Errorf(format, arguments...)) }
	if err := checkBounds(setting[int]{name.min, z.Min}, setting[int]{name.max, z.Max}); err != nil {
		problems = append(problems, err)
	}
	if warm && (z.Threshold < 0 || z.Threshold > DefaultThreshold(z.Min)) {
		problem("%s %d must be at least 0 and below %s %d", name.threshold, z.Threshold, name.min, z.Min)
	}
	switch {
	case z.Policy != PolicyFixed && z.Policy != PolicySchedule && z.Policy != PolicySLO:
		problem("%s %q is none of %s, %s and %s", name.policy, z.Policy, PolicyFixed, PolicySchedule, PolicySLO)
	case z.Policy == PolicySLO && z.Forecast == nil:
		problem("%s %s needs a forecast", name.policy, z.Policy)
	case z.Policy != PolicySLO && z.Forecast != nil:
		problem("%s no part with %s %s", name.slo, name.policy, z.Policy)
	case z.Policy == PolicySchedule && z.Schedule == nil:
		problem("%s %s needs a %s", name.policy, z.Policy, name.schedule)
	case z.Policy != PolicySchedule && z.Schedule != nil:
		problem("%s plays no part with %s %s", name.schedule, name.policy, z.Policy)
	}
	return problems
}

// CheckBounds is what any pool's bounds must satisfy, at start-up and when an operator changes them.
func CheckBounds(minimum, maximum int) error {
	return checkBounds(setting[int]{"minimum", minimum}, setting[int]{"maximum", maximum})
}

func checkBounds(minimum, maximum setting[int]) error {
	switch {
	case minimum.value < 0:
		return fmt.Errorf("%s %d must not be negative", minimum.variable, minimum.value)
	case maximum.value < 1:
		return fmt.Errorf("%s %d must be at least 1", maximum.variable, maximum.value)
	case minimum.value > maximum.value:
		return fmt.Errorf("%s %d is over %s %d", minimum.variable, minimum.value, maximum.variable, maximum.value)
	}
	return nil
}
