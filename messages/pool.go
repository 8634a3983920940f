package messages

import (
	"time"

	"hearth/messages/wire"
)

// Between sessions and the pool.

// Claim asks the pool for a task. A session has at most one claim or one task at a time.
type Claim struct {
	Session wire.SessionID
	User    wire.UserID
	Token   wire.Secret
	// InSeq and OutSeq are where a session that had an earlier task goes on counting.
	InSeq, OutSeq uint64
	// Window is the size of the client's window, zero while it has told none.
	Window wire.Resize
	// Trace is what the client's hello said that the session belongs to.
	Trace wire.Traceparent
}

// Bound tells a session that a task is its own and is being given its user.
type Bound struct {
	Task wire.TaskID
	Path wire.Path
	Why  wire.ColdReason
	// Waited is the time from the claim to the binding.
	Waited time.Duration
}

// Presence tells the pool whether the client of a session that was never ready is there. Without it the session holds its
// turn, but no place in the queue and no task.
type Presence struct {
	Session wire.SessionID
	Here    bool
}

// HintRequest asks what a waiting session is to tell its client.
type HintRequest struct{ Session wire.SessionID }

// Hint is what a waiting client is told. It also answers a CapacityRequest.
type Hint struct {
	Reason wire.WaitReason
	Eta    time.Duration
	// Draining says that the gateway takes no new session: a client that came now would be turned away.
	Draining bool
	// Message says what has failed, while starts do.
	Message string
}

// WaitAgain tells a session that its task has failed before the agent was ready, and that it is the first of those who wait.
// Its client is told the hint.
type WaitAgain struct{ Hint Hint }

// StartFailed tells a session that it gets no task.
type StartFailed struct {
	Code      wire.ErrorCode
	Message   string
	Kind      Failure
	Retryable bool
	// After is how long a retry has to wait: sooner it is not served.
	After time.Duration
}

// TaskLost tells a session that its active task is gone.
type TaskLost struct {
	Task   wire.TaskID
	Reason string
	// ToldToEnd says that somebody else has told its container to end: the agent has nothing to do with it.
	ToldToEnd bool
}

// Parked tells the pool that a session has lost its task and asks for another only once its client has come.
type Parked struct{ Session wire.SessionID }

// SessionEnded is a session's last word to the pool, which then stops its task and it.
type SessionEnded struct {
	Session wire.SessionID
	Reason  EndReason
	Stand   Stand
}

// DrainSession tells a session to end, because this gateway drains.
type DrainSession struct{}

// Stand is where a session's counts are: what it goes on from when it is begun again after it ended idle.
type Stand struct {
	// In is the last input that an agent was given, Out the last output that was seen of one, and Acked the last of those
	// that its client had processed.
	In, Out, Acked uint64
}

// EndReason says why a session ended.
type EndReason string

// Why sessions end.
const (
	// EndClosed: its client has closed it.
	EndClosed EndReason = "closed"
	// EndExited: its agent has ended.
	EndExited EndReason = "exited"
	// EndIdle: nothing went either way for longer than the idle timeout. It begins again when its client comes.
	EndIdle EndReason = "idle_timeout"
	// EndAbandoned: its client left before it was told ready, and did not come back in time. It begins again when it comes.
	EndAbandoned EndReason = "abandoned"
	// EndStartFailed: no task could be started for it, or every task that it was given has failed.
	EndStartFailed EndReason = "start_failed"
	// EndTimeout: no agent was ready within the start timeout.
	EndTimeout EndReason = "start_timeout"
	// EndTaskLost: too many of its tasks were lost soon after they were ready.
	EndTaskLost EndReason = "task_lost"
	// EndDraining: this gateway drains, or has handed the session over to another one.
	EndDraining EndReason = "draining"
	// EndToken: its user's token expired and no other came. It begins again when its client comes.
	EndToken EndReason = "token_expired"
	// EndLifetime: it is as old as a session may be. It begins again when its client comes.
	EndLifetime EndReason = "max_lifetime"
	// EndOperator: an operator has ended it.
	EndOperator EndReason = "operator"
	// EndCrashed: its actor has crashed.
	EndCrashed EndReason = "crashed"
)

