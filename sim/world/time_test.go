package world

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"pgregory.net/rapid"

	"hearth/actors"
)

func TestTimeMovesByEventsOnly(t *testing.T) {
	began := time.Date(2030, 5, 1, 12, 0, 0, 0, time.UTC)
	w := New(Options{Start: began})
	var fired []time.Duration
	note := func() { fired = append(fired, w.Now().Sub(began)) }
	w.AfterFunc(5*time.Second, note)
	w.At(began.Add(2*time.Second), note)
	w.At(began.Add(-time.Hour), note) // as soon as possible
	inside(t, w, func(ctx actor.Context) {
		for range 100 {
			spawn(ctx, w, idle{})
		}
		w.After(3*time.Second, ctx.Self(), func(actor.Context) { note() })
		w.After(-time.Second, ctx.Self(), func(actor.Context) { note() })
	})
	if !w.Now().Equal(began) || len(fired) != 0 {
		t.Fatalf("picks moved the time to %s, %v fired", w.Now(), fired)
	}
	if at, ok := w.NextEvent(); !ok || !at.Equal(began) {
		t.Errorf("the next event is at %s, %t", at, ok)
	}
	w.Advance(4 * time.Second)
	if want := []time.Duration{0, 0, 2 * time.Second, 3 * time.Second}; !slices.Equal(fired, want) {
		t.Errorf("fired at %v, want %v", fired, want)
	}
	if got := w.Elapsed(); got != 4*time.Second {
		t.Errorf("it is %s", got)
	}
	w.RunUntil(began.Add(time.Second)) // the past: nothing happens
	w.RunUntil(began.Add(5 * time.Second))
	if len(fired) != 5 || w.Elapsed() != 5*time.Second {
		t.Errorf("fired at %v, it is %s", fired, w.Elapsed())
	}
	if _, ok := w.NextEvent(); ok {
		t.Error("there is a next event")
	}
}

// planned is what the model of the events knows about a timer.
type planned struct {
	at    time.Duration
	order int
	timer actors.Timer
}

func TestEventsHappenInOrderUnlessStopped(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := New(Options{})
		defer w.Close()
		var plan []planned
		var happened, want []int
		added := 0
		rt.Repeat(map[string]func(*rapid.T){
			"add": func(rt *rapid.T) {
				for range rapid.IntRange(1, 100).Draw(rt, "timers") {
					// Few delays for many timers, from nothing to years: moments in common, and every bucket.
					d := time.Duration(rapid.IntRange(0, 20).Draw(rt, "delay")) << rapid.SampledFrom([]int{0, 0, 20, 52}).Draw(rt, "scale")
					order := added
					added++
					plan = append(plan, planned{w.Elapsed() + d, order,
						w.AfterFunc(d, func() { happened = append(happened, order) })})
				}
			},
			"stop": func(rt *rapid.T) {
				for range rapid.IntRange(1, 100).Draw(rt, "stops") {
					if len(plan) == 0 {
						return
					}
					i := rapid.IntRange(0, len(plan)-1).Draw(rt, "timer")
					plan[i].timer.Stop()
					plan[i].timer.Stop()
					plan = slices.Delete(plan, i, i+1)
				}
			},
			"advance": func(rt *rapid.T) {
				w.Advance(time.Duration(rapid.IntRange(0, 10).Draw(rt, "d")) << rapid.SampledFrom([]int{0, 0, 20, 52}).Draw(rt, "scale"))
				slices.SortFunc(plan, func(a, b planned) int {
					return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.order, b.order))
				})
				for len(plan) > 0 && plan[0].at <= w.Elapsed() {
					want = append(want, plan[0].order)
					plan[0].timer.Stop() // too late to matter
					plan = plan[1:]
				}
			},
			"": func(rt *rapid.T) {
				if !slices.Equal(happened, want) {
					rt.Fatalf("happened: %v, want %v", happened, want)
				}
				if waiting := w.events.count - w.events.stopped; waiting != len(plan) {
					rt.Fatalf("%d events wait, want %d", waiting, len(plan))
				}
				if n := w.events.count; n > 2*len(plan)+65 {
					rt.Fatalf("the heap keeps %d entries for %d timers", n, len(plan))
				}
			},
		})
	})
}

func TestADayOf100Actors(t *testing.T) {
	w := New(Options{Seed: 1})
	var ticks [100]int
	inside(t, w, func(ctx actor.Context) {
		for i := range ticks {
			spawn(ctx, w, actor.ReceiveFunc(func(ctx actor.Context) {
				switch ctx.Message().(type) {
				case *tick:
					ticks[i]++
					w.After(time.Minute, ctx.Self(), ctx.Message())
				case *actor.Started:
					w.After(time.Duration(w.Float64()*float64(time.Minute)), ctx.Self(), &tick{})
				}
			}))
		}
	})
	w.Advance(24 * time.Hour)
	for i, n := range ticks {
		if n != 24*60 {
			t.Errorf("actor %d: %d ticks in a day of minutes", i, n)
		}
	}
	if got := w.Counts().Events; got != 100*24*60 {
		t.Errorf("%d events", got)
	}
}

func TestAStandstillIsNoticed(t *testing.T) {
	for name, begin := range map[string]func(w *World){
		"events": func(w *World) {
			var again func()
			again = func() { w.AfterFunc(0, again) }
			again()
		},
		"picks": func(w *World) {
			var again func(actor.Context)
			again = func(ctx actor.Context) { ctx.Send(ctx.Self(), again) }
			if err := w.Send(w.root, again); err != nil {
				t.Fatal(err)
			}
		},
	} {
		w := New(Options{})
		inside(t, w, func(actor.Context) {})
		w.patience = 1000
		begin(w)
		if thrownBy(func() { w.Advance(time.Second) }) == nil {
			t.Errorf("%s without end at one instant went on", name)
		}
		w.Close()
		if _, ok := w.NextEvent(); ok || !w.Idle() {
			t.Error("a closed world has something to do")
		}
	}
}
