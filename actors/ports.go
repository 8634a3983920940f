package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/messages"
	"hearth/messages/wire"
)

// Ports is everything that the actors know of the world. Nothing in it blocks; every answer comes back as a message.
type Ports struct {
	Engine   Engine
	Clock    Clock
	Rand     Rand
	Launcher Launcher
	// Fleet is nil where there are no hosts to know of, as on Fargate.
	Fleet    Fleet
	Links    Links
	Signer   Signer
	Observer Observer
}

// Engine runs actors: on a pool of workers in production, one message at a time in a seeded order in the simulator.
type Engine interface {
	// Spawn starts an actor as the child of the one whose context parent is. It fails when that has a child of that name,
	// and has one until it gets the child's Terminated.
	// An actor that panics is stopped, never restarted: its parent gets a Terminated.
	Spawn(parent actor.SpawnerContext, name string, child actor.Actor) (*actor.PID, error)
}

// Clock is the only source of time.
type Clock interface {
	Now() time.Time
	// After sends msg to the actor once d has passed.
	After(d time.Duration, to *actor.PID, msg any) Timer
}

// Timer is a message that is still to be sent.
type Timer interface {
	// Stop takes it back if it was not sent yet. It reports whether that was so, the first time.
	Stop() bool
}

// Rand is the only source of randomness.
type Rand interface {
	Uint64() uint64
	// Float64 is in [0, 1).
	Float64() float64
}

// Launcher starts and stops ECS tasks.
type Launcher interface {
	// Run starts one task, answered by *messages.RunDone. Calling it again with the same request is safe: ECS's
	// clientToken makes the second call answer with the first one's task.
	Run(to *actor.PID, request messages.RunTask)
	// Stop stops one task, answered by *messages.StopDone.
	Stop(to *actor.PID, task wire.TaskID, arn, reason string)
	// List asks for every task of this deployment that is not meant to be stopped, whoever started it, answered by
	// *messages.TasksListed.
	List(to *actor.PID)
	// Describe asks where a task stands, answered by *messages.TaskDescribed.
	Describe(to *actor.PID, task wire.TaskID, arn string)
}

// Fleet is the cluster's hosts.
type Fleet interface {
	// Sweep asks for all container instances, answered by *messages.HostsListed.
	Sweep(to *actor.PID)
}

// Links are the peers' sockets. Each has one reader, which stops when a window of bytes has not been credited, and a
// bounded outbox. Calls for a link that is gone do nothing.
type Links interface {
	// Bind makes owner the receiver of the link's messages (LinkFrame, LinkWritten, LinkClosed) from here on, and lets
	// the reader go on. A link that has closed meanwhile answers with LinkClosed at once. A nil owner: nobody hears of it.
	Bind(link messages.LinkID, owner *actor.PID)
	// Send queues a frame. A peer that lets the outbox overflow or does not read in time is closed with 1013. Data for a client that
	// its socket has taken by the return, and with that all data before, are written: no LinkWritten tells of those.
	Send(link messages.LinkID, frame wire.Frame) (written bool)
	// Credit returns bytes of a LinkFrame to the reader's window.
	Credit(link messages.LinkID, bytes int)
	// Close closes the socket once everything queued was written.
	Close(link messages.LinkID, code wire.CloseCode)
}

// Dismiss closes a socket whose owner wants to hear no more of it.
func (p *Ports) Dismiss(link messages.LinkID, code wire.CloseCode) {
	p.Links.Bind(link, nil)
	p.Links.Close(link, code)
}

// Signer makes the gateway's signatures.
type Signer interface {
	// Binding signs that this task serves this session of this user.
	Binding(task wire.TaskID, session wire.SessionID, user wire.UserID) string
	// VerifyBinding reports whether a binding is this gateway's signature over the three.
	VerifyBinding(binding string, task wire.TaskID, session wire.SessionID, user wire.UserID) bool
	// WarmPass signs that this task may be given a user.
	WarmPass(task wire.TaskID) wire.Secret
	// VerifyWarmPass reports whether a pass is this gateway's signature over the task.
	VerifyWarmPass(pass wire.Secret, task wire.TaskID) bool
}

// Observer is told every fact that is worth a log line, a metric or a place in a trace, in the order in which they
// happen to each actor. It must not block; it is called from many actors at once.
type Observer interface {
	Observe(event messages.Event)
}
