package run

import (
	"time"

	"hearth/actors"
	"hearth/messages"
)

// opened is a forecast that begins with the traffic. Of the time before it only the starts are learned: neither the quiet while the pool is
// filled nor the sessions under way, which begin all at once, will be seen again.
type opened struct {
	forecast  func(time.Time) actors.Forecast
	collector *collector
	// now is the forecast as it is before the traffic, made at begun, and then that of the traffic.
	now   actors.Forecast
	begun time.Time
	// starts are those before the traffic; nil once it has begun.
	starts []time.Duration
}

func newOpened(forecast func(time.Time) actors.Forecast, collector *collector) func(time.Time) actors.Forecast {
	return func(now time.Time) actors.Forecast {
		return &opened{forecast: forecast, collector: collector, now: forecast(now), begun: now, starts: []time.Duration{}}
	}
}

// open begins with the traffic.
func (o *opened) open(now time.Time) {
	if !o.collector.begun || o.starts == nil {
		return
	}
	o.now = o.forecast(now)
	for _, took := range o.starts {
		o.now.Started(took)
	}
	o.starts = nil
}

// Began takes in that a session took a task.
func (o *opened) Began(now time.Time) {
	if o.open(now); o.starts == nil {
		o.now.Began(now)
	}
}

// Started takes in how long a start took.
func (o *opened) Started(took time.Duration) {
	if o.starts != nil {
		o.starts = append(o.starts, took)
	}
	o.now.Started(took)
}

// Plan is the target now.
func (o *opened) Plan(now time.Time, maximum int) messages.Plan {
	if o.open(now); o.starts != nil {
		now = o.begun
	}
	return o.now.Plan(now, maximum)
}
