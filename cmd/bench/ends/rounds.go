package ends

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	// drainTimeout is how long lines may be under way once nobody sends any more: what comes later is lost.
	drainTimeout = 20 * time.Second
	// quietTime is how long a stream must be silent to be over.
	quietTime = 50 * time.Millisecond
)

// Round is what came of one.
type Round struct {
	// Lines is how many came back within the time.
	Lines int
	// Took is how long the round was, without its beginning and its end.
	Took time.Duration
	// Times are those of the lines, in ascending order.
	Times []time.Duration
}

// Window is a round's part that counts. Open is called at its beginning and Shut at its end.
type Window struct {
	Warmup, Length time.Duration
	Open, Shut     func() error
}

// Ping has each client send a line of that size, and the next one as soon as it has come back: one is under way for each.
func (l *Load) Ping(ctx context.Context, size int, w Window) (Round, error) {
	for _, c := range l.clients {
		c.line = line(size)
	}
	l.looping.Store(true)
	for _, c := range l.clients {
		c.due(time.Now(), c.line)
	}
	r, err := l.record(ctx, w)
	l.looping.Store(false)
	return l.finish(ctx, r, err)
}

// Pace has each client send that many lines a second, whether they have come back or not.
func (l *Load) Pace(ctx context.Context, perSecond, size int, w Window) (Round, error) {
	for _, c := range l.clients {
		l.pacer.set(c, perSecond, line(size))
	}
	r, err := l.record(ctx, w)
	for _, c := range l.clients {
		l.pacer.set(c, 0, nil)
	}
	return l.finish(ctx, r, err)
}

// Stream has the far end send each client that many lines a second.
func (l *Load) Stream(ctx context.Context, perSecond, size int, w Window) (Round, error) {
	l.order(perSecond, size)
	r, err := l.record(ctx, w)
	l.order(0, size)
	for came := int64(-1); came != l.came.Load(); time.Sleep(quietTime) {
		came = l.came.Load()
	}
	l.sent.Store(l.came.Load()) // the far end's lines are numbered: one that is missing shows
	return l.finish(ctx, r, err)
}

// order asks the far end for streams.
func (l *Load) order(perSecond, size int) {
	for _, c := range l.clients {
		c.mu.Lock()
		// An error means that the socket is gone, which finish tells.
		_ = c.say(fmt.Appendf(nil, `%s%d %d"`, streamHead, perSecond, size))
		c.mu.Unlock()
	}
}

// record waits for the window to pass, and keeps the times of the lines that come within it.
func (l *Load) record(ctx context.Context, w Window) (r Round, err error) {
	if err := sleep(ctx, w.Warmup); err != nil {
		return r, err
	}
	for _, c := range l.clients {
		c.harvest(nil)
	}
	if err := w.Open(); err != nil {
		return r, err
	}
	l.recording.Store(true)
	began := time.Now()
	err = sleep(ctx, w.Length)
	l.recording.Store(false)
	r.Took = time.Since(began)
	if err == nil {
		err = w.Shut()
	}
	for _, c := range l.clients {
		r.Times = c.harvest(r.Times)
	}
	slices.Sort(r.Times)
	r.Lines = len(r.Times)
	return r, err
}

// finish waits until every line has come back.
func (l *Load) finish(ctx context.Context, r Round, err error) (Round, error) {
	for deadline := time.Now().Add(drainTimeout); err == nil && l.came.Load() < l.sent.Load(); {
		if time.Now().After(deadline) {
			return r, fmt.Errorf("%d of %d lines were lost", l.sent.Load()-l.came.Load(), l.sent.Load())
		}
		if err = l.failure(); err == nil {
			err = sleep(ctx, time.Millisecond)
		}
	}
	if err == nil {
		err = l.failure()
	}
	if err == nil && r.Lines == 0 {
		err = fmt.Errorf("no line came back")
	}
	return r, err
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