// AdoptSession is the first message of a session that was taken over with its task.
type AdoptSession struct{ Task wire.TaskID }

// Between tasks and the pool.

// ListRequest asks the pool to have the tasks listed again, for an adopted one whose ARN is still missing.
type ListRequest struct{}

// TaskFound tells a task whose ARN is not known what a list says of it.
type TaskFound struct {
	ARN      string
	Revision Revision
	// Host is empty when the task is not placed yet.
	Host HostID
}

// Adopt tells a task that was taken over whose it is. Its bridge has proven that with the binding.
type Adopt struct {
	Session wire.SessionID
	User    wire.UserID
}

// TaskLaunched tells the pool that ECS has accepted a task.
type TaskLaunched struct {
	Task     wire.TaskID
	ARN      string
	Revision Revision
}

// TaskPlaced tells the pool which host a task is on.
type TaskPlaced struct {
	Task wire.TaskID
	Host HostID
}

// TaskUp tells the pool that a task can be claimed.
type TaskUp struct{ Task wire.TaskID }

// TaskDown tells the pool that a task's socket dropped while it waited: it counts as starting again.
type TaskDown struct {
	Task   wire.TaskID
	Reason string
}

// TaskExpired tells the pool that a task has been ready for longer than its time to live.
type TaskExpired struct{ Task wire.TaskID }

// TaskActive tells the pool and the session that the agent takes input.
type TaskActive struct {
	Task    wire.TaskID
	Session wire.SessionID
	Timings wire.Timings
	// MaxPayload is the largest input that the bridge takes, in bytes, 0 where it did not say, and IO how its agent takes it.
	MaxPayload int
	IO         wire.AgentIO
}

// TaskFailed tells the pool that a task is of no more use and stops itself.
type TaskFailed struct {
	Task   wire.TaskID
	Kind   Failure
	Reason string
	// Vacated says that nothing of its agent runs in the user's workspace. Without it TaskVacated follows.
	Vacated bool
	// Fault is set when an ECS call was the cause.
	Fault *LaunchError
}

// TaskVacated tells the pool that nothing of the agent of a task that is being stopped runs any more in its user's workspace, nor
// will.
type TaskVacated struct{ Task wire.TaskID }

// FenceFound tells the pool which tasks may have agents in the workspace that a task was given, as its fencing records tell; answered
// by Proceed once none has.
type FenceFound struct {
	Task   wire.TaskID
	Others []wire.TaskID
}

// Proceed lets a task's agent start.
type Proceed struct{}

// TaskGone is a task's last word to the pool: nothing of it is left to stop.
type TaskGone struct{ Task wire.TaskID }

// Assign gives a task its session, once in its life.
type Assign struct {
	Session       wire.SessionID
	User          wire.UserID
	Token         wire.Secret
	Workspace     string
	InSeq, OutSeq uint64
	Window        wire.Resize
	Trace         wire.Traceparent
	// Fence says that the agent waits for a Proceed: the pool has to know first who else may run in the workspace.
	Fence bool
}

// HandOver tells a task to have its bridge dial another gateway.
type HandOver struct{}

// Stay takes HandOver back: the task stays if its bridge, which may be on its way, dials this gateway and no other.
type Stay struct{}

// TaskMoved is a task's last word to the pool when its bridge has left for another gateway, where it goes on. The
// pool passes it on to its session.
type TaskMoved struct{ Task wire.TaskID }

// Retire tells a task to stop.
type Retire struct{ Reason string }

// Between a session and its task.

// ToBridge asks a session's task to send a frame: Data, Ack, Resume or Token. It is dropped while the task has no socket.
type ToBridge struct{ Frame wire.Frame }

// FromBridge brings a session a frame of its task: Data, Ack, Gap or Exit. Bytes are to be credited to Link.
type FromBridge struct {
	Task  wire.TaskID
	Link  LinkID
	Frame wire.Frame
	Bytes int
}

// TaskDetached tells a session that its task's socket dropped.
type TaskDetached struct {
	Task   wire.TaskID
	Reason string
}

