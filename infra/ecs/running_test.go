package ecs

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"hearth/messages"
)

// What an operator says of where and how tasks run is in every call, and the same in every one.
func TestRunning(t *testing.T) {
	cfg := validConfig(nil, nil)
	cfg.Running = Running{
		CapacityProviders: []string{"spot=3", "steady=1:2", "plain"}, Subnets: []string{"subnet-a", "subnet-b"},
		SecurityGroups: []string{"sg-1"}, PlacementStrategy: []string{"spread:instanceId", "binpack:cpu", "random"},
		PlacementConstraints: []string{"distinctInstance", "attribute:a in [b, c]"}, Group: "shell",
		Tags: map[string]string{"z": "1", "a": "2", "m": ""}, PropagateTags: true, Exec: true,
	}
	run := messages.RunTask{Task: "task-1"}
	in := cfg.runInput(run, "f:1", "t")
	item := func(name string, weight, base int32) types.CapacityProviderStrategyItem {
		return types.CapacityProviderStrategyItem{CapacityProvider: &name, Weight: weight, Base: base}
	}
	if want := []types.CapacityProviderStrategyItem{item("spot", 3, 0), item("steady", 1, 2), item("plain", 1, 0)}; !reflect.DeepEqual(in.CapacityProviderStrategy, want) {
		t.Errorf("providers %+v", in.CapacityProviderStrategy)
	}
	network := in.NetworkConfiguration.AwsvpcConfiguration
	if !slices.Equal(network.Subnets, cfg.Running.Subnets) || !slices.Equal(network.SecurityGroups, cfg.Running.SecurityGroups) ||
		network.AssignPublicIp != types.AssignPublicIpDisabled {
		t.Errorf("network %+v", network)
	}
	if len(in.PlacementStrategy) != 3 || *in.PlacementStrategy[1].Field != "cpu" || in.PlacementStrategy[2].Field != nil {
		t.Errorf("strategy %+v", in.PlacementStrategy)
	}
	if c := in.PlacementConstraints; len(c) != 2 || c[0].Expression != nil || *c[1].Expression != "attribute:a in [b, c]" {
		t.Errorf("constraints %+v", c)
	}
	if aws.ToString(in.Group) != "shell" || in.PropagateTags != types.PropagateTagsTaskDefinition || !in.EnableExecuteCommand || in.LaunchType != "" {
		t.Errorf("%+v", in)
	}
	for range 20 {
		if !reflect.DeepEqual(cfg.runInput(run, "f:1", "t"), in) {
			t.Fatal("two calls for one task differ")
		}
	}
}

func TestRunningOnFargate(t *testing.T) {
	for _, test := range []struct {
		running Running
		fargate bool
	}{
		{Running{}, false},
		{Running{LaunchType: "EC2"}, false},
		{Running{LaunchType: "FARGATE", Subnets: []string{"s"}}, true},
		{Running{CapacityProviders: []string{"FARGATE_SPOT=4", "FARGATE=1:1"}, Subnets: []string{"s"}}, true},
		{Running{CapacityProviders: []string{"FARGATE", "hosts"}}, false},
	} {
		if got := test.running.OnFargate(); got != test.fargate {
			t.Errorf("%+v: %v", test.running, got)
		}
		in, problems := test.running.template()
		if problems != nil || test.fargate != (len(in.PlacementStrategy) == 0) {
			t.Errorf("%+v: %v, strategy %v", test.running, problems, in.PlacementStrategy)
		}
	}
}

func TestRunningThatECSWouldRefuse(t *testing.T) {
	subnets := []string{"s"}
	for setting, all := range map[string][]Running{
		"ECS_LAUNCH_TYPE:":        {{LaunchType: "EC2", CapacityProviders: []string{"a"}}},
		"ECS_CAPACITY_PROVIDERS:": {{CapacityProviders: []string{"a=b"}}, {CapacityProviders: []string{"a=1001"}}, {CapacityProviders: []string{"a=0"}}, {CapacityProviders: []string{""}}, {CapacityProviders: []string{"a=1:-1"}}},
		"ECS_SUBNETS:":            {{LaunchType: "FARGATE"}, {SecurityGroups: []string{"sg"}}, {AssignPublicIP: true}},
		"ECS_PLACEMENT_STRATEGY:": {{PlacementStrategy: []string{"binpack"}}, {PlacementStrategy: []string{"spread:disk"}}, {PlacementStrategy: []string{"random:x"}},
			{PlacementStrategy: slices.Repeat([]string{"random"}, 6)}, {LaunchType: "FARGATE", Subnets: subnets, PlacementStrategy: []string{"random"}}},
		"ECS_PLACEMENT_CONSTRAINTS:": {{PlacementConstraints: []string{" "}}, {LaunchType: "FARGATE", Subnets: subnets, PlacementConstraints: []string{"distinctInstance"}}},
		"ECS_GROUP:":                 {{Group: "a b"}},
		"ECS_TAGS:":                  {{Tags: map[string]string{"aws:a": ""}}, {Tags: map[string]string{"a": strings.Repeat("x", 257)}}},
	} {
		for _, running := range all {
			if problems := running.Validate(); len(problems) != 1 || !strings.HasPrefix(problems[0].Error(), setting) {
				t.Errorf("%+v: %v", running, problems)
			}
		}
	}
}
