package observe

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"hearth/actors"
	"hearth/messages"
)

// Observer logs, counts and remembers what operators need to know. It is safe for concurrent use.
type Observer struct {
	log zerolog.Logger
	// odd is for messages without a use: a peer can cause them as fast as it can send frames.
	odd       zerolog.Logger
	metrics   *metrics
	forecast  forecast
	shadow    *shadow
	hour      *hour
	readiness readiness
	isolated  isolated
}

var _ actors.Observer = (*Observer)(nil)

// New makes an observer whose metrics are in the registry.
func New(log zerolog.Logger, registry prometheus.Registerer) *Observer {
	o := &Observer{
		log: log, odd: log.Sample(&zerolog.BurstSampler{Burst: 10, Period: 10 * time.Second}), hour: newHour(time.Now), forecast: newForecast(registry),
		shadow:   newShadow(registry),
		isolated: isolated{tasks: map[string]int{}},
	}
	o.metrics = newMetrics(registry, o.hour)
	registry.MustRegister(prometheus.NewGaugeFunc(
		prometheus.GaugeOpts{Name: "hearth_ready", Help: "1 while sessions can be taken, as /readyz says, which also says why not; else 0."},
		func() float64 {
			if ready, _ := o.Ready(); !ready {
				return 0
			}
			return 1
		}))
	return o
}

// Begin notes the pool's bounds, for the time until its first fact.
func (o *Observer) Begin(s actors.Settings) {
	bounds := messages.Census{Min: s.Min, Max: s.Max}
	if s.WarmPool {
		bounds.Target = s.Min
	}
	o.metrics.pool(&bounds)
}

// Observe takes a fact from an actor.
func (o *Observer) Observe(e messages.Event) {
	if e.Kind == messages.EventIsolated {
		o.metrics.isolated(o.isolated.note(e))
	}
	switch {
	case e.Shadow != nil:
		o.shadow.take(e.Shadow)
	case e.Plan != nil:
		o.forecast.take(e.Plan)
	}
	o.metrics.count(e)
	o.hour.note(e)
	o.readiness.note(e)
	o.write(e)
}
