package observe

import (
	"github.com/prometheus/client_golang/prometheus"

	"hearth/messages"
)

// forecast is what the policy slo expects.
type forecast struct{ sessions, hitRate prometheus.Gauge }

func newForecast(registry prometheus.Registerer) forecast {
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
		registry.MustRegister(g)
		return g
	}
	return forecast{
		sessions: gauge("hearth_pool_expected_sessions_per_second", "Rate of sessions that the policy slo expects; 0 without it."),
		hitRate:  gauge("hearth_pool_expected_hit_rate", "Share of sessions that the policy slo expects to find a task ready; 0 without it."),
	}
}

// take takes in a plan.
func (f *forecast) take(p *messages.Plan) {
	f.sessions.Set(p.PerMinute / 60)
	f.hitRate.Set(p.HitRate)
}
