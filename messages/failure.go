package messages

import "hearth/messages/wire"

// Failure is the kind of a task's failure, or of a claim's: what is counted, where the reason is told.
type Failure string

// The kinds of failure. Those of a bridge's own word have the names that it has for them on the wire.
const (
	// FailedLaunch: ECS did not start it.
	FailedLaunch Failure = "launch"
	// FailedDial: it was started, and its bridge did not reach the gateway.
	FailedDial Failure = "not_dialled"
	// FailedUnproved: its bridge dialled and did not prove that it may be given a user.
	FailedUnproved Failure = "unproved"
	// FailedSocket: its bridge's socket dropped, and did not come back in time or could not be waited for.
	FailedSocket Failure = "socket"
	// FailedInit: its bridge did not answer init_user in time, or did not come to an end with it.
	FailedInit Failure = "init_timeout"
	// FailedStopped: ECS says that it has stopped.
	FailedStopped Failure = "stopped"
	// FailedHost: it went with its host.
	FailedHost Failure = "host_gone"
	// FailedTold: somebody else has told its container to end. The agent has nothing to do with it.
	FailedTold Failure = "told_to_end"
	// FailedCrashed: its actor has crashed.
	FailedCrashed Failure = "crashed"
	// FailedAssigned: its bridge was given a second session.
	FailedAssigned Failure = "already_assigned"
	// FailedWorkspace: its bridge cannot have the user's workspace, or no user's.
	FailedWorkspace Failure = "workspace"
	// FailedToken: its bridge could not write the user's token.
	FailedToken Failure = "token"
	// FailedAgent: its bridge could not start the agent.
	FailedAgent Failure = "agent"
	// FailedIsolation: its bridge cannot keep agents apart as its settings ask for.
	FailedIsolation Failure = "isolation"
	// FailedSettings: its bridge was given settings that it cannot use.
	FailedSettings Failure = "settings"
	// FailedTimeout: no task had its agent ready within the start timeout.
	FailedTimeout Failure = "start_timeout"
	// FailedDraining: the gateway drains.
	FailedDraining Failure = "draining"
	// FailedOther: its bridge could not start the agent for a reason that this gateway does not know.
	FailedOther Failure = "other"
)

// FailureOf is the kind of failure that a bridge tells, by its code on the wire.
func FailureOf(code string) Failure {
	switch f := Failure(code); f {
	case FailedAssigned, FailedWorkspace, FailedToken, FailedAgent, FailedIsolation, FailedSettings:
		return f
	}
	return FailedOther
}

// OfAgent reports whether it is the bridge that says that no agent can be started there.
func (f Failure) OfAgent() bool {
	switch f {
	case FailedWorkspace, FailedToken, FailedAgent, FailedIsolation, FailedSettings, FailedOther:
		return true
	}
	return false
}

// AgentEnded tells the pool that a session's agent has ended by itself. Trouble is why its user's next one may be of as little use, empty
// where it has worked.
type AgentEnded struct {
	Session wire.SessionID
	Trouble string
}
