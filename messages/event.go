package messages

import (
	"time"

	"hearth/messages/wire"
)

// EventKind names a fact.
type EventKind string

// The facts that actors report. Which fields of an Event a kind fills is said beside it; Task and Session are always
// filled where there is one.
const (
	// The pool's decisions, in the order in which they were made.

	// EventStarting: a task is to be started. Why is what for.
	EventStarting EventKind = "starting"
	// EventReady: a task can be claimed. Took is the time since its start, 0 when it was ready before or was adopted.
	EventReady EventKind = "ready"
	// EventUnready: a ready task lost its socket and cannot be claimed until it dials again. Reason.
	EventUnready EventKind = "unready"
	// EventWaiting: a session found no ready task, or its client is back. Why; N is the number of waiters.
	EventWaiting EventKind = "waiting"
	// EventAway: a waiting session's client has left. The session keeps its turn, and waits again when the client is back.
	EventAway EventKind = "away"
	// EventFenced: a session's turn waits until no earlier agent of its user's can write to the workspace. N is how many do.
	EventFenced EventKind = "fenced"
	// EventClaimed: a task is bound to a session. Path, Why; Took is the time waited for the task.
	EventClaimed EventKind = "claimed"
	// EventReleased: a task is no longer its session's. Reason.
	EventReleased EventKind = "released"
	// EventRequeued: a claim failed and the session is first in the queue again. Failure, Reason; N is the attempt.
	EventRequeued EventKind = "requeued"
	// EventDelayed: a session's claim is put off for Took, because N agents of its user in a row could not be started or ended at once.
	// Reason.
	EventDelayed EventKind = "delayed"
	// EventClaimFailed: a session is told that it gets no task. Failure, Reason.
	EventClaimFailed EventKind = "claim_failed"
	// EventLeft: a session stopped waiting. Took is the time waited.
	EventLeft EventKind = "left"
	// EventEvicted: a task that has no session is given up, though its start has not failed. Cause, Reason.
	EventEvicted EventKind = "evicted"
	// EventGone: a task has left the pool's books, for nothing of it is left.
	EventGone EventKind = "gone"
	// EventStartFailed: a task did not become ready, or died soon after. Failure, Reason; N is the length of the streak.
	EventStartFailed EventKind = "start_failed"
	// EventAgentsFail: the agents of one user after the other cannot be started. No task is started for Took. Failure, Reason; N is
	// the length of the streak. EventAgentsStart: one has started again.
	EventAgentsFail  EventKind = "agents_fail"
	EventAgentsStart EventKind = "agents_start"
	// EventBackoff: no task is started for Took.
	EventBackoff EventKind = "backoff"
	// EventResized: the pool's bounds were changed, by an operator or by its policy. N is the target, M the maximum; Plan what it
	// comes of when it follows the demand. EventPlanned: the plan is another, though it may come to the same target.
	EventPlanned EventKind = "planned"
	EventResized EventKind = "resized"
	// EventShadowed: how a policy stands that runs beside the one in force without acting, each minute and with each claim: Path is how
	// Session would have come to its task. N is its target, M its maximum; Shadow. EventShadowResized: the same, and the target is
	// another; Plan what it comes of when it follows the demand.
	EventShadowed      EventKind = "shadowed"
	EventShadowResized EventKind = "shadow_resized"
	// EventEndAsked: an operator ends a session, or N of a user's, who is kept out for Took.
	EventEndAsked EventKind = "end_asked"
	// EventRevision: tasks are started with another revision of their definition from here on; those that are ready with
	// another are replaced, one by one.
	EventRevision EventKind = "revision"
	// EventRuns: it is known which revision a task runs.
	EventRuns EventKind = "runs"
	// EventHostLost: a host is gone, and N tasks with it. EventHostWithdrawn: it drains; N tasks are not claimed any more.
	EventHostLost      EventKind = "host_lost"
	EventHostWithdrawn EventKind = "host_withdrawn"
	// EventListed: ECS has told which tasks run; the pool is filled from here on. N were taken over.
	EventListed EventKind = "listed"
	// EventAdopted: a task of an earlier gateway, and with it its session if it has one, was taken over. Host, when it is
	// known.
	EventAdopted EventKind = "adopted"
	// EventHeld: a client asked for a session that is not known yet; it waits for the session's bridge.
	EventHeld EventKind = "held"
	// EventDraining: no new sessions are taken from here on.
	EventDraining EventKind = "draining"
	// EventUndrained: an operator has taken the drain back, and new sessions are taken again.
	EventUndrained EventKind = "undrained"
	// EventHandedOver: a task's bridge has left for another gateway.
	EventHandedOver EventKind = "handed_over"
	// EventRefused: a client was turned away, and Reason is the error code; or a bridge was, and Reason says why.
	EventRefused EventKind = "refused"

	// A task's life.

	// EventLaunched: ECS has accepted the task. ARN; Took is the call's time.
	EventLaunched EventKind = "launched"
	// EventNotDialled: ECS says the task runs, but its bridge has not dialled. Took is for how long.
	EventNotDialled EventKind = "not_dialled"
	// EventLaunchError: an ECS call failed. Reason, and Fault is its kind.
	EventLaunchError EventKind = "launch_error"
	// EventAssigned: init_user was sent.
	EventAssigned EventKind = "assigned"
	// EventActive: the agent takes input. Timings; Took is the time since init_user.
	EventActive EventKind = "active"
	// EventDetached and EventReattached: an active task's socket dropped, and came back. Reason.
	EventDetached   EventKind = "detached"
	EventReattached EventKind = "reattached"
	// EventIsolated: what keeps agents apart in the task is known, and changed from Was, empty before, to Phase, empty once the task
	// is gone. Both are levels as the bridge names them.
	EventIsolated EventKind = "isolated"
	// EventResumed: its agent goes on, which was suspended for Took because its bridge had no gateway.
	EventResumed EventKind = "resumed"
	// EventVacated: nothing of its agent runs any more, after the task was given up. Reason; Took is the time since then.
	EventVacated EventKind = "vacated"
	// EventStopping: the task is being stopped. Reason; Phase is the state it was in.
	EventStopping EventKind = "stopping"
	// EventStopped: ECS has accepted the stop, or the task is gone. Took is its whole life.
	EventStopped EventKind = "stopped"
	// EventAbandoned: ECS would not stop the task; an operator must look at it. Reason.
	EventAbandoned EventKind = "abandoned"

	// A session's life.

	// EventSessionBegun: a client asked for a new session.
	EventSessionBegun EventKind = "session_begun"
	// EventAttached and EventClientLeft: a client's socket came and went. Reason; Phase is the state in which it went.
	EventAttached   EventKind = "attached"
	EventClientLeft EventKind = "client_left"
	// EventSessionReady: the client was told ready. Path, Why, Timings; Took is the time since hello.
	EventSessionReady EventKind = "session_ready"
	// EventFirstOutput: a new agent's first output has come. Took is the time since it was ready.
	EventFirstOutput EventKind = "first_output"
	// EventAgentEnded: the session's agent has ended by itself. Exit; Took is the time since it was ready, 0 where that is not known;
	// Reason, where that was at once.
	EventAgentEnded EventKind = "agent_ended"
	// EventRestarting: the session's task was lost and it asks for another. Reason.
	EventRestarting EventKind = "restarting"
	// EventSessionState: the session's state changed from Was, empty at its begin, to Phase.
	EventSessionState EventKind = "session_state"
	// EventSessionEnded: Reason, and Failure where it got no task; Took is its whole life.
	EventSessionEnded EventKind = "session_ended"

	// A host's life.

	// EventHost: the host's state changed from Was, empty at its begin, to Phase.
	EventHost EventKind = "host"

	// Anything's.

	// EventUnexpected: a message that the actor's state has no use for. Reason is its type, Phase the state.
	EventUnexpected EventKind = "unexpected"
	// EventCrashed: an actor panicked. Reason.
	EventCrashed EventKind = "crashed"
)

