package session

import (
	"time"

	"hearth/actors"
	"hearth/messages"
)

// State is where a session stands. What is told outside is coarser: see Reported. The client's socket is not part of it, for
// it comes and goes in every state and decides only whether the client is told something.
type State string

// The states of a session.
const (
	// Waiting: it has claimed a task and has none.
	Waiting State = "waiting"
	// Starting: a task is its own and gets its agent ready.
	Starting State = "starting"
	// Active: its agent takes input.
	Active State = "active"
	// Reconnecting: as Active, and its task's bridge has no socket.
	Reconnecting State = "reconnecting"
	// Adopted: it was taken over from an earlier gateway. Its client has not come yet, and its task's bridge has no socket.
	Adopted State = "adopted"
	// Unattended: as Adopted, and its bridge is connected.
	Unattended State = "unattended"
	// Parked: it was taken over, and lost its task before its client came. It claims no other yet: an agent needs the user's token,
	// which only the client has.
	Parked State = "parked"
	// Exited: its agent has ended. The client has yet to read the last of the output.
	Exited State = "exited"
	// ExitedDetached: as Exited, and its task's bridge has no socket.
	ExitedDetached State = "exited_detached"
	// Ended: the pool was told and stops the actor. Every state leads here also when the user's token or the session's lifetime
	// has run out, or when an operator ends it.
	Ended State = "ended"
)

// unborn is where a session's actor begins.
const unborn State = ""

// Transitions are all the ways between a session's states.
var Transitions = actors.NewTransitions([]actors.Transition[State]{
	{From: unborn, To: Waiting, When: "its client comes"},
	{From: unborn, To: Adopted, When: "the pool takes it over with its task"},

	{From: Waiting, To: Starting, When: "the pool binds a task to it"},
	{From: Waiting, To: Ended, When: "no agent is ready in time, the pool gives it no task, the client closes or abandons it, or this gateway drains and has nothing of it to hand over"},

	{From: Starting, To: Active, When: "its agent is ready"},
	{From: Starting, To: Starting, When: "its task has failed, and the pool binds another one to it at once"},
	{From: Starting, To: Waiting, When: "its task has failed, and it keeps the first turn, in the queue or beside it"},
	{From: Starting, To: Ended, When: "one task too many has failed, no agent is ready in time, its task moves to another gateway, the client closes or abandons it, or this gateway drains without handing over"},

	{From: Active, To: Reconnecting, When: "its bridge's socket drops"},
	{From: Active, To: Exited, When: "its agent ends"},
	{From: Active, To: Waiting, When: "its task is lost: it claims another"},
	{From: Active, To: Ended, When: "it is idle, one task too many is lost soon, its task moves to another gateway, the client closes it or left before it was ever told ready and is not back in time, or this gateway drains without handing over"},

	{From: Reconnecting, To: Active, When: "its bridge dials again"},
	{From: Reconnecting, To: Waiting, When: "its task is lost: it claims another"},
	{From: Reconnecting, To: Ended, When: "it is idle, one task too many is lost soon, its task moves to another gateway, the client closes it or left before it was ever told ready and is not back in time, or this gateway drains without handing over"},

	{From: Adopted, To: Unattended, When: "its bridge dials"},
	{From: Adopted, To: Reconnecting, When: "its client comes"},
	{From: Adopted, To: Parked, When: "its task is lost"},
	{From: Adopted, To: Ended, When: "it is idle, one task too many is lost soon, its task moves to another gateway, or this gateway drains without handing over"},

	{From: Unattended, To: Active, When: "its client comes"},
	{From: Unattended, To: Adopted, When: "its bridge's socket drops"},
	{From: Unattended, To: Exited, When: "its agent ends"},
	{From: Unattended, To: Parked, When: "its task is lost"},
	{From: Unattended, To: Ended, When: "it is idle, one task too many is lost soon, its task moves to another gateway, or this gateway drains without handing over"},

	{From: Parked, To: Waiting, When: "its client comes: it claims another task"},
	{From: Parked, To: Ended, When: "it is idle, or this gateway drains and has nothing of it to hand over"},

	{From: Exited, To: ExitedDetached, When: "its bridge's socket drops"},
	{From: Exited, To: Ended, When: "its client has the last of the output, does not come for it within the idle timeout, or does not acknowledge it within 30 s of the exit, its task is lost or moves to another gateway, the client closes it or left before it was ever told ready and is not back in time, or this gateway drains without handing over"},

	{From: ExitedDetached, To: Exited, When: "its bridge dials again"},
	{From: ExitedDetached, To: Ended, When: "its client has the last of the output, does not come for it within the idle timeout, or does not acknowledge it within 30 s of the exit, its task is lost or moves to another gateway, the client closes it or left before it was ever told ready and is not back in time, or this gateway drains without handing over"},
})

// Reported is the state as facts, metrics and the status tell it.
func (s State) Reported() messages.SessionState {
	switch s {
	case Waiting:
		return messages.SessionStateWaiting
	case Starting:
		return messages.SessionStateStarting
	case Active, Reconnecting, Adopted, Unattended:
		return messages.SessionStateActive
	case Parked:
		return messages.SessionStateParked
	case Exited, ExitedDetached:
		return messages.SessionStateExited
	case Ended:
		return messages.SessionStateEnded
	}
	return ""
}

// isConnected reports whether the session's bridge has a socket, and an agent that may be given lines.
func (s State) isConnected() bool { return s == Active || s == Unattended || s == Exited }

// keep has a state go on with the deadline of the one before it.
const keep time.Duration = -1

// become enters a state and gives it its deadline, 0 for none. A change among states that are reported alike is no news; that a
// state begins anew is.
func (s *session) become(state State, handle func(*session, any), deadline time.Duration) {
	Transitions.Check(s.state, state)
	if was, is := s.state.Reported(), state.Reported(); was != is || s.state == state {
		s.observe(messages.Event{Kind: messages.EventSessionState, Was: string(was), Phase: string(is)})
	}
	s.state = state
	s.handle = handle
	s.hint.Cancel()
	switch {
	case deadline > 0:
		s.deadline.Set(s.Clock, s.self, deadline)
	case deadline != keep:
		s.deadline.Cancel()
	}
}
