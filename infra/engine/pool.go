package engine

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// guestRuns bounds how many mailbox runs a guest takes before it goes back to what it came from: its own message's, the
// one that this leads to, and some that others have left.
const guestRuns = 8

// pool is a dispatcher: a fixed number of workers that take mailbox runs from one queue, first come first served. A
// mailbox is in the queue at most once, so the queue is never longer than there are actors.
//
// A guest is a goroutine from outside that brings a message and stays for the runs that it leads to, so that nobody has to be
// woken for them. Runs are queued for it as for anybody, so that a handler is never called from within another.
type pool struct {
	mu    sync.Mutex
	work  sync.Cond
	queue ring[func()]
	// guests counts those that will look at the queue before they leave. It is lowered under mu, so that none is counted on in vain.
	guests atomic.Int32
	// workers counts the workers that run; done is closed when the last of them has ended.
	workers int
	closed  bool
	done    chan struct{}
}

func newPool(workers int) *pool {
	p := &pool{workers: workers, done: make(chan struct{})}
	p.work.L = &p.mu
	for range workers {
		go p.serve()
	}
	return p
}

// Schedule queues one mailbox run. Once the pool is closed it does nothing.
func (p *pool) Schedule(run func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.queue.push(run)
	p.callWorker()
}

// callWorker wakes a worker for a run that no guest will take. The lock is held.
func (p *pool) callWorker() {
	if p.queue.size > int(p.guests.Load()) {
		p.work.Signal()
	}
}

// enter makes the caller's goroutine a guest until it leaves.
func (p *pool) enter() { p.guests.Add(1) }

// leave takes the runs that wait, up to guestRuns, and is no guest any more then. What is left is the workers'.
func (p *pool) leave() {
	present := true
	defer func() {
		if !present {
			return
		}
		p.mu.Lock() // at the bound, or an actor has called runtime.Goexit
		p.guests.Add(-1)
		p.callWorker()
		p.mu.Unlock()
	}()
	for range guestRuns {
		p.mu.Lock()
		if p.queue.size == 0 {
			present = false
			p.guests.Add(-1)
			p.mu.Unlock()
			return
		}
		run := p.queue.pop()
		p.mu.Unlock()
		run()
	}
}

// Throughput is part of the library's dispatcher; the mailbox has a budget of its own.
func (p *pool) Throughput() int { return budget }

// serve is one worker. An actor that calls runtime.Goexit ends its worker's goroutine, which is replaced.
func (p *pool) serve() {
	ended := false
	defer func() {
		if !ended {
			go p.serve()
		}
	}()
	for {
		run, ok := p.next()
		if !ok {
			ended = true
			return
		}
		run()
	}
}

// next waits for a run; false ends the worker.
func (p *pool) next() (func(), bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.queue.size == 0 && !p.closed {
		p.work.Wait()
	}
	if p.closed {
		p.workers--
		if p.workers == 0 {
			close(p.done)
		}
		return nil, false
	}
	return p.queue.pop(), true
}

// close ends the workers, each after the run that it is in, and waits for them. Runs still queued are dropped.
func (p *pool) close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.queue = ring[func()]{}
	p.work.Broadcast()
	p.mu.Unlock()
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("engine: a worker is still busy: %w", ctx.Err())
	}
}
