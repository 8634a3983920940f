package ecs

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"

	"hearth/messages"
)

// noTask is an id that ECS never gives, neither to a task nor to a container instance. Asking about it tells whether asking
// is allowed, and stopping it stops nothing.
const noTask = "00000000000000000000000000000000"

// Check tries what a gateway needs of ECS: the cluster, the task definition with its container and what it mounts, and the
// permission for every call but RunTask, for which ECS has no dry run. It gives a line for each problem that an operator has to
// solve. What passes by itself, such as a call that is throttled or not answered, is told apart: the first such thing, "" if
// there was none. When both are empty all is well. It makes at most seven calls outside the rate limits, and all at once but the one that
// asks for what the definition mounts: a gateway starts within twice Config.Timeout, however slow AWS is. Callers must not repeat it
// every second. It also learns the tasks' size, which Sweep needs to count a host's slots.
func (l *Launcher) Check(ctx context.Context) (problems []string, passing string) {
	probes := l.probes()
	failures := make([]*messages.LaunchError, len(probes), len(probes)+1)
	var calls sync.WaitGroup
	for i, probe := range probes {
		calls.Go(func() { failures[i] = l.attempt(ctx, probe) })
	}
	calls.Wait()
	if l.users != nil {
		failures = append(failures, l.attempt(ctx, request{op: "DescribeAccessPoints", call: l.users.check}))
	}
	for _, failure := range failures {
		switch {
		case failure == nil:
		case failure.Ambiguous() || failure.Shortage():
			passing = cmp.Or(passing, failure.Error())
		default:
			problems = append(problems, failure.Error())
		}
	}
	return problems, passing
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
		{op: "StopTask", call: func(ctx context.Context) error {
			_, err := l.stopTask(ctx, noTask, "")
			return err
		}},
		{op: "DescribeTaskDefinition", call: l.learnDefinition},
	}
	if !l.cfg.Running.OnFargate() {
		probes = append(probes, l.hostProbes()...)
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

// checkWorkspaces looks whether tasks will have the file system that their workspaces are on.
func (l *Launcher) checkWorkspaces(d *definition) error {
	switch {
	case l.users != nil:
		_, err := d.workspaces(l.cfg)
		return err
	case l.cfg.SharedAccessPoint != "":
		return d.checkSharedAccessPoint(l.cfg)
	}
	return nil
}

// unusable is a problem that only an operator can solve.
func unusable(format string, args ...any) error {
	return &known{messages.LaunchInvalid, fmt.Sprintf(format, args...)}
}
