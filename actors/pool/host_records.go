package pool

import (
	"container/list"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/actors"
	"hearth/messages"
)

// hostRecord is what the pool knows of a container instance.
type hostRecord struct {
	id    messages.HostID
	pid   *actor.PID
	state messages.HostState
	// drained is when it was last found to be draining.
	drained time.Time
	// slots is how many more tasks have room on it: those that the last sweep saw, less those placed since.
	slots int
	// tasks counts the tasks on it, assigned those of them that have a session; ready holds those that can be claimed.
	tasks, assigned int
	ready           list.List
}

// hosts are the container instances in the pool's books.
type hosts struct {
	byID map[messages.HostID]*hostRecord
	// inOrder has the hosts in the order in which they were first seen: the order in which anything is done to all.
	inOrder []*hostRecord
	// prepared are the hosts that wait in the EC2 warm pool.
	prepared messages.PreparedHosts
	// swept says that a sweep has told which hosts there are.
	swept bool
	// lost are hosts that are no more, and when: late news must not bring one back.
	lost recent[messages.HostID, time.Time]
	// hostsSeen counts the hosts that were ever seen.
	hostsSeen int
}

func (h *hosts) add(host *hostRecord) {
	h.lost.remove(host.id)
	h.byID[host.id] = host
	h.inOrder = append(h.inOrder, host)
}

// remove takes a host out of the books that was lost at the given time.
func (h *hosts) remove(host *hostRecord, at time.Time) {
	h.lost.add(host.id, at)
	delete(h.byID, host.id)
	h.inOrder = slices.DeleteFunc(h.inOrder, func(each *hostRecord) bool { return each == host })
}

// isLost reports whether a host is lost for a task that was asked for at the given time. ECS places nothing on a host that
// is gone: a task that was asked for since the loss and is there proves that the host is, too.
func (h *hosts) isLost(id messages.HostID, asked time.Time) bool {
	return h.lost.has(id) && asked.Before(h.lost.get(id))
}

// freeSlots is how many more tasks have room on the hosts in service.
func (h *hosts) freeSlots() int {
	slots := 0
	for _, host := range h.inOrder {
		if host.state == messages.HostInService {
			slots += host.slots
		}
	}
	return slots
}

// hostDrains reports whether a task is on a host that is going out of service.
func (t *taskRecord) hostDrains() bool { return t.host != nil && t.host.state == messages.HostDraining }

// pick is the ready task that has waited longest on the host that the placement prefers, nil when no host in service is known
// to have one.
func (h *hosts) pick(placement actors.Placement) *taskRecord {
	var best *hostRecord
	for _, host := range h.inOrder {
		if host.ready.Len() == 0 || host.state == messages.HostDraining {
			continue
		}
		if best == nil || placement == actors.PlacePack && host.assigned > best.assigned ||
			placement == actors.PlaceSpread && host.assigned < best.assigned {
			best = host
		}
	}
	if best == nil {
		return nil
	}
	return best.ready.Front().Value.(*taskRecord)
}

// placeOn notes which host a task is on; nil when it is on none any more.
func (t *taskRecord) placeOn(host *hostRecord) {
	t.leaveHost()
	if t.host != nil {
		t.host.tasks--
	}
	t.host = host
	if host != nil {
		host.tasks++
	}
	t.enterHost()
}

// enterHost and leaveHost keep the host's counts while the task changes its state.
func (t *taskRecord) enterHost() {
	if t.host == nil {
		return
	}
	switch t.state {
	case poolReady:
		t.hostPlace = t.host.ready.PushBack(t)
	case poolAssigned:
		t.host.assigned++
	}
}

func (t *taskRecord) leaveHost() {
	if t.host == nil {
		return
	}
	switch t.state {
	case poolReady:
		t.host.ready.Remove(t.hostPlace)
		t.hostPlace = nil
	case poolAssigned:
		t.host.assigned--
	}
}
