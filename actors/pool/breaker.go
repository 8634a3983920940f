package pool

import (
	"hearth/messages"
	"hearth/messages/wire"
)

// breakerRow is how many agents in a row have to fail before that is taken for the deployment's fault.
const breakerRow = 3

// breaker tells when agents that cannot be started, in tasks that did all they should, count as failed starts: once breakerRow in a
// row have failed, and none has started in between. Each user counts once, for it may be the user's own workspace that is broken,
// and nobody is to be held back by that. As long as no agent has ever started here each session counts: nothing speaks for the
// deployment yet.
type breaker struct {
	// proved says that an agent has started here, or was taken over with its session.
	proved bool
	// row is whose agents have failed in a row, each once; at most breakerRow.
	row []culprit
}

// culprit is whose agent has failed.
type culprit struct {
	user    wire.UserID
	session wire.SessionID
}

// fail takes in that a session's agent could not be started.
func (b *breaker) fail(c culprit) {
	if b.open() {
		return
	}
	for _, known := range b.row {
		if known == c || b.proved && known.user == c.user {
			return
		}
	}
	b.row = append(b.row, c)
}

// open reports whether agents that fail count as failed starts.
func (b *breaker) open() bool { return len(b.row) >= breakerRow }

// succeed takes in that an agent has started.
func (b *breaker) succeed() { b.proved, b.row = true, nil }

// agentFailed takes in that the agent of a session could not be started. The session's user is given other tasks later and later;
// once it is not the user alone, the pool starts fewer.
func (p *pool) agentFailed(session *sessionRecord, m *messages.TaskFailed) {
	p.troubled(session.user, m.Reason, false)
	wasOpen := p.breaker.open()
	p.breaker.fail(culprit{session.user, session.id})
	if !p.breaker.open() {
		return
	}
	p.crashed = true
	p.lastFailure, p.shortage, p.lastFault = m.Reason, false, ""
	if wasOpen && p.backoff.sameIncident(session.given) {
		return
	}
	p.backoff.streak = max(p.backoff.streak, breakerRow-1) // the others of the row count now
	pause := p.backoff.fail(p.Clock.Now(), p.Rand.Float64())
	p.observe(messages.Event{
		Kind: messages.EventAgentsFail, Task: m.Task, Session: session.id, Failure: m.Kind, Reason: m.Reason,
		N: p.backoff.streak, Took: pause,
	})
}

// agentStarted takes in that an agent of the user takes input: there is nothing wrong with starts, nor with the user.
func (p *pool) agentStarted(user wire.UserID) {
	if p.breaker.open() {
		p.lastFailure = ""
		p.observe(messages.Event{Kind: messages.EventAgentsStart})
	}
	p.breaker.succeed()
	p.crashed = false
	p.backoff.succeed()
	if !p.troubleOf(user).ends {
		p.untroubled(user)
	}
}
