package pool

import (
	"strconv"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/actors"
	"hearth/actors/host"
	"hearth/messages"
)

// timerSweep rings when the hosts are to be looked at again.
const timerSweep messages.Timer = "sweep"

// timerDrained rings when a host has drained for as long as its ready tasks may wait for their replacements.
const timerDrained messages.Timer = "drained"

// hostDrains is why tasks are given up on a host that drains.
const hostDrains = "its host is draining"

// sweep looks at the hosts, now and again and again.
func (p *pool) sweep() {
	p.Fleet.Sweep(p.ctx.Self())
	p.sweepDue.Set(p.Clock, p.ctx.Self(), p.settings.SweepInterval)
}

// hostsListed passes on to each host's actor what the sweep saw of it, or that it did not.
func (p *pool) hostsListed(m *messages.HostsListed) {
	if m.Err != nil {
		p.observe(messages.Event{Kind: messages.EventLaunchError, Reason: m.Err.Error(), Fault: m.Err.Kind, Phase: actors.PoolName})
		return
	}
	p.prepared, p.swept = m.Prepared, true
	seen := make(map[messages.HostID]bool, len(m.Hosts))
	for i := range m.Hosts {
		sight := &m.Hosts[i]
		seen[sight.Host] = true
		host := p.hostAt(sight.Host)
		host.slots = sight.Slots
		p.tell(host.pid, sight)
	}
	for _, host := range p.inOrder {
		if !seen[host.id] {
			host.slots = 0
			p.tell(host.pid, &messages.HostMissing{})
		}
	}
}

// hostAt is a host's record. A host that is new gets an actor.
func (p *pool) hostAt(id messages.HostID) *hostRecord {
	if host := p.byID[id]; host != nil {
		return host
	}
	host := &hostRecord{id: id, state: messages.HostInService}
	p.hosts.add(host)
	p.spawnHost(host, "")
	return host
}

// spawnHost gives a host an actor, which takes up where an earlier one has left it.
func (p *pool) spawnHost(record *hostRecord, was messages.HostState) {
	p.hostsSeen++
	// Invariant: the name is free, for each host's actor has its own number.
	name := actors.HostName(record.id) + "#" + strconv.Itoa(p.hostsSeen)
	record.pid = p.spawn(name, host.New(p.Ports, p.ctx.Self(), record.id, was))
}

// hostChanged acts on a host's new state.
func (p *pool) hostChanged(m *messages.HostChanged) {
	host := p.byID[m.Host]
	if host == nil {
		if !p.lost.has(m.Host) { // else it crossed with the host's loss
			p.unexpected(m)
		}
		return
	}
	if host.state == m.State {
		return // a new actor's first word
	}
	host.state = m.State
	switch m.State {
	case messages.HostInService:
		p.judgeReady(host)
	case messages.HostDraining:
		host.drained = p.Clock.Now()
		p.withdraw(host, p.tasksOn(host))
		p.clearHosts()
	case messages.HostLost:
		p.hostLost(host)
	}
	p.replenish()
}

// withdraw has the ready ones of a draining host's tasks replaced: new before old, as ECS leaves a host that drains its tasks for
// up to 48 hours. Until then they are claimed when there is no other, because a user who is served now and may have to move is
// better off than one who waits. Sessions run on: each is told, now or once its agent is ready, and restarts elsewhere if its
// host goes before it ends.
func (p *pool) withdraw(host *hostRecord, tasks []*taskRecord) {
	toReplace := 0
	for _, t := range tasks {
		p.judge(t)
		switch {
		case t.state == poolReady:
			toReplace++
		case t.state == poolAssigned && t.session.active:
			p.tellLeaving(t)
		}
	}
	p.observe(messages.Event{Kind: messages.EventHostWithdrawn, Host: host.id, N: toReplace})
}

// judgeReady judges a host's ready tasks anew.
func (p *pool) judgeReady(host *hostRecord) {
	for place := host.ready.Front(); place != nil; place = place.Next() {
		p.judge(place.Value.(*taskRecord))
	}
}

// clearHosts gives up what is still ready on hosts that have drained for HostDrainGrace: what could not be replaced by then, for want
// of room or because starts fail, must not keep them from going.
func (p *pool) clearHosts() {
	now, next := p.Clock.Now(), time.Duration(0)
	for _, host := range p.inOrder {
		left := host.drained.Add(p.settings.HostDrainGrace).Sub(now)
		switch {
		case host.state != messages.HostDraining:
		case left > 0:
			if next == 0 || left < next {
				next = left
			}
		default:
			for place := host.ready.Front(); place != nil; place = host.ready.Front() {
				p.retire(place.Value.(*taskRecord), messages.EvictedHostDraining, hostDrains)
			}
		}
	}
	if next > 0 {
		p.drainedLong.Set(p.Clock, p.ctx.Self(), next)
	}
}

// tellLeaving tells a session that its task's host is going out of service.
func (p *pool) tellLeaving(t *taskRecord) {
	p.tell(t.session.pid, &messages.HostLeaving{})
}

