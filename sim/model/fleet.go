package model

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/messages"
	"hearth/sim/world"
)

// OpSweep is a look at the hosts, as errors and scripts name it.
const OpSweep = "ListContainerInstances"

// fleet is the hosts: where tasks are placed, and the Auto Scaling group that keeps them.
type fleet struct {
	cloud   *Cloud
	world   *world.World
	options *FleetOptions
	random  *rand.Rand
	// made counts the hosts that ever were.
	made int
	// present are the hosts in service and draining, the oldest first. coming ones wake or boot.
	present []*Host
	coming  int
	// prepared hosts wait in the warm pool, preparing ones are on their way there.
	prepared, preparing int
	// desired is what the group is kept at.
	desired int
	// waiting are the tasks that were accepted and have no room, first come first.
	waiting []*Container

	// running and paused are the hosts' time until counted.
	running, paused, counted time.Duration
}

func newFleet(c *Cloud) *fleet {
	options := &c.options.Fleet
	f := &fleet{cloud: c, world: c.world, options: options, random: c.world.Stream("hosts"), desired: options.Desired}
	if !f.finite() {
		return f
	}
	for range options.Desired {
		f.coming++
		f.newHost(OriginNone).arrive()
	}
	f.prepared = f.warmSize()
	if options.Provider != nil {
		(&provider{fleet: f, options: options.Provider}).begin()
	}
	return f
}

// finite reports whether there are hosts to know of.
func (f *fleet) finite() bool { return f.options.Slots > 0 }

func (f *fleet) newHost(origin Origin) *Host {
	f.made++
	return &Host{ID: messages.HostID("host-" + strconv.Itoa(f.made)), Origin: origin, fleet: f}
}

// accept places a new task, or, with a capacity provider, has it wait for room. It reports whether the task was accepted.
func (f *fleet) accept(t *Container) bool {
	switch {
	case !f.finite():
		t.boots(false)
	case f.room() > 0:
		f.waiting = append(f.waiting, t)
		f.place()
	case f.options.Provider != nil:
		f.waiting = append(f.waiting, t)
	default:
		return false
	}
	return true
}

// place gives room to the tasks that wait, in their order: on the fullest host that has any, as binpack does.
func (f *fleet) place() {
	for len(f.waiting) > 0 {
		var fullest *Host
		for _, h := range f.present {
			if h.room() > 0 && (fullest == nil || h.tasks > fullest.tasks) {
				fullest = h
			}
		}
		if fullest == nil {
			return
		}
		t := f.waiting[0]
		f.waiting = f.waiting[1:]
		t.on, t.host = fullest, fullest.ID
		fullest.tasks++
		isFirst := !fullest.pulled
		fullest.pulled = true
		t.boots(isFirst)
	}
}

// release takes a task that has stopped from its host.
func (f *fleet) release(t *Container) {
	if h := t.on; h != nil {
		h.tasks--
		f.place()
		return
	}
	f.waiting = slices.DeleteFunc(f.waiting, func(w *Container) bool { return w == t })
}

// room is how many more tasks it takes.
func (h *Host) room() int {
	if h.state != hostInService {
		return 0
	}
	return h.fleet.options.Slots - h.tasks
}

func (f *fleet) room() int {
	sum := 0
	for _, h := range f.present {
		sum += h.room()
	}
	return sum
}

// keep has the group launch the hosts that it lacks, from the warm pool first, and then has the warm pool filled up.
func (f *fleet) keep() {
	f.account()
	for len(f.present)+f.coming < f.desired {
		origin, takes := OriginCold, f.options.Boot
		if f.prepared > 0 {
			f.prepared--
			origin, takes = f.options.Warm, f.options.Wake
		}
		f.coming++
		f.world.Later(draw(takes, f.random), f.newHost(origin).arrive)
	}
	for f.prepared+f.preparing < f.warmSize() {
		f.preparing++
		f.world.Later(draw(f.options.Boot, f.random), func() {
			f.account()
			f.preparing--
			f.prepared++
		})
	}
}

// warmSize is how many hosts the warm pool should have: no more than the group may still launch.
func (f *fleet) warmSize() int { return min(f.options.WarmSize, max(0, f.options.Max-f.desired)) }

// account adds the time since it was last called to the hosts' hours. It is called before their number changes.
func (f *fleet) account() {
	d := f.world.Elapsed() - f.counted
	f.counted += d
	running, paused := len(f.present)+f.coming+f.preparing, f.prepared
	if f.options.Warm == OriginRunning {
		running, paused = running+paused, 0
	}
	f.running += time.Duration(running) * d
	f.paused += time.Duration(paused) * d
}

// Sweep asks for all hosts; see actors.Fleet.
func (c ecs) Sweep(to *actor.PID) {
	var listed messages.HostsListed
	c.call(OpSweep, c.cloud.options.Describe, func() *messages.LaunchError {
		listed = c.cloud.fleet.list()
		return nil
	}, func(err *messages.LaunchError) {
		if err != nil {
			listed = messages.HostsListed{Err: err}
		}
		c.gateway.send(to, &listed)
	})
}

// list is what a sweep sees.
func (f *fleet) list() messages.HostsListed {
	var listed messages.HostsListed
	for _, h := range f.present {
		switch {
		case h.hidden > 0:
			h.hidden--
		case f.options.Missed > 0 && f.random.Float64() < f.options.Missed:
		default:
			listed.Hosts = append(listed.Hosts, messages.HostSeen{Host: h.ID, Draining: h.Draining(), Slots: h.room()})
		}
	}
	switch f.options.Warm {
	case OriginRunning:
		listed.Prepared.Running = f.prepared
	case OriginHibernated:
		listed.Prepared.Hibernated = f.prepared
	case OriginStopped:
		listed.Prepared.Stopped = f.prepared
	}
	return listed
}
