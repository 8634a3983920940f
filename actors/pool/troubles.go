package pool

import (
	"container/list"
	"time"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
)

// timerTroubled rings when the first claim that is put off for its user's failures is due.
const timerTroubled messages.Timer = "troubled"

// trouble is that the agents of a user cannot be started, or end as soon as they have: so many in a row. Its user's claims are served
// one at a time, at times that are farther and farther apart, so that neither retries nor sessions side by side buy tasks.
type trouble struct {
	failures int
	reason   string
	// ends says that one has started and ended at once: that another starts proves nothing then. last is when the last has failed.
	ends bool
	last time.Time
	// next is the earliest time for the user's next claim.
	next time.Time
}

// troubleOf is what is known against a user's claims. Who has kept still for as long as a client waits begins anew.
func (p *pool) troubleOf(user wire.UserID) trouble {
	t := p.troubles.get(user)
	if p.Clock.Now().Sub(t.next) > p.settings.StartTimeout {
		return trouble{}
	}
	return t
}

// pause is how long a user's claims are apart after so many failures.
func (p *pool) pause(failures int) time.Duration {
	return actors.Pause(p.settings.BackoffBase, p.settings.BackoffMax, failures, p.Rand.Float64())
}

// troubled takes in that an agent of the user could not be started, or has ended at once.
func (p *pool) troubled(user wire.UserID, reason string, ends bool) {
	t := p.troubleOf(user)
	t.failures++
	t.reason = reason
	t.ends = t.ends || ends
	t.last = p.Clock.Now()
	if next := p.Clock.Now().Add(p.pause(t.failures)); next.After(t.next) {
		t.next = next
	}
	p.troubles.add(user, t)
}

// agentEnded takes in that the agent of a session has ended: at once, or after it has worked, which is news if it began after the last
// failure.
func (p *pool) agentEnded(m *messages.AgentEnded) {
	session := p.sessions[m.Session]
	switch {
	case session == nil: // its actor crashed meanwhile
	case m.Trouble != "":
		p.troubled(session.user, m.Trouble, true)
		p.putOff(session)
	case session.given.After(p.troubleOf(session.user).last):
		p.untroubled(session.user)
	}
}

// untroubled takes in that an agent of the user works: whoever was put off for its user is served in its turn.
func (p *pool) untroubled(user wire.UserID) {
	if p.troubles.get(user).failures == 0 {
		return
	}
	p.troubles.remove(user)
	p.serve(func(delayed *sessionRecord) bool { return delayed.user == user })
}

// assignTurn says when a claim may be served, and puts it off if that is not now.
func (p *pool) assignTurn(session *sessionRecord) {
	now := p.Clock.Now()
	session.turned = now
	t := p.troubleOf(session.user)
	if t.failures == 0 {
		return
	}
	due := t.next
	if due.Before(now) {
		due = now
	}
	t.next = due.Add(p.pause(t.failures))
	p.troubles.add(session.user, t)
	if due.After(now) {
		p.delay(session, due)
		p.watchDelayed()
	}
}

// putOff has the user's other sessions wait for turns of their own, once the agent of one has failed. One whose own task is being
// started has it already.
func (p *pool) putOff(failed *sessionRecord) {
	var others []*sessionRecord
	for _, list := range []*list.List{&p.delayed, &p.waiters, &p.fenced} {
		for place := list.Front(); place != nil; place = place.Next() {
			if s := place.Value.(*sessionRecord); s.user == failed.user && s != failed && s.starting == nil {
				others = append(others, s)
			}
		}
	}
	for _, s := range others {
		p.undelay(s)
		p.assignTurn(s)
	}
	p.standAnew(others...)
}

// serve has those of the claims that are put off take their turns that are meant.
func (p *pool) serve(meant func(delayed *sessionRecord) bool) {
	for place := p.delayed.Front(); place != nil; {
		session := place.Value.(*sessionRecord)
		place = place.Next()
		if meant(session) {
			p.undelay(session)
			p.standAnew(session)
		}
	}
	p.watchDelayed()
}

// watchDelayed has those looked at again that are put off, when the first of them is due.
func (p *pool) watchDelayed() {
	if first := p.delayed.Front(); first != nil {
		p.troubledDue.Set(p.Clock, p.ctx.Self(), first.Value.(*sessionRecord).due.Sub(p.Clock.Now()))
	} else {
		p.troubledDue.Cancel()
	}
}
