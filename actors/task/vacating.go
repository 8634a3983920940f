package task

import (
	"time"

	"hearth/messages"
	"hearth/messages/wire"
)

// farewell is how long a bridge may take beyond the agent's grace to say that the agent has ended, before it is cut off.
const farewell = 2 * time.Second

// retired stops a task that the pool has no more use for.
func (t *task) retired(reason string) {
	t.becomeStopping(reason)
	if t.assign != nil && !t.occupies {
		t.tell(t.pool, &messages.TaskVacated{Task: t.request.Task})
	}
}

// awaitVacancy looks for the end of an agent that may run although its task is given up. Its bridge says so, or ECS, or its lease
// is over. As long as the bridge has a socket here its lease does not end; so it is cut off when it takes too long.
func (t *task) awaitVacancy() {
	switch {
	case t.link == 0:
		if t.unlinked.IsZero() {
			t.unlinked = t.Clock.Now() // its first actor, which crashed, had the socket
		}
		t.awaitLease()
		t.describe()
	default:
		t.lease.Set(t.Clock, t.self, t.settings.StopGrace+farewell)
		t.poll.Set(t.Clock, t.self, t.settings.PollInterval)
	}
}

// awaitLease waits for the end of the lease. That of a bridge which knows of none never comes: then ECS has to say that the task
// has stopped.
func (t *task) awaitLease() {
	if t.leases {
		t.lease.Set(t.Clock, t.self, max(t.settings.LeaseWait()-t.Clock.Now().Sub(t.unlinked), time.Nanosecond))
	}
}

// leaseRang cuts a bridge off that has not said that its agent has ended, or takes in that its lease is over.
func (t *task) leaseRang() {
	if t.link != 0 {
		t.detach()
		t.awaitLease()
		return
	}
	t.observe(messages.Event{Kind: messages.EventVacated, Reason: "its lease is over", Took: t.Clock.Now().Sub(t.since)})
	t.vacate()
}

// vacate tells the pool that nothing of the agent runs any more.
func (t *task) vacate() {
	if !t.occupies {
		return
	}
	t.occupies = false
	t.lease.Cancel()
	t.poll.Cancel()
	t.tell(t.pool, &messages.TaskVacated{Task: t.request.Task})
	if t.state == Lingering {
		t.becomeGone()
	}
}

// vacating takes what tells of the agent's end while its task is stopped. It reports whether the message was that.
func (t *task) vacating(message any) bool {
	if !t.occupies {
		return false
	}
	switch m := message.(type) {
	case *messages.LinkFrame:
		switch m.Frame.(type) {
		case wire.Exit, wire.Gone, wire.InitFailed:
			t.Links.Credit(m.Link, m.Bytes)
			t.vacate()
			return true
		}
	case *messages.LinkClosed:
		t.awaitLease()
		t.describe()
		return true
	case *messages.TaskDescribed:
		if m.Err == nil && m.Phase == messages.PhaseStopped {
			t.vacate()
		}
		return true
	case *messages.Alarm:
		switch {
		case t.poll.IsRung(m):
			t.describe()
			return true
		case t.lease.IsRung(m):
			t.leaseRang()
			return true
		}
	}
	return false
}

// stopped takes in that ECS is to be asked nothing more. An agent that may run nevertheless is waited for.
func (t *task) stopped() {
	if !t.occupies {
		t.becomeGone()
		return
	}
	t.retry.Cancel()
	t.become(Lingering, (*task).lingering, 0)
	t.poll.Set(t.Clock, t.self, t.settings.PollInterval)
}

func (t *task) lingering(message any) {
	if t.vacating(message) {
		return
	}
	switch m := message.(type) {
	case *messages.TaskFound:
		t.stoppingFound(m.ARN, m.Host, m.Revision)
	case *messages.RunDone, *messages.StopDone:
		// ECS was asked for as long as there was hope.
	default:
		t.useless(message)
	}
}
