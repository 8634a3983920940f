package observe

import (
	"sync"
	"time"

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
	// failing is why agents cannot be started, empty while they can; failed is when the last of them failed, and retried says that
	// a task has become ready that was started since.
	failing string
	failed  time.Time
	retried bool
	// ended are the last agents that ended as soon as they had started, at most failingRow.
	ended []messages.Event
}

// failingFor is how long agents that cannot be started keep a gateway from being ready, at most: from then on the next session has
// to tell, for it may be that nothing is started without one.
const failingFor = time.Minute

// failingRow is how many starts in a row have to fail for want of an agent to tell that none can be started.
const failingRow = 3

// note learns from a fact. The first ready task proves the whole path: AWS, the task, the bridge and its way back here.
func (r *readiness) note(e messages.Event) {
	switch e.Kind {
	case messages.EventReady, messages.EventAdopted, messages.EventListed, messages.EventDraining, messages.EventUndrained, messages.EventResized,
		messages.EventStartFailed, messages.EventLaunchError, messages.EventNotDialled, messages.EventAgentsFail, messages.EventAgentsStart,
		messages.EventAgentEnded:
	default:
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e.Kind {
	case messages.EventReady:
		r.served = true
		r.retried = r.retried || e.Took > 0 && e.At.Add(-e.Took).After(r.failed)
	case messages.EventAdopted:
		r.served = true
	case messages.EventAgentsFail:
		r.fail(e)
	case messages.EventAgentsStart:
		r.failing = ""
	case messages.EventAgentEnded:
		r.agentEnded(e)
	case messages.EventListed:
		r.preceded = r.preceded || e.N > 0
	case messages.EventDraining:
		r.draining = true
	case messages.EventUndrained:
		r.draining = false
	case messages.EventResized:
		r.poolless = e.N == 0
	case messages.EventNotDialled:
		r.problem = notDialled
	case messages.EventStartFailed:
		r.problem = e.Reason
		if e.Failure.OfAgent() && e.N >= failingRow && e.Census.Ready == 0 {
			r.fail(e)
		}
	default:
		r.problem = e.Reason
	}
}

func (r *readiness) fail(e messages.Event) { r.failing, r.failed, r.retried = e.Reason, e.At, false }

// agentEnded keeps the last agents that ended as soon as they had started.
func (r *readiness) agentEnded(e messages.Event) {
	if e.Reason == "" {
		return
	}
	if r.ended = append(r.ended, e); len(r.ended) > failingRow {
		r.ended = r.ended[1:]
	}
}

// crashLoop says that agents end as soon as they have started, while several have within a short time; empty when they do not. It is
// no reason to be not ready: what an agent does is up to its user, who must not be able to take the gateway out of service.
func (r *readiness) crashLoop() string {
	if len(r.ended) < failingRow || time.Since(r.ended[0].At) > failingFor {
		return ""
	}
	whose := "agents of one user"
	for _, e := range r.ended {
		if e.User != r.ended[0].User {
			whose = "agents"
		}
	}
	return "; " + whose + " end as soon as they have started: exit " + r.ended[failingRow-1].Exit
}

// Ready reports whether the gateway can take sessions, and if not, why not. It can once a task was ready here, or was taken
// over. It also can, when ECS has answered what it needs, where there is no task to wait for: the pool is off or its minimum is
// 0, or tasks of this deployment ran already, whose bridges, and those of its own tasks, may be at another gateway behind the
// same address. Once it was ready it stays ready until it drains: a pool that has trouble still serves its sessions. The text
// says that it has, that agents end at once, and whether tasks have less isolation than was asked. But while no agent can be started it is not ready: until
// one has started, a task has become ready that was started since, or a while has gone by.
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
	const failing = "agents cannot be started: "
	if r.failing != "" {
		below = "; " + failing + r.failing + below
	}
	below = r.crashLoop() + below
	switch {
	case r.draining:
		return false, "draining"
	case r.failing != "" && !r.retried && time.Since(r.failed) < failingFor:
		return false, failing + r.failing
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
