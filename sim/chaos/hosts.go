package chaos

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/messages"
	"hearth/messages/wire"
	"hearth/sim/model"
	"hearth/sim/world"
)

// drawFleet is none, a fixed number of hosts, or a group that scales.
func drawFleet(d dice) model.FleetOptions {
	hosts := some(d, 0, 0, 1, 3)
	if hosts == 0 {
		return model.FleetOptions{}
	}
	f := model.FixedHosts(hosts, some(d, 2, 4, 7))
	f.Boot = model.Fixed(some(d, 30*second, 80*second))
	f.Missed = some(d, 0, 0, 0.1, 0.3)
	f.Spot = maybe(d, 4, model.Exponential(10*minute))
	f.Life = maybe(d, 4, model.Exponential(10*minute))
	if often(d, 2) {
		f.Min, f.Max, f.WarmSize = some(d, hosts, 0), hosts+some(d, 0, 2), some(d, 0, 1, 2)
		f.Warm, f.Wake = some(d, model.OriginHibernated, model.OriginRunning, model.OriginStopped), model.WakeHibernated
		f.Provider = &model.ProviderOptions{Period: minute, Warmup: some(d, 0, 5*minute), ScaleInAfter: some(d, 15, 2)}
	}
	return f
}

// host is any host, nil when there is none.
func (s *storm) host() *model.Host {
	hosts := s.model.Cloud.Hosts()
	if len(hosts) == 0 {
		return nil
	}
	return hosts[s.dice.IntN(len(hosts))]
}

// loseHost ends a host; where there are none, some tasks at once, whose sockets nobody closes.
func (s *storm) loseHost() {
	if h := s.host(); h != nil {
		s.tell("%s is gone, and %d tasks with it", h.ID, h.Tasks())
		h.Lose()
		return
	}
	running := s.model.Cloud.Running()
	for _, t := range running[:min(len(running), 1+s.dice.IntN(4))] {
		s.tell("task %s is gone with its host", s.narrator.Task(t.Request.Task))
		if link := t.Link(); link != nil {
			link.Cut()
		}
		t.Die("Host EC2 terminated")
	}
}

// drainHost has an operator take a host out of service, or back.
func (s *storm) drainHost() {
	switch h := s.host(); {
	case h == nil:
	case h.Draining():
		s.tell("%s is activated", h.ID)
		h.Activate()
	default:
		s.tell("%s is drained", h.ID)
		h.Drain()
	}
}

func (s *storm) interruptHost() {
	if h := s.host(); h != nil {
		s.tell("%s is interrupted", h.ID)
		h.Interrupt()
	}
}

func (s *storm) hideHost() {
	if h := s.host(); h != nil {
		sweeps := 1 + s.dice.IntN(3)
		s.tell("%s is not seen by %d sweeps", h.ID, sweeps)
		h.Hide(sweeps)
	}
}

// hostBook is what the pool has been told of hosts, and of where tasks are. What it was not told it cannot heed.
type hostBook struct {
	// gone is when a host was lost, draining when it was found to drain.
	gone, draining map[messages.HostID]time.Time
	on             map[wire.TaskID]messages.HostID
	// asked is when a task was asked for, or found to run; adopted are the latter.
	asked   map[wire.TaskID]time.Time
	adopted map[wire.TaskID]bool
}

func newHostBook() hostBook {
	return hostBook{
		gone: map[messages.HostID]time.Time{}, draining: map[messages.HostID]time.Time{},
		on: map[wire.TaskID]messages.HostID{}, asked: map[wire.TaskID]time.Time{}, adopted: map[wire.TaskID]bool{},
	}
}

// fact takes what the pool decides about hosts, in the middle of its decision.
func (b *hostBook) fact(e *messages.Event) {
	switch e.Kind {
	case messages.EventStarting:
		b.asked[e.Task] = e.At
	case messages.EventAdopted:
		b.asked[e.Task], b.adopted[e.Task] = e.At, true
		delete(b.on, e.Task) // the pool may have known it once; that is forgotten
		if e.Host != "" {
			b.placed(e.Task, e.Host)
		}
	case messages.EventEvicted, messages.EventReleased, messages.EventStartFailed:
		delete(b.asked, e.Task) // of where a task is that it has given up the pool concludes nothing
	case messages.EventHostLost:
		b.gone[e.Host] = e.At
	case messages.EventHostWithdrawn:
		if _, known := b.draining[e.Host]; !known {
			b.draining[e.Host] = e.At
		}
	}
}

// afterPick takes what the pool has been told.
func (b *hostBook) afterPick(p world.Pick) {
	_, message, _ := actor.UnwrapEnvelope(p.Message)
	switch m := message.(type) {
	case *messages.TaskPlaced:
		b.placed(m.Task, m.Host)
	case *messages.HostChanged:
		if m.State != messages.HostDraining {
			delete(b.draining, m.Host)
		}
	case *messages.HostsListed:
		for _, seen := range m.Hosts {
			delete(b.gone, seen.Host)
		}
	}
}

// placed takes where a task is. One that was asked for, or found to run, since its host's loss proves that the host is
// there; one that was asked for since it was drained, that it is in service.
func (b *hostBook) placed(task wire.TaskID, host messages.HostID) {
	b.on[task] = host
	asked := b.asked[task]
	if since, gone := b.gone[host]; gone && !asked.Before(since) {
		delete(b.gone, host)
	}
	if since, draining := b.draining[host]; draining && !asked.Before(since) && !b.adopted[task] {
		delete(b.draining, host)
	}
}

// drains reports whether a task's host is known to drain.
func (b *hostBook) drains(task wire.TaskID) bool {
	_, draining := b.draining[b.on[task]]
	return draining
}

// heeded checks that a claim takes no task of a host that is known to be gone, and one of a host that is known to be going only for
// want of another.
func (b *hostBook) heeded(o *oracle, e *messages.Event) {
	host := b.on[e.Task]
	if _, gone := b.gone[host]; gone {
		o.breach("session %s was given task %s, whose %s is known to be gone", e.Session, e.Task, host)
	}
	if !b.drains(e.Task) || o.pool.draining {
		return
	}
	for other, place := range o.places {
		if place == placeReady && !b.drains(other) && other != e.Task {
			o.breach("session %s was given task %s, whose %s is known to drain, and another was ready", e.Session, e.Task, host)
			return
		}
	}
}

// replacedFirst checks that a task which is given up though it could be claimed is one above the minimum, or the one that makes room
// for its replacement, or one whose host has drained for long.
func (b *hostBook) replacedFirst(o *oracle, e *messages.Event) {
	p, s := &o.pool, &o.settings
	drainedLong := e.Cause == messages.EvictedHostDraining && !e.At.Before(b.draining[b.on[e.Task]].Add(s.HostDrainGrace))
	switch e.Cause {
	case messages.EvictedExpired, messages.EvictedOutdated, messages.EvictedHostDraining:
		if isAlone := p.starting == 0 && p.ready >= s.Max; p.ready <= s.Min && !isAlone && !drainedLong {
			o.breach("task %s was given up before another was ready: %s, with %d ready of %d and %d starting",
				e.Task, e.Cause, p.ready, s.Min, p.starting)
		}
	}
}