// hostLost gives up all that a host had. Its sessions get other tasks at once.
func (p *pool) hostLost(host *hostRecord) {
	tasks := p.tasksOn(host)
	p.observe(messages.Event{Kind: messages.EventHostLost, Host: host.id, N: len(tasks)})
	p.hosts.remove(host, p.Clock.Now())
	p.ctx.Poison(host.pid)
	// First all of them leave the pool, so that no session of one is given another.
	for _, t := range tasks {
		if t.state == poolReady || t.state == poolStarting {
			p.loseTask(t)
		}
	}
	for _, t := range tasks {
		if t.state == poolAssigned {
			p.loseTask(t)
		}
		t.placeOn(nil)
	}
}

// loseTask gives a task up whose host is gone.
func (p *pool) loseTask(t *taskRecord) {
	const reason = "its host is gone"
	if t.state == poolAssigned {
		p.assignedFailed(t, &messages.TaskFailed{Task: t.id, Kind: messages.FailedHost, Reason: reason})
	} else {
		p.evicted(t, messages.EvictedHostLost, reason)
	}
	p.tell(t.pid, &messages.Retire{Reason: reason})
}

// hostCrashed gives a host whose actor has panicked another one. What is on it goes on.
func (p *pool) hostCrashed(who *actor.PID) {
	for _, host := range p.inOrder {
		if host.pid.Id == who.Id {
			p.observe(messages.Event{Kind: messages.EventCrashed, Host: host.id, Reason: "host actor"})
			p.spawnHost(host, host.state)
			return
		}
	}
}

// tasksOn are a host's tasks, the oldest first.
func (p *pool) tasksOn(host *hostRecord) []*taskRecord {
	var tasks []*taskRecord
	for _, t := range sortedTasks(p.tasks) {
		if t.host == host {
			tasks = append(tasks, t)
		}
	}
	return tasks
}

// taskPlaced notes which host a task is on. One that no sweep has seen yet is known from here on.
func (p *pool) taskPlaced(t *taskRecord, m *messages.TaskPlaced) {
	if t.host != nil || t.state == poolStopping {
		return
	}
	if p.isLost(m.Host, t.started) {
		p.loseTask(t)
		p.replenish()
		return
	}
	p.hostCame(t)
	host := p.hostAt(m.Host)
	t.placeOn(host)
	host.slots = max(0, host.slots-1)
	switch {
	case host.state != messages.HostDraining:
	case t.adopted, t.started.Before(host.drained):
		p.withdraw(host, []*taskRecord{t})
		p.clearHosts()
		p.replenish()
	default:
		// ECS places nothing on a host that drains: it has been taken into service since the last sweep. That holds from here
		// on, also if its actor fails to hear of it.
		host.state = messages.HostInService
		p.judgeReady(host)
		p.tell(host.pid, &messages.HostPlaced{})
	}
}

// bootKind is how the host waits that is next to come into service.
type bootKind int

const (
	bootCold bootKind = iota
	bootRunning
	bootHibernated
	bootStopped
	bootKinds
)

// minBoot tells a task that waited for a host from one that only had not been told of yet.
const minBoot = time.Second

// newBootTimes are the settings' figures, until this deployment has measured its own.
func newBootTimes(b actors.BootTimes) [bootKinds]estimate {
	return [bootKinds]estimate{
		bootCold: {fallback: b.Cold}, bootRunning: {fallback: b.Running},
		bootHibernated: {fallback: b.Hibernated}, bootStopped: {fallback: b.Stopped},
	}
}

// nextBoot is the kind of host that the n-th of the tasks that are not placed yet, counted from 1, has to wait for. It reports
// false when there is room for so many, or when nothing is known of hosts. A cluster scaled to none is known to have none.
func (p *pool) nextBoot(n int) (bootKind, bool) {
	switch {
	case !p.swept && p.hostsSeen == 0, n <= p.freeSlots():
		return bootCold, false
	case p.prepared.Hibernated > 0:
		return bootHibernated, true
	case p.prepared.Stopped > 0:
		return bootStopped, true
	case p.prepared.Running > 0:
		return bootRunning, true
	}
	return bootCold, true
}

// bootWait is how long it takes until a host has room for the n-th task that is not placed yet.
func (p *pool) bootWait(n int) time.Duration {
	if kind, waits := p.nextBoot(n); waits {
		return p.boots[kind].value()
	}
	return 0
}

// awaitHost notes what kind of host a task waits for that ECS has accepted without a place for it.
func (p *pool) awaitHost(t *taskRecord) {
	if kind, waits := p.nextBoot(1); waits && t.host == nil {
		t.boot, t.hostless = kind, p.Clock.Now()
	}
}

// hostCame measures how long a task has waited for its host.
func (p *pool) hostCame(t *taskRecord) {
	if t.hostless.IsZero() {
		return
	}
	if took := p.Clock.Now().Sub(t.hostless); took >= minBoot {
		t.hostWait = took
		p.boots[t.boot].add(took)
	}
	t.hostless = time.Time{}
}
