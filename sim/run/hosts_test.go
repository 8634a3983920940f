package run

import (
	"testing"
	"time"

	"hearth/sim/model"
)

// hosted is a quarter of a day of Poisson traffic on a group of hosts that begins with one.
func hosted(fleet model.FleetOptions) Config {
	c := poisson(5, 6*time.Hour)
	c.Settings.StartTimeout = 10 * time.Minute
	c.HostSlots = 4
	c.Cloud.Fleet = fleet
	return c
}

// What a request waited for is told apart: a host of the warm pool, a cold one, or a task alone. Hours are the hosts' own.
func TestHostsAreCounted(t *testing.T) {
	group := func(warm int) model.FleetOptions {
		return model.FleetOptions{
			Slots: 1, Min: 1, Desired: 1, Max: 60, WarmSize: warm, Warm: model.OriginStopped,
			Wake: model.WakeStopped, Boot: model.MeasuredBoot, Provider: model.ManagedScaling(),
		}
	}
	warm, cold := play(t, hosted(group(60))), play(t, hosted(group(0)))
	if p := warm.Paths; p.WarmHost == 0 || p.ColdHost > 0 || p.Instant+p.Waited+p.WarmHost+warm.Failures != warm.Requests {
		t.Errorf("with a warm pool: %+v, %d failures of %d", p, warm.Failures, warm.Requests)
	}
	if p := cold.Paths; p.ColdHost == 0 || p.WarmHost > 0 || p.Instant+p.Waited+p.ColdHost+cold.Failures != cold.Requests {
		t.Errorf("without: %+v, %d failures of %d", p, cold.Failures, cold.Requests)
	}
	if warm.PausedHostHours == 0 || cold.PausedHostHours > 0 {
		t.Errorf("paused: %v with a warm pool, %v without", warm.PausedHostHours, cold.PausedHostHours)
	}
	// Four tasks fit on a host, however empty it is.
	if warm.HostHours < warm.TaskHours/4 || cold.HostHours < cold.TaskHours/4 {
		t.Errorf("host-hours %v for %v task-hours, and %v for %v", warm.HostHours, warm.TaskHours, cold.HostHours, cold.TaskHours)
	}
	if again := play(t, hosted(group(60))); again.Digest != warm.Digest {
		t.Error("the same run was another")
	}
}
