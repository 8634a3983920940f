package model

import (
	"fmt"
	"slices"
	"time"

	"hearth/actors"
	"hearth/messages"
)

// FleetOptions are the hosts: an Auto Scaling group of EC2 instances that keeps itself at a desired size, with a warm
// pool and an ECS capacity provider if there are any. The zero FleetOptions are one host without bounds, which costs
// nothing to simulate and which nobody sees: no sweep is asked for, and no task is on any host in particular.
type FleetOptions struct {
	// Slots is how many tasks a host takes; see the measured figures. 0 is no hosts at all, see above.
	Slots int
	// Desired hosts are in service when the world begins. Hosts that go are replaced. A capacity provider changes the number,
	// between Min and Max.
	Min, Desired, Max int
	// WarmSize hosts wait in the warm pool in the state Warm, as long as the group with them has at most Max.
	WarmSize int
	Warm     Origin
	// Wake is how long a host of the warm pool takes to come into service, Boot a host that is launched.
	Wake, Boot Distribution
	// Provider is the capacity provider; nil for none.
	Provider *ProviderOptions
	// Life is how long a host runs until it fails, Spot until it is interrupted; nil is for ever.
	Life, Spot Distribution
	// Missed is the probability that a sweep does not see a host that is there.
	Missed float64
}

// String tells the options in a few words.
func (o FleetOptions) String() string {
	if o.Slots == 0 {
		return "none"
	}
	text := fmt.Sprintf("%d..%d..%dx%d", o.Min, o.Desired, o.Max, o.Slots)
	if o.Provider != nil {
		text += fmt.Sprintf(" provider=%+v", *o.Provider)
	}
	if o.WarmSize > 0 {
		text += fmt.Sprintf(" %s=%d", o.Warm, o.WarmSize)
	}
	return text + fmt.Sprintf(" boot=%v life=%v spot=%v missed=%v", o.Boot, o.Life, o.Spot, o.Missed)
}

// ProviderOptions are a capacity provider. With one, RunTask accepts a task that has no room and it waits for a host;
// without one, such a start fails with RESOURCE:MEMORY and only an operator changes the group's size.
type ProviderOptions struct {
	// Period is how often it looks whether the group has the right size.
	Period time.Duration
	// Warmup is how long it does not scale out again after it has.
	Warmup time.Duration
	// ScaleInAfter is how many times in a row it must find hosts empty before it lets them go.
	ScaleInAfter int
	// Target is the capacity provider's target capacity: how many percent of the hosts are to have tasks; 0 is 100, none to spare.
	Target int
}

// With is how many hosts there are to be where so many have tasks.
func (o *ProviderOptions) With(needed int) int {
	if o.Target == 0 {
		return needed
	}
	return (100*needed + o.Target - 1) / o.Target
}

// Origin is how a host was waiting before it came into service.
type Origin string

// The origins of hosts. OriginNone is that of hosts that are there when the world begins.
const (
	OriginNone       Origin = ""
	OriginRunning    Origin = "running"
	OriginHibernated Origin = "hibernated"
	OriginStopped    Origin = "stopped"
	// OriginCold is a host that was not waiting and had to be launched.
	OriginCold Origin = "cold"
)

// Warm reports whether it is that of a host of the warm pool.
func (o Origin) Warm() bool { return o == OriginRunning || o == OriginHibernated || o == OriginStopped }

// FixedHosts is a group of constant size: a host that goes is replaced, and full hosts bring no more hosts.
func FixedHosts(hosts, slots int) FleetOptions {
	return FleetOptions{Slots: slots, Min: hosts, Desired: hosts, Max: hosts, Boot: MeasuredBoot}
}

// Host is one container instance.
type Host struct {
	ID messages.HostID
	// Origin is how it came into service, and Since when, since the world's beginning.
	Origin Origin
	Since  time.Duration

	fleet *fleet
	state hostState
	// tasks counts what runs on it; pulled says that it has the image.
	tasks  int
	pulled bool
	// hidden is how many more sweeps do not see it.
	hidden int
	// end is what happens to it next by itself.
	end actors.Timer
}

