package actors

import (
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/messages"
)

// TimerDeadline rings at the end of a task's or session's state.
const TimerDeadline messages.Timer = "deadline"

// TimedOut words a deadline's end.
func TimedOut(what string, d time.Duration) string {
	return fmt.Sprintf("%s within %v", what, d.Round(time.Millisecond))
}

// Alarm is one timer of an actor. Setting it takes back what was set before; a ring that was already under way is known
// to be old.
type Alarm struct {
	Name  messages.Timer
	timer Timer
	// ring is the message that it rings with. Invariant: one that may have been sent is not set again.
	ring *messages.Alarm
}

// Set makes the alarm ring once, d from now.
func (a *Alarm) Set(clock Clock, self *actor.PID, d time.Duration) {
	a.Cancel()
	if a.ring == nil {
		a.ring = &messages.Alarm{Timer: a.Name}
	}
	a.timer = clock.After(d, self, a.ring)
}

// Cancel makes sure that the alarm does not ring.
func (a *Alarm) Cancel() {
	if a.timer != nil && !a.timer.Stop() {
		a.ring = nil
	}
	a.timer = nil
}

// IsRung reports whether the message is this alarm's, and not an old one of it.
func (a *Alarm) IsRung(m *messages.Alarm) bool { return m == a.ring }
