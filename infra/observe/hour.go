package observe

import (
	"slices"
	"sync"
	"time"

	"hearth/messages"
	"hearth/messages/wire"
)

const (
	// hourMinutes is how far back an operator's page looks.
	hourMinutes = 60
	// hourPhases bounds the lengths of a phase that are kept: the latest.
	hourPhases = 512
)

// Minute is what happened in one.
type Minute struct {
	// Starts are tasks that were asked of ECS, Failures those that did not become ready or died while they waited.
	Starts   int `json:"starts"`
	Failures int `json:"failures"`
	// Warm, Cold and Failed are claims by how they ended.
	Warm   int `json:"warm"`
	Cold   int `json:"cold"`
	Failed int `json:"failed"`
}

// Phase says how long a phase of a start took in the last hour.
type Phase struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
	P50Ms int64  `json:"p50Ms"`
	P95Ms int64  `json:"p95Ms"`
}

// Hour is the last one, as an operator's page shows it.
type Hour struct {
	// Minutes has the oldest first; the last is the current one.
	Minutes [hourMinutes]Minute `json:"minutes"`
	// Phases are those that came up, in the order of a start.
	Phases []Phase `json:"phases"`
}

// hour remembers the last one, and wakes those who watch when something happens.
type hour struct {
	now     func() time.Time
	mu      sync.Mutex
	current int64 // the minute, since 1970, that is the last of minutes
	minutes [hourMinutes]Minute
	phases  map[string][]lap
	// changed is closed at the next fact; nil while nobody waits for that.
	changed chan struct{}
}

// lap is how long a phase took, and when it was over.
type lap struct {
	at   time.Time
	took time.Duration
}

func newHour(now func() time.Time) *hour {
	return &hour{now: now, phases: map[string][]lap{}}
}

// note takes in a fact.
func (h *hour) note(e messages.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.changed != nil {
		close(h.changed)
		h.changed = nil
	}
	minute := h.minute()
	switch e.Kind {
	case messages.EventStarting:
		minute.Starts++
	case messages.EventStartFailed:
		minute.Failures++
	case messages.EventSessionReady:
		if e.Path == wire.PathWarm {
			minute.Warm++
		} else {
			minute.Cold++
		}
	case messages.EventSessionEnded:
		if claimHasFailed(e) {
			minute.Failed++
		}
	}
}

// phase takes in how long a phase took.
func (h *hour) phase(name string, took time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	laps := append(h.phases[name], lap{h.now(), took})
	h.phases[name] = laps[max(0, len(laps)-hourPhases):]
}

// minute is the current one. The mutex is held.
func (h *hour) minute() *Minute {
	now := h.now().Unix() / 60
	if gone := now - h.current; gone > 0 {
		gone = min(gone, hourMinutes)
		copy(h.minutes[:], h.minutes[gone:])
		clear(h.minutes[hourMinutes-gone:])
		h.current = now
	}
	return &h.minutes[hourMinutes-1]
}

// LastHour is what has happened in the last hour.
func (o *Observer) LastHour() Hour {
	h := o.hour
	h.mu.Lock()
	defer h.mu.Unlock()
	h.minute()
	all := Hour{Minutes: h.minutes, Phases: []Phase{}}
	since := h.now().Add(-hourMinutes * time.Minute)
	for _, name := range phases {
		var times []time.Duration
		for _, l := range h.phases[name] {
			if l.at.After(since) {
				times = append(times, l.took)
			}
		}
		if n := len(times); n > 0 {
			slices.Sort(times)
			all.Phases = append(all.Phases, Phase{
				Name: name, Count: n, P50Ms: wire.Millis(percentile(times, 50)), P95Ms: wire.Millis(percentile(times, 95)),
			})
		}
	}
	return all
}

// percentile is the smallest of the sorted times that p of a hundred do not exceed.
func percentile(sorted []time.Duration, p int) time.Duration { return sorted[(len(sorted)*p+99)/100-1] }

// Changed is closed when the next fact is observed.
func (o *Observer) Changed() <-chan struct{} {
	h := o.hour
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.changed == nil {
		h.changed = make(chan struct{})
	}
	return h.changed
}