type hostState int

const (
	hostComing hostState = iota
	hostInService
	hostDraining
	hostGone
)

// spotNotice is how long a spot instance has from the notice until it is gone. The ECS agent drains it meanwhile.
const spotNotice = 2 * time.Minute

// Hosts are those in service and draining, the oldest first.
func (c *Cloud) Hosts() []*Host { return slices.Clone(c.fleet.present) }

// Host is the host of that id that is in service or draining, nil when there is none.
func (c *Cloud) Host(id messages.HostID) *Host {
	for _, h := range c.fleet.present {
		if h.ID == id {
			return h
		}
	}
	return nil
}

// Room is how many more tasks the hosts in service take. It is without bounds when there are no hosts.
func (c *Cloud) Room() int {
	if !c.fleet.finite() {
		return 1 << 30
	}
	return c.fleet.room()
}

// HostHours are the hours of all hosts so far: running ones from their launch on, in service or not, and paused ones, which are
// stopped or hibernated in the warm pool.
func (c *Cloud) HostHours() (running, paused float64) {
	c.fleet.account()
	return c.fleet.running.Hours(), c.fleet.paused.Hours()
}

// Draining reports whether nothing more is placed on it.
func (h *Host) Draining() bool { return h.state == hostDraining }

// Tasks is how many tasks are on it.
func (h *Host) Tasks() int { return h.tasks }

// Drain takes it out of service, as an operator does: nothing more is placed on it, and what runs there runs on.
func (h *Host) Drain() {
	if h.state == hostInService {
		h.state = hostDraining
	}
}

// Activate takes it into service again.
func (h *Host) Activate() {
	if h.state == hostDraining {
		h.state = hostInService
		h.fleet.place()
	}
}

// Interrupt is a spot interruption: it drains, and is gone two minutes later.
func (h *Host) Interrupt() {
	h.Drain()
	if h.state == hostDraining {
		h.ends(spotNotice, h.Lose)
	}
}

// Lose ends it at once, and every task on it with it. Nobody closes their sockets.
func (h *Host) Lose() {
	if h.state != hostInService && h.state != hostDraining {
		return
	}
	h.leave()
	reason := fmt.Sprintf("Host EC2 (instance %s) terminated.", h.ID)
	for _, t := range h.fleet.cloud.Running() {
		if t.on == h {
			if link := t.Link(); link != nil {
				link.Cut()
			}
			t.Die(reason)
		}
	}
	h.fleet.keep()
}

// Hide has the next sweeps not see it, as ECS, whose answers are eventually consistent, may not.
func (h *Host) Hide(sweeps int) { h.hidden = sweeps }

// arrive takes it into service.
func (h *Host) arrive() {
	f := h.fleet
	f.coming--
	h.state, h.Since = hostInService, f.world.Elapsed()
	f.present = append(f.present, h)
	life, spot := draw(f.options.Life, f.random), draw(f.options.Spot, f.random)
	switch {
	case f.options.Life != nil && (f.options.Spot == nil || life < spot):
		h.ends(life, h.Lose)
	case f.options.Spot != nil:
		h.ends(spot, h.Interrupt)
	}
	f.place()
}

// leave takes it out of the group.
func (h *Host) leave() {
	f := h.fleet
	f.account()
	h.state = hostGone
	if h.end != nil {
		h.end.Stop()
	}
	f.present = slices.DeleteFunc(f.present, func(other *Host) bool { return other == h })
}

// ends sets what happens to it by itself, in place of what was to happen.
func (h *Host) ends(after time.Duration, how func()) {
	if h.end != nil {
		h.end.Stop()
	}
	h.end = h.fleet.world.AfterFunc(after, how)
}
