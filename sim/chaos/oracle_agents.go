package chaos

import (
	"time"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
)

// agentBook follows the agents that one process of the gateway could not start.
type agentBook struct {
	// users are those whose agents failed last.
	users map[wire.UserID]*userBook
	// held is until when no task may be started, for it was agent after agent that failed.
	held time.Time
	// released is whose task was last given up, at releasedAt: if its agent has failed, that is told in the same moment.
	released   wire.SessionID
	releasedAt time.Time
}

// userBook is a user whose agents have failed so many times in a row, the last time at last. ended says that one has started and ended
// at once, lately that the last has.
type userBook struct {
	failures      int
	last          time.Time
	ended, lately bool
}

// pause is the least that is between a failure, the n-th in a row, and the next attempt.
func (o *oracle) pause(n int) time.Duration {
	return actors.Pause(o.settings.BackoffBase, o.settings.BackoffMax, n, 0)
}

// agentEvent checks that failures put off what they should: the user's next task, and once it is not the user, the next start.
func (o *oracle) agentEvent(e *messages.Event) {
	switch e.Kind {
	case messages.EventSessionBegun, messages.EventAdopted:
		if e.User != "" {
			o.session(e.Session).user = e.User
		}
	case messages.EventReleased:
		o.agents.released, o.agents.releasedAt = e.Session, e.At
	case messages.EventRequeued, messages.EventClaimFailed:
		if e.Failure.OfAgent() && e.Session == o.agents.released && e.At.Equal(o.agents.releasedAt) { // else it only waited when starts failed
			o.agentFailed(o.session(e.Session).user, e.At).lately = false
		}
		o.agents.released = ""
	case messages.EventActive:
		if u := o.agents.users[o.session(e.Session).user]; u != nil && !u.ended {
			delete(o.agents.users, o.session(e.Session).user)
		}
	case messages.EventAgentEnded:
		o.agentEnded(e)
	case messages.EventClaimed:
		o.session(e.Session).given = e.At
		if o.settings.WarmPool { // else the task may have been started for the session before
			o.isPutOff(e)
		}
	case messages.EventDelayed:
		o.storm.delays++
	case messages.EventAgentsFail:
		o.storm.agentsFail++
		o.agents.held = e.At.Add(o.pause(e.N))
	case messages.EventAgentsStart:
		o.agents.held = time.Time{}
	case messages.EventStarting:
		if e.At.Before(o.agents.held) {
			o.breach("task %s was started %v too soon, for agent after agent had failed", e.Task, o.agents.held.Sub(e.At))
		}
		if e.Session != "" {
			o.isPutOff(e)
		}
	}
}

// isPutOff checks that a session gets a task no sooner than its user may have one.
func (o *oracle) isPutOff(e *messages.Event) {
	user := o.session(e.Session).user
	u := o.agents.users[user]
	if u == nil || u.lately && e.At.Equal(u.last) { // the pool may not have heard of it yet
		return
	}
	if e.At.Sub(u.last) < o.pause(u.failures) {
		o.breach("session %s was given task %s %v after the failure %d in a row of %s", e.Session, e.Task, e.At.Sub(u.last), u.failures, user)
	}
}

// agentEnded takes in an agent's end: at once, or after it has worked.
func (o *oracle) agentEnded(e *messages.Event) {
	user := o.session(e.Session).user
	switch u := o.agents.users[user]; {
	case e.Reason != "":
		u := o.agentFailed(user, e.At)
		u.ended, u.lately = true, true
	case u != nil && o.session(e.Session).given.After(u.last):
		delete(o.agents.users, user)
	}
}

// agentFailed counts a failure. Who has kept still for long may have begun anew.
func (o *oracle) agentFailed(user wire.UserID, at time.Time) *userBook {
	u := o.agents.users[user]
	if u == nil || at.Sub(u.last) > o.settings.StartTimeout {
		u = &userBook{}
		o.agents.users[user] = u
	}
	u.failures++
	u.last = at
	return u
}
