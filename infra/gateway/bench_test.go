package gateway_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"hearth/actors"
	"hearth/actors/pool"
	"hearth/infra/engine"
	"hearth/messages"
	"hearth/messages/wire"
)

// patience bounds every wait.
const patience = time.Minute

// BenchmarkClaimBurst has 1,000 clients say hello at once to 1,000 ready tasks. A claim is served when its task is sent
// init_user. The goal: all are within 20 ms of the first hello. The processor time that the burst takes, on all cores
// together, is reported beside it: on a machine that does other things as well it tells more.
func BenchmarkClaimBurst(b *testing.B) {
	const burst = 1000
	w := openWorld(b, burst)
	var all, each, processor []time.Duration
	for b.Loop() {
		w.awaitReady(burst)
		claims := make([]*claim, burst)
		for i := range claims {
			claims[i] = w.newClaim()
		}
		w.hold()
		before := processorTime(b)
		began := time.Now()
		for _, c := range claims {
			c.hello()
		}
		var last time.Time
		for _, c := range claims {
			served := c.await()
			each = append(each, served.Sub(began))
			if served.After(last) {
				last = served
			}
		}
		all = append(all, last.Sub(began))
		processor = append(processor, processorTime(b)-before)
		w.release()
		for _, c := range claims {
			c.close()
		}
	}
	b.ReportMetric(0, "ns/op") // most of it fills the pool
	report(b, "all-served", all)
	report(b, "each", each)
	report(b, "processor", processor)
}

// BenchmarkClaim is one claim at a time, from hello to init_user. The goal: it does not depend on the pool's size.
func BenchmarkClaim(b *testing.B) {
	for _, size := range []int{10, 100, 1000, 10_000} {
		b.Run(fmt.Sprintf("pool=%d", size), func(b *testing.B) {
			w := openWorld(b, size)
			var took []time.Duration
			for b.Loop() {
				w.awaitReady(size)
				c := w.newClaim()
				began := time.Now()
				c.hello()
				took = append(took, c.await().Sub(began))
				c.close()
			}
			b.ReportMetric(0, "ns/op") // most of it fills the pool
			report(b, "claim", took)
		})
	}
}

// processorTime is what this process has used so far.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func report(b *testing.B, name string, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, name+"-p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1e3, name+"-p99-µs")
}

// world is everything around the actors, which answers at once. The engine is the real one.
type world struct {
	tb     testing.TB
	engine *engine.Engine
	pool   *actor.PID
	links  atomic.Uint64
	// counts is the pool as the last event had it.
	counts atomic.Pointer[messages.Census]

	mu sync.Mutex
	// clients are the claims by their clients' sockets, claims the same by the users that they are for.
	clients map[messages.LinkID]*claim
	claims  map[wire.UserID]*claim
	// owners are the actors of the links, lines how many were sent on each.
	owners map[messages.LinkID]*actor.PID
	lines  map[messages.LinkID]int
	// holding says that starts take longer than what is measured, as all real ones do; held are those that were asked for.
	holding bool
	held    []func()
}

// openWorld starts the actors with a pool of that size, and ends them with the benchmark.
func openWorld(tb testing.TB, size int) *world {
	tb.Helper()
	w := &world{tb: tb, clients: map[messages.LinkID]*claim{}, claims: map[wire.UserID]*claim{}, owners: map[messages.LinkID]*actor.PID{}, lines: map[messages.LinkID]int{}}
	w.engine = engine.New(engine.Config{Log: zerolog.Nop()})
	settings := actors.DefaultSettings()
	settings.MaxSessionStartsPerSecond = 0
	settings.Min, settings.Max, settings.Threshold = size, size, size-1
	settings.MaxSessionsPerUser = 1
	ports := &actors.Ports{
		Engine: w.engine, Clock: w.engine, Rand: w.engine, Launcher: w, Links: w, Signer: w, Observer: w,
	}
	pool, err := w.engine.SpawnRoot(actors.PoolName, pool.New(ports, settings))
	if err != nil {
		tb.Fatal(err)
	}
	w.pool = pool
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := w.engine.Stop(ctx); err != nil {
			tb.Error(err)
		}
	})
	return w
}

// awaitReady waits until that many tasks are ready and nothing is under way; what is left of stopped tasks does not matter.
func (w *world) awaitReady(n int) {
	w.tb.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if c := w.counts.Load(); c != nil && c.Ready == n && c.Starting+c.Assigned+c.Waiting == 0 {
			return
		}
		if time.Now().After(deadline) {
			w.tb.Fatalf("the pool stands at %+v", w.counts.Load())
		}
	}
}

func (w *world) deliver(to *actor.PID, message any) {
	if err := w.engine.Send(to, message); err != nil {
		w.tb.Error(err)
	}
}

