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

// sweep looks at the hosts, now and again and again.
func (s *supervisor) sweep() {
	s.Fleet.Sweep(s.ctx.Self())
	s.sweepDue.Set(s.Clock, s.ctx.Self(), s.settings.SweepInterval)
}

// hostsListed passes on to each host's actor what the sweep saw of it, or that it did not.
func (s *supervisor) hostsListed(m *messages.HostsListed) {
	if m.Err != nil {
		s.observe(messages.Event{Kind: messages.EventLaunchError, Reason: m.Err.Error(), Fault: m.Err.Kind, Phase: actors.PoolName})
		return
	}
	s.prepared = m.Prepared
	seen := make(map[messages.HostID]bool, len(m.Hosts))
	for i := range m.Hosts {
		sight := &m.Hosts[i]
		seen[sight.Host] = true
		host := s.hostAt(sight.Host)
		host.slots = sight.Slots
		s.tell(host.pid, sight)
	}
	for _, host := range s.inOrder {
		if !seen[host.id] {
			host.slots = 0
			s.tell(host.pid, &messages.HostMissing{})
		}
	}
}

// hostAt is a host's record. A host that is new gets an actor.
func (s *supervisor) hostAt(id messages.HostID) *hostRecord {
	if host := s.byID[id]; host != nil {
		return host
	}
	host := &hostRecord{id: id, state: messages.HostInService}
	s.hosts.add(host)
	s.attend(host, "")
	return host
}

// attend gives a host an actor, which takes up where an earlier one has left it.
func (s *supervisor) attend(record *hostRecord, was messages.HostState) {
	s.found++
	// Invariant: the name is free, for each host's actor has its own number.
	name := actors.HostName(record.id) + "#" + strconv.Itoa(s.found)
	record.pid = s.spawn(name, host.New(s.Ports, s.ctx.Self(), record.id, was))
}

// hostChanged acts on a host's new state. From here on no claim takes a task of a host that is going or gone.
func (s *supervisor) hostChanged(m *messages.HostChanged) {
	host := s.byID[m.Host]
	if host == nil {
		if !s.gone.has(m.Host) { // else it crossed with the host's loss
			s.unexpected(m)
		}
		return
	}
	if host.state == m.State {
		return // a new actor's first word
	}
	host.state = m.State
	switch m.State {
	case messages.HostInService:
	case messages.HostDraining:
		host.drained = s.Clock.Now()
		s.withdraw(host, s.tasksOn(host))
	case messages.HostLost:
		s.hostLost(host)
	}
	s.replenish()
}

// withdraw takes tasks of a draining host out of the pool. Their replacements are started before they are told to stop.
// Those that have a session run on: it is told, now or once its agent is ready, and restarts elsewhere if its host goes
// before it ends.
func (s *supervisor) withdraw(host *hostRecord, tasks []*taskRecord) {
	const reason = "its host is draining"
	var unclaimed []*taskRecord
	for _, t := range tasks {
		switch t.state {
		case poolStarting, poolReady:
			s.evicted(t, reason)
			unclaimed = append(unclaimed, t)
		case poolAssigned:
			if t.session.active {
				s.tellLeaving(t)
			}
		case poolStopping:
		}
	}
	s.observe(messages.Event{Kind: messages.EventHostWithdrawn, Host: host.id, N: len(unclaimed)})
	s.replenish()
	for _, t := range unclaimed {
		s.tell(t.pid, &messages.Retire{Reason: reason})
	}
}

// tellLeaving tells a session that its task's host is going out of service.
func (s *supervisor) tellLeaving(t *taskRecord) {
	s.tell(t.session.pid, &messages.HostChanged{Host: t.host.id, State: t.host.state})
}

// hostLost gives up all that a host had. Its sessions get other tasks at once.
func (s *supervisor) hostLost(host *hostRecord) {
	tasks := s.tasksOn(host)
	s.observe(messages.Event{Kind: messages.EventHostLost, Host: host.id, N: len(tasks)})
	s.hosts.remove(host, s.Clock.Now())
	s.ctx.Poison(host.pid)
	// First all of them leave the pool, so that no session of one is given another.
	for _, t := range tasks {
		if t.state == poolReady || t.state == poolStarting {
			s.loseTask(t)
		}
	}
	for _, t := range tasks {
		if t.state == poolAssigned {
			s.loseTask(t)
		}
		t.settle(nil)
	}
}

// loseTask gives a task up whose host is gone.
func (s *supervisor) loseTask(t *taskRecord) {
	const reason = "its host is gone"
	if t.state == poolAssigned {
		s.taskFailed(t, &messages.TaskFailed{Task: t.id, Reason: reason})
	} else {
		s.evicted(t, reason)
	}
	s.tell(t.pid, &messages.Retire{Reason: reason})
}

// hostCrashed gives a host whose actor has panicked another one. What is on it goes on.
func (s *supervisor) hostCrashed(who *actor.PID) {
	for _, host := range s.inOrder {
		if host.pid.Id == who.Id {
			s.observe(messages.Event{Kind: messages.EventCrashed, Host: host.id, Reason: "host actor"})
			s.attend(host, host.state)
			return
		}
	}
}

// tasksOn are a host's tasks, the oldest first.
func (s *supervisor) tasksOn(host *hostRecord) []*taskRecord {
	var tasks []*taskRecord
	for _, t := range sortedTasks(s.tasks) {
		if t.host == host {
			tasks = append(tasks, t)
		}
	}
	return tasks
}

// taskPlaced notes which host a task is on. One that no sweep has seen yet is known from here on.
func (s *supervisor) taskPlaced(t *taskRecord, m *messages.TaskPlaced) {
	if t.host != nil || t.state == poolStopping {
		return
	}
	if s.isGone(m.Host, t.started) {
		s.loseTask(t)
		s.replenish()
		return
	}
	host := s.hostAt(m.Host)
	t.settle(host)
	host.slots = max(0, host.slots-1)
	switch {
	case host.state != messages.HostDraining:
	case t.adopted, t.started.Before(host.drained):
		s.withdraw(host, []*taskRecord{t})
	default:
		// ECS places nothing on a host that drains: it has been taken into service since the last sweep. That holds from here
		// on, also if its actor fails to hear of it.
		host.state = messages.HostInService
		s.tell(host.pid, &messages.HostSeen{Host: host.id})
	}
}

// bootWait is how long it takes until a host has room for the n-th of the tasks that are not placed yet, counted from 1:
// no time when there is room for so many, or when nothing is known of hosts.
func (s *supervisor) bootWait(n int) time.Duration {
	boot := s.settings.Boot
	switch {
	case s.found == 0 || n <= s.freeSlots():
		return 0
	case s.prepared.Hibernated > 0:
		return boot.Hibernated
	case s.prepared.Stopped > 0:
		return boot.Stopped
	case s.prepared.Running > 0:
		return boot.Running
	}
	return boot.Cold
}
