package world

import (
	"flag"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"pgregory.net/rapid"

	"hearth/actors"
)

// wanderer does something of everything that can be done in a world, at random.
type wanderer struct {
	world *World
	depth int
	timer actors.Timer
}

func (a *wanderer) Receive(ctx actor.Context) {
	switch ctx.Message().(type) {
	case *actor.Started:
		a.rest(ctx)
	case *tick:
		a.move(ctx)
		a.rest(ctx)
	case *actor.Stopping:
		if a.world.Uint64()%8 == 0 {
			panic("while stopping")
		}
	}
}

func (a *wanderer) rest(ctx actor.Context) {
	d := time.Duration(a.world.Uint64()%4) * time.Millisecond
	a.timer = a.world.After(d, ctx.Self(), &tick{})
}

func (a *wanderer) move(ctx actor.Context) {
	children := ctx.Children()
	switch a.world.Uint64() % 8 {
	case 0, 1, 2:
		if a.depth < 4 && len(children) < 4 {
			spawn(ctx, a.world, &wanderer{world: a.world, depth: a.depth + 1})
		}
	case 3:
		for _, child := range children {
			ctx.Send(child, &tick{})
		}
	case 4:
		if len(children) > 0 {
			ctx.Stop(children[a.world.Uint64()%uint64(len(children))])
		}
	case 5:
		if a.depth > 0 {
			panic("at a bad moment")
		}
	case 6:
		a.timer.Stop()
	}
}

// history runs wanderers for a while and returns all that happened, and what it amounts to.
func history(tb testing.TB, options Options) (string, Counts) {
	tb.Helper()
	var trace strings.Builder
	var w *World
	options.AfterPick = func(p Pick) {
		fmt.Fprintf(&trace, "%d %s %T\n", w.Elapsed(), p.To.GetId(), p.Message)
	}
	w = New(options)
	defer w.Close()
	if _, err := w.SpawnRoot("root", &wanderer{world: w}); err != nil {
		tb.Fatal(err)
	}
	w.Advance(25 * time.Millisecond)
	w.Stop()
	w.Advance(time.Millisecond)
	if n := w.Actors(); n != 0 {
		tb.Errorf("seed %d: %d actors have not stopped", options.Seed, n)
	}
	for _, c := range w.Crashes() {
		fmt.Fprintln(&trace, c.At, c.Actor, c.Message, c.Reason)
	}
	return trace.String(), w.Counts()
}

func TestSameSeedSameHistory(t *testing.T) {
	histories := make(map[string]bool)
	var all Counts
	for seed := range uint64(200) {
		first, counts := history(t, Options{Seed: seed})
		if second, _ := history(t, Options{Seed: seed}); second != first {
			t.Fatalf("seed %d has two histories:\n%s\nand\n%s", seed, first, second)
		}
		histories[first] = true
		all.Picks += counts.Picks
		all.Events += counts.Events
		all.Crashes += counts.Crashes
	}
	if len(histories) < 195 {
		t.Errorf("only %d histories in 200 seeds", len(histories))
	}
	t.Logf("%+v", all)
	if all.Crashes < 200 || all.Events < 5000 || all.Picks < all.Events {
		t.Errorf("too little happened to prove anything: %+v", all)
	}
}

// verdict keeps the outcome of a property to itself.
type verdict struct {
	testing.TB
	failed bool
}

func (v *verdict) Errorf(string, ...any) { v.failed = true }
func (v *verdict) Error(...any)          { v.failed = true }
func (v *verdict) Fail()                 { v.failed = true }
func (v *verdict) FailNow()              { v.failed = true; runtime.Goexit() }
func (v *verdict) Failed() bool          { return v.failed }
func (v *verdict) Logf(string, ...any)   {}
func (v *verdict) Log(...any)            {}

// fails reports whether rapid finds fault with a property, and leaves the test alone.
func fails(t *testing.T, property func(*rapid.T)) bool {
	t.Helper()
	v, done := &verdict{TB: t}, make(chan struct{})
	go func() {
		defer close(done)
		rapid.Check(v, property)
	}()
	<-done
	return v.failed
}

// The property that the first of five senders is heard first holds in the plain schedule and fails in others. The
// smallest of those departs from the plain one once, by one place.
func TestRapidShrinksToThePlainSchedule(t *testing.T) {
	const noFile = "rapid.nofailfile"
	before := flag.Lookup(noFile).Value.String()
	if err := flag.Set(noFile, "true"); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = flag.Set(noFile, before) }()
	var picks []int
	property := func(rt *rapid.T) {
		picks = nil
		w := New(Options{
			Rethrow: FromTest,
			Choose: func(n int) int {
				i := rapid.IntRange(0, n-1).Draw(rt, "pick")
				picks = append(picks, i)
				return i
			},
		})
		var heard []int
		var senders []*actor.PID
		inside(rt, w, func(ctx actor.Context) {
			for i := range 5 {
				senders = append(senders, spawn(ctx, w, actor.ReceiveFunc(func(ctx actor.Context) {
					if _, ok := ctx.Message().(*tick); ok {
						heard = append(heard, i)
					}
				})))
			}
		})
		inside(rt, w, func(ctx actor.Context) {
			for _, pid := range senders {
				ctx.Send(pid, &tick{})
			}
		})
		if len(heard) != 5 {
			rt.Fatalf("heard %v", heard)
		}
		if heard[0] != 0 {
			rt.Fatalf("%d was heard first", heard[0])
		}
	}
	if !fails(t, property) {
		t.Fatal("rapid found no other schedule than the plain one")
	}
	if want := []int{0, 0, 0, 0, 1, 0, 0, 0}; !slices.Equal(picks, want) {
		t.Errorf("the smallest counterexample is %v, want %v", picks, want)
	}
}

func TestRethrowLetsPropertiesEnd(t *testing.T) {
	for _, c := range []struct {
		name    string
		rethrow func(any) bool
		thrown  any
		crashes uint64
	}{
		{"an actor's panic", nil, nil, 1},
		{"an actor's panic in a property", FromTest, nil, 1},
		{"a panic to be thrown again", func(any) bool { return true }, "oops", 0},
	} {
		w := New(Options{Rethrow: c.rethrow})
		thrown := thrownBy(func() { inside(t, w, func(actor.Context) { panic("oops") }) })
		if crashes := w.Counts().Crashes; thrown != c.thrown || crashes != c.crashes {
			t.Errorf("%s: %v went up, %d crashes", c.name, thrown, crashes)
		}
	}
	wentOn := false
	fails(t, func(rt *rapid.T) {
		w := New(Options{Rethrow: FromTest})
		// This skips no test: it is the panic by which a property steers itself, and must not be taken for an actor's.
		inside(rt, w, func(actor.Context) { rt.Skip("from within an actor") })
		wentOn = true
	})
	if wentOn {
		t.Error("a property went on after a skip")
	}
}
