package engine

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"hearth/infra/testkit"
)

// patience is how long a test waits for what must happen.
const patience = testkit.Patience

// rig is an engine that is stopped at the end of the test, with what it reported.
type rig struct {
	*Engine
	mu        sync.Mutex
	incidents []Incident
	failures  []error
}

// start makes an engine and checks at the end of the test that nothing of it is left.
func start(tb testing.TB, config Config) *rig {
	tb.Helper()
	before := goleak.IgnoreCurrent()
	r := &rig{}
	config.OnIncident = func(i Incident) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.incidents = append(r.incidents, i)
	}
	config.OnRootFailure = func(err error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.failures = append(r.failures, err)
	}
	r.Engine = New(config)
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := r.Stop(ctx); err != nil {
			tb.Errorf("stop: %v", err)
		}
		for _, bucket := range r.system.ProcessRegistry.LocalPIDs.LocalPIDs {
			for _, id := range bucket.Keys() {
				if strings.HasPrefix(id, "root") || strings.HasPrefix(id, "inbox") {
					tb.Errorf("%s is left in the registry", id)
				}
			}
		}
		goleak.VerifyNone(tb, before)
	})
	return r
}

// count is the number of incidents of a kind so far.
func (r *rig) count(kind IncidentKind) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, i := range r.incidents {
		if i.Kind == kind {
			n++
		}
	}
	return n
}

func (r *rig) rootFailures() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]error(nil), r.failures...)
}

// scripted does what it is sent and remembers which children have ended.
type scripted struct{ terminated chan *actor.PID }

func (s scripted) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case func(actor.Context):
		m(ctx)
	case *actor.Terminated:
		s.terminated <- m.Who
	}
}

// scriptedRoot spawns a scripted root actor. The channel holds the first 1,000 terminated children.
func (r *rig) scriptedRoot(tb testing.TB) (*actor.PID, <-chan *actor.PID) {
	tb.Helper()
	terminated := make(chan *actor.PID, 1000)
	root, err := r.SpawnRoot("root", scripted{terminated})
	if err != nil {
		tb.Fatal(err)
	}
	return root, terminated
}

// inside runs do in a scripted actor and waits for it.
func (r *rig) inside(tb testing.TB, pid *actor.PID, do func(actor.Context)) {
	tb.Helper()
	done := make(chan struct{})
	if err := r.Send(pid, func(ctx actor.Context) { defer close(done); do(ctx) }); err != nil {
		tb.Fatal(err)
	}
	testkit.Receive(tb, done)
}

// spawn makes a child of a scripted actor.
func (r *rig) spawn(tb testing.TB, parent *actor.PID, name string, receive func(actor.Context)) *actor.PID {
	tb.Helper()
	var pid *actor.PID
	r.inside(tb, parent, func(ctx actor.Context) {
		var err error
		pid, err = r.Spawn(ctx, name, actor.ReceiveFunc(receive))
		if err != nil {
			tb.Error(err)
		}
	})
	return pid
}

// quiet discards logs.
func quiet() zerolog.Logger { return zerolog.Nop() }