// claim is one client, from its hello to its end.
type claim struct {
	world  *world
	link   messages.LinkID
	user   wire.UserID
	owner  chan *actor.PID // gets the session's actor, before or after the claim is served
	served chan time.Time
	// bridge is the link of the task that serves it, with what that was told; they are set before served. ready says that the
	// client was told so.
	bridge messages.LinkID
	init   wire.InitUser
	ready  chan struct{}
}

func (w *world) newClaim() *claim {
	link := messages.LinkID(w.links.Add(1))
	c := &claim{
		world: w, link: link, user: wire.UserID(fmt.Sprintf("user-%d", link)),
		owner: make(chan *actor.PID, 1), served: make(chan time.Time, 1), ready: make(chan struct{}, 1),
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clients[link], w.claims[c.user] = c, c
	return c
}

func (c *claim) hello() {
	c.world.deliver(c.world.pool, &messages.ClientArrived{Link: c.link, User: c.user, Hello: wire.Hello{Acks: true, AcksInData: true}})
}

// await gives the time at which the claim was served.
func (c *claim) await() time.Time {
	c.world.tb.Helper()
	select {
	case at := <-c.served:
		return at
	case <-time.After(patience):
		c.world.tb.Fatal("a claim is not served")
		return time.Time{}
	}
}

// close ends the session.
func (c *claim) close() {
	w := c.world
	w.deliver(<-c.owner, &messages.LinkFrame{Link: c.link, Frame: wire.Close{}})
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.clients, c.link)
	delete(w.claims, c.user)
}

// Run starts a task whose bridge dials at once, or once it is released.
func (w *world) Run(to *actor.PID, request messages.RunTask) {
	start := func() {
		w.deliver(to, &messages.RunDone{Task: request.Task, ARN: "arn:" + string(request.Task)})
		w.deliver(w.pool, &messages.BridgeArrived{
			Link: messages.LinkID(w.links.Add(1)), Hello: wire.BridgeHello{TaskID: request.Task, State: wire.BridgeWarm, AcksInData: true},
		})
	}
	w.mu.Lock()
	holding := w.holding
	if holding {
		w.held = append(w.held, start)
	}
	w.mu.Unlock()
	if !holding {
		start()
	}
}

// hold keeps starts from coming to an end, release lets them.
func (w *world) hold() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.holding = true
}

func (w *world) release() {
	w.mu.Lock()
	held := w.held
	w.holding, w.held = false, nil
	w.mu.Unlock()
	for _, start := range held {
		start()
	}
}

// Stop stops it at once.
func (w *world) Stop(to *actor.PID, task wire.TaskID, _, _ string) {
	w.deliver(to, &messages.StopDone{Task: task})
}

// List knows of no tasks of an earlier gateway's.
func (w *world) List(to *actor.PID) { w.deliver(to, &messages.TasksListed{}) }

// Describe finds every task well.
func (w *world) Describe(to *actor.PID, task wire.TaskID, _ string) {
	w.deliver(to, &messages.TaskDescribed{Task: task, Phase: messages.PhaseRunning})
}

// Bind notes whose a client is.
func (w *world) Bind(link messages.LinkID, owner *actor.PID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.owners[link] = owner
	if c := w.clients[link]; c != nil {
		c.owner <- owner
	}
}

// owner is the actor that has a link.
func (w *world) owner(link messages.LinkID) *actor.PID {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.owners[link]
}

// sent is how many lines were sent on a link.
func (w *world) sent(link messages.LinkID) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lines[link]
}

// Send takes init_user for the end of a claim, tells a claim of its ready, and counts lines, which are written at once.
func (w *world) Send(link messages.LinkID, frame wire.Frame) (written bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch frame := frame.(type) {
	case wire.InitUser:
		c := w.claims[frame.UserID]
		c.bridge, c.init = link, frame
		c.served <- time.Now()
	case wire.Ready:
		if c := w.clients[link]; c != nil {
			c.ready <- struct{}{}
		}
	case wire.Data:
		w.lines[link]++
		return true
	}
	return false
}

// Credit and Close have nothing to do.
func (w *world) Credit(messages.LinkID, int)           {}
func (w *world) Close(messages.LinkID, wire.CloseCode) {}

// Binding, WarmPass and their checks are not what is measured.
func (w *world) Binding(wire.TaskID, wire.SessionID, wire.UserID) string { return "" }

func (w *world) VerifyBinding(string, wire.TaskID, wire.SessionID, wire.UserID) bool {
	return true
}

func (w *world) WarmPass(wire.TaskID) wire.Secret { return "" }

func (w *world) VerifyWarmPass(wire.Secret, wire.TaskID) bool { return true }

// Observe keeps the pool's counts.
func (w *world) Observe(event messages.Event) {
	if event.Census != nil {
		counts := *event.Census
		w.counts.Store(&counts)
	}
}
