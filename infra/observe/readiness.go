package observe

import (
	"sync"

	"hearth/messages"
)

// readiness says whether the gateway can take sessions, and if not why not.
type readiness struct {
	mu sync.Mutex
	// answered: ECS has answered all that the gateway needs of it. poolless: no task is to be ready before there is a session.
	answered, poolless bool
	// served: a task was ready here, or was taken over with its user. preceded: tasks of this deployment ran before this
	// gateway did.
	served, preceded bool
	draining         bool
	problem          string
}

// note learns from a fact. The first ready task proves the whole path: AWS, the task, the bridge and its way back here.
func (r *readiness) note(e messages.Event) {
	switch e.Kind {
	case messages.EventReady, messages.EventAdopted, messages.EventListed, messages.EventDraining, messages.EventResized,
		messages.EventStartFailed, messages.EventLaunchError, messages.EventNotDialled:
	default:
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e.Kind {
	case messages.EventReady, messages.EventAdopted:
		r.served = true
	case messages.EventListed:
		r.preceded = r.preceded || e.N > 0
	case messages.EventDraining:
		r.draining = true
	case messages.EventResized:
		r.poolless = e.N == 0
	case messages.EventNotDialled:
		r.problem = notDialled
	default:
		r.problem = e.Reason
	}
}

// Ready reports whether the gateway can take sessions, and if not, why not. It can once a task was ready here, or was taken
// over. It also can, when ECS has answered what it needs, where there is no task to wait for: the pool is off or its minimum is
// 0, or tasks of this deployment ran already, whose bridges, and those of its own tasks, may be at another gateway behind the
// same address. Once it was ready it stays ready until it drains: a pool that has trouble still serves its sessions. The text
// says that it has, and whether tasks have less isolation than was asked.
func (o *Observer) Ready() (bool, string) {
	below := o.isolated.below()
	if below != "" {
		below = "; " + below
	}
	r := &o.readiness
	r.mu.Lock()
	defer r.mu.Unlock()
	problem := r.problem
	if problem != "" {
		problem = ": " + problem
	}
	switch {
	case r.draining:
		return false, "draining"
	case r.served && !r.answered:
		return true, "ready; ECS has not answered yet" + problem + below
	case r.served, r.answered && (r.poolless || r.preceded):
		return true, "ready" + below
	case !r.answered:
		return false, "ECS has not answered yet" + problem
	}
	return false, "no task has been ready yet" + problem
}

// Unanswered notes what keeps the gateway from knowing whether ECS gives it what it needs.
func (o *Observer) Unanswered(problem string) { o.set(func(r *readiness) { r.problem = problem }) }

// Answered notes that ECS has answered all that the gateway needs.
func (o *Observer) Answered() { o.set(func(r *readiness) { r.answered, r.problem = true, "" }) }

// Poolless notes that no task will be ready before the first session.
func (o *Observer) Poolless() { o.set(func(r *readiness) { r.poolless = true }) }

func (o *Observer) set(change func(*readiness)) {
	o.readiness.mu.Lock()
	defer o.readiness.mu.Unlock()
	change(&o.readiness)
}
