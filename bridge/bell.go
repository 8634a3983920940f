package bridge

import "time"

// bell wakes one goroutine. Ringing never blocks, and rings that nobody has heard yet are one ring.
type bell chan struct{}

func newBell() bell { return make(bell, 1) }

func (b bell) ring() {
	select {
	case b <- struct{}{}:
	default:
	}
}

// alarm runs one function on the loop after a while. Setting or stopping it makes an earlier setting void, even one that
// has gone off and waits for the loop's attention. It belongs to the loop.
type alarm struct {
	timer *time.Timer
	round int
}

func (a *alarm) set(post func(func()) bool, d time.Duration, f func()) {
	a.stop()
	round := a.round
	a.timer = time.AfterFunc(d, func() {
		post(func() {
			if a.round == round {
				f()
			}
		})
	})
}

func (a *alarm) stop() {
	a.round++
	if a.timer != nil {
		a.timer.Stop()
	}
}
