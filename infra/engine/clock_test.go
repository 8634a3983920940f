package engine

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.uber.org/goleak"

	"hearth/infra/testkit"
)

func TestTimersFireInTheirTime(t *testing.T) {
	r := start(t, Config{Log: quiet()})
	root, _ := r.scriptedRoot(t)
	fired := make(chan time.Time, 1)
	began := r.Now()
	r.After(20*time.Millisecond, root, func(actor.Context) { fired <- r.Now() })
	if took := testkit.Receive(t, fired).Sub(began); took < 20*time.Millisecond {
		t.Errorf("fired after %s", took)
	}
}

// The timers' times are such that many fire just as they are stopped. What was sent before Stop returned is in the
// mailbox before the marker that follows.
func TestAStoppedTimerNeverSends(t *testing.T) {
	type fired struct{ n int }
	type marker struct{ n int }
	const rounds = 2000
	r := start(t, Config{Log: quiet()})
	root, _ := r.scriptedRoot(t)
	done := make(chan struct{})
	passed, early := 0, 0
	pid := r.spawn(t, root, "child", func(ctx actor.Context) {
		switch m := ctx.Message().(type) {
		case *fired:
			early++
			if m.n <= passed {
				t.Errorf("timer %d fired after it was stopped", m.n)
			}
		case *marker:
			if passed = m.n; passed == rounds {
				close(done)
			}
		}
	})
	const delay = 20 * time.Microsecond
	stopped := 0
	for n := range rounds {
		timer := r.After(delay, pid, &fired{n + 1})
		for began := time.Now(); time.Since(began) < time.Duration(n%40)*time.Microsecond; {
			runtime.Gosched()
		}
		if timer.Stop() {
			stopped++
		}
		if timer.Stop() {
			t.Errorf("timer %d was stopped twice", n+1)
		}
		if err := r.Send(pid, &marker{n + 1}); err != nil {
			t.Fatal(err)
		}
	}
	testkit.Receive(t, done)
	if early+stopped != rounds {
		t.Errorf("of %d timers %d fired and %d were stopped", rounds, early, stopped)
	}
}

func TestNilTimerIsTheCallersMistake(t *testing.T) {
	r := start(t, Config{Log: quiet()})
	root, _ := r.scriptedRoot(t)
	for _, call := range []func(){
		func() { r.After(0, nil, &numbered{}) },
		func() { r.After(0, root, nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			call()
		}()
	}
}

func TestStopEndsTimers(t *testing.T) {
	defer goleak.VerifyNone(t)
	e := New(Config{})
	var got atomic.Int64
	root, err := e.SpawnRoot("root", actor.ReceiveFunc(func(ctx actor.Context) {
		if _, ok := ctx.Message().(*numbered); ok {
			got.Add(1)
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		e.After(time.Hour, root, &numbered{})
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := e.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if n := len(e.timers.live); n != 0 {
		t.Errorf("%d timers are left", n)
	}
	e.After(0, root, &numbered{}).Stop()
	if n := got.Load(); n != 0 {
		t.Errorf("%d messages after the end", n)
	}
}
