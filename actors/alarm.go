package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/messages"
)

// alarm is one timer of an actor. Setting it takes back what was set before; a ring that was already under way is known
// by its generation to be old.
type alarm struct {
	name       messages.Timer
	timer      Timer
	generation uint64
}

// set makes the alarm ring once, d from now.
func (a *alarm) set(clock Clock, self *actor.PID, d time.Duration) {
	a.cancel()
	a.timer = clock.After(d, self, &messages.Alarm{Timer: a.name, Generation: a.generation})
}

// cancel makes sure that the alarm does not ring.
func (a *alarm) cancel() {
	a.generation++
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
}

// isRung reports whether the message is this alarm's, and not an old one of it.
func (a *alarm) isRung(m *messages.Alarm) bool {
	return m.Timer == a.name && m.Generation == a.generation
}
