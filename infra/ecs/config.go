package ecs

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/rs/zerolog"

	"hearth/messages"
	"hearth/messages/wire"
)

// Client is the part of the SDK's *ecs.Client that the launcher calls.
type Client interface {
	RunTask(context.Context, *awsecs.RunTaskInput, ...func(*awsecs.Options)) (*awsecs.RunTaskOutput, error)
	StopTask(context.Context, *awsecs.StopTaskInput, ...func(*awsecs.Options)) (*awsecs.StopTaskOutput, error)
	DescribeTasks(context.Context, *awsecs.DescribeTasksInput, ...func(*awsecs.Options)) (*awsecs.DescribeTasksOutput, error)
	ListTasks(context.Context, *awsecs.ListTasksInput, ...func(*awsecs.Options)) (*awsecs.ListTasksOutput, error)
	ListContainerInstances(context.Context, *awsecs.ListContainerInstancesInput, ...func(*awsecs.Options)) (
		*awsecs.ListContainerInstancesOutput, error)
	DescribeContainerInstances(context.Context, *awsecs.DescribeContainerInstancesInput, ...func(*awsecs.Options)) (
		*awsecs.DescribeContainerInstancesOutput, error)
	DescribeTaskDefinition(context.Context, *awsecs.DescribeTaskDefinitionInput, ...func(*awsecs.Options)) (
		*awsecs.DescribeTaskDefinitionOutput, error)
	RegisterTaskDefinition(context.Context, *awsecs.RegisterTaskDefinitionInput, ...func(*awsecs.Options)) (
		*awsecs.RegisterTaskDefinitionOutput, error)
}

// Operations are the calls that OnCall is told of.
var Operations = []string{
	"RunTask", "StopTask", "DescribeTasks", "ListTasks", "DescribeTaskDefinition", "ListContainerInstances",
	"DescribeContainerInstances", "DescribeWarmPool", "DescribeAccessPoints", "CreateAccessPoint", "RegisterTaskDefinition",
}

// Config is what New needs. Everything is required but what says that it has a default.
type Config struct {
	// Client is LoadClients', LocalClients' or a test's.
	Client Client
	// Cluster is a name or an ARN.
	Cluster string
	// TaskDefinition is family:revision, a family, or an ARN that ends like one of them. A family alone means its latest active
	// revision: the one that Check has found, and from then on what LookForRevision finds.
	TaskDefinition string
	// ContainerName is the container of the task definition that runs the bridge.
	ContainerName string
	// StartedBy marks this gateway's tasks, so that List finds them: 1 to 128 letters, digits, "-", "_" and "/".
	StartedBy string
	// Running says where and how tasks run.
	Running Running
	// GatewayWSURL is where tasks dial: the base of a ws: or wss: URL.
	GatewayWSURL string
	// TaskToken makes the token with which a task proves to be that task. For one task it must always be the same.
	TaskToken func(wire.TaskID) string
	// Deliver sends an answer to an actor. It must not block. It is called from the launcher's goroutines, and from the
	// caller's own when a request is refused.
	Deliver func(to *actor.PID, message any)
	// WorkspaceRoot is the directory of all workspaces as the tasks see it: where the definition mounts the file system.
	WorkspaceRoot string
	// AccessPoints, if there are any, give each user one of their own and a task definition that mounts it: the old way.
	// Without them every task runs the one definition, and nothing is registered.
	AccessPoints AccessPoints
	// SharedAccessPoint, if it is given, is what the definition has to mount at WorkspaceRoot.
	SharedAccessPoint string
	// StopGrace is what an agent gets between SIGTERM and SIGKILL where the definition's STOP_GRACE does not say it.
	StopGrace time.Duration
	// WarmPools asks Auto Scaling for the warm pools of AutoScalingGroups, which a sweep then counts. Without groups it is not
	// asked.
	WarmPools         WarmPools
	AutoScalingGroups []string
	// Log gets calls that failed (warnings), and all others (debug).
	Log zerolog.Logger

	// OnCall, if there is one, is told of each call: the operation, how long it took with its retries, and what kind of
	// error it was, "" for none. Calls that were given up before they were made took 0. It must not block.
	OnCall func(op string, took time.Duration, kind messages.LaunchErrorKind)
	// Timeout bounds a call with all its retries, and before that its wait for its turn: the outcome of a call is known
	// within twice this time of asking for it. Default 10 s.
	Timeout time.Duration
	// ModifyRate is how many RunTask and StopTask calls a second are made, with a burst of two and a half times as many: this
	// gateway's share of what the account allows. 0 is all that AWS gives every account (see Rates in the package's documentation).
	ModifyRate int
	// Concurrency is how many calls that change something may be under way at once, and how many that read. Default 32.
	Concurrency int
}

const (
	defaultTimeout     = 10 * time.Second
	defaultConcurrency = 32
)

var (
	startedByPattern      = regexp.MustCompile(`^[A-Za-z0-9/_-]{1,128}$`)
	taskDefinitionPattern = regexp.MustCompile(`^(arn:[^ ]+:task-definition/)?[A-Za-z0-9_-]{1,255}(:[1-9][0-9]*)?$`)
)

// prepared checks a Config and fills in its defaults. It tells everything that is wrong, not only the first.
func (c Config) prepared() (Config, error) {
	var problems []error
	require := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf("ecs: "+format, args...))
		}
	}
	require(c.Client != nil, "no client")
	require(c.TaskToken != nil, "no maker of task tokens")
	require(c.Deliver != nil, "no way to deliver answers")
	require(c.Cluster != "", "no cluster")
	require(c.ContainerName != "", "no container name")
	require(taskDefinitionPattern.MatchString(c.TaskDefinition), "task definition %q is neither family:revision nor a family", c.TaskDefinition)
	require(startedByPattern.MatchString(c.StartedBy), "startedBy %q has not 1 to 128 letters, digits, -, _ and /", c.StartedBy)
	require(c.AccessPoints == nil && c.SharedAccessPoint == "" || path.IsAbs(c.WorkspaceRoot), "workspace root %q is not an absolute path", c.WorkspaceRoot)
	gateway, err := url.Parse(c.GatewayWSURL)
	require(err == nil && (gateway.Scheme == "ws" || gateway.Scheme == "wss") && gateway.Host != "",
		"gateway address %q is not a ws:// or wss:// URL", c.GatewayWSURL)
	problems = append(problems, c.Running.Validate()...)
	require(len(c.AutoScalingGroups) == 0 || c.WarmPools != nil, "no client for the Auto Scaling groups' warm pools")
	require(c.Timeout >= 0, "negative timeout %v", c.Timeout)
	require(c.Concurrency >= 0, "negative concurrency %d", c.Concurrency)
	require(c.ModifyRate >= 0, "negative rate of calls %d", c.ModifyRate)
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.Concurrency == 0 {
		c.Concurrency = defaultConcurrency
	}
	if c.OnCall == nil {
		c.OnCall = func(string, time.Duration, messages.LaunchErrorKind) {}
	}
	return c, errors.Join(problems...)
}
