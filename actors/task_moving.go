package actors

import (
	"hearth/messages"
	"hearth/messages/wire"
)

// handOver asks the bridge to dial another gateway. The socket that there is stays until the bridge has been answered
// there, so that the user's lines go on meanwhile. A task without a socket will find the other gateway by itself.
func (t *task) handOver() {
	t.leaving = true
	if t.link == 0 {
		t.moved()
		return
	}
	t.deadline.cancel()
	t.send(wire.Redial{})
}

// moved is the last word about a task that is another gateway's from here on. It is not stopped.
func (t *task) moved() {
	t.observe(messages.Event{Kind: messages.EventHandedOver, Took: t.Clock.Now().Sub(t.born)})
	t.leave()
	t.become(taskGone, (*task).elsewhere, 0)
	t.tell(t.pool, &messages.TaskMoved{Task: t.request.Task})
}

// elsewhere takes the news of a task that is no longer this gateway's.
func (t *task) elsewhere(message any) {
	if m, ok := message.(*messages.BridgeArrived); ok {
		t.Links.Close(m.Link, wire.CloseDraining)
	}
}
