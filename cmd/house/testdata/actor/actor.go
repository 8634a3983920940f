// Package actor breaks the rules for actors, each time in another way. A line with a comment "caught" must be found, for
// the reason that the comment gives; any other line must not.
package actor

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync" // caught: sync is not for actors
	"time"

	proto "github.com/asynkron/protoactor-go/actor"

	"hearth/actors"
)

type worker struct {
	*actors.Ports
	inner struct{ proto.Context }
	ctx   proto.Context
	peers map[string]*proto.PID
	mu    sync.Mutex    // caught: sync.Mutex is not for actors
	wake  chan struct{} // caught: a channel
	clock *time.Timer   // caught: time.Timer is not for actors
}

// Receive does what an actor may do.
func (w *worker) Receive(context proto.Context) {
	switch context.Message().(type) {
	case *proto.Started:
		w.ctx = context
		w.Clock.After(time.Second, context.Self(), w.Clock.Now().Add(time.Minute))
	case string:
		context.Respond(fmt.Sprintf("%d peers", len(w.peers)))
	}
	for _, name := range slices.Sorted(maps.Keys(w.peers)) {
		context.Send(w.peers[name], name)
	}
}

// waits has names that no list of names would think of.
func (w *worker) waits(somebody proto.Context) {
	somebody.SetReceiveTimeout(time.Second)                                 // caught: SetReceiveTimeout is not for actors
	w.ctx.SetReceiveTimeout(time.Second)                                    // caught: SetReceiveTimeout is not for actors
	w.inner.SetReceiveTimeout(time.Second)                                  // caught: SetReceiveTimeout is not for actors
	later := w.ctx.SetReceiveTimeout                                        // caught: SetReceiveTimeout is not for actors
	later(time.Second)                                                      // through the name that was caught above
	_, _ = somebody.RequestFuture(somebody.Self(), 1, time.Second).Result() // caught: RequestFuture is not for actors
	somebody.Watch(somebody.Self())                                         // caught: Watch is not for actors
	somebody.ActorSystem().Root.Copy()                                      // caught: Copy is not for actors
	w.mu.Lock()                                                             // caught: Lock is not for actors
	<-w.wake                                                                // caught: a channel
	go w.Receive(somebody)                                                  // caught: a goroutine
	for range w.wake {                                                      // caught: a channel
	}
	select {} // caught: a channel
}

// patient is a context by another name.
type patient interface { // caught: SetReceiveTimeout is not for actors
	SetReceiveTimeout(time.Duration)
}

// sender is a context that does what an actor may.
type sender interface {
	Send(*proto.PID, any)
	Self() *proto.PID
}

// stopper is no context: the method is its own.
type stopper interface{ Stop() time.Duration }

func (w *worker) waitsInDisguise(p patient, s sender, t stopper) {
	p, s = w.ctx, w.ctx
	s.Send(s.Self(), "later")
	p.SetReceiveTimeout(t.Stop()) // through the interface that was caught above
}

func (w *worker) readsClocks() time.Duration {
	now := time.Now                    // caught: time.Now is not for actors
	time.Sleep(1)                      // caught: time.Sleep is not for actors
	fmt.Println(now)                   // caught: fmt.Println is not for actors
	println(strings.ToUpper("aloud"))  // caught: println
	return time.Until(w.Clock.Now()) + // caught: time.Until is not for actors
		time.Since(time.Unix(0, 0).UTC()) // caught: time.Since is not for actors
}

type books map[string]*proto.PID

func (w *worker) forgetsOrder(known books) (names []string) {
	for _, peer := range w.peers { // caught: a map's order
		w.ctx.Send(peer, "hello")
	}
	for name := range known { // caught: a map's order
		names = append(names, name)
	}
	for name := range maps.Keys(known) { // caught: a map's order
		names = append(names, name)
	}
	names = slices.Collect(maps.Keys(known))                      // caught: a map's order
	maps.DeleteFunc(known, func(_ string, peer *proto.PID) bool { // caught: maps.DeleteFunc is not for actors
		w.ctx.Send(peer, "goodbye")
		return true
	})
	return names
}

func eachOf[M ~map[K]V, K comparable, V any](m M, visit func(V)) {
	for _, v := range m { // caught: a map's order
		visit(v)
	}
}

var _ = eachOf[books]
