package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"hearth/actors/system"
	"hearth/infra/testkit"
)

// token is a message whose content must not be seen in a log.
type token struct{ secret string }

func TestPanicStopsTheActorAndTellsItsParentOnce(t *testing.T) {
	var log bytes.Buffer
	r := start(t, Config{Workers: 2, Log: zerolog.New(zerolog.SyncWriter(&log))})
	root, terminated := r.scriptedRoot(t)
	var started, afterwards atomic.Int64
	bystander := r.spawn(t, root, "bystander", func(actor.Context) {})
	child := r.spawn(t, root, "child", func(ctx actor.Context) {
		switch ctx.Message().(type) {
		case *actor.Started:
			started.Add(1)
		case *token:
			time.Sleep(20 * time.Millisecond) // so that messages queue up behind
			panic("no such luck")
		case *numbered:
			afterwards.Add(1)
		}
	})
	for _, m := range []any{&token{"s3cret"}, &numbered{}, &numbered{}} {
		if err := r.Send(child, m); err != nil {
			t.Fatal(err)
		}
	}
	if who := testkit.Receive(t, terminated); who.Id != child.Id {
		t.Errorf("%s terminated, want %s", who.Id, child.Id)
	}
	testkit.Eventually(t, "both messages in the dead letters", func() bool { return r.count(IncidentDeadLetter) == 2 })
	if n := started.Load(); n != 1 {
		t.Errorf("started %d times", n)
	}
	if n := afterwards.Load(); n != 0 {
		t.Errorf("%d messages handled after the panic", n)
	}
	if n := r.count(IncidentCrash); n != 1 {
		t.Errorf("%d crashes counted, want 1", n)
	}
	r.inside(t, root, func(ctx actor.Context) {
		if children := ctx.Children(); len(children) != 1 || children[0].Id != bystander.Id {
			t.Errorf("the children left are %v", children)
		}
	})
	select {
	case who := <-terminated:
		t.Errorf("%s terminated as well", who.Id)
	default:
	}
	for _, want := range []string{`"level":"error"`, "no such luck", "engine.token", "supervision_test.go"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, log.String())
		}
	}
	if strings.Contains(log.String(), "s3cret") {
		t.Errorf("the log shows the message:\n%s", log.String())
	}
}

func TestGoexitIsAFailure(t *testing.T) {
	r := start(t, Config{Workers: 1, Log: quiet()})
	root, terminated := r.scriptedRoot(t)
	for i := range 3 { // more often than there are workers
		child := r.spawn(t, root, string(rune('a'+i)), func(ctx actor.Context) {
			if _, ok := ctx.Message().(*numbered); ok {
				runtime.Goexit()
			}
		})
		if err := r.Send(child, &numbered{}); err != nil {
			t.Fatal(err)
		}
		if who := testkit.Receive(t, terminated); who.Id != child.Id {
			t.Errorf("%s terminated, want %s", who.Id, child.Id)
		}
	}
	if n := r.count(IncidentCrash); n != 3 {
		t.Errorf("%d crashes counted, want 3", n)
	}
}

func TestPanicWhileStoppingDoesNotHinderTheStop(t *testing.T) {
	r := start(t, Config{Log: quiet()})
	root, terminated := r.scriptedRoot(t)
	grandchildStopped := make(chan struct{})
	child := r.spawn(t, root, "child", func(ctx actor.Context) {
		switch ctx.Message().(type) {
		case *actor.Started:
			r.Spawn(ctx, "grandchild", actor.ReceiveFunc(func(ctx actor.Context) {
				if _, ok := ctx.Message().(*actor.Stopped); ok {
					close(grandchildStopped)
				}
			}))
		case *actor.Stopping, *actor.Terminated, *actor.Stopped:
			panic("at every step of the end")
		}
	})
	r.inside(t, root, func(ctx actor.Context) { ctx.Stop(child) })
	testkit.Receive(t, grandchildStopped)
	if who := testkit.Receive(t, terminated); who.Id != child.Id {
		t.Errorf("%s terminated, want %s", who.Id, child.Id)
	}
	if n := r.count(IncidentCrash); n != 3 {
		t.Errorf("%d crashes counted, want 3", n)
	}
}

func TestRootFailureIsReportedAndStopsEverything(t *testing.T) {
	r := start(t, Config{Log: quiet()})
	root, _ := r.scriptedRoot(t)
	stopped := make(chan struct{})
	r.spawn(t, root, "child", func(ctx actor.Context) {
		if _, ok := ctx.Message().(*actor.Stopped); ok {
			close(stopped)
		}
	})
	if err := r.Send(root, func(actor.Context) { panic("the end") }); err != nil {
		t.Fatal(err)
	}
	testkit.Receive(t, stopped)
	testkit.Eventually(t, "the report", func() bool { return len(r.rootFailures()) == 1 })
	if err := r.rootFailures()[0]; !strings.Contains(err.Error(), "the end") {
		t.Errorf("the report is %q", err)
	}
}

