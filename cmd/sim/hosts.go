package main

import (
	"errors"
	"fmt"
	"time"

	"hearth/sim/model"
	"hearth/sim/run"
)

// hostFlags are the hosts of the simulated cloud: an Auto Scaling group behind an ECS capacity provider. Without --hosts
// there are none, and room never runs out.
type hostFlags struct {
	Hosts          int       `placeholder:"N" group:"Hosts" help:"Simulate hosts with --host-slots tasks each: so many at first and at least. Tasks without room wait until the group has scaled out."`
	HostsMax       int       `placeholder:"N" group:"Hosts" help:"The most hosts that the group scales out to (--hosts)."`
	TargetCapacity int       `default:"100" group:"Hosts" help:"The capacity provider's target: how many percent of the hosts are to have tasks; below 100 there are empty ones, ready for more."`
	InstanceWarmup span      `default:"300s" group:"Hosts" help:"How long it waits after scaling out before it does again: ECS's default; the Terraform that comes with Hearth sets 60s."`
	WarmHosts      int       `placeholder:"N" group:"Hosts" help:"How many hosts wait in the EC2 warm pool (0)."`
	WarmState      string    `enum:"hibernated,stopped,running" default:"hibernated" group:"Hosts" help:"How they wait: hibernated, stopped or running."`
	WakeTime       startTime `placeholder:"DIST" group:"Hosts" help:"How long such a host takes to come into service (measured: 15 to 17 s hibernated, 20 to 40 s stopped; up to 60 s running)."`
	BootTime       startTime `placeholder:"DIST" group:"Hosts" help:"How long a host takes that has to be launched (81s, measured)."`
	ImagePull      startTime `placeholder:"DIST" group:"Hosts" help:"The image pull of a new host's first task (up to 1s, with a pre-pull; 44s was measured without)."`
}

// hostsBound bounds the hosts of a simulation.
const hostsBound = 50_000

// wakeTimes are the measured ones by the state.
var wakeTimes = map[string]model.Distribution{
	"hibernated": model.WakeHibernated, "stopped": model.WakeStopped, "running": model.WakeRunning,
}

func (f hostFlags) apply(c *run.Config) error {
	most := max(f.Hosts, f.HostsMax)
	about := f.WakeTime.Distribution != nil || f.BootTime.Distribution != nil || f.ImagePull.Distribution != nil
	switch {
	case f.Hosts < 0 || f.HostsMax < 0 || f.WarmHosts < 0:
		return errors.New("--hosts, --hosts-max and --warm-hosts must not be negative")
	case most == 0 && (f.WarmHosts > 0 || about):
		return errors.New("--warm-hosts, --wake-time, --boot-time and --image-pull need --hosts")
	case most == 0:
		return nil
	case max(most, f.WarmHosts) > hostsBound:
		return fmt.Errorf("%d hosts: at most %d are simulated", max(most, f.WarmHosts), hostsBound)
	case f.HostsMax > 0 && f.HostsMax < f.Hosts:
		return fmt.Errorf("--hosts %d is over --hosts-max %d", f.Hosts, f.HostsMax)
	case f.TargetCapacity < 1 || f.TargetCapacity > 100:
		return fmt.Errorf("--target-capacity %d must be from 1 to 100", f.TargetCapacity)
	case f.WarmHosts > 0 && most == f.Hosts:
		return errors.New("--warm-hosts needs --hosts-max over --hosts: without it the group never scales out to them")
	case c.HostSlots == 0:
		return errors.New("--hosts and --hosts-max need --host-slots: how many tasks a host takes")
	}
	orElse := func(given startTime, measured model.Distribution) model.Distribution {
		if given.Distribution != nil {
			return given.Distribution
		}
		return measured
	}
	c.Cloud.Pull = orElse(f.ImagePull, model.MeasuredPrePulled)
	provider := model.ManagedScaling()
	provider.Target, provider.Warmup = f.TargetCapacity, time.Duration(f.InstanceWarmup)
	c.Cloud.Fleet = model.FleetOptions{
		Slots: c.HostSlots, Min: f.Hosts, Desired: f.Hosts, Max: most,
		WarmSize: f.WarmHosts, Warm: model.Origin(f.WarmState), Wake: orElse(f.WakeTime, wakeTimes[f.WarmState]),
		Boot: orElse(f.BootTime, model.MeasuredBoot), Provider: provider,
	}
	return nil
}
