package messages

// TaskState is where a task stands, as facts, metrics and the status tell it. A task's actor knows more states: several of
// them are told as one.
type TaskState string

// The states of a task.
const (
	// TaskStateStarting: it counts against the pool's maximum and cannot be claimed, because its bridge is not connected.
	TaskStateStarting TaskState = "starting"
	// TaskStateReady: its bridge is connected and waits for a user.
	TaskStateReady TaskState = "ready"
	// TaskStateAssigned: it has a session.
	TaskStateAssigned TaskState = "assigned"
	// TaskStateActive: its agent serves the session. The pool, which does not tell the two apart, calls it assigned.
	TaskStateActive TaskState = "active"
	// TaskStateStopping: it is of no more use and on its way out.
	TaskStateStopping TaskState = "stopping"
	// TaskStateGone: nothing of it is left here.
	TaskStateGone TaskState = "gone"
)

// SessionState is where a session stands, as facts, metrics and the status tell it. A session's actor knows more states.
type SessionState string

// The states of a session.
const (
	// SessionStateWaiting: it has claimed a task and has none.
	SessionStateWaiting SessionState = "waiting"
	// SessionStateStarting: a task is its own and gets its agent ready.
	SessionStateStarting SessionState = "starting"
	// SessionStateActive: its agent takes input. Either socket may be away for a while.
	SessionStateActive SessionState = "active"
	// SessionStateParked: it has lost its task, and asks for another once its client is there.
	SessionStateParked SessionState = "parked"
	// SessionStateExited: its agent has ended, and its client has yet to read the last of it.
	SessionStateExited SessionState = "exited"
	// SessionStateEnded: it has ended.
	SessionStateEnded SessionState = "ended"
)
