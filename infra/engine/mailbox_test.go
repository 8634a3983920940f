package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/actors/system"
	"hearth/infra/testkit"
)

type numbered struct{ sender, n int }

func TestOrderIsKeptAndNothingIsLost(t *testing.T) {
	const senders, each, actors = 8, 2000, 4
	r := start(t, Config{Workers: 4, Log: quiet()})
	root, _ := r.scriptedRoot(t)
	var left sync.WaitGroup
	left.Add(senders * each * actors)
	pids := make([]*actor.PID, actors)
	for i := range pids {
		var last [senders]int
		inHand := false
		pids[i] = r.spawn(t, root, string(rune('a'+i)), func(ctx actor.Context) {
			m, ok := ctx.Message().(*numbered)
			if !ok {
				return
			}
			if inHand {
				t.Error("an actor handles two messages at once")
			}
			inHand = true
			if m.n != last[m.sender]+1 {
				t.Errorf("sender %d: %d after %d", m.sender, m.n, last[m.sender])
			}
			last[m.sender] = m.n
			inHand = false
			left.Done()
		})
	}
	for s := range senders {
		go func() {
			for n := range each {
				if s%2 == 0 { // every second one is a guest
					r.Enter()
				}
				for _, pid := range pids {
					if err := r.Send(pid, &numbered{sender: s, n: n + 1}); err != nil {
						t.Error(err)
					}
				}
				if s%2 == 0 {
					r.Leave()
				}
			}
		}()
	}
	done := make(chan struct{})
	go func() { left.Wait(); close(done) }()
	testkit.Receive(t, done)
}

func TestBudgetIsFair(t *testing.T) {
	r := start(t, Config{Workers: 1, Log: quiet()})
	root, _ := r.scriptedRoot(t)
	var greedyRuns atomic.Int64
	stop := make(chan struct{})
	greedy := r.spawn(t, root, "greedy", func(ctx actor.Context) {
		if _, ok := ctx.Message().(*numbered); !ok {
			return
		}
		greedyRuns.Add(1)
		select {
		case <-stop:
		default:
			ctx.Send(ctx.Self(), ctx.Message())
		}
	})
	if err := r.Send(greedy, &numbered{}); err != nil {
		t.Fatal(err)
	}
	// On the one worker, the root still gets its turns.
	for range 100 {
		r.inside(t, root, func(actor.Context) {})
	}
	before := greedyRuns.Load()
	testkit.Eventually(t, "the greedy actor's next turn", func() bool { return greedyRuns.Load() > before })
	close(stop)
}

func TestFullMailboxRefusesAllButAStop(t *testing.T) {
	const limit = 10
	r := start(t, Config{MailboxLimit: limit, Log: quiet()})
	root, terminated := r.scriptedRoot(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	var got atomic.Int64
	slow := r.spawn(t, root, "slow", func(ctx actor.Context) {
		switch ctx.Message().(type) {
		case func(actor.Context):
			close(entered)
			<-leave
		case *numbered:
			got.Add(1)
		}
	})
	if err := r.Send(slow, func(actor.Context) {}); err != nil {
		t.Fatal(err)
	}
	testkit.Receive(t, entered)
	for range limit + 5 {
		if err := r.Send(slow, &numbered{}); err != nil {
			t.Fatal(err)
		}
	}
	if n := r.count(IncidentOverflow); n != 5 {
		t.Errorf("%d messages refused, want 5", n)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := r.Ask(ctx, slow, &numbered{}); !errors.Is(err, ErrNoReceiver) {
		t.Errorf("asking a full mailbox: %v", err)
	}
	r.inside(t, root, func(ctx actor.Context) { ctx.Poison(slow) })
	close(leave)
	if who := testkit.Receive(t, terminated); who.Id != slow.Id {
		t.Errorf("%s terminated, want %s", who.Id, slow.Id)
	}
	if n := got.Load(); n != limit {
		t.Errorf("%d messages handled, want %d", n, limit)
	}
}

func TestNilIsRefused(t *testing.T) {
	r := start(t, Config{Log: quiet()})
	root, _ := r.scriptedRoot(t)
	if err := r.Send(root, nil); !errors.Is(err, system.ErrNil) {
		t.Errorf("a nil message: %v", err)
	}
	if err := r.Send(nil, &numbered{}); !errors.Is(err, system.ErrNil) {
		t.Errorf("a nil actor: %v", err)
	}
	if _, err := r.Ask(context.Background(), root, nil); !errors.Is(err, system.ErrNil) {
		t.Errorf("asking nil: %v", err)
	}
	r.inside(t, root, func(ctx actor.Context) {
		ctx.Send(root, nil)
		ctx.Request(root, nil)
	})
	if n := r.count(IncidentNil); n != 2 {
		t.Errorf("%d nil messages counted, want 2", n)
	}
	r.inside(t, r.PID("root"), func(actor.Context) {}) // still alive
}

func TestSuspendHoldsUserMessagesBack(t *testing.T) {
	r := start(t, Config{Log: quiet()})
	root, _ := r.scriptedRoot(t)
	var got atomic.Int64
	pid := r.spawn(t, root, "child", func(ctx actor.Context) {
		if _, ok := ctx.Message().(*numbered); ok {
			got.Add(1)
		}
	})
	process, _ := r.system.ProcessRegistry.Get(pid)
	process.SendSystemMessage(pid, &actor.SuspendMailbox{})
	for range 100 {
		if err := r.Send(pid, &numbered{}); err != nil {
			t.Fatal(err)
		}
	}
	// System messages pass: when the watch is answered for, user messages had their chance.
	watcher, answers := r.openInbox()
	defer watcher.Close()
	process.SendSystemMessage(pid, &actor.Watch{Watcher: watcher.PID})
	if n := got.Load(); n != 0 {
		t.Errorf("%d user messages passed a suspended mailbox", n)
	}
	process.SendSystemMessage(pid, &actor.ResumeMailbox{})
	testkit.Eventually(t, "the rest after the resumption", func() bool { return got.Load() == 100 })
	process.Stop(pid)
	if _, ok := testkit.Receive(t, answers).(*actor.Terminated); !ok {
		t.Error("the watcher got something else than Terminated")
	}
}

func TestMessagesBeforeStartWait(t *testing.T) {
	r := start(t, Config{Log: quiet()})
	box := newMailbox(r.Engine)
	box.PostUserMessage(&numbered{})
	if n := box.UserMessageCount(); n != 1 {
		t.Errorf("%d messages wait, want 1", n)
	}
	if !box.busy {
		t.Error("a mailbox without an actor is free to run")
	}
}

func TestRingKeepsOrderAndGivesMemoryBack(t *testing.T) {
	var r ring[int]
	next, want := 0, 0
	for round := range 200 {
		for range round {
			r.push(next)
			next++
		}
		for range round/2 + 1 {
			if r.size == 0 {
				break
			}
			if got := r.pop(); got != want {
				t.Fatalf("got %d, want %d", got, want)
			}
			want++
		}
	}
	for r.size > 0 {
		if got := r.pop(); got != want {
			t.Fatalf("got %d, want %d", got, want)
		}
		want++
	}
	if want != next {
		t.Errorf("%d of %d came out", want, next)
	}
	if len(r.slots) > keepSlots {
		t.Errorf("an empty ring keeps %d slots", len(r.slots))
	}
}
