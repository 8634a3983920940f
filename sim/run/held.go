package run

import (
	"time"

	"hearth/messages"
)

// holds follow what keeps starts back; see messages.Census.
type holds struct {
	now   messages.Hold
	begun bool
	// counted is the time up to which time has been summed; until is when each limit last kept starts back.
	counted time.Duration
	until   map[messages.Hold]time.Duration
	time    map[messages.Hold]time.Duration
	// late says that tasks start later than they would have, and did not stand as they would since.
	late bool
}

// holdOrder is the order in which one of several is told.
var holdOrder = []messages.Hold{
	messages.HeldRateLimit, messages.HeldHosts, messages.HeldBackoff, messages.HeldLaunchLimit, messages.HeldMaximum,
}

// begin opens the traffic.
func (h *holds) begin(now time.Duration) {
	h.begun, h.counted = true, now
}

// pass takes in that nothing has changed until now.
func (h *holds) pass(now time.Duration) {
	if h.begun && h.now != "" {
		h.time[h.now] += now - h.counted
		h.until[h.now] = now
	}
	h.counted = now
}

// observe takes in the pool as it is from now on. Once it is full and nothing is on its way to it, it stands as if nothing had
// ever been late.
func (h *holds) observe(now time.Duration, c *messages.Census, minimum int) {
	if c.Held != h.now {
		h.pass(now)
		h.now = c.Held
	}
	switch {
	case c.Held != "":
		h.late = true
		h.until[c.Held] = now
	case c.Ready >= minimum && c.Starting == 0 && c.Waiting == 0:
		h.late = false
	}
}

// since is a limit that kept starts back at a time or after it; empty when none did.
func (h *holds) since(at time.Duration) messages.Hold {
	if h.now != "" {
		return h.now
	}
	for _, hold := range holdOrder {
		if until, was := h.until[hold]; was && until >= at {
			return hold
		}
	}
	return ""
}

// seconds is for how long each limit did.
func (h *holds) seconds() map[messages.Hold]float64 {
	seconds := map[messages.Hold]float64{}
	for hold, d := range h.time {
		seconds[hold] = rounded(d.Seconds(), 1e3)
	}
	return seconds
}
