package pool

import "time"

// pace lets something happen so many times a second, and so many times at once after a second's pause. It is a token
// bucket that keeps, instead of tokens, the time at which the next would be there. The pace 0 lets everything happen.
type pace struct {
	perSecond int
	next      time.Time
}

// take reports whether it may happen now, and counts that it does.
func (p *pace) take(now time.Time) bool {
	if p.perSecond <= 0 {
		return true
	}
	interval := time.Second / time.Duration(p.perSecond)
	if full := now.Add(interval - time.Second); p.next.Before(full) {
		p.next = full
	}
	if p.next.After(now) {
		return false
	}
	p.next = p.next.Add(interval)
	return true
}
