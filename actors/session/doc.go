// Package session is the actor of one user's session, from its client's hello until it has ended. Its states are in
// states.go; the other files have what is done in them.
//
// # Messages
//
// It takes these; who sends each, and what follows:
//
//   - AdoptSession, from the pool: the first message of a session that is taken over with its task; its bridge comes next.
//   - Alarm, from its own timer: the end of a state, or the time to tell a waiting client again how long it will take.
//   - Bound, from the pool: a task is the session's own and gets its agent ready; TaskActive follows, or WaitAgain, another Bound or StartFailed.
//   - ClientArrived, from the pool: the session's client has come; the first one begins it, and another one replaces the one that is there.
//   - DrainSession, from the pool: this gateway drains; SessionEnded follows.
//   - EndSession, from the pool: an operator ends it; SessionEnded follows.
//   - FromBridge, from its task: a frame of the bridge's; lines go to the client.
//   - Hint, from the pool: how long it will take, which the client is told; it answers HintRequest, or a claim or an agent that has to wait.
//   - HostLeaving, from the pool: the task's host is going out of service; the client is told, so that it can save its work.
//   - LinkClosed, from the socket: the client's socket has dropped; the session lives on.
//   - LinkFrame, from the socket: a frame of the client's; lines go to the task as ToBridge.
//   - LinkWritten, from the socket: outputs have left for the client; the bridge's reader may go on.
//   - StartFailed, from the pool: the session gets no task; the client is told why, and SessionEnded follows.
//   - TaskActive, from its task: the agent takes input; the client is told ready.
//   - TaskDetached, from its task: the bridge's socket has dropped; lines wait until TaskReattached.
//   - TaskLost, from the pool: the task is gone; Claim follows, or Parked, or SessionEnded.
//   - TaskMoved, from the pool: the task is another gateway's from here on; the client is sent there, and SessionEnded follows.
//   - TaskReattached, from its task: the bridge has dialled again; it is sent what it has missed, and asked for what the client has missed.
//   - WaitAgain, from the pool: the task has failed before its agent was ready; the session is the first of those who wait.
package session
