package observe

import (
	"reflect"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"hearth/messages"
	"hearth/messages/wire"
)

// TestTheLastHour is counted by the minute; what is older is gone, also after hours without a fact.
func TestTheLastHour(t *testing.T) {
	o := New(zerolog.Nop(), prometheus.NewRegistry())
	now := time.Unix(1_000_000_020, 0)
	o.hour.now = func() time.Time { return now }
	for _, e := range []messages.Event{
		{Kind: messages.EventStarting}, {Kind: messages.EventStarting}, {Kind: messages.EventStartFailed},
		{Kind: messages.EventSessionReady, Path: wire.PathCold, Took: 3 * time.Second},
	} {
		o.Observe(e)
	}
	now = now.Add(time.Minute)
	o.Observe(messages.Event{Kind: messages.EventSessionReady, Path: wire.PathWarm, Took: 200 * time.Millisecond})
	o.Observe(messages.Event{Kind: messages.EventSessionEnded, Reason: string(messages.EndTimeout)})
	o.Observe(messages.Event{Kind: messages.EventSessionEnded, Reason: string(messages.EndClosed)})
	got := o.LastHour()
	if got.Minutes[58] != (Minute{Starts: 2, Failures: 1, Cold: 1}) || got.Minutes[59] != (Minute{Warm: 1, Failed: 1}) {
		t.Errorf("%+v", got.Minutes[57:])
	}
	total := got.Phases[len(got.Phases)-1]
	if want := (Phase{Name: "total", Count: 2, P50Ms: 200, P95Ms: 3000}); total != want {
		t.Errorf("%+v, want %+v", total, want)
	}
	now = now.Add(59 * time.Minute)
	if got := o.LastHour(); got.Minutes[0] != (Minute{Warm: 1, Failed: 1}) || got.Phases[len(got.Phases)-1].Count != 1 {
		t.Errorf("%+v", got)
	}
	now = now.Add(5 * time.Hour)
	if got := o.LastHour(); !reflect.DeepEqual(got, Hour{Phases: []Phase{}}) {
		t.Errorf("%+v", got)
	}
}

// TestPhasesAreKeptToABound, the latest of them.
func TestPhasesAreKeptToABound(t *testing.T) {
	r := newHour(time.Now)
	for i := range 3 * hourPhases {
		r.phase("agent", time.Duration(i)*time.Millisecond)
	}
	if laps := r.phases["agent"]; len(laps) != hourPhases || laps[0].took != 2*hourPhases*time.Millisecond {
		t.Errorf("%d, the first of %v", len(laps), laps[0].took)
	}
}

// TestWatchersAreWokenByAFact, each of them once.
func TestWatchersAreWokenByAFact(t *testing.T) {
	o := New(zerolog.Nop(), prometheus.NewRegistry())
	one, two := o.Changed(), o.Changed()
	select {
	case <-one:
		t.Error("nothing has happened")
	default:
	}
	o.Observe(messages.Event{Kind: messages.EventStarting})
	<-one
	<-two
	if next := o.Changed(); next == one {
		t.Error("what comes next would not be seen")
	}
}
