package task

import (
	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
)

// The reasons for which a bridge is not given a user.
const (
	DoubtSession = "bridge claims to serve a session that it was never given"
	DoubtNoPass  = "bridge is warm and shows no pass"
	DoubtBadPass = "bridge is warm and its pass is not the task's"
)

// doubtUnproven says why a bridge that was never given a pass may have had a user, and so must not be given one; it is empty
// when it cannot have had one. Only the gateway that has started a task may ask so little, and only until it has sent a pass.
func doubtUnproven(hello wire.BridgeHello) string {
	if hello.State != wire.BridgeWarm {
		return DoubtSession
	}
	return ""
}

// doubtReturned says the same of a bridge that may have been given a pass, by this gateway or an earlier one, and so must show
// it. A bridge forgets its pass with init_user, so one that shows it has not come to that; nobody else's word is enough.
func doubtReturned(signer actors.Signer, hello wire.BridgeHello) string {
	if hello.State != wire.BridgeWarm {
		return DoubtSession
	}
	return DoubtPass(signer, hello)
}

// DoubtPass says what is wrong with a warm bridge's pass, if anything is.
func DoubtPass(signer actors.Signer, hello wire.BridgeHello) string {
	switch {
	case signer.VerifyWarmPass(hello.Pass, hello.TaskID):
		return ""
	case hello.Pass == "":
		return DoubtNoPass
	}
	return DoubtBadPass
}

// attachWarm makes the socket of a bridge without a user the task's own, and gives the bridge the pass that it has to show
// on the next one. One that it has already may be signed with a secret that is on its way out.
func (t *task) attachWarm(m *messages.BridgeArrived) {
	t.attach(m)
	t.send(wire.Pass{Pass: t.Signer.WarmPass(t.request.Task)})
}

// turnAway refuses a bridge that may have had a user, and tells of it.
func (t *task) turnAway(link messages.LinkID, doubt string) {
	t.refuse(link, doubt)
	t.observe(messages.Event{Kind: messages.EventRefused, Reason: doubt})
}
