package engine

import (
	"context"
	"fmt"
	"sync"
)

// pool is a dispatcher: a fixed number of workers that take mailbox runs from one queue, first come first served. A
// mailbox is in the queue at most once, so the queue is never longer than there are actors.
type pool struct {
	mu    sync.Mutex
	work  sync.Cond
	queue ring[func()]
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
	p.work.Signal()
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
