package task

import (
	"time"

	"hearth/actors"
	"hearth/messages"
)

// State is where a task stands. What is told outside is coarser: see Reported.
type State string

// The states of a task.
const (
	// Launching: this gateway has asked ECS for it, and its bridge has never dialled.
	Launching State = "launching"
	// Awaited: an earlier gateway has started it, and its bridge is not connected here. It may be at another gateway.
	Awaited State = "awaited"
	// Redialling: it was ready, lost its socket, and its bridge is to dial again.
	Redialling State = "redialling"
	// Ready: its bridge is connected and waits for a user.
	Ready State = "ready"
	// LeavingReady: it is ready, and its bridge was asked to dial another gateway.
	LeavingReady State = "leaving_ready"
	// Assigned: its bridge was sent init_user and has not answered.
	Assigned State = "assigned"
	// Accepted: its bridge has taken the user and gets the agent ready.
	Accepted State = "accepted"
	// Fenced: its bridge has taken the user, and its agent waits until no other can write to the workspace.
	Fenced State = "fenced"
	// Active: its agent serves the session.
	Active State = "active"
	// Detached: its agent serves the session, its socket dropped, and its bridge is to dial again.
	Detached State = "detached"
	// Adopted: an earlier gateway has given it its session. Its bridge is to dial, and the agent may not be ready.
	Adopted State = "adopted"
	// Resuming: as Adopted, and its bridge is connected. It says whether the agent is ready.
	Resuming State = "resuming"
	// LeavingActive: it has a session, and its bridge was asked to dial another gateway. The agent may have ended, or not be ready yet.
	LeavingActive State = "leaving_active"
	// Finished: its agent has ended. Its bridge stays until the client has read the last of the output.
	Finished State = "finished"
	// FinishedDetached: as Finished, and its socket dropped. A bridge whose agent has ended need not dial again.
	FinishedDetached State = "finished_detached"
	// Stopping: it is of no more use. What is left is to see that ECS stops it.
	Stopping State = "stopping"
	// Lingering: ECS has accepted its stop, and its agent may still run in its user's workspace.
	Lingering State = "lingering"
	// Gone: nothing of it is left. The pool was told and stops the actor.
	Gone State = "gone"
	// Moved: it is another gateway's from here on. The pool was told and stops the actor.
	Moved State = "moved"
)

// unborn is where a task's actor begins.
const unborn State = ""

