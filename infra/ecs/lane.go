package ecs

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"hearth/messages"
)

// queueLength bounds the requests that wait in a lane. At AWS's rate 400 calls begin within the default timeout, after a burst
// of 100: what would wait behind these is better refused at once. A lane with a higher rate has as much more room.
const queueLength = 512

// request is one API call that is to be made. Exactly one call of answer ends it.
type request struct {
	op string
	// due is when it is too late to begin the call.
	due time.Time
	// secret, if there is one, is kept out of logs and errors.
	secret string
	// call makes the API call and keeps what it gives for answer.
	call func(context.Context) error
	// answer hands the outcome on; its error is nil when call's was.
	answer func(*messages.LaunchError)
}

// lane carries out requests that share a rate limit, in the order in which they came, several at a time.
type lane struct {
	limiter *rate.Limiter
	queue   chan request
	workers sync.WaitGroup

	mu   sync.Mutex // guards open, and sends to queue against its closing
	open bool
}

func newLane(perSecond rate.Limit, burst int) *lane {
	room := max(queueLength, int(perSecond)*queueLength/modifyPerSecond)
	return &lane{limiter: rate.NewLimiter(perSecond, burst), queue: make(chan request, room)}
}

// start lets requests in and has so many workers carry them out.
func (l *lane) start(workers int, perform func(request)) {
	for range workers {
		l.workers.Go(func() {
			for r := range l.queue {
				perform(r)
			}
		})
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = true
}

// submit queues a request and reports whether it was taken. It never blocks.
func (l *lane) submit(r request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.open {
		return false
	}
	select {
	case l.queue <- r:
		return true
	default:
		return false
	}
}

// shut lets no more requests in; the workers end when the queue is empty.
func (l *lane) shut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open {
		l.open = false
		close(l.queue)
	}
}
