package chaos

import (
	"fmt"
	"time"

	"hearth/actors"
	"hearth/actors/demand"
	"hearth/messages"
)

// drawShadow has another policy run beside the one in force, in one storm of five.
func drawShadow(s *actors.Settings, d dice) {
	if !often(d, 5) {
		return
	}
	shadow := actors.Sizing{Min: d.IntN(6), Policy: actors.PolicyFixed}
	shadow.Max = max(1, shadow.Min+some(d, 0, 1, 5))
	shadow.Threshold = max(0, shadow.Min-1-some(d, 0, 0, 2))
	switch d.IntN(3) {
	case 0:
		shadow.Policy = actors.PolicySchedule
		shadow.Schedule = swing{every: some(d, 3*second, 30*second), high: shadow.Min + some(d, 1, 8)}
	case 1:
		shadow.Policy, shadow.Forecast = actors.PolicySLO, demand.Policy(some(d, 0.9, 0.999), 3*second, nil)
	}
	s.Shadow = &shadow
}

// shadowOf words what is tried beside the policy in force.
func shadowOf(s *actors.Settings) string {
	if s.Shadow == nil {
		return "none"
	}
	return fmt.Sprintf("%s,%d..%d", s.Shadow.Policy, s.Shadow.Min, s.Shadow.Max)
}

// shadowBook is what a process has told of its shadow.
type shadowBook struct {
	// started counts its own starts.
	started int
	told    time.Duration
	last    messages.Shadow
}

// shadowed checks what is told of a shadow: it keeps its own bounds, serves as any pool does, hears of every claim, and counts what
// the policy in force did. That it does nothing is what all the other promises hold the pool to.
func (o *oracle) shadowed(is *messages.Shadow) {
	was, sizing := &o.pool.shadow.last, o.storm.weather.options.Settings.Shadow
	switch {
	case is.Ready+is.Starting > sizing.Max:
		o.breach("the shadow has %d ready and %d starting tasks, its maximum is %d", is.Ready, is.Starting, sizing.Max)
	case is.Waiting > 0 && is.Ready > 0:
		o.breach("in the shadow %d wait while %d tasks are ready", is.Waiting, is.Ready)
	case is.Target < sizing.Min || is.Target > sizing.Max:
		o.breach("the shadow's target is %d, its bounds %d and %d", is.Target, sizing.Min, sizing.Max)
	case is.Waiting == 0 && is.Target > 0 && is.Ready+is.Starting == 0:
		o.breach("the shadow has none of %d tasks", is.Target)
	case is.Shadow.Claims != is.InForce.Claims || is.InForce.Starts != o.pool.shadow.started:
		o.breach("the shadow counts %d claims of %d, and %d starts of %d",
			is.Shadow.Claims, is.InForce.Claims, is.InForce.Starts, o.pool.shadow.started)
	}
	for _, pair := range [][2]messages.Tally{{was.InForce, is.InForce}, {was.Shadow, is.Shadow}} {
		if a, b := pair[0], pair[1]; b.Hits > b.Claims || b.Claims < a.Claims || b.Hits < a.Hits || b.Starts < a.Starts || b.IdleTaskSeconds < a.IdleTaskSeconds-1e-6 {
			o.breach("a shadow's figures went from %+v to %+v", a, b)
		}
	}
	o.pool.shadow.told, o.pool.shadow.last = o.storm.elapsed(), *is
}

// shadowKeepsUp checks that the shadow hears of every session and is told of again and again.
func (o *oracle) shadowKeepsUp() {
	s := &o.pool.shadow
	if s.last.Policy == "" {
		return
	}
	if s.last.Shadow.Claims < o.pool.begun {
		o.breach("%d sessions began, and the shadow heard of %d", o.pool.begun, s.last.Shadow.Claims)
	}
	if age := o.storm.elapsed() - s.told; age > planSlack {
		o.breach("nothing was told of the shadow for %v", age)
	}
}