// Event is a fact that an actor reports to its observer. It never holds a token or a payload.
type Event struct {
	At      time.Time
	Kind    EventKind
	Task    wire.TaskID
	Session wire.SessionID
	User    wire.UserID
	Host    HostID
	ARN     string
	// Revision is what a task runs, when that is known.
	Revision Revision
	Phase    string
	Was      string
	Path     wire.Path
	Why      wire.ColdReason
	// Cause is the kind of Reason that takes a task without a session from the pool.
	Cause Eviction
	// Failure is the kind of a failure's Reason.
	Failure Failure
	// Exit is how an agent has ended: its code, or the name of the signal that ended it.
	Exit    string
	Reason  string
	Fault   LaunchErrorKind
	Took    time.Duration
	Timings wire.Timings
	// Trace is what a session's client said that it belongs to.
	Trace wire.Traceparent
	N, M  int
	Plan  *Plan
	// Shadow is the observer's to keep.
	Shadow *Shadow
	// Census is the pool as it stands after the fact; set on the pool's events only. It is the observer's until
	// Observe returns.
	Census *Census
}

// Eviction is why a task that has no session is given up.
type Eviction string

// The causes of evictions.
const (
	// EvictedExpired: it was ready for longer than its time to live.
	EvictedExpired Eviction = "expired"
	// EvictedSurplus: the pool has more tasks than it is to have, or nobody waits for it any more.
	EvictedSurplus Eviction = "surplus"
	// EvictedOutdated: its task definition has another revision by now.
	EvictedOutdated Eviction = "outdated"
	// EvictedHostDraining: its host is going out of service.
	EvictedHostDraining Eviction = "host_draining"
	// EvictedHostLost: its host is gone.
	EvictedHostLost Eviction = "host_lost"
	// EvictedDrain: this gateway drains.
	EvictedDrain Eviction = "drain"
	// EvictedMoved: its bridge has dialled another gateway.
	EvictedMoved Eviction = "moved"
	// EvictedStopped: somebody other than the gateway has stopped it.
	EvictedStopped Eviction = "stopped"
	// EvictedUnproved: it was started by an earlier gateway and cannot be taken over.
	EvictedUnproved Eviction = "unproved"
	// EvictedStray: no gateway knows it any more.
	EvictedStray Eviction = "stray"
)

