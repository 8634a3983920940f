package pool

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
)

// books compares the pool's records with a model that knows nothing but each task's state and host.
type books struct {
	records
	hosts []*hostRecord
	tasks []*taskRecord
	// on is where each task is, in the model.
	on map[*taskRecord]*hostRecord
	// readied has the ready tasks in the order in which they became ready.
	readied []*taskRecord
}

func (b *books) of(states ...poolState) []*taskRecord {
	var found []*taskRecord
	for _, t := range b.tasks {
		if slices.Contains(states, t.state) {
			found = append(found, t)
		}
	}
	return found
}

// moved notes in the model that a task has changed its state.
func (b *books) moved(t *taskRecord) {
	b.readied = slices.DeleteFunc(b.readied, func(r *taskRecord) bool { return r == t })
	if t.state == poolReady {
		b.readied = append(b.readied, t)
	}
}

// Counts and places are the same as by counting, whatever happens in whatever order.
func TestBooksAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := &books{records: newRecords(), on: map[*taskRecord]*hostRecord{}}
		made := 0
		one := func(tasks []*taskRecord) *taskRecord {
			if len(tasks) == 0 {
				t.Skip("there is none")
			}
			return rapid.SampledFrom(tasks).Draw(t, "task")
		}
		t.Repeat(map[string]func(*rapid.T){
			"task starts": func(*rapid.T) {
				made++
				task := &taskRecord{id: wire.TaskID(rune('a' + made)), state: poolStarting}
				b.enter(task)
				b.tasks = append(b.tasks, task)
			},
			"task moves": func(t *rapid.T) {
				task := one(b.of(poolStarting, poolReady))
				b.move(task, rapid.SampledFrom([]poolState{poolStarting, poolReady, poolStopping}).Draw(t, "to"))
				b.moved(task)
			},
			"task expires": func(*rapid.T) { b.expire(one(b.of(poolReady)), true) },
			"task is bound": func(*rapid.T) {
				task := one(b.of(poolStarting, poolReady))
				b.bind(task, &sessionRecord{})
				b.moved(task)
			},
			"task is unbound": func(*rapid.T) { b.unbind(one(b.of(poolAssigned))) },
			"task is forgotten": func(*rapid.T) {
				task := one(b.of(poolStopping))
				b.forget(task)
				b.tasks = slices.DeleteFunc(b.tasks, func(other *taskRecord) bool { return other == task })
				delete(b.on, task)
			},
			"host comes": func(*rapid.T) {
				made++
				host := &hostRecord{id: messages.HostID(rune('A' + made)), state: messages.HostInService}
				b.hosts = append(b.hosts, host)
				b.records.hosts.add(host)
			},
			"host goes": func(t *rapid.T) {
				if len(b.hosts) == 0 {
					t.Skip("there is none")
				}
				host := rapid.SampledFrom(b.hosts).Draw(t, "host")
				for _, task := range b.tasks {
					if task.host == host {
						task.placeOn(nil)
						delete(b.on, task)
					}
				}
				b.records.hosts.remove(host, time.Time{})
				b.hosts = slices.DeleteFunc(b.hosts, func(other *hostRecord) bool { return other == host })
			},
			"task is placed": func(t *rapid.T) {
				task := one(b.tasks)
				if len(b.hosts) == 0 {
					t.Skip("there is no host")
				}
				b.on[task] = rapid.SampledFrom(b.hosts).Draw(t, "host")
				task.placeOn(b.on[task])
			},
			"": b.check,
		})
	})
}

// check counts everything anew.
func (b *books) check(t *rapid.T) {
	var counts [poolStates]int
	expired := 0
	for _, task := range b.tasks {
		counts[task.state]++
		if task.expired {
			expired++
		}
		if queued := task.state == poolStarting || task.state == poolReady; queued != (task.place != nil) {
			t.Fatalf("%s task %s has a place: %t", task.state.reported(), task.id, task.place != nil)
		}
		if placed := task.state == poolReady && b.on[task] != nil; placed != (task.hostPlace != nil) || task.host != b.on[task] {
			t.Fatalf("%s task %s on %v has a place on its host: %t", task.state.reported(), task.id, b.on[task], task.hostPlace != nil)
		}
	}
	if counts != b.counts || expired != b.expired || b.ready.Len() != counts[poolReady] ||
		b.starting.Len() != counts[poolStarting] || len(b.records.tasks) != len(b.tasks) {
		t.Fatalf("counts %v, by counting %v; %d expired, by counting %d", b.counts, counts, b.expired, expired)
	}
	if !slices.Equal(b.inOrder, b.hosts) || len(b.byID) != len(b.hosts) {
		t.Fatalf("hosts %v, want %v", b.inOrder, b.hosts)
	}
	for _, host := range b.hosts {
		b.checkHost(t, host)
	}
	b.checkPick(t, actors.PlacePack, func(a, b int) bool { return a > b })
	b.checkPick(t, actors.PlaceSpread, func(a, b int) bool { return a < b })
}

func (b *books) checkHost(t *rapid.T, host *hostRecord) {
	tasks, assigned, ready := 0, 0, 0
	for _, task := range b.tasks {
		if b.on[task] != host {
			continue
		}
		tasks++
		switch task.state {
		case poolAssigned:
			assigned++
		case poolReady:
			ready++
		}
	}
	if host.tasks != tasks || host.assigned != assigned || host.ready.Len() != ready {
		t.Fatalf("host %s: %d tasks, %d assigned, %d ready; by counting %d, %d, %d", host.id,
			host.tasks, host.assigned, host.ready.Len(), tasks, assigned, ready)
	}
}

// checkPick checks that a claim takes a task of a host than which no other with ready tasks is better.
func (b *books) checkPick(t *rapid.T, placement actors.Placement, better func(a, b int) bool) {
	picked := b.pick(placement)
	var known []*taskRecord
	for _, task := range b.readied {
		if b.on[task] != nil {
			known = append(known, task)
		}
	}
	if (picked != nil) != (len(known) > 0) {
		t.Fatalf("%s picks %v of %d", placement, picked, len(known))
	}
	for _, task := range known {
		if better(b.on[task].assigned, picked.host.assigned) {
			t.Fatalf("%s picks a task on a host with %d sessions, another has %d", placement, picked.host.assigned, b.on[task].assigned)
		}
	}
}

// A host that was lost is gone for what was asked for before, and is there for what ECS has placed on it since.
func TestAHostIsGoneForWhatWasAskedForBefore(t *testing.T) {
	h := newRecords().hosts
	lost := time.Date(2025, 1, 1, 12, 0, 0, 0, time.UTC)
	if h.isLost("host-1", lost) {
		t.Error("a host that nobody knows is gone")
	}
	host := &hostRecord{id: "host-1"}
	h.add(host)
	h.remove(host, lost)
	if !h.isLost("host-1", lost.Add(-1)) || h.isLost("host-1", lost) || h.isLost("host-2", lost.Add(-1)) {
		t.Error("a lost host is gone for what was asked for before, and for nothing else")
	}
	h.add(host)
	if h.isLost("host-1", lost.Add(-1)) {
		t.Error("a host that was found anew is gone")
	}
}

// Only hosts in service have slots to give away.
func TestFreeSlots(t *testing.T) {
	h := newRecords().hosts
	for id, host := range map[messages.HostID]hostRecord{
		"a": {state: messages.HostInService, slots: 2}, "b": {state: messages.HostInService, slots: 3},
		"c": {state: messages.HostDraining, slots: 4},
	} {
		host.id = id
		h.add(&host)
	}
	if n := h.freeSlots(); n != 5 {
		t.Errorf("%d slots", n)
	}
}
