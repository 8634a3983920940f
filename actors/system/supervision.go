package system

import "github.com/asynkron/protoactor-go/actor"

// StopOnFailure is how a child that panicked is treated: it is stopped, never restarted, because nothing is known of the
// state that it was left in. Its parent hears of it by a Terminated.
type StopOnFailure struct{}

// HandleFailure runs in the parent's mailbox.
func (StopOnFailure) HandleFailure(
	_ *actor.ActorSystem, parent actor.Supervisor, child *actor.PID, _ *actor.RestartStatistics, _, _ any,
) {
	parent.StopChildren(child)
}

// guardian is the parent of the root actor. It must not escalate: the library has nothing above a guardian, and panics.
type guardian struct{ failed func(reason any) }

// HandleFailure runs in the root actor's mailbox.
func (g *guardian) HandleFailure(
	_ *actor.ActorSystem, above actor.Supervisor, root *actor.PID, _ *actor.RestartStatistics, reason, _ any,
) {
	above.StopChildren(root)
	g.failed(reason)
}
