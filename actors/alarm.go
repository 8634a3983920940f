package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/messages"
)

// alarm is one timer of an actor. Setting it takes back what was set before; a ring that was already under way is known
// to be old.
type alarm struct {
	name  messages.Timer
	timer Timer
	// ring is the message that it rings with. Invariant: one that may have been sent is not set again.
	ring *messages.Alarm
}

// set makes the alarm ring once, d from now.
func (a *alarm) set(clock Clock, self *actor.PID, d time.Duration) {
	a.cancel()
	if a.ring == nil {
		a.ring = &messages.Alarm{Timer: a.name}
	}
	a.timer = clock.After(d, self, a.ring)
}

// cancel makes sure that the alarm does not ring.
func (a *alarm) cancel() {
	if a.timer != nil && !a.timer.Stop() {
		a.ring = nil
	}
	a.timer = nil
}

// isRung reports whether the message is this alarm's, and not an old one of it.
func (a *alarm) isRung(m *messages.Alarm) bool { return m == a.ring }