func TestOneRootOnly(t *testing.T) {
	r := start(t, Config{Log: quiet()})
	r.scriptedRoot(t)
	if _, err := r.SpawnRoot("another", scripted{}); !errors.Is(err, system.ErrRootExists) {
		t.Errorf("a second root: %v", err)
	}
}

func TestAsk(t *testing.T) {
	r := start(t, Config{Log: quiet()})
	root, _ := r.scriptedRoot(t)
	pid := r.spawn(t, root, "child", func(ctx actor.Context) {
		switch m := ctx.Message().(type) {
		case *numbered:
			ctx.Respond(m.n)
			ctx.Respond(m.n + 1) // the second answer goes nowhere
		case *token:
			panic(m.secret)
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if answer, err := r.Ask(ctx, pid, &numbered{n: 7}); answer != 7 || err != nil {
		t.Errorf("answer %v, %v", answer, err)
	}
	soon, cancelSoon := context.WithTimeout(ctx, time.Millisecond)
	defer cancelSoon()
	if _, err := r.Ask(soon, pid, "nobody answers this"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without an answer: %v", err)
	}
	if _, err := r.Ask(ctx, pid, &token{"a panic"}); !errors.Is(err, ErrNoReceiver) {
		t.Errorf("asking for a panic: %v", err)
	}
	testkit.Eventually(t, "the actor's end", func() bool {
		_, err := r.Ask(ctx, pid, &numbered{n: 7})
		return errors.Is(err, ErrNoReceiver)
	})
}

func TestStopGivesUpInTime(t *testing.T) {
	release := make(chan struct{})
	e := New(Config{Workers: 1, Log: quiet()})
	entered := make(chan struct{})
	root, err := e.SpawnRoot("root", actor.ReceiveFunc(func(ctx actor.Context) {
		if _, ok := ctx.Message().(*numbered); ok {
			close(entered)
			<-release
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Send(root, &numbered{}); err != nil {
		t.Fatal(err)
	}
	testkit.Receive(t, entered)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := e.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("stopping a stuck actor: %v", err)
	}
	close(release)
	testkit.Receive(t, e.pool.done)
}

// victim panics or stops at some messages, and panics at the end if it is odd.
type victim struct{ n int }

func (v victim) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Stopping:
		if v.n%2 == 1 {
			panic("on the way out")
		}
	case *numbered:
		switch m.n % 50 {
		case 0:
			panic("in the storm")
		case 1:
			ctx.Stop(ctx.Self())
		}
	}
}

// breeder keeps a number of victims alive until enough of them have ended. Each is to end once.
type breeder struct {
	tb      testing.TB
	rig     *rig
	targets []atomic.Pointer[actor.PID]
	// slot is each living victim's place in targets.
	slot   map[string]int
	enough int
	made   int
	done   chan struct{}
}

func (b *breeder) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		for i := range b.targets {
			b.spawn(ctx, i)
		}
	case *actor.Terminated:
		i, alive := b.slot[m.Who.Id]
		if !alive {
			b.tb.Errorf("%s ended again", m.Who.Id)
		}
		delete(b.slot, m.Who.Id)
		if b.enough--; b.enough == 0 {
			close(b.done)
		}
		if b.enough > 0 {
			b.spawn(ctx, i)
		}
	}
}

func (b *breeder) spawn(ctx actor.Context, i int) {
	b.made++
	n := b.made
	pid, err := b.rig.Spawn(ctx, fmt.Sprint("victim-", n), victim{n})
	if err != nil {
		b.tb.Error(err)
		return
	}
	b.slot[pid.Id] = i
	b.targets[i].Store(pid)
}

// Children crash, stop and are replaced while others send to them.
func TestStorm(t *testing.T) {
	r := start(t, Config{Workers: 4, Log: quiet()})
	b := &breeder{
		tb: t, rig: r, targets: make([]atomic.Pointer[actor.PID], 50), slot: make(map[string]int), enough: 2000,
		done: make(chan struct{}),
	}
	if _, err := r.SpawnRoot("root", b); err != nil {
		t.Fatal(err)
	}
	var senders sync.WaitGroup
	over := make(chan struct{})
	defer senders.Wait()
	defer close(over)
	for range 4 {
		senders.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-over:
					return
				default:
				}
				if pid := b.targets[n%len(b.targets)].Load(); pid != nil {
					if err := r.Send(pid, &numbered{n: rand.IntN(50)}); err != nil {
						t.Error(err)
					}
				}
				runtime.Gosched()
			}
		})
	}
	testkit.Receive(t, b.done)
}
