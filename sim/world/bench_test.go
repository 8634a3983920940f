package world

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/actors"
)

// player sends the ball back for as long as there are turns left.
type player struct {
	peer  *actor.PID
	turns *int
}

func (p *player) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.PID:
		p.peer = m
	case *tick:
		if *p.turns > 0 {
			*p.turns--
			ctx.Send(p.peer, m)
		}
	}
}

// BenchmarkPick is one message handled and one sent, with twice the number of pairs of actors runnable.
func BenchmarkPick(b *testing.B) {
	for _, pairs := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint("pairs=", pairs), func(b *testing.B) {
			w := New(Options{})
			turns := 0
			inside(b, w, func(ctx actor.Context) {
				for range pairs {
					x, y := spawn(ctx, w, &player{turns: &turns}), spawn(ctx, w, &player{turns: &turns})
					ctx.Send(x, y)
					ctx.Send(y, x)
				}
			})
			var all []*actor.PID
			inside(b, w, func(ctx actor.Context) { all = slices.Clone(ctx.Children()) })
			turns = b.N
			for _, pid := range all {
				_, _ = w.Send(pid, &tick{}), w.Send(pid, &tick{})
			}
			b.ResetTimer()
			b.ReportAllocs()
			for w.Step() {
			}
		})
	}
}

// rearm sets a timer each time that one fires; with a second, long one it also stops and sets that again.
type rearm struct {
	world *World
	idle  actors.Timer
	long  bool
}

func (r *rearm) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		r.world.After(time.Duration(r.world.Float64()*float64(time.Second)), ctx.Self(), &tick{})
	case *tick:
		r.world.After(time.Second, ctx.Self(), m)
		if !r.long {
			return
		}
		if r.idle != nil {
			r.idle.Stop()
		}
		r.idle = r.world.After(15*time.Minute, ctx.Self(), m)
	}
}

// BenchmarkTimer is one timer set and fired, and the pick that it causes, with 10,000 others outstanding; with idle, one
// more timer is set and stopped.
func BenchmarkTimer(b *testing.B) {
	for _, long := range []bool{false, true} {
		b.Run(fmt.Sprint("idle=", long), func(b *testing.B) {
			w := New(Options{})
			inside(b, w, func(ctx actor.Context) {
				for range 10_000 {
					spawn(ctx, w, &rearm{world: w, long: long})
				}
			})
			w.Advance(time.Minute)
			b.ReportAllocs()
			b.ResetTimer()
			for fired := w.Counts().Events; w.Counts().Events-fired < uint64(b.N); {
				w.Advance(time.Millisecond)
			}
			b.ReportMetric(float64(w.events.count), "entries")
		})
	}
}

// BenchmarkSpawnStop is one child spawned, stopped and its end heard of, among siblings.
func BenchmarkSpawnStop(b *testing.B) {
	for _, siblings := range []int{1, 10_000} {
		b.Run(fmt.Sprint("siblings=", siblings), func(b *testing.B) {
			w := New(Options{})
			var children []*actor.PID
			for range siblings {
				inside(b, w, func(ctx actor.Context) {
					children = append(children, spawn(ctx, w, idle{}))
				})
			}
			b.ReportAllocs()
			b.ResetTimer()
			i := 0
			for b.Loop() {
				i = (i + 1) % siblings
				inside(b, w, func(ctx actor.Context) {
					ctx.Stop(children[i])
					children[i] = spawn(ctx, w, idle{})
				})
			}
		})
	}
}

// visit is a session as a year of traffic has them: six minutes apart something comes in, each time the actor asks its
// parent and puts off its idle timer, and in the end it stops.
type visit struct {
	world *World
	left  int
	idle  actors.Timer
}

func (v *visit) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		v.next(ctx, &tick{})
	case *tick:
		v.idle.Stop()
		ctx.Send(ctx.Parent(), ctx.Self())
		if v.left--; v.left > 0 {
			v.next(ctx, m)
		}
	case string:
		if v.left == 0 {
			ctx.Stop(ctx.Self())
		}
	}
}

func (v *visit) next(ctx actor.Context, m *tick) {
	v.world.After(time.Duration(v.world.Float64()*float64(12*time.Minute)), ctx.Self(), m)
	v.idle = v.world.After(15*time.Minute, ctx.Self(), "idle")
}

// host answers its visits, and counts them.
type host struct {
	world  *World
	visits int
}

func (h *host) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.PID:
		ctx.Send(m, "answer")
	case *tick:
		h.visits++
		spawn(ctx, h.world, &visit{world: h.world, left: 3})
		h.world.After(time.Duration(h.world.Float64()*float64(12600*time.Millisecond)), ctx.Self(), m)
	}
}

// BenchmarkVisit is one session of a traffic of five million a year, with everything that it causes.
func BenchmarkVisit(b *testing.B) {
	w := New(Options{})
	h := &host{world: w}
	root, err := w.SpawnRoot("root", h)
	if err != nil {
		b.Fatal(err)
	}
	if err := w.Send(root, &tick{}); err != nil {
		b.Fatal(err)
	}
	w.Advance(time.Hour)
	begun := w.Counts()
	b.ReportAllocs()
	b.ResetTimer()
	for before := h.visits; h.visits-before < b.N; {
		w.Advance(time.Minute)
	}
	b.StopTimer()
	b.ReportMetric(float64(w.Counts().Picks-begun.Picks)/float64(b.N), "picks/op")
	b.ReportMetric(float64(w.Counts().Events-begun.Events)/float64(b.N), "events/op")
	b.ReportMetric(heapBytes(), "B-heap")
}

func heapBytes() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// BenchmarkNew is what a property test pays for each world.
func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		New(Options{}).Close()
	}
}
