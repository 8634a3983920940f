package run

import (
	"errors"
	"strings"
	"testing"
	"time"

	"hearth/sim/model"
)

// TestGroup: where hosts come late, the group that is recommended meets the objective and is the cheapest that does; without hosts to
// spare and warm ones the same pool does not. And a group that no host may be added to is told so.
func TestGroup(t *testing.T) {
	c := poisson(3, 2*time.Hour)
	c.Session = model.Exponential(10 * time.Minute)
	c.HostSlots = 4
	c.Cloud.Fleet = model.FleetOptions{
		Slots: 4, Min: 1, Desired: 1, Max: 200, Warm: model.OriginStopped, Wake: model.WakeStopped, Boot: model.MeasuredBoot,
		Provider: model.ManagedScaling(),
	}
	search := func(c Config) (Sizing, error) {
		s := Sizer{Base: c, Objective: Objective{HitRate: 0.98}, Seeds: 1, MaxSeeds: 2, OnHosts: true}
		return s.Search()
	}
	found, err := search(c)
	if err != nil {
		t.Fatal(err)
	}
	best, plain := found.Group.Best, found.Group.Plain
	t.Logf("%d %%, %d warm, minimum %d: %.4f, $%.2f; plain %.4f, $%.2f; %d tried", best.TargetCapacity, best.WarmHosts, best.Trial.PoolMin,
		best.Trial.InTime.Mean, best.Trial.Cost.Mean, plain.Trial.InTime.Mean, plain.Trial.Cost.Mean, len(found.Group.Tried))
	if !best.Trial.Meets || plain.Trial.Meets || plain.Trial.PoolMin != found.Best.PoolMin || plain.TargetCapacity != 100 || plain.Trial.HeldBack["hosts"] == 0 {
		t.Errorf("best %+v, plain %+v", best, plain)
	}
	for _, g := range found.Group.Tried {
		if g.Trial.Meets && g.Trial.Cost.Mean < best.Trial.Cost.Mean {
			t.Errorf("%+v is cheaper than %+v", g, best)
		}
	}
	c.Cloud.Fleet.Max = 5
	if _, err := search(c); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "and the group has 5 at most (--hosts-max)") {
		t.Errorf("five hosts: %v", err)
	}
}
