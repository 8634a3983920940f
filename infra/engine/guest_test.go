package engine

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/infra/testkit"
)

// occupy keeps the rig's one worker busy until the returned function is called.
func (r *rig) occupy(t *testing.T, root *actor.PID) (release func()) {
	t.Helper()
	busy, free := make(chan struct{}), make(chan struct{})
	if err := r.Send(root, func(actor.Context) { close(busy); <-free }); err != nil {
		t.Fatal(err)
	}
	testkit.Receive(t, busy)
	return func() { close(free) }
}

// counter spawns an actor that counts the numbers it is sent.
func (r *rig) counter(t *testing.T, root *actor.PID, name string, handled *atomic.Int64) *actor.PID {
	t.Helper()
	return r.spawn(t, root, name, func(ctx actor.Context) {
		if _, ok := ctx.Message().(*numbered); ok {
			handled.Add(1)
		}
	})
}

func (r *rig) send(t *testing.T, to *actor.PID, message any) {
	t.Helper()
	if err := r.Send(to, message); err != nil {
		t.Error(err)
	}
}

func TestAGuestRunsWhatItWakes(t *testing.T) {
	r := start(t, Config{Workers: 1, Log: quiet()})
	root, _ := r.scriptedRoot(t)
	var handled atomic.Int64
	second := r.counter(t, root, "second", &handled)
	inFirst := false
	first := r.spawn(t, root, "first", func(ctx actor.Context) {
		if m, ok := ctx.Message().(*numbered); ok {
			inFirst = true
			ctx.Send(second, m)
			if handled.Load() != 0 {
				t.Error("the second actor was called from within the first")
			}
			inFirst = false
		}
	})
	release := r.occupy(t, root)
	defer release()
	r.Enter()
	r.send(t, first, &numbered{})
	r.Leave()
	if handled.Load() != 1 || inFirst {
		t.Error("the guest left before its message and what it led to were handled")
	}
}

func TestAGuestLeavesTheRestToTheWorkers(t *testing.T) {
	r := start(t, Config{Workers: 1, Log: quiet()})
	root, _ := r.scriptedRoot(t)
	var handled atomic.Int64
	counters := make([]*actor.PID, guestRuns+5)
	for i := range counters {
		counters[i] = r.counter(t, root, fmt.Sprint("counter-", i), &handled)
	}
	release := r.occupy(t, root)
	r.Enter()
	for _, pid := range counters {
		r.send(t, pid, &numbered{})
	}
	r.Leave()
	if n := handled.Load(); n != guestRuns {
		t.Errorf("the guest took %d runs", n)
	}
	release()
	testkit.Eventually(t, "the workers take the rest", func() bool { return int(handled.Load()) == len(counters) })
}

// TestGoexitOnAGuest ends the guest's goroutine, and nothing else.
func TestGoexitOnAGuest(t *testing.T) {
	r := start(t, Config{Workers: 1, Log: quiet()})
	root, terminated := r.scriptedRoot(t)
	quitter := r.spawn(t, root, "quitter", func(ctx actor.Context) {
		if _, ok := ctx.Message().(*numbered); ok {
			runtime.Goexit()
		}
	})
	release := r.occupy(t, root)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.Enter()
		r.send(t, quitter, &numbered{})
		r.Leave()
	}()
	testkit.Receive(t, ended)
	release()
	if who := testkit.Receive(t, terminated); who.Id != quitter.Id {
		t.Errorf("%v has ended", who)
	}
	if n := r.pool.guests.Load(); n != 0 {
		t.Errorf("%d guests are left", n)
	}
}
