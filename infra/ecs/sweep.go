package ecs

import (
	"context"
	"fmt"
	"strconv"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"hearth/messages"
)

// maxHosts bounds a sweep, and thereby its calls: two for each 100 hosts. A cluster with more is not swept at all: hosts
// that a sweep leaves out pass for lost.
const maxHosts = 1000

// unboundedSlots is the room on a host for tasks that reserve nothing: more than anyone will start.
const unboundedSlots = 1 << 16

// taskSize is what a task reserves of a host, in CPU units and MiB; 0 is nothing.
type taskSize struct{ cpu, memory int32 }

// sizeOf adds up what a definition's tasks reserve: the whole task's figures where it has them, else the containers'.
func sizeOf(definition *types.TaskDefinition) taskSize {
	var sum taskSize
	for _, c := range definition.ContainerDefinitions {
		sum.cpu += c.Cpu
		if c.MemoryReservation != nil {
			sum.memory += *c.MemoryReservation
		} else {
			sum.memory += aws.ToInt32(c.Memory)
		}
	}
	return taskSize{cpu: wholeOr(definition.Cpu, sum.cpu), memory: wholeOr(definition.Memory, sum.memory)}
}

// wholeOr is a figure of the whole task, which ECS gives as a number of units or MiB, or what its containers add up to.
func wholeOr(whole *string, sum int32) int32 {
	if n, err := strconv.ParseInt(aws.ToString(whole), 10, 32); err == nil && n > 0 {
		return int32(n)
	}
	return sum
}

// Sweep asks for all container instances of the cluster; see actors.Fleet. It takes two calls for each 100 hosts, each
// and one for each Auto Scaling group, with a turn and a timeout of its own. A failure fails the sweep, but for one of Auto
// Scaling, whose hosts are only not counted then.
func (l *Launcher) Sweep(to *actor.PID) {
	(&sweep{launcher: l, to: to, pages: pages{}, groups: l.cfg.AutoScalingGroups}).find(nil)
}

// sweep is a look at the hosts in the making. Its calls are made one after the other.
type sweep struct {
	launcher *Launcher
	to       *actor.PID
	pages    pages    // of the answer that is being read
	arns     []string // found and not yet described
	hosts    []messages.HostSeen
	// groups are the Auto Scaling groups whose warm pools were not counted yet.
	groups   []string
	prepared messages.PreparedHosts
}

// find asks for the next page of ARNs: of hosts in every state but inactive ones.
func (s *sweep) find(page *string) {
	l := s.launcher
	var out *awsecs.ListContainerInstancesOutput
	l.submit(l.read, request{
		op: "ListContainerInstances",
		call: func(ctx context.Context) (err error) {
			out, err = l.cfg.Client.ListContainerInstances(ctx, &awsecs.ListContainerInstancesInput{
				Cluster: &l.cfg.Cluster, NextToken: page})
			if err == nil {
				err = s.pages.turn(out.NextToken)
			}
			return err
		},
		answer: func(failure *messages.LaunchError) {
			if failure != nil {
				s.done(failure)
				return
			}
			s.arns = append(s.arns, out.ContainerInstanceArns...)
			more := aws.ToString(out.NextToken) != ""
			switch {
			case len(s.arns) > maxHosts || more && len(s.arns) == maxHosts:
				s.done(&messages.LaunchError{Kind: messages.LaunchInvalid, Op: "ListContainerInstances",
					Message: fmt.Sprintf("the cluster has more than %d hosts; none of them is watched", maxHosts)})
			case more:
				s.find(out.NextToken)
			default:
				s.describe()
			}
		},
	})
}

// describe asks how the next hosts are. One that ECS no longer knows is left out of the answer.
func (s *sweep) describe() {
	if len(s.arns) == 0 {
		s.countPrepared(nil)
		return
	}
	l := s.launcher
	batch := s.arns[:min(len(s.arns), maxDescribed)]
	s.arns = s.arns[len(batch):]
	l.submit(l.read, request{
		op: "DescribeContainerInstances",
		call: func(ctx context.Context) error {
			out, err := l.cfg.Client.DescribeContainerInstances(ctx, &awsecs.DescribeContainerInstancesInput{
				Cluster: &l.cfg.Cluster, ContainerInstances: batch})
			if err != nil {
				return err
			}
			for _, instance := range out.ContainerInstances {
				if seen, here := seenOf(instance, l.taskSize()); here {
					s.hosts = append(s.hosts, seen)
				}
			}
			return nil
		},
		answer: func(failure *messages.LaunchError) {
			if failure != nil {
				s.done(failure)
				return
			}
			s.describe()
		},
	})
}

func (s *sweep) done(failure *messages.LaunchError) {
	if failure != nil {
		s.hosts = nil
	}
	s.launcher.cfg.Deliver(s.to, &messages.HostsListed{Hosts: s.hosts, Prepared: s.prepared, Err: failure})
}

// seenOf reads a host. It reports false for one that has no tasks yet or any more: it registers, or is inactive.
func seenOf(instance types.ContainerInstance, size *taskSize) (messages.HostSeen, bool) {
	seen := messages.HostSeen{Host: messages.HostID(aws.ToString(instance.ContainerInstanceArn))}
	switch types.ContainerInstanceStatus(aws.ToString(instance.Status)) {
	case types.ContainerInstanceStatusActive:
	case types.ContainerInstanceStatusDraining, types.ContainerInstanceStatusDeregistering:
		seen.Draining = true
	default:
		return seen, false
	}
	if instance.AgentConnected && !seen.Draining {
		seen.Slots = slotsOf(instance.RemainingResources, size)
	}
	return seen, seen.Host != ""
}

// slotsOf is how many tasks fit into what a host has left. As long as the tasks' size is not known nothing is known.
func slotsOf(remaining []types.Resource, size *taskSize) int {
	if size == nil {
		return 0
	}
	slots := int32(unboundedSlots)
	for _, resource := range remaining {
		switch name := aws.ToString(resource.Name); {
		case name == "CPU" && size.cpu > 0:
			slots = min(slots, resource.IntegerValue/size.cpu)
		case name == "MEMORY" && size.memory > 0:
			slots = min(slots, resource.IntegerValue/size.memory)
		}
	}
	return int(max(0, slots))
}
