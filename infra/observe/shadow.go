package observe

import (
	"github.com/prometheus/client_golang/prometheus"

	"hearth/messages"
)

// shadow is a policy that is tried beside the one in force, and what both came to since it began.
type shadow struct {
	target prometheus.Gauge
	claims *prometheus.CounterVec
	starts *prometheus.CounterVec
	idle   *prometheus.CounterVec
	// told is what the counters have. Only the pool tells of a shadow, one thing after the other.
	told messages.Shadow
}

// The two policies, and how their claims ended.
const (
	policyInForce, policyShadow = "in_force", "shadow"
	claimHit, claimMiss         = "hit", "miss"
)

func newShadow(registry prometheus.Registerer) *shadow {
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		registry.MustRegister(c)
		return c
	}
	s := &shadow{
		target: prometheus.NewGauge(prometheus.GaugeOpts{Name: "hearth_pool_shadow_target_tasks", Help: "Tasks that WARM_POOL_SHADOW would refill the pool to; 0 without it."}),
		claims: counters("hearth_pool_shadow_claims_total", "With WARM_POOL_SHADOW, claims that found a task ready (hit) or none (miss): by the policy in_force, and as they would have by the shadow.", "policy", "result"),
		starts: counters("hearth_pool_shadow_task_starts_total", "With WARM_POOL_SHADOW, tasks that were asked of ECS by the policy in_force, and that would have been by the shadow.", "policy"),
		idle:   counters("hearth_pool_shadow_idle_task_seconds_total", "With WARM_POOL_SHADOW, seconds that tasks were starting or waited to be claimed, which is what a pool costs: by the policy in_force, and by the shadow.", "policy"),
	}
	registry.MustRegister(s.target)
	s.take(&messages.Shadow{})
	return s
}

// take takes in how they stand.
func (s *shadow) take(is *messages.Shadow) {
	s.target.Set(float64(is.Target))
	s.tally(policyInForce, &s.told.InForce, &is.InForce)
	s.tally(policyShadow, &s.told.Shadow, &is.Shadow)
	s.told = *is
}

// tally brings a policy's counters from what they were told to what is.
func (s *shadow) tally(policy string, was, is *messages.Tally) {
	s.claims.WithLabelValues(policy, claimHit).Add(float64(is.Hits - was.Hits))
	s.claims.WithLabelValues(policy, claimMiss).Add(float64(is.Claims - is.Hits - (was.Claims - was.Hits)))
	s.starts.WithLabelValues(policy).Add(float64(is.Starts - was.Starts))
	s.idle.WithLabelValues(policy).Add(max(0, is.IdleTaskSeconds-was.IdleTaskSeconds))
}
