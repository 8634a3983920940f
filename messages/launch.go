package messages

import "hearth/messages/wire"

// RunTask asks for one task to be started. A task with a session is dedicated to it and dials as that session's.
type RunTask struct {
	Task    wire.TaskID
	Session wire.SessionID
	User    wire.UserID
}

// Dedicated reports whether the task is started for one session.
func (r RunTask) Dedicated() bool { return r.Session != "" }

// Revision names a revision of a task definition: family:revision.
type Revision string

// RunDone answers RunTask: either an ARN or an error.
type RunDone struct {
	Task wire.TaskID
	ARN  string
	// Revision is what the task runs, empty when that is not known.
	Revision Revision
	// Host is empty when the task is not placed yet.
	Host HostID
	Err  *LaunchError
}

// StopDone answers a stop.
type StopDone struct {
	Task wire.TaskID
	// Missing means that ECS does not know the task: no longer, or, for some seconds after its start, not yet.
	Missing bool
	Err     *LaunchError
}

// TaskPhase is where ECS says a task stands.
type TaskPhase string

// The phases of a task, coarser than ECS's own states.
const (
	PhasePending TaskPhase = "pending"
	PhaseRunning TaskPhase = "running"
	PhaseStopped TaskPhase = "stopped"
	// PhaseMissing means that ECS does not know the task: not yet, or no longer.
	PhaseMissing TaskPhase = "missing"
)

// TaskDescribed answers a describe.
type TaskDescribed struct {
	Task  wire.TaskID
	Phase TaskPhase
	// Host is empty until the task is placed.
	Host HostID
	// Reason says why it stopped: ECS's stoppedReason and the container's, with the exit code.
	Reason string
	// HostGone says that it stopped because its host did.
	HostGone bool
	Err      *LaunchError
}

// TasksListed answers a list: every task that this gateway's name started and that is not meant to be stopped, or an
// error. It is never a part of them.
type TasksListed struct {
	Tasks []ListedTask
	Err   *LaunchError
}

// ListedTask is one task as ECS knows it. Session and User are set for a dedicated task: it was started for them.
type ListedTask struct {
	Task    wire.TaskID
	ARN     string
	Phase   TaskPhase
	Host    HostID
	Session wire.SessionID
	User    wire.UserID
	// Revision is what it runs, empty when that is not known.
	Revision Revision
	// Unhealthy says that it runs and its container's health check fails.
	Unhealthy bool
}

// RevisionFound tells the pool what tasks are started with from here on. It comes when that is known first, and whenever it
// changes.
type RevisionFound struct{ Revision Revision }

// LaunchErrorKind sorts what can go wrong with an ECS call by what is to be done about it.
type LaunchErrorKind string

// The kinds of a launch error.
const (
	// LaunchThrottled and LaunchUnavailable pass: the rate limit, a 5xx, no connection.
	LaunchThrottled   LaunchErrorKind = "throttled"
	LaunchUnavailable LaunchErrorKind = "unavailable"
	// LaunchTimeout means that no answer came: the call may have been carried out.
	LaunchTimeout LaunchErrorKind = "timeout"
	// LaunchNoCapacity means that no host has room.
	LaunchNoCapacity LaunchErrorKind = "no_capacity"
	// LaunchDenied and LaunchInvalid need an operator: permissions, a wrong cluster, task definition or parameter.
	LaunchDenied  LaunchErrorKind = "denied"
	LaunchInvalid LaunchErrorKind = "invalid"
)

// LaunchError is an ECS call's failure.
type LaunchError struct {
	Kind LaunchErrorKind
	// Op is the call that failed, such as "RunTask".
	Op string
	// Message is for operators and waiting clients; it names the AWS error code.
	Message string
}

// Error tells the operation, the kind and the message.
func (e *LaunchError) Error() string { return e.Op + ": " + e.Message + " (" + string(e.Kind) + ")" }

// Ambiguous reports whether the call may have been carried out although it failed.
func (e *LaunchError) Ambiguous() bool { return e.Kind == LaunchTimeout || e.Kind == LaunchUnavailable }

// Shortage reports whether the call may succeed later without anybody's doing: waiters go on waiting.
func (e *LaunchError) Shortage() bool { return e.Kind == LaunchThrottled || e.Kind == LaunchNoCapacity }

// Alarm is a timer's message. Timer says which of its owner's timers it is; its owner knows it by its address, for an
// alarm that has been set anew or cancelled since is old news.
type Alarm struct{ Timer Timer }

// Timer names a wait; each has a deadline.
type Timer string
