package ends

import (
	"sync"
	"time"
)

// pace is how often the pacer looks whose turn it is.
const pace = time.Millisecond

// sender sends a line when it is due, and reports whether it will send more.
type sender interface {
	due(now time.Time, line []byte) bool
}

// pacer has senders send at a steady rate. One goroutine serves all of them, so that a rate costs little beside its lines.
type pacer struct {
	mu      sync.Mutex
	streams map[sender]*stream
	stop    chan struct{}
	done    sync.WaitGroup
}

// stream is one sender's turn.
type stream struct {
	line  []byte
	every time.Duration
	next  time.Time
}

// newPacer begins; close ends it.
func newPacer() *pacer {
	p := &pacer{streams: map[sender]*stream{}, stop: make(chan struct{})}
	p.done.Go(func() {
		clock := time.NewTicker(pace)
		defer clock.Stop()
		for {
			select {
			case <-clock.C:
				p.pass(time.Now())
			case <-p.stop:
				return
			}
		}
	})
	return p
}

func (p *pacer) close() {
	close(p.stop)
	p.done.Wait()
}

// set has a sender send that many lines a second from now on; 0 is none. The senders' turns are spread over the interval.
func (p *pacer) set(s sender, perSecond int, line []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if perSecond <= 0 {
		delete(p.streams, s)
		return
	}
	every := time.Second / time.Duration(perSecond)
	const golden = 0.6180339887498949 // its multiples are spread evenly, however many there are
	share := golden * float64(len(p.streams))
	share -= float64(int(share))
	p.streams[s] = &stream{line: line, every: every, next: time.Now().Add(time.Duration(share * float64(every)))}
}

// pass serves those who are due. Whoever is late makes up for it.
func (p *pacer) pass(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s, of := range p.streams {
		for !of.next.After(now) {
			of.next = of.next.Add(of.every)
			if !s.due(time.Now(), of.line) {
				delete(p.streams, s)
				break
			}
		}
	}
}
