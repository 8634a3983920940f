package pool

import "hearth/messages"

// revisionFound rolls a revision of the task definition out: tasks are started with it, and ready ones of another are
// replaced as those are whose time to live is over, each once its replacement stands ready. Sessions keep their tasks.
func (p *pool) revisionFound(revision messages.Revision) {
	if revision == p.revision {
		return
	}
	p.revision = revision
	p.observe(messages.Event{Kind: messages.EventRevision, Revision: revision})
	for place := p.ready.Front(); place != nil; place = place.Next() {
		p.judge(place.Value.(*taskRecord))
	}
	p.replenish()
}

// taskLaunched notes what ECS says of a task that it has accepted.
func (p *pool) taskLaunched(t *taskRecord, m *messages.TaskLaunched) {
	t.arn = m.ARN
	p.awaitHost(t)
	if p.runs(t, m.Revision) {
		p.replenish()
	}
}

// runs notes which revision a task runs, once that is known. It reports whether the task is to be replaced for it.
func (p *pool) runs(t *taskRecord, revision messages.Revision) bool {
	if revision == "" || t.revision != "" {
		return false
	}
	t.revision = revision
	p.observe(messages.Event{Kind: messages.EventRuns, Task: t.id, Revision: revision})
	p.judge(t)
	return t.expired
}

// outdated reports whether a pool's task runs another revision than new ones. A task that was started for one session is
// that session's, whatever it runs.
func (p *pool) outdated(t *taskRecord) bool {
	return p.revision != "" && t.revision != "" && t.revision != p.revision && !t.request.Dedicated()
}

// judge has a ready task replaced whose time is over: by age, by its revision, or because its host drains. One that is starting is
// judged when it is ready: whoever waits for it is served first.
func (p *pool) judge(t *taskRecord) {
	p.expire(t, t.state == poolReady && (t.old || p.outdated(t) || t.hostDrains()))
}