// TaskReattached tells a session that its task's bridge has dialled again, and where it stands.
type TaskReattached struct {
	Task          wire.TaskID
	InSeq, OutSeq uint64
	// MaxPayload is the largest input that the bridge takes, in bytes, 0 where it did not say, and IO how its agent takes it.
	MaxPayload int
	IO         wire.AgentIO
}

// From operators and the process.

// Resize changes the pool's bounds while it runs; answered by Resized.
type Resize struct{ Min, Max int }

// Resized answers Resize. Problem is empty when the bounds were taken.
type Resized struct{ Problem string }

// Drain takes no new sessions; answered by Drained when nothing is left. Tasks are stopped and clients told, or, with
// HandOver, bridges are asked to dial another gateway and clients follow.
type Drain struct{ HandOver bool }

// Drained answers Drain.
type Drained struct{}

// Undrain takes a Drain back for which nobody waits: sessions are taken again. Answered by Undrained.
type Undrain struct{}

// Undrained answers Undrain.
type Undrained struct{}

// CapacityRequest asks what a client that arrived now would be told; answered by Hint.
type CapacityRequest struct{}

// EndSessions ends sessions for an operator: the one that it names, or all of a user's, who may not come again for as long as Deny
// says. Answered by Ended.
type EndSessions struct {
	Session wire.SessionID
	User    wire.UserID
	Deny    time.Duration
}

// Ended answers EndSessions: how many sessions there were.
type Ended struct{ Sessions int }

// EndSession tells a session that an operator ends it.
type EndSession struct{}

// StatusRequest asks for a PoolStatus.
type StatusRequest struct{}

// PoolStatus is what an operator sees. It holds no secret.
type PoolStatus struct {
	Pool     PoolCounts      `json:"pool"`
	Tasks    []TaskStatus    `json:"tasks"`
	Sessions []SessionStatus `json:"sessions"`
	Hosts    []HostStatus    `json:"hosts"`
	// Revisions counts the tasks that are not being stopped by what they run.
	Revisions map[Revision]int `json:"revisions,omitempty"`
	Draining  bool             `json:"draining"`
	// LastFailure is why the last start failed, kept until a task becomes ready.
	LastFailure string `json:"lastFailure,omitempty"`
	// Plan is what the pool's target comes of; nil when it does not follow the demand.
	Plan *Plan `json:"plan,omitempty"`
	// Shadow is a policy that is tried beside the one in force; nil for none.
	Shadow *Shadow `json:"shadow,omitempty"`
}

// PoolCounts are the pool's numbers.
type PoolCounts struct {
	Ready    int `json:"ready"`
	Starting int `json:"starting"`
	Assigned int `json:"assigned"`
	Stopping int `json:"stopping"`
	Waiting  int `json:"waiting"`
	// Target is what the pool is refilled to: the minimum, or what its policy makes of it; 0 when the pool is switched off.
	Target int `json:"target"`
	Min    int `json:"min"`
	Max    int `json:"max"`
}

// TaskStatus is one task in a PoolStatus.
type TaskStatus struct {
	ID      wire.TaskID    `json:"id"`
	ARN     string         `json:"arn,omitempty"`
	State   TaskState      `json:"state"`
	Session wire.SessionID `json:"sessionId,omitempty"`
	Host    HostID         `json:"host,omitempty"`
	// Isolation names the levels that keep agents apart there; empty until the bridge has dialled, and if it does not say.
	Isolation string `json:"isolation,omitempty"`
	// Revision is that of its task definition, empty while it is not known.
	Revision Revision `json:"revision,omitempty"`
	AgeMs    int64    `json:"ageMs"`
}

// SessionStatus is one session in a PoolStatus.
type SessionStatus struct {
	ID    wire.SessionID `json:"id"`
	User  wire.UserID    `json:"userId"`
	Task  wire.TaskID    `json:"taskId,omitempty"`
	State SessionState   `json:"state"`
	AgeMs int64          `json:"ageMs"`
}

// HostStatus is one container instance in a PoolStatus.
type HostStatus struct {
	ID    HostID    `json:"id"`
	State HostState `json:"state"`
	// Slots is how many more tasks have room, as far as is known; Tasks how many of ours are on it.
	Slots int `json:"slots"`
	Tasks int `json:"tasks"`
}
