package ecs

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"

	"hearth/messages"
)

// noTask is an id that ECS never gives, neither to a task nor to a container instance. Asking about it tells whether asking
// is allowed, and stopping it stops nothing.
const noTask = "00000000000000000000000000000000"

// Check tries what a gateway needs of ECS: the cluster, the task definition with its container, and the permission for
// every call but RunTask, which can't be tried without starting a task. It gives a line for each problem, none when all is
// well, for the gateway's start-up validation and its readiness. It makes at most seven calls outside the rate limits, waits
// at most Config.Timeout for each, and gives up at the first that gets no answer: callers must not repeat it every second.
// It also learns the tasks' size, which Sweep needs to count a host's slots.
func (l *Launcher) Check(ctx context.Context) []string {
	var problems []string
	for _, probe := range l.probes() {
		failure := l.attempt(ctx, probe)
		if failure == nil {
			continue
		}
		problems = append(problems, failure.Error())
		if failure.Ambiguous() {
			break
		}
	}
	return problems
}

func (l *Launcher) probes() []request {
	probes := []request{
		{op: "ListTasks", call: func(ctx context.Context) error {
			_, err := l.cfg.Client.ListTasks(ctx, &awsecs.ListTasksInput{
				Cluster: &l.cfg.Cluster, StartedBy: &l.cfg.StartedBy, MaxResults: aws.Int32(1)})
			return err
		}},
		{op: "DescribeTasks", call: func(ctx context.Context) error {
			_, _, err := l.describeTasks(ctx, []string{noTask})
			return err
		}},
		{op: "StopTask", call: func(ctx context.Context) error { return l.stopTask(ctx, noTask, "") }},
		{op: "DescribeTaskDefinition", call: l.checkTaskDefinition},
	}
	if !l.cfg.Running.OnFargate() {
		probes = append(probes, l.hostProbes()...)
	}
	if l.users != nil {
		probes = append(probes, request{op: "DescribeAccessPoints", call: l.users.check})
	}
	return probes
}

// hostProbes are for what Sweep calls.
func (l *Launcher) hostProbes() []request {
	return []request{
		{op: "ListContainerInstances", call: func(ctx context.Context) error {
			_, err := l.cfg.Client.ListContainerInstances(ctx, &awsecs.ListContainerInstancesInput{
				Cluster: &l.cfg.Cluster, MaxResults: aws.Int32(1)})
			return err
		}},
		{op: "DescribeContainerInstances", call: func(ctx context.Context) error {
			_, err := l.cfg.Client.DescribeContainerInstances(ctx, &awsecs.DescribeContainerInstancesInput{
				Cluster: &l.cfg.Cluster, ContainerInstances: []string{noTask}})
			return err
		}},
	}
}

// checkTaskDefinition describes the definition and looks whether tasks can run it.
func (l *Launcher) checkTaskDefinition(ctx context.Context) error {
	d, err := l.describeDefinition(ctx)
	if err != nil {
		return err
	}
	if err := d.check(l.cfg.ContainerName, l.cfg.Running); err != nil {
		return err
	}
	if l.users != nil {
		_, err = d.workspaces(l.cfg)
	}
	return err
}

// unusable is a problem that only an operator can solve.
func unusable(format string, args ...any) error {
	return &known{messages.LaunchInvalid, fmt.Sprintf(format, args...)}
}
