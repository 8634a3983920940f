// Package pool is the one root actor. It decides everything that concerns more than one task or session: claims, what is
// started and stopped, what is taken over and handed over.
//
// # Messages
//
// It takes these; who sends each, and what follows:
//
//   - AgentEnded, from a session: its agent has ended by itself; one that has as soon as it had started puts off what its user's sessions get next.
//   - Alarm, from its own timer: the end of a pause or of a wait, or the time to look at the hosts or the tasks again.
//   - BridgeArrived, from the sockets: a bridge has dialled; it is passed on to its task, which may be adopted first, or refused.
//   - CapacityRequest, from the process: what would a client be told that came now? Hint answers.
//   - Claim, from a session: it has lost its task and wants another; Bound and, to the task, Assign follow, or Hint, or StartFailed.
//   - ClientArrived, from the sockets, or a session that has just ended: a client has come; it is passed on to its session, which may begin with it, or refused.
//   - Drain, from the process: no more sessions are taken; DrainSession and Retire, or HandOver, go to all, and Drained answers.
//   - EndSessions, from the process: an operator ends sessions; EndSession goes to each, and Ended answers.
//   - FenceFound, from a task: whose agents may run in its workspace, which a gateway that has just begun asks; Proceed follows, and Hint goes to the session until then.
//   - HintRequest, from a session: it still waits; Hint answers.
//   - HostChanged, from a host: its state has changed; Retire goes to its tasks, HostLeaving or TaskLost to their sessions.
//   - HostsListed, from the fleet: what a sweep saw; HostSeen or HostMissing goes to each host.
//   - ListRequest, from a task: its ARN is missing, or nobody knows whether it was started; the tasks are listed again, and TaskFound follows.
//   - Parked, from a session: it has lost its task and does not claim another before its client comes; DrainSession follows if this gateway drains.
//   - Presence, from a session: its client has come or gone before it was ready; without one it keeps its turn and is given no task.
//   - Resize, from the process: the pool's bounds change; Resized answers.
//   - RevisionFound, from the launcher: the definition that new tasks are started with; ready tasks of another one are replaced.
//   - SessionEnded, from a session: its last word; its task is sent Retire, and it is stopped.
//   - StatusRequest, from the process: PoolStatus answers, with a Shadow if a policy is tried.
//   - TaskActive, from a task: its agent takes input; its start has come to its end.
//   - TaskDescribed, from the process: ECS has told of a task unasked; it is passed on to the task.
//   - TaskDown, from a task: its socket dropped while it was ready; it cannot be claimed until TaskUp.
//   - TaskExpired, from a task: it has been ready for longer than its time to live; Retire follows once it is replaced.
//   - TaskFailed, from a task: it is of no more use; its session is sent Bound to another, WaitAgain, StartFailed or TaskLost.
//   - TaskGone, from a task: its last word; it is stopped.
//   - TaskLaunched, from a task: ECS has accepted it, under this ARN.
//   - TaskMoved, from a task: its last word: its bridge has left for another gateway; its session is told, and it is stopped.
//   - TaskPlaced, from a task: the host that it is on; Retire follows if that is going or gone, or HostPlaced goes to the host.
//   - TaskUp, from a task: it can be claimed; whoever waits longest is sent Bound, and it Assign.
//   - TaskVacated, from a task that was given up: nothing of its agent runs any more; Bound goes to the user's sessions that wait for that.
//   - TasksListed, from the launcher: the tasks that run; those that are not known are adopted or, if they are nobody's, stopped; the others may be sent TaskFound.
//   - Undrain, from the process: sessions are taken again; Stay goes to the tasks that were sent HandOver, and Undrained answers.
package pool
