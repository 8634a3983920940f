package ecs

import (
	"testing"

	"hearth/infra/localecs"
	"hearth/messages"
)

// A sweep counts what waits in the warm pools of the groups that it is told of. Auto Scaling's failures keep no host unseen.
func TestSweepCountsWarmPools(t *testing.T) {
	server, plain := local(t, "sleep 60", localecs.Faults{})
	for _, g := range []localecs.Group{
		{Name: "a", Max: 3, WarmState: "Stopped", Warm: 2}, {Name: "b", Max: 3, WarmState: "Hibernated", Warm: 1},
		{Name: "c", Max: 3, WarmState: "Running", Warm: 3}, {Name: "none"},
	} {
		if err := server.SetGroup(g); err != nil {
			t.Fatal(err)
		}
	}
	w := launch(t, plain.cfg.Client, func(c *Config) {
		c.TaskDefinition = plain.cfg.TaskDefinition
		c.WarmPools = LocalClients(server.URL(), "us-east-1", testKeys).AutoScaling
		c.AutoScalingGroups = []string{"a", "b", "no-such-group", "c", "none"}
	})
	sweep := func(of *world) *messages.HostsListed {
		of.Sweep(asker)
		return next[*messages.HostsListed](of.inbox)
	}
	if listed := sweep(w); listed.Err != nil || len(listed.Hosts) != 1 || listed.Prepared != (messages.PreparedHosts{Running: 3, Hibernated: 1, Stopped: 2}) {
		t.Errorf("%+v", listed)
	}
	if listed := sweep(plain); listed.Prepared != (messages.PreparedHosts{}) {
		t.Errorf("nobody has told of groups, and %+v", listed)
	}
	if err := server.SetFaults(localecs.Faults{API: map[string]localecs.APIFault{"DescribeWarmPool": {Denied: true}}}); err != nil {
		t.Fatal(err)
	}
	if listed := sweep(w); listed.Err != nil || len(listed.Hosts) != 1 || listed.Prepared != (messages.PreparedHosts{}) {
		t.Errorf("%+v", listed)
	}
}
