package actors

import (
	"container/list"
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/messages"
)

// hostRecord is what the supervisor knows of a container instance.
type hostRecord struct {
	id    messages.HostID
	pid   *actor.PID
	state messages.HostState
	// slots is how many more tasks have room on it, as of the last sweep.
	slots int
	// tasks counts the tasks on it, assigned those of them that have a session; ready holds those that can be claimed.
	tasks, assigned int
	ready           list.List
}

// hosts are the container instances in the supervisor's books.
type hosts struct {
	byID map[messages.HostID]*hostRecord
	// inOrder has the hosts in the order in which they were first seen: the order in which anything is done to all.
	inOrder []*hostRecord
	// prepared are the hosts that wait in the EC2 warm pool; unswept counts the starts since the last sweep, which have
	// taken slots that it saw.
	prepared messages.PreparedHosts
	unswept  int
	// gone are hosts that were lost: late news must not bring one back.
	gone recent[messages.HostID, struct{}]
	// found counts the hosts that were ever seen.
	found int
}

func (h *hosts) add(host *hostRecord) {
	h.gone.remove(host.id)
	h.byID[host.id] = host
	h.inOrder = append(h.inOrder, host)
}

func (h *hosts) remove(host *hostRecord) {
	h.gone.add(host.id, struct{}{})
	delete(h.byID, host.id)
	h.inOrder = slices.DeleteFunc(h.inOrder, func(each *hostRecord) bool { return each == host })
}

// freeSlots is how many more tasks have room on the hosts in service.
func (h *hosts) freeSlots() int {
	slots := -h.unswept
	for _, host := range h.inOrder {
		if host.state == messages.HostInService {
			slots += host.slots
		}
	}
	return max(0, slots)
}

// pick is the ready task that has waited longest on the host that the placement prefers, nil when no host is known to
// have one.
func (h *hosts) pick(placement Placement) *taskRecord {
	var best *hostRecord
	for _, host := range h.inOrder {
		if host.ready.Len() == 0 {
			continue
		}
		if best == nil || placement == PlacePack && host.assigned > best.assigned ||
			placement == PlaceSpread && host.assigned < best.assigned {
			best = host
		}
	}
	if best == nil {
		return nil
	}
	return best.ready.Front().Value.(*taskRecord)
}

// settle notes which host a task is on; nil when it is on none any more.
func (t *taskRecord) settle(host *hostRecord) {
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
