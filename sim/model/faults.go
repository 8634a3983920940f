package model

import "hearth/messages/wire"

// Faults counts what went wrong on the sockets of one leg: it proves that a storm was one.
type Faults struct {
	// Vanished frames were sent on a socket that was gone, before their sender had noticed; Twice were sent a second time;
	// Late ones were held up.
	Vanished, Twice, Late int
}

// Add adds others.
func (f *Faults) Add(other Faults) {
	f.Vanished += other.Vanished
	f.Twice += other.Twice
	f.Late += other.Late
}

// note counts a frame that is being sent.
func (f *Faults) note(l *Link) {
	switch {
	case l.cut:
		f.Vanished++
	case l.network.world.Elapsed() < l.heldUntil:
		f.Late++
	}
}

// Faults are those of the clients' sockets and of the bridges' so far.
func (m *Model) Faults() (clients, bridges Faults) {
	return m.network.clientFaults, m.network.bridgeFaults
}

// repeats draws whether a frame is sent twice.
func (l *Link) repeats(frame wire.Frame) bool {
	n := l.network
	if n.options.Twice == 0 || n.model.calm {
		return false
	}
	switch f := frame.(type) {
	case wire.Ack:
	case wire.Data:
		if f.Seq == 0 {
			return false // nobody could tell the second from a new one
		}
	default:
		return false
	}
	if n.random.Float64() >= n.options.Twice {
		return false
	}
	l.faults.Twice++
	return true
}

// again sends a frame a second time, a little later: what was sent meanwhile is before it.
func (l *Link) again(send func()) {
	l.network.world.Later(draw(l.delay, l.network.random), func() {
		if !l.left && !l.ended {
			send()
		}
	})
}