// Census counts the pool's tasks and waiters.
type Census struct {
	// Ready tasks can be claimed; Starting ones cannot yet. Both count against the pool's maximum.
	Ready, Starting int
	// Assigned tasks have a session; Stopping ones are on their way out.
	Assigned, Stopping int
	// Waiting is the number of sessions that wait for a task.
	Waiting int
	// Min and Max are the pool's bounds, Target what it is refilled to, 0 when it is switched off.
	Min, Max, Target int
	// Held is what keeps the pool from starting all the tasks that its policy asks for; empty when nothing does.
	Held Hold
}

// Hold is a limit that keeps starts back.
type Hold string

// What keeps starts back, in the order in which they are looked for: the first that does is told.
const (
	// HeldRateLimit: ECS throttled a start, and no other is tried for a while.
	HeldRateLimit Hold = "rate_limit"
	// HeldHosts: no host had room for a start, and no other is tried for a while; or started tasks wait for a host.
	HeldHosts Hold = "hosts"
	// HeldBackoff: starts failed, and no other is tried for a while, or only one at a time.
	HeldBackoff Hold = "backoff"
	// HeldLaunchLimit: as many tasks are starting as may start at once.
	HeldLaunchLimit Hold = "launch_limit"
	// HeldMaximum: the pool has as many tasks as it may.
	HeldMaximum Hold = "maximum"
)
