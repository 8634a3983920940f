// Package actors is Hearth's core: what all actors share, and below it a package for each kind of actor.
//
//	pool                 actors/pool: claims, replenishment, waiters, drain
//	 ├─ pool/task-{id}     actors/task: one per ECS task; owns the socket of its bridge
//	 ├─ pool/session-{id}  actors/session: one per session; owns the client's socket
//	 └─ pool/host-{id}     actors/host: one per container instance
//
// An actor is a state machine and nothing else. It handles one message at a time and never blocks; what it wants done it
// asks of a port (see [Ports]), and every answer comes back as a message. Each state has a handler of its own, and is
// entered through become, which checks the way there against the actor's [Transitions]; a message that the state does not
// expect is reported, never dropped in silence. Every wait has a deadline, which is a message too.
//
// # Who says what
//
// Each actor's doc.go has a line for every message that it takes. In short:
//
// A client's hello comes to the pool as ClientArrived, which begins a session or passes it on to the one that it names. The
// pool claims a task for a new session at once; a session that has lost its task sends Claim. Once there is a task, the session
// is sent Bound and the task Assign; until then the session is sent Hint. The task gives its
// bridge the user and tells session and pool TaskActive. From there ToBridge and FromBridge carry the user's lines.
//
// A task that is of no more use says TaskFailed, and the pool decides what becomes of its session: before its agent was
// ready it is Bound to another task, waits again at the head of the queue (WaitAgain), or gets StartFailed; after that it
// gets TaskLost. A session that is over says SessionEnded, and the pool retires its task. A child never stops itself: it
// says TaskGone or SessionEnded, and its parent stops it, because protoactor's Terminated may overtake a child's last
// message. A Terminated without a last word is a crash.
//
// # What cannot go wrong
//
// Claims are serialised by the pool's mailbox: a task leaves the ready queue in the message that binds it, and the pool's
// records are the only place where a task's owner is written down. Ids are never used twice, and every answer carries the
// id that it is about, so that stale news is recognised.
package actors
