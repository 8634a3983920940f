package observe

import (
	"sync"

	"hearth/messages"
)

// readiness says whether the gateway can take sessions, and if not why not.
type readiness struct {
	mu       sync.Mutex
	proven   bool
	draining bool
	problem  string
}

// note learns from a fact. The first ready task proves the whole path: AWS, the task, the bridge and its way back here.
func (r *readiness) note(e messages.Event) {
	switch e.Kind {
	case messages.EventReady, messages.EventDraining, messages.EventStartFailed, messages.EventLaunchError, messages.EventNotDialled:
	default:
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e.Kind {
	case messages.EventReady:
		r.proven, r.problem = true, ""
	case messages.EventDraining:
		r.draining = true
	case messages.EventNotDialled:
		r.problem = notDialled
	default:
		r.problem = e.Reason
	}
}

// Ready reports whether the gateway can take sessions, and if not, why not. Once a task was ready it stays ready until it
// drains: a pool that has trouble still serves its sessions, and says so in its metrics.
func (o *Observer) Ready() (bool, string) {
	r := &o.readiness
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.draining:
		return false, "draining"
	case r.proven:
		return true, ""
	case r.problem != "":
		return false, "no task has been ready yet: " + r.problem
	}
	return false, "no task has been ready yet"
}

// Proven notes that ECS answers: without a warm pool no task is started before the first session, and this is all that
// can be known.
func (o *Observer) Proven() {
	o.readiness.mu.Lock()
	defer o.readiness.mu.Unlock()
	o.readiness.proven = true
}
