package model

import (
	"cmp"

	"hearth/messages/wire"
)

// captured is a bridge that its user's agent has taken over.
type captured struct{ stolen wire.Secret }

// Capture has the agent of a task take its bridge over, if it has an agent: on every socket after the present one the
// bridge claims to be warm, to be given the next user. It shows the given pass, or if that is empty whatever pass it still
// has, and does not end when it is told to. It reports whether it could.
func (t *Container) Capture(stolen wire.Secret) bool {
	if t.bridge == nil || t.bridge.user == nil || t.bridge.user.ready == nil || t.bridge.captured != nil {
		return false
	}
	t.bridge.captured = &captured{stolen}
	return true
}

// Pass is what the task's bridge would prove with that it has no user, empty when it cannot.
func (t *Container) Pass() wire.Secret {
	if t.bridge == nil {
		return ""
	}
	return t.bridge.pass
}

// hello is what it says on every dial, instead of what an honest one that waits for a user does.
func (c *captured) hello(warm wire.BridgeHello) wire.BridgeHello {
	warm.SessionID, warm.UserID, warm.Pass = "", "", cmp.Or(c.stolen, warm.Pass)
	return warm
}

// disobeys reports whether the bridge does not do what it is told. When the world is calm they all do.
func (b *bridge) disobeys() bool { return b.captured != nil && !b.model.calm }
