// Package task is the actor of one ECS task, from the decision to start it until ECS has accepted its stop. Its states are
// in states.go; the other files have what is done in them.
//
// # Messages
//
// It takes these; who sends each, and what follows:
//
//   - Adopt, from the pool: the session that an earlier gateway gave the task; Adopted, and the bridge comes next.
//   - Alarm, from its own timer: the end of a state, or the time to ask ECS again.
//   - Assign, from the pool: the session that has claimed the task; the bridge is sent init_user.
//   - BridgeArrived, from the pool: the task's bridge has dialled; it is taken, or told to end.
//   - HandOver, from the pool: this gateway hands over; the bridge is asked to dial another one, and TaskMoved follows.
//   - LinkClosed, from the socket: the bridge's socket has dropped; TaskDown, TaskDetached or TaskFailed follows, or TaskMoved if it was to leave.
//   - LinkFrame, from the socket: a frame of the bridge's; lines go to the session as FromBridge.
//   - Proceed, from the pool: nobody else's agent may run in the workspace; the bridge is told to start its own.
//   - Retire, from the pool: the task is of no more use; Stopping, and TaskGone follows.
//   - RunDone, from the launcher: ECS's answer to the start; TaskLaunched follows, or TaskFailed.
//   - Stay, from the pool: this gateway hands over no more; a bridge that was asked to dial another one is taken back if it dials here.
//   - StopDone, from the launcher: ECS's answer to the stop; TaskGone follows, or it is asked again, as of a task that ECS does not know yet.
//   - TaskDescribed, from the launcher: where ECS says that the task stands; TaskPlaced follows, or TaskFailed if it has stopped.
//   - TaskFound, from the pool: a list has told the task's ARN; TaskLaunched follows.
//   - ToBridge, from its session: a frame for the bridge; it is dropped without a socket.
package task
