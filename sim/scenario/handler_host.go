package scenario

import (
	"fmt"
	"time"

	"hearth/actors"
	"hearth/messages"
	"hearth/sim/model"
)

// fleet reads the part of a gateway command that is about hosts. Without hosts= there are none.
//
//	gateway ... hosts=2 slots=4 most=3 pull=44s placement=pack sweep=10s
//	gateway ... hosts=1 slots=2 most=3 warm=1 waiting=hibernated wake=16s host-boot=81s provider
func (a *arguments) fleet(o *model.Options) error {
	o.Settings.Placement = actors.Placement(a.text("placement", string(o.Settings.Placement)))
	hosts, slots, most, warm := -1, 4, 0, 0
	for key, set := range map[string]*int{"hosts": &hosts, "slots": &slots, "most": &most, "warm": &warm} {
		if err := a.number(key, set); err != nil {
			return err
		}
	}
	wake, boot, pull := 16*time.Second, 81*time.Second, time.Duration(0)
	for key, set := range map[string]*time.Duration{
		"wake": &wake, "host-boot": &boot, "pull": &pull, "sweep": &o.Settings.SweepInterval,
	} {
		if err := a.duration(key, set); err != nil {
			return err
		}
	}
	if hosts < 0 {
		return nil
	}
	o.Cloud.Pull = fixed(pull)
	o.Cloud.Fleet = model.FleetOptions{
		Slots: slots, Desired: hosts, Max: max(hosts, most), WarmSize: warm,
		Warm: model.Origin(a.text("waiting", string(model.OriginHibernated))), Wake: fixed(wake), Boot: fixed(boot),
	}
	if a.has("provider") {
		o.Cloud.Fleet.Provider = model.ManagedScaling()
	}
	return nil
}

// host does something to a host: drain, activate, interrupt or lose it, or hide it from the next sweeps.
//
//	host host-1 drain
//	host host-1 hide times=1
func (e *env) host(a *arguments) error {
	h := e.model.Cloud.Host(messages.HostID(a.word(0, "")))
	if h == nil {
		return fmt.Errorf("ECS has no such host")
	}
	times := 1
	if err := a.number("times", &times); err != nil {
		return err
	}
	switch what := a.word(1, ""); what {
	case "drain":
		h.Drain()
	case "activate":
		h.Activate()
	case "interrupt":
		h.Interrupt()
	case "lose":
		h.Lose()
	case "hide":
		h.Hide(times)
	default:
		return fmt.Errorf("%q cannot be done to a host", what)
	}
	e.settle()
	return nil
}

// hosts lists the hosts and their tasks, as ECS sees them.
//
//	hosts
func (e *env) hosts(*arguments) error {
	for _, h := range e.model.Cloud.Hosts() {
		text := string(h.ID)
		if h.Origin != model.OriginNone {
			text += " " + string(h.Origin)
		}
		if h.Draining() {
			text += " draining"
		}
		for _, t := range e.model.Cloud.Running() {
			if t.Host() == h.ID {
				text += " " + e.narrator.Task(t.Request.Task)
			}
		}
		e.print("%s", text)
	}
	return nil
}
