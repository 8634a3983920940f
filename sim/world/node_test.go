package world

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"hearth/actors/system"

	"github.com/asynkron/protoactor-go/actor"
)

// brood spawns children down to a depth.
type brood struct {
	world *World
	depth int
	runs  *int
}

func (b brood) Receive(ctx actor.Context) {
	*b.runs++
	if _, ok := ctx.Message().(*actor.Started); ok && b.depth > 0 {
		for range 3 {
			spawn(ctx, b.world, brood{b.world, b.depth - 1, b.runs})
		}
	}
}

func TestAllDescendantsRunInTheWorld(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	w := New(Options{Seed: 3})
	runs := 0
	if _, err := w.SpawnRoot("root", brood{w, 5, &runs}); err != nil {
		t.Fatal(err)
	}
	for want := 0; !w.Idle(); want++ {
		if runs != want {
			t.Fatalf("%d messages handled in %d picks", runs, want)
		}
		w.Step()
	}
	if all := (3*3*3*3*3*3 - 1) / 2; w.Actors() != all || runs != all {
		t.Errorf("%d actors, %d messages handled, want %d", w.Actors(), runs, all)
	}
	if n := runtime.NumGoroutine(); n != goroutines {
		t.Errorf("%d goroutines, before the world %d", n, goroutines)
	}
}

func TestForeignChildrenAreRefused(t *testing.T) {
	w := New(Options{})
	thrown := thrownBy(func() {
		inside(t, w, func(ctx actor.Context) {
			ctx.Spawn(actor.PropsFromProducer(func() actor.Actor { return idle{} }))
		})
	})
	if thrown == nil || !strings.Contains(fmt.Sprint(thrown), "Engine.Spawn") {
		t.Errorf("a child that runs elsewhere: %v", thrown)
	}
}

func TestKillLeavesNothing(t *testing.T) {
	w := New(Options{})
	other := w.NewNode()
	said := make(map[*Node]int)
	for _, n := range []*Node{w.Node, other} {
		if _, err := n.SpawnRoot("root", actor.ReceiveFunc(func(ctx actor.Context) {
			said[n]++
			n.After(time.Second, ctx.Self(), &tick{})
			ctx.Send(ctx.Self(), "more to do")
			if said[n]%10 != 0 {
				n.After(time.Hour, ctx.Self(), &tick{}).Stop()
			}
		})); err != nil {
			t.Fatal(err)
		}
	}
	w.Drain(1000)
	other.Kill()
	before := said[other]
	if w.Drain(1000) || said[w.Node] < 1000 {
		t.Errorf("the node that was not killed stands still: %d", said[w.Node])
	}
	if said[other] != before || other.Actors() != 0 {
		t.Errorf("the killed node runs: %d, then %d; %d actors", before, said[other], other.Actors())
	}
	if err := other.Send(other.root, &tick{}); !errors.Is(err, ErrKilled) {
		t.Errorf("sending to a killed node: %v", err)
	}
	for _, bucket := range w.events.later {
		for _, e := range bucket {
			if e.timer.node == other {
				t.Error("a timer of the killed node is left")
			}
		}
	}
	again := w.NewNode()
	if _, err := again.SpawnRoot("root", idle{}); err != nil {
		t.Errorf("the same name in a new process: %v", err)
	}
	w.Close()
	if w.Step() {
		t.Error("a closed world runs")
	}
}

func TestRefusals(t *testing.T) {
	w := New(Options{})
	inside(t, w, func(ctx actor.Context) {
		ctx.Send(ctx.Self(), nil)
		ctx.Request(ctx.Self(), nil)
	})
	if n := w.Counts().Nils; n != 2 {
		t.Errorf("%d nil messages counted", n)
	}
	if err := w.Send(w.root, nil); !errors.Is(err, system.ErrNil) {
		t.Errorf("a nil message: %v", err)
	}
	if err := w.Send(nil, &tick{}); !errors.Is(err, system.ErrNil) {
		t.Errorf("a nil actor: %v", err)
	}
	if thrownBy(func() { w.After(0, nil, &tick{}) }) == nil {
		t.Error("a timer for nobody was set")
	}
	if _, err := w.SpawnRoot("another", idle{}); !errors.Is(err, system.ErrRootExists) {
		t.Errorf("a second root: %v", err)
	}
}

// A stream is the same on every machine and for ever: recorded histories depend on it.
func TestStreamsAreFixed(t *testing.T) {
	w := New(Options{Seed: 42})
	first := w.Stream("arrivals")
	w.Stream("other").Uint64()
	second := New(Options{Seed: 42}).Stream("arrivals")
	for i := range 100 {
		if a, b := first.Uint64(), second.Uint64(); a != b {
			t.Fatalf("number %d is %d and %d", i, a, b)
		}
	}
	for _, c := range []struct {
		seed uint64
		name string
		want uint64
	}{
		{42, "arrivals", 9733193641540109519},
		{42, "other", 14222010000625598523},
		{43, "arrivals", 11036849770049966585},
	} {
		if got := New(Options{Seed: c.seed}).Stream(c.name).Uint64(); got != c.want {
			t.Errorf("seed %d, %s: %d, want %d", c.seed, c.name, got, c.want)
		}
	}
}

// Whatever a long run uses up, it must give back: actors, timers, messages.
func TestMemoryStaysBounded(t *testing.T) {
	w := New(Options{})
	inside(t, w, func(actor.Context) {})
	spend := func() uint64 {
		for range 5000 {
			self := inside(t, w, func(ctx actor.Context) {
				spawn(ctx, w, actor.ReceiveFunc(func(ctx actor.Context) {
					switch ctx.Message().(type) {
					case *actor.Started:
						w.After(time.Second, ctx.Self(), &tick{})
						w.After(time.Hour, ctx.Self(), &tick{}).Stop()
					case *tick:
						ctx.Stop(ctx.Self())
					}
				}))
			})
			self.terminated = nil
			w.Advance(10 * time.Millisecond)
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := spend()
	for range 2 {
		if after := spend(); after > before+64<<10 {
			t.Errorf("the heap grew from %d to %d bytes", before, after)
		}
	}
	if n := w.Actors(); n > 102 {
		t.Errorf("%d actors are left", n)
	}
}
