package pool

import (
	"slices"
	"time"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
)

// timerUnheard rings when the leases are over that tasks may have had before this gateway began.
const timerUnheard messages.Timer = "unheard"

// unheard is how a gateway that has just begun does without knowing which tasks of an earlier one are cut off, with an agent that
// runs until its lease is over: it knows neither whose they are, nor when that is, and those that ECS was told to stop are in no list.
// The fencing records on the workspaces have them. So for a while a bridge that is given a user tells whose agents may run in the
// workspace, and its own waits for those of tasks that this gateway has not heard. Some may be another gateway's, and in use.
type unheard struct {
	// until is the end of that while, at which over rings; it is at once where there was no earlier gateway.
	until time.Time
	over  actors.Alarm
	// heard are the tasks that were started here, whose bridges have dialled, or that are known to have stopped.
	heard map[wire.TaskID]bool
	// waiting are those who wait for others, in the order in which they came.
	waiting []*messages.FenceFound
}

func newUnheard() unheard {
	return unheard{over: actors.Alarm{Name: timerUnheard}}
}

// beginUnheard begins the while.
func (p *pool) beginUnheard() {
	p.unheard.heard = map[wire.TaskID]bool{}
	d := p.settings.AdoptionFence()
	p.unheard.until = p.Clock.Now().Add(d)
	p.unheard.over.Set(p.Clock, p.ctx.Self(), d)
}

// asksForFences reports whether the while goes on.
func (p *pool) asksForFences() bool { return p.Clock.Now().Before(p.unheard.until) }

// endUnheard is the end of the while: all leases are over that no gateway renews, or there have been none.
func (p *pool) endUnheard() {
	p.unheard.over.Cancel()
	p.unheard.until, p.unheard.heard = time.Time{}, nil
	p.proceed()
}

// hear notes that this gateway knows of a task what there is to know.
func (p *pool) hear(id wire.TaskID) {
	if p.unheard.heard != nil {
		p.unheard.heard[id] = true
		p.proceed()
	}
}

// fenceFound lets a task's agent start, unless it has to wait for another's.
func (p *pool) fenceFound(t *taskRecord, m *messages.FenceFound) {
	p.unheard.waiting = append(p.unheard.waiting, m)
	p.proceed()
	if t.session == nil || !slices.Contains(p.unheard.waiting, m) {
		return
	}
	p.observe(messages.Event{Kind: messages.EventFenced, Task: t.id, Session: t.session.id, User: t.session.user, N: len(m.Others)})
	p.tell(t.session.pid, &messages.Hint{Reason: wire.ReasonFenced, Eta: max(time.Second, p.unheard.until.Sub(p.Clock.Now()))})
}

// proceed lets those agents start that have nobody to wait for any more.
func (p *pool) proceed() {
	p.unheard.waiting = slices.DeleteFunc(p.unheard.waiting, func(m *messages.FenceFound) bool {
		t := p.tasks[m.Task]
		if t == nil || t.session == nil {
			return true // it was given up meanwhile
		}
		isUnheard := func(id wire.TaskID) bool { return !p.unheard.heard[id] }
		if p.asksForFences() && slices.ContainsFunc(m.Others, isUnheard) {
			return false
		}
		p.tell(t.pid, &messages.Proceed{})
		return true
	})
}
