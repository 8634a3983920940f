package pool

import (
	"time"

	"hearth/messages"
	"hearth/messages/wire"
)

// A user's workspace is occupied while the agent of a task that was given up may still run in it. Whoever of the user's sessions then
// waits for a task is fenced: it stands beside the queue, keeps its turn, and is given no task. Agents of sessions that a user has at
// the same time share the workspace: none of their tasks was given up.

// occupy notes that the agent of a task that its user's session has lost may run on. Those of the user's sessions that wait are fenced.
func (p *pool) occupy(t *taskRecord, user wire.UserID) {
	p.records.occupy(t, user)
	var waiting []*sessionRecord
	for place := p.waiters.Front(); place != nil; place = place.Next() {
		if waiter := place.Value.(*sessionRecord); waiter.user == user {
			waiting = append(waiting, waiter)
		}
	}
	p.standAnew(waiting...)
}

// taskVacated takes in that nothing of a task's agent runs any more.
func (p *pool) taskVacated(t *taskRecord) {
	p.vacate(t)
	p.admit()
}

// admit lets those sessions have their turn whose workspaces nobody occupies any more.
func (p *pool) admit() {
	for place := p.fenced.Front(); place != nil; {
		session := place.Value.(*sessionRecord)
		place = place.Next()
		if p.isOccupied(session.user) {
			continue
		}
		if p.standAnew(session); session.place != nil {
			p.tell(session.pid, p.hintFor(session))
		}
	}
}

// readyFor is the ready task that a session may be given: its own, where tasks are started for one session each.
func (p *pool) readyFor(session *sessionRecord) *taskRecord {
	if t := session.starting; t != nil && t.state == poolReady {
		return t
	}
	return p.firstReady()
}

// fencedHint is what a session is told that is fenced: for how long at most, as far as it has waited.
func (p *pool) fencedHint(session *sessionRecord) *messages.Hint {
	waited := p.Clock.Now().Sub(session.claimed)
	return &messages.Hint{Reason: wire.ReasonFenced, Eta: max(time.Second, p.settings.LeaseWait()-waited)}
}