// Transitions are all the ways between a task's states.
var Transitions = actors.NewTransitions([]actors.Transition[State]{
	{From: unborn, To: Launching, When: "the pool starts it"},
	{From: unborn, To: Awaited, When: "the pool takes it over from an earlier gateway"},
	{From: unborn, To: Stopping, When: "its first actor crashed"},

	{From: Launching, To: Ready, When: "its bridge dials"},
	{From: Launching, To: Stopping, When: "its start fails, ECS has stopped it, its bridge shows a session, its bridge does not dial in time, or the pool gives it up"},

	{From: Awaited, To: Ready, When: "its bridge dials and shows the pass"},
	{From: Awaited, To: Adopted, When: "its bridge dials and proves to have a session"},
	{From: Awaited, To: Moved, When: "its bridge does not dial in time, or this gateway hands over"},
	{From: Awaited, To: Stopping, When: "ECS has stopped it, its bridge shows no good pass, it was claimed as its socket dropped, or the pool gives it up"},

	{From: Redialling, To: Ready, When: "its bridge dials and shows the pass"},
	{From: Redialling, To: Moved, When: "this gateway hands over"},
	{From: Redialling, To: Stopping, When: "its bridge does not dial in time or shows no good pass, ECS has stopped it, it was claimed as its socket dropped, or the pool gives it up"},

	{From: Ready, To: Assigned, When: "the pool assigns it a session"},
	{From: Ready, To: Adopted, When: "its bridge dials again and proves to have got a session from another gateway"},
	{From: Ready, To: Redialling, When: "its socket drops"},
	{From: Ready, To: Awaited, When: "its socket drops, and an earlier gateway has started it"},
	{From: Ready, To: LeavingReady, When: "this gateway hands over"},
	{From: Ready, To: Stopping, When: "its bridge says that its container was told to end, ECS has stopped it, or the pool gives it up"},

	{From: LeavingReady, To: Moved, When: "its socket drops"},
	{From: LeavingReady, To: Ready, When: "its bridge dials again, and this gateway hands over no more"},
	{From: LeavingReady, To: Assigned, When: "the pool had assigned it before it could leave"},
	{From: LeavingReady, To: Adopted, When: "its bridge dials again and proves to have got a session from another gateway"},
	{From: LeavingReady, To: Stopping, When: "its bridge says that its container was told to end, ECS has stopped it, or the pool gives it up"},

	{From: Assigned, To: Accepted, When: "its bridge accepts the user"},
	{From: Assigned, To: Active, When: "its bridge says that the agent is ready"},
	{From: Assigned, To: Stopping, When: "its bridge does not answer, dials again, drops or fails, its bridge says that its container was told to end, ECS has stopped it, or its session ends"},

	{From: Accepted, To: Fenced, When: "its bridge says who else may run in the workspace, and this gateway has not heard all of them since it began"},
	{From: Accepted, To: Active, When: "its bridge says that the agent is ready"},
	{From: Accepted, To: Stopping, When: "the agent is not ready in time, its bridge dials again, drops or fails, its bridge says that its container was told to end, ECS has stopped it, or its session ends"},

	{From: Fenced, To: Accepted, When: "the pool has heard them, or their leases are over"},
	{From: Fenced, To: Stopping, When: "that takes too long, its bridge dials again, drops or fails, its bridge says that its container was told to end, ECS has stopped it, or its session ends"},

	{From: Active, To: Detached, When: "its socket drops"},
	{From: Active, To: Finished, When: "its agent ends"},
	{From: Active, To: LeavingActive, When: "this gateway hands over"},
	{From: Active, To: Stopping, When: "its bridge says that its container was told to end, ECS has stopped it, or its session ends"},

	{From: Detached, To: Active, When: "its bridge dials again"},
	{From: Detached, To: Moved, When: "this gateway hands over"},
	{From: Detached, To: Stopping, When: "its bridge does not dial in time, ECS has stopped it, or its session ends"},

	{From: Adopted, To: Resuming, When: "its bridge dials"},
	{From: Adopted, To: LeavingActive, When: "its bridge dials, and this gateway hands over since before"},
	{From: Adopted, To: Moved, When: "this gateway hands over"},
	{From: Adopted, To: Stopping, When: "its bridge does not dial in time, ECS has stopped it, or its session ends"},

	{From: Resuming, To: Active, When: "its bridge says that the agent is ready"},
	{From: Resuming, To: Adopted, When: "its socket drops"},
	{From: Resuming, To: Finished, When: "its agent ends"},
	{From: Resuming, To: LeavingActive, When: "this gateway hands over"},
	{From: Resuming, To: Stopping, When: "the agent is not ready in time or fails, its bridge says that its container was told to end, ECS has stopped it, or its session ends"},

	{From: LeavingActive, To: Moved, When: "its socket drops"},
	{From: LeavingActive, To: Resuming, When: "its bridge dials again, and this gateway hands over no more"},
	{From: LeavingActive, To: Stopping, When: "the agent fails, its bridge says that its container was told to end, ECS has stopped it, or its session ends"},

	{From: Finished, To: FinishedDetached, When: "its socket drops"},
	{From: Finished, To: LeavingActive, When: "this gateway hands over"},
	{From: Finished, To: Stopping, When: "its bridge says that its container was told to end, ECS has stopped it, or its session ends"},

	{From: FinishedDetached, To: Finished, When: "its bridge dials again"},
	{From: FinishedDetached, To: Moved, When: "this gateway hands over"},
	{From: FinishedDetached, To: Stopping, When: "its bridge does not dial in time, ECS has stopped it, or its session ends"},

	{From: Stopping, To: Gone, When: "ECS accepts the stop or has no such task, or it was asked for the last time"},
	{From: Stopping, To: Lingering, When: "the same, and its agent may still run"},

	{From: Lingering, To: Gone, When: "its bridge or ECS says that the agent has ended, or its lease, if its bridge holds one, is over"},
})

// Reported is the state as facts, metrics and the status tell it.
func (s State) Reported() messages.TaskState {
	switch s {
	case Launching, Awaited, Redialling:
		return messages.TaskStateStarting
	case Ready, LeavingReady:
		return messages.TaskStateReady
	case Assigned, Accepted, Fenced:
		return messages.TaskStateAssigned
	case Active, Detached, Adopted, Resuming, LeavingActive, Finished, FinishedDetached:
		return messages.TaskStateActive
	case Stopping, Lingering:
		return messages.TaskStateStopping
	case Gone, Moved:
		return messages.TaskStateGone
	}
	return ""
}

// become enters a state. Its deadline is counted from here; 0 is none.
func (t *task) become(state State, handle func(*task, any), deadline time.Duration) {
	Transitions.Check(t.state, state)
	if state.Reported() != t.state.Reported() {
		t.since = t.Clock.Now()
	}
	t.state = state
	t.handle = handle
	t.attempts = 0
	t.poll.Cancel()
	if deadline > 0 {
		t.deadline.Set(t.Clock, t.self, deadline)
	} else {
		t.deadline.Cancel()
	}
}
