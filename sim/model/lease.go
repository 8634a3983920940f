package model

import (
	"slices"
	"time"

	"hearth/actors"
	"hearth/messages/wire"
)

// holding is what a bridge knows of its lease; see package bridge, which renews it with pings. Here it holds for as long as the socket
// works on which a gateway has confirmed the session, which is the longest that pings could make it.
type holding struct {
	// confirmed is that socket. over rings at the end of the lease once it does not work, orphaned at the end of the task's time
	// without a gateway.
	confirmed *Link
	// initial is the socket on which the task was given its user.
	initial        *Link
	over, orphaned actors.Timer
	// lapsed: the lease was over, and no gateway has confirmed the session since. The agent is suspended since then.
	lapsed bool
	since  time.Duration
	// due is what the agent would have said meanwhile, end how it would have ended.
	due int
	end *wire.Exit
}

// fence is the fencing record of a session on the workspaces' file system: which task was the last to be given it, empty once its
// agent has ended.
type fence struct {
	session wire.SessionID
	task    wire.TaskID
}

// fences are the records on a user's workspace that are not empty, in the order in which they were begun.
type fences struct{ held []*fence }

// takeFence takes the session's record for the task. others are those whose agents may run in the workspace besides.
func (u *user) takeFence() (others []wire.TaskID) {
	m, own := u.bridge.model, u.bridge.container.Request.Task
	u.fences = m.fences[u.init.UserID]
	if u.fences == nil {
		u.fences = &fences{}
		m.fences[u.init.UserID] = u.fences
	}
	var record *fence
	for _, f := range u.fences.held {
		others = append(others, f.task)
		if f.session == u.init.SessionID {
			record = f
		}
	}
	if record == nil {
		record = &fence{session: u.init.SessionID}
		u.fences.held = append(u.fences.held, record)
	}
	record.task = own
	u.fence = record
	return others
}

// releaseFence writes down that the agent has ended, if the record is still the task's. The session's next task begins another.
func (u *user) releaseFence() {
	if u.fence.task != u.bridge.container.Request.Task {
		return
	}
	u.fence.task = ""
	i := slices.Index(u.fences.held, u.fence)
	u.fences.held = slices.Delete(u.fences.held, i, i+1)
}

// overtaken reports whether another task has taken its session's record since.
func (b *bridge) overtaken() bool {
	return b.user.fence.task != b.container.Request.Task && !b.options.Bridge.Unfenced
}

// confirm takes in that a gateway has the session for this task.
func (b *bridge) confirm(l *Link) {
	h := &b.user.holding
	h.confirmed = l
	b.cancel(&h.over)
	b.cancel(&h.orphaned)
	if !b.user.proceeds {
		b.user.begin = nil
		b.user.fail("agent", "it had no leave to start")
	}
	if h.lapsed {
		h.lapsed = false
		b.user.resumed()
	}
}

// misses notes that a socket works no more, or not for a while.
func (b *bridge) misses(l *Link) {
	if b.gone || b.user == nil || b.captured != nil || l != b.user.holding.confirmed || b.user.holding.over != nil {
		return
	}
	settings := &b.model.options.Settings
	h := &b.user.holding
	h.over = b.world.AfterFunc(settings.TaskLease, b.lapse)
	h.orphaned = b.world.AfterFunc(settings.TaskOrphanTTL, func() {
		if !b.gone && b.user.exit == nil {
			b.finish()
		}
	})
}

// lapse is the end of the lease: the agent is suspended, and the bridge looks for a gateway anew.
func (b *bridge) lapse() {
	u := b.user
	h := &u.holding
	h.over = nil
	if l := h.confirmed; l == b.link && l.Healthy() && b.world.Elapsed() >= l.heldUntil {
		b.cancel(&h.orphaned)
		return // it works again
	}
	if b.gone || b.captured != nil || u.exit != nil || u.failed != nil || b.options.Bridge.Leaseless {
		return
	}
	running := u.runs()
	h.lapsed, h.since, h.confirmed = true, b.world.Elapsed(), nil
	u.tell(running)
	switch {
	case u.ready == nil:
		u.fail("agent", "its lease was over before it was started")
	case b.stopping:
		u.exited(wire.Exit{Code: 137, Signal: "SIGKILL"})
	}
	if b.gone {
		return
	}
	for _, l := range []*Link{b.link, b.next} {
		if l != nil {
			l.close("its lease was over")
		}
	}
	b.link, b.next = nil, nil
	u.windDown()
	if !b.gone && b.retry == nil && !b.dismissed {
		b.redialLater()
	}
}

// runs reports whether the agent runs.
func (u *user) runs() bool {
	return u.ready != nil && u.exit == nil && !u.holding.lapsed && !u.bridge.gone
}

// tell tells who watches if the agent has begun or ceased to run.
func (u *user) tell(was bool) {
	if hook := u.bridge.options.Hooks.Agent; hook != nil && was != u.runs() {
		hook(u.bridge.container, u.runs())
	}
}

// resumed has the agent go on where it was.
func (u *user) resumed() {
	u.tell(false)
	due, end := u.holding.due, u.holding.end
	u.holding.due, u.holding.end = 0, nil
	for ; due > 0 && u.runs(); due-- {
		u.say()
	}
	if end != nil {
		u.exited(*end)
	}
}

// CutOff keeps a task from everybody for a while, or for ever: its bridge reaches no gateway, and ECS cannot make it stop. What it
// was told meanwhile it hears then.
func (t *Container) CutOff(d time.Duration) {
	if t.phase == "" || t.bridge == nil || t.cutOff {
		return
	}
	t.cutOff = true
	for _, l := range []*Link{t.bridge.link, t.bridge.next} {
		if l != nil {
			l.Cut()
		}
	}
	if d > 0 {
		t.cloud.world.Later(d, t.Reconnect)
	}
}

// Reconnect ends that.
func (t *Container) Reconnect() {
	if !t.cutOff {
		return
	}
	t.cutOff = false
	if t.toStop != "" {
		t.stop(t.toStop)
	}
}

// IsSuspended reports whether its agent was suspended when its lease was over, and WasSuspended whether it ever was.
func (t *Container) IsSuspended() bool { return t.WasSuspended() && t.bridge.user.holding.lapsed }

// WasSuspended is documented with IsSuspended.
func (t *Container) WasSuspended() bool {
	return t.bridge != nil && t.bridge.user != nil && t.bridge.user.holding.since > 0
}

// IsCutOff reports whether nobody reaches the task.
func (t *Container) IsCutOff() bool { return t.cutOff }

// AgentRuns reports whether the task's agent runs.
func (t *Container) AgentRuns() bool {
	return t.bridge != nil && t.bridge.user != nil && t.bridge.user.runs()
}

// IsCaptured reports whether its agent has taken its bridge over, which then holds to nothing.
func (t *Container) IsCaptured() bool { return t.bridge != nil && t.bridge.captured != nil }

// User is whose workspace its agent is in, empty when it has none.
func (t *Container) User() wire.UserID {
	if t.bridge == nil || t.bridge.user == nil {
		return ""
	}
	return t.bridge.user.init.UserID
}
