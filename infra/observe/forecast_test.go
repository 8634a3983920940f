package observe

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"

	"hearth/messages"
)

// TestAPlanIsTold by the metrics as soon as there is one.
func TestAPlanIsTold(t *testing.T) {
	registry := prometheus.NewRegistry()
	o := New(zerolog.Nop(), registry)
	o.Observe(messages.Event{Kind: messages.EventPlanned, Plan: &messages.Plan{PerMinute: 30, HitRate: 0.75}})
	want := `
# HELP hearth_pool_expected_hit_rate Share of sessions that the policy slo expects to find a task ready; 0 without it.
# TYPE hearth_pool_expected_hit_rate gauge
hearth_pool_expected_hit_rate 0.75
# HELP hearth_pool_expected_sessions_per_second Rate of sessions that the policy slo expects; 0 without it.
# TYPE hearth_pool_expected_sessions_per_second gauge
hearth_pool_expected_sessions_per_second 0.5
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "hearth_pool_expected_hit_rate", "hearth_pool_expected_sessions_per_second"); err != nil {
		t.Error(err)
	}
}
