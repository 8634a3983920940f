package model

import (
	"cmp"
	"time"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
)

// stopTimeout is how long ECS lets a container take to end before it kills it: its default.
const stopTimeout = 30 * time.Second

// Container is one task in the cloud.
type Container struct {
	// Request is what it was started with.
	Request messages.RunTask
	ARN     string
	Started time.Time
	// Ended is zero while it has not stopped.
	Ended time.Time

	cloud    *Cloud
	starter  *gateway
	number   int
	revision messages.Revision
	// host is where it was placed, empty before and where there are no hosts; on is the host itself.
	host    messages.HostID
	on      *Host
	phase   messages.TaskPhase
	reason  string
	visible time.Duration
	// cutOff: nobody reaches it. toStop is why ECS has tried to stop it meanwhile.
	cutOff bool
	toStop string
	// step is what happens to it next by itself: that it runs, or dies.
	step   actors.Timer
	bridge *bridge
	// told: it is meant to be stopped, and not listed any more.
	told bool
}

// Phase is where the task stands.
func (t *Container) Phase() messages.TaskPhase { return t.phase }

// Host is where it was placed, empty before and where there are no hosts.
func (t *Container) Host() messages.HostID { return t.host }

// WaitedFor is the kind of host for which a request that came at the given time, since the world's beginning, had to wait
// before this task could be placed. It is OriginNone when the host was in service already. A capacity run tells by it a
// request that waited for a task only from one that waited for a host of the warm pool or for a cold one.
func (t *Container) WaitedFor(since time.Duration) Origin {
	if t.on == nil || t.on.Since <= since {
		return OriginNone
	}
	return t.on.Origin
}

// Link is its bridge's socket, nil when there is none.
func (t *Container) Link() *Link {
	if t.bridge == nil {
		return nil
	}
	return t.bridge.link
}

// Produced is the last output of its agent, 0 when it has none.
func (t *Container) Produced() uint64 {
	if t.bridge == nil || t.bridge.user == nil {
		return 0
	}
	return t.bridge.user.out.last()
}

// Unacknowledged is how many outputs its bridge keeps.
func (t *Container) Unacknowledged() int {
	if t.bridge == nil || t.bridge.user == nil {
		return 0
	}
	return t.bridge.user.out.size()
}

// Token is the user's token as the bridge was last told it.
func (t *Container) Token() wire.Secret {
	if t.bridge == nil || t.bridge.user == nil {
		return ""
	}
	return t.bridge.user.token
}

// Serves is the session that it was given, empty when it was given none.
func (t *Container) Serves() wire.SessionID {
	if t.bridge == nil || t.bridge.user == nil {
		return ""
	}
	return t.bridge.user.init.SessionID
}

// Hang has its bridge do nothing any more, if it has one that has no user. It reports whether it could.
func (t *Container) Hang() bool {
	if t.bridge == nil || t.bridge.user != nil {
		return false
	}
	t.bridge.hung = true
	t.bridge.cancel(&t.bridge.orphan)
	return true
}

// isUnhealthy reports whether its health check fails.
func (t *Container) isUnhealthy() bool { return t.bridge != nil && t.bridge.hung }

// Exits ends its agent, as if by itself.
func (t *Container) Exits(code int) {
	if t.bridge != nil && t.bridge.user != nil {
		t.bridge.user.exited(wire.Exit{Code: code})
	}
}

// boots is the moment in which it was placed: it runs after a while, a host's first one after the image pull.
func (t *Container) boots(isFirst bool) {
	c := t.cloud
	boot := draw(c.options.Boot, c.random)
	if isFirst {
		boot += draw(c.options.Pull, c.random)
	}
	t.step = c.world.AfterFunc(boot, t.run)
}

// run is the moment in which the task is RUNNING: its bridge dials soon.
func (t *Container) run() {
	c := t.cloud
	if p := c.options.Faults.DeadOnArrival; p > 0 && c.random.Float64() < p {
		t.Die("CannotPullContainerError: no such image")
		return
	}
	t.phase = messages.PhaseRunning
	t.bridge = c.model.newBridge(t, draw(c.options.Dial, c.random))
	t.step = nil
	if c.options.Life != nil {
		t.step = c.world.AfterFunc(draw(c.options.Life, c.random), func() { t.Die("OutOfMemoryError: container killed") })
	}
}

// Die ends the task at once, as a crash does. Its socket is reset.
func (t *Container) Die(reason string) {
	if t.phase == messages.PhaseStopped {
		return
	}
	if t.bridge != nil {
		t.bridge.vanish()
	}
	t.stopped(reason)
}

// stop is ECS's stop: the container is told, and killed if it does not end in time.
func (t *Container) stop(reason string) {
	switch {
	case t.phase == messages.PhaseStopped:
		return
	case t.cutOff:
		t.toStop = cmp.Or(t.toStop, reason)
	case t.bridge == nil:
		t.stopped(reason)
	default:
		t.reason, t.told = reason, true
		if t.step != nil {
			t.step.Stop()
		}
		t.step = t.cloud.world.AfterFunc(stopTimeout, func() { t.Die(reason) })
		t.bridge.evict()
	}
}

// Evict has somebody other than the gateway stop it: an operator, or its host. The container is told.
func (t *Container) Evict() { t.stop("Task stopped by user") }

// stopped is the end.
func (t *Container) stopped(reason string) {
	c := t.cloud
	if t.phase == messages.PhaseStopped {
		return
	}
	t.phase = messages.PhaseStopped
	if t.reason == "" {
		t.reason = reason
	}
	t.Ended = c.world.Now()
	if t.step != nil {
		t.step.Stop()
	}
	t.bridge = nil
	c.fleet.release(t)
	c.drop(t)
	if hook := c.model.options.Hooks.Stopped; hook != nil {
		hook(t)
	}
	c.forget()
	c.stopped = append(c.stopped, t)
}
