package model

import (
	"math/rand/v2"
	"testing"
	"time"

	"hearth/actors"
	"hearth/messages"
)

// poisson makes arrivals at a rate a minute, for sessions of a mean length, until a time.
func poisson(seed uint64, perMinute float64, session, until time.Duration) func() (Arrival, bool) {
	random := rand.New(rand.NewPCG(seed, 1))
	var at time.Duration
	return func() (Arrival, bool) {
		at += time.Duration(random.ExpFloat64() / perMinute * float64(time.Minute))
		stay := time.Duration(random.ExpFloat64()*float64(session)) + 1
		return Arrival{At: at, Visit: Visit{User: "u", Stay: stay, Typing: Fixed(7 * time.Minute)}}, at < until
	}
}

func day(seed uint64, hooks Hooks) *Model {
	o := DefaultOptions()
	o.Seed = seed
	o.Settings = actors.DefaultSettings()
	o.Settings.MaxSessionsPerUser = 10_000
	o.Hooks = hooks
	m := New(o)
	m.Feed(poisson(seed, 5, 10*time.Minute, 8*time.Hour))
	m.World.Advance(9 * time.Hour)
	return m
}

func TestADayIsServedAndIsTheSameEveryTime(t *testing.T) {
	ended := map[Ending]int{}
	m := day(1, Hooks{
		Done:   func(c *Client) { ended[c.Ending]++ },
		Broken: func(rule string) { t.Error(rule) },
		Event: func(e messages.Event) {
			if e.Kind == messages.EventUnexpected || e.Kind == messages.EventCrashed {
				t.Errorf("%+v", e)
			}
		},
	})
	t.Log(ended, m.World.Counts(), m.Log.Count(), m.Cloud.Made(), m.Cloud.Live(), m.Links(), m.Status().Pool)
	if ended[EndedClosed] < 2000 || len(ended) != 1 {
		t.Errorf("visits ended %v", ended)
	}
	if again, other := day(1, Hooks{}), day(2, Hooks{}); again.Log.Digest() != m.Log.Digest() || other.Log.Digest() == m.Log.Digest() {
		t.Error("the digest does not follow the seed")
	}
}

func BenchmarkSession(b *testing.B) {
	o := DefaultOptions()
	o.Schedule = func(int) int { return 0 }
	o.Settings.MaxSessionsPerUser, o.Settings.IdleTimeout = 10_000, 100*time.Hour
	m := New(o)
	n := 0
	next := poisson(1, 5, 30*time.Minute, 1<<62)
	m.Feed(func() (Arrival, bool) {
		n++
		a, _ := next()
		a.Visit.Typing = nil
		return a, n <= b.N
	})
	b.ReportAllocs()
	b.ResetTimer()
	for m.World.Step() || n <= b.N {
		m.World.Advance(time.Hour)
	}
}
