package ends

import (
	"sync"
	"time"

	"github.com/lxzan/gws"

	"hearth/messages/wire"
)

// acks acknowledges for all ends of a process. One clock for all of them costs less than a timer for each.
type acks struct {
	mu    sync.Mutex
	owing []*owed
	stop  chan struct{}
	done  sync.WaitGroup
}

// newAcks begins; close ends it.
func newAcks() *acks {
	a := &acks{stop: make(chan struct{})}
	a.done.Go(func() {
		clock := time.NewTicker(wire.AckDelay / 2)
		defer clock.Stop()
		for {
			select {
			case <-clock.C:
				a.pass(time.Now())
			case <-a.stop:
				return
			}
		}
	})
	return a
}

func (a *acks) close() {
	close(a.stop)
	a.done.Wait()
}

// pass has everyone acknowledge who owes it for long enough.
func (a *acks) pass(now time.Time) {
	a.mu.Lock()
	owing := a.owing
	a.owing = nil
	a.mu.Unlock()
	var later []*owed
	for _, o := range owing {
		if o.settle(now) {
			continue
		}
		later = append(later, o)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.owing = append(a.owing, later...)
}

// owed is what one end owes its gateway.
type owed struct {
	all  *acks
	conn *gws.Conn
	// delay is how long an acknowledgement waits for others and for a line to go with.
	delay time.Duration

	mu      sync.Mutex
	took    uint64 // the last line that was taken
	unacked wire.Unacked
	since   time.Time // when the first of those came that are not acknowledged
	listed  bool
}

// take notes a line, and acknowledges when there are enough of them.
func (o *owed) take(seq uint64, bytes int, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.took == o.unacked.Acked {
		o.since = now
	}
	o.took = max(o.took, seq)
	if o.unacked.Add(o.took, bytes) {
		o.send()
	}
	if !o.listed && o.took > o.unacked.Acked {
		o.listed = true
		o.all.mu.Lock()
		o.all.owing = append(o.all.owing, o)
		o.all.mu.Unlock()
	}
}

// settle acknowledges what is old enough, and reports whether nothing is owed any more.
func (o *owed) settle(now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.took > o.unacked.Acked && now.Sub(o.since) >= o.delay-wire.AckDelay/2 {
		o.send()
	}
	o.listed = o.took > o.unacked.Acked
	return !o.listed
}

// along is what the next line is to acknowledge, 0 for nothing; nobody owes anything on a nil one.
func (o *owed) along() uint64 {
	if o == nil {
		return 0
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.took == o.unacked.Acked {
		return 0
	}
	o.unacked.Sent(o.took)
	return o.took
}

// send acknowledges. An error means that the socket is gone, which its reader finds.
func (o *owed) send() {
	o.unacked.Sent(o.took)
	_ = say(o.conn, wire.Ack{Seq: o.took})
}
