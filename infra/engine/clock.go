package engine

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/actors"
	"hearth/actors/system"
)

// Now is the wall clock.
func (e *Engine) Now() time.Time { return time.Now() }

// Uint64 is safe for concurrent use and seeded by the operating system, like Float64.
func (e *Engine) Uint64() uint64 { return rand.Uint64() }

// Float64 is in [0, 1).
func (e *Engine) Float64() float64 { return rand.Float64() }

// After sends msg to the actor once d has passed; see actors.Clock. Once the engine has stopped it does nothing. A nil
// actor or message is a mistake of the caller's, who panics.
func (e *Engine) After(d time.Duration, to *actor.PID, msg any) actors.Timer {
	if to == nil || system.IsNil(msg) {
		panic(system.ErrNil)
	}
	t := &timer{all: &e.timers, send: e.system.Root.Send, to: to, msg: msg}
	e.timers.start(t, d)
	return t
}

// timers holds the timers that have neither fired nor been stopped.
type timers struct {
	mu     sync.Mutex
	live   map[*timer]struct{}
	closed bool
	// firing counts the live timers, and the fired ones whose message is being sent.
	firing sync.WaitGroup
}

func (ts *timers) start(t *timer, d time.Duration) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.closed {
		return
	}
	ts.live[t] = struct{}{}
	ts.firing.Add(1)
	t.runtime = time.AfterFunc(d, t.fire)
}

// take removes a timer and reports whether it was there: whoever takes it decides what becomes of it.
func (ts *timers) take(t *timer) bool {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	_, live := ts.live[t]
	delete(ts.live, t)
	return live
}

// close stops all timers, and waits until every fired one has sent its message.
func (ts *timers) close() {
	ts.mu.Lock()
	ts.closed = true
	stopped := make([]*timer, 0, len(ts.live))
	for t := range ts.live {
		stopped = append(stopped, t)
	}
	ts.mu.Unlock()
	for _, t := range stopped {
		t.Stop()
	}
	ts.firing.Wait()
}

// timer is one message to be sent.
type timer struct {
	all     *timers
	send    func(*actor.PID, any)
	runtime *time.Timer

	// mu is held while sending, so that nothing is sent any more once Stop has returned.
	mu  sync.Mutex
	to  *actor.PID
	msg any
}

// Stop takes the message back if it was not sent yet. When it returns, the message is either in the actor's mailbox or
// will never be. It reports true if it is the latter, and this the first call.
func (t *timer) Stop() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.all.take(t) {
		return false
	}
	if t.runtime.Stop() {
		t.all.firing.Done()
	}
	return true
}

func (t *timer) fire() {
	defer t.all.firing.Done()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all.take(t) {
		t.send(t.to, t.msg)
	}
}
