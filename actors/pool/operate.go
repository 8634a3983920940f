package pool

import (
	"cmp"
	"maps"
	"slices"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
)

// unsettled is a target that is not one yet.
const unsettled = -1

// resize changes the pool's bounds while it runs, and fills it up to the new ones: who asks for a size wants to have it. The
// threshold keeps its distance from the minimum.
func (p *pool) resize(m *messages.Resize) *messages.Resized {
	if err := actors.CheckBounds(m.Min, m.Max); err != nil {
		return &messages.Resized{Problem: err.Error()}
	}
	p.settings.Min, p.settings.Max = m.Min, m.Max
	p.target = unsettled
	p.follow()
	p.replenish()
	return &messages.Resized{}
}

// endSessions ends one session, or all of a user's, who is then kept out for a while if that is asked for.
func (p *pool) endSessions(m *messages.EndSessions) *messages.Ended {
	ended := 0
	for _, session := range sortedSessions(p.sessions) {
		if session.ended == "" && (session.id == m.Session || m.User != "" && session.user == m.User) {
			p.tell(session.pid, &messages.EndSession{})
			ended++
		}
	}
	if m.User != "" && m.Deny > 0 {
		p.denied.add(m.User, p.Clock.Now().Add(m.Deny))
	}
	p.observe(messages.Event{Kind: messages.EventEndAsked, Session: m.Session, User: m.User, Took: m.Deny, N: ended})
	return &messages.Ended{Sessions: ended}
}

// status is what an operator sees.
func (p *pool) status() *messages.PoolStatus {
	now, counts := p.Clock.Now(), p.census()
	status := &messages.PoolStatus{
		Pool: messages.PoolCounts{
			Ready: counts.Ready, Starting: counts.Starting, Assigned: counts.Assigned, Stopping: counts.Stopping,
			Waiting: counts.Waiting, Min: p.settings.Min, Max: p.settings.Max,
		},
		Tasks:    make([]messages.TaskStatus, 0, len(p.tasks)),
		Sessions: make([]messages.SessionStatus, 0, len(p.sessions)),
		Hosts:    []messages.HostStatus{}, Revisions: map[messages.Revision]int{},
		Draining: p.draining, LastFailure: p.lastFailure,
	}
	if p.settings.WarmPool {
		status.Pool.Target = p.target
	}
	if p.aim.forecast != nil {
		plan := p.aim.plan
		status.Plan = &plan
	}
	status.Shadow = p.shadow.standing(now)
	for _, t := range sortedTasks(p.tasks) {
		task := messages.TaskStatus{
			ID: t.id, ARN: t.arn, State: t.state.reported(), Isolation: t.isolation, AgeMs: wire.Millis(now.Sub(t.started)),
		}
		if t.revision != "" {
			task.Revision = t.revision
			if t.state != poolStopping {
				status.Revisions[t.revision]++
			}
		}
		if t.session != nil {
			task.Session = t.session.id
		}
		if t.host != nil {
			task.Host = t.host.id
		}
		status.Tasks = append(status.Tasks, task)
	}
	for _, host := range p.inOrder {
		status.Hosts = append(status.Hosts, messages.HostStatus{
			ID: host.id, State: host.state, Slots: host.slots, Tasks: host.tasks,
		})
	}
	for _, r := range sortedSessions(p.sessions) {
		session := messages.SessionStatus{
			ID: r.id, User: r.user, State: r.state(), AgeMs: wire.Millis(now.Sub(r.begun)),
		}
		if r.task != nil {
			session.Task = r.task.id
		}
		status.Sessions = append(status.Sessions, session)
	}
	return status
}

// sortedTasks and sortedSessions are the books in an order that is the same in every run, the oldest first.
func sortedTasks(tasks map[wire.TaskID]*taskRecord) []*taskRecord {
	return slices.SortedFunc(maps.Values(tasks), func(a, b *taskRecord) int {
		return cmp.Or(a.started.Compare(b.started), cmp.Compare(a.id, b.id))
	})
}

func sortedSessions(sessions map[wire.SessionID]*sessionRecord) []*sessionRecord {
	return slices.SortedFunc(maps.Values(sessions), func(a, b *sessionRecord) int {
		return cmp.Or(a.begun.Compare(b.begun), cmp.Compare(a.id, b.id))
	})
}
