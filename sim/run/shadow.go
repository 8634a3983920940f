package run

import (
	"time"

	"hearth/actors"
	"hearth/messages"
)

// Shadowed is what the shadow of a run's pool says that its policy would have come to, for the same requests.
type Shadowed struct {
	Policy          string  `json:"policy"`
	Requests        int     `json:"requests"`
	Hits            int     `json:"hits"`
	HitRate         Share   `json:"hitRate"`
	Starts          int     `json:"starts"`
	IdleTaskHours   float64 `json:"idleTaskHours"`
	MonthlyIdleCost float64 `json:"monthlyIdleCost"`
}

// shadowing is how a shadow stood when the traffic began, and as it was last told.
type shadowing struct{ first, last shadowTold }

type shadowTold struct {
	at time.Duration
	messages.Shadow
}

// shadowed is what the shadow came to between, for hours in which a task-hour costs so much a month; nil when there is none.
func (s *shadowing) shadowed(hours, taskHour float64) *Shadowed {
	if s.last.Policy == "" {
		return nil
	}
	was, is := &s.first.Shadow.Shadow, &s.last.Shadow.Shadow
	r := &Shadowed{
		Policy: s.last.Policy, Requests: is.Claims - was.Claims, Hits: is.Hits - was.Hits, Starts: is.Starts - was.Starts,
	}
	r.HitRate = share(r.Hits, r.Requests)
	if told := (s.last.at - s.first.at).Hours(); told > 0 {
		idle := (is.IdleTaskSeconds - was.IdleTaskSeconds) / 3600 * hours / told
		r.IdleTaskHours, r.MonthlyIdleCost = rounded(idle, 1e6), rounded(idle*taskHour, 1e2)
	}
	return r
}

// mergeShadows is what the shadows of runs came to together: counts are sums, the cost is their average; nil when there are none.
func mergeShadows(results []Result) *Shadowed {
	if results[0].Shadow == nil {
		return nil
	}
	sum := Shadowed{Policy: results[0].Shadow.Policy}
	for i := range results {
		s := results[i].Shadow
		sum.Requests, sum.Hits, sum.Starts = sum.Requests+s.Requests, sum.Hits+s.Hits, sum.Starts+s.Starts
		sum.IdleTaskHours += s.IdleTaskHours
	}
	sum.HitRate = share(sum.Hits, sum.Requests)
	sum.MonthlyIdleCost = rounded(Average(results, func(r *Result) float64 { return r.Shadow.MonthlyIdleCost }).Mean, 1e3)
	return &sum
}

// shadowMoves reports whether the target of the pool's shadow does.
func (c Config) shadowMoves() bool {
	return c.Settings.Shadow != nil && c.Settings.Shadow.Policy != actors.PolicyFixed
}
