package observe

import (
	"bytes"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"

	"hearth/messages"
)

// TestAShadowIsTold: what both policies came to is counted from 0 on, and is in the log.
func TestAShadowIsTold(t *testing.T) {
	registry, log := prometheus.NewRegistry(), &bytes.Buffer{}
	o := New(zerolog.New(log), registry)
	names := []string{
		"hearth_pool_shadow_target_tasks", "hearth_pool_shadow_claims_total", "hearth_pool_shadow_task_starts_total",
		"hearth_pool_shadow_idle_task_seconds_total",
	}
	if n, err := testutil.GatherAndCount(registry, names...); err != nil || n != 1+4+2+2 {
		t.Errorf("%d series at first, %v", n, err)
	}
	for claims := range 2 {
		o.Observe(messages.Event{Kind: messages.EventShadowed, Shadow: &messages.Shadow{
			Policy: "slo", Target: 4, Ready: 3, Starting: 1,
			InForce: messages.Tally{Claims: 9 + claims, Hits: 7, Starts: 11, IdleTaskSeconds: 3600},
			Shadow:  messages.Tally{Claims: 9 + claims, Hits: 8 + claims, Starts: 12, IdleTaskSeconds: 7200},
		}})
	}
	of := func(v *prometheus.CounterVec, labels ...string) float64 {
		return testutil.ToFloat64(v.WithLabelValues(labels...))
	}
	for i, pair := range [][2]float64{
		{testutil.ToFloat64(o.shadow.target), 4},
		{of(o.shadow.claims, "in_force", "hit"), 7}, {of(o.shadow.claims, "in_force", "miss"), 3},
		{of(o.shadow.claims, "shadow", "hit"), 9}, {of(o.shadow.claims, "shadow", "miss"), 1},
		{of(o.shadow.starts, "shadow"), 12}, {of(o.shadow.idle, "in_force"), 3600},
	} {
		if pair[0] != pair[1] {
			t.Errorf("figure %d is %g, want %g", i, pair[0], pair[1])
		}
	}
	if text := log.String(); !strings.Contains(text, `"shadow":{"claims":10,"hits":9,"starts":12,"idleTaskHours":2}`) {
		t.Error(text)
	}
}
