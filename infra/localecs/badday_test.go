package localecs

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/rs/zerolog"
)

// fargate makes a definition one that can run without hosts.
func fargate(in *ecs.RegisterTaskDefinitionInput) {
	in.NetworkMode, in.Cpu, in.Memory = types.NetworkModeAwsvpc, aws.String("256"), aws.String("512")
}

func onFargate(in *ecs.RunTaskInput) {
	in.LaunchType = types.LaunchTypeFargate
	in.NetworkConfiguration = &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: []string{"subnet-1"}}}
}

// A task of a capacity provider is accepted whatever there is, waits in PROVISIONING without a host, and is placed when one
// comes. When none does it is stopped, with the reason that RunTask would have given at once for the launch type EC2.
func TestCapacityProvider(t *testing.T) {
	e := start(t, Config{CapacityProvider: "hosts", InstanceMemory: 300})
	e.register("web", forEver)
	first, second := e.run("web"), e.run("web")
	if first.ContainerInstanceArn == nil || second.ContainerInstanceArn != nil || aws.ToString(second.CapacityProviderName) != "hosts" {
		t.Errorf("%+v, %+v", first, second)
	}
	if waiting := e.describe(second.TaskArn); *waiting.LastStatus != "PROVISIONING" {
		t.Errorf("it is %s", *waiting.LastStatus)
	}
	if err := e.SetInstances(Capacity{Count: 2, Memory: 300, CPU: 1024}); err != nil {
		t.Fatal(err)
	}
	if placed := e.await(second.TaskArn, "RUNNING"); placed.ContainerInstanceArn == nil {
		t.Error("it runs nowhere")
	}
	e.setFaults(Faults{Task: TaskFault{PlacementTimeout: Duration(50 * time.Millisecond)}})
	late := e.await(e.run("web").TaskArn, "STOPPED")
	if late.StopCode != types.TaskStopCodeTaskFailedToStart || *late.StoppedReason != "TaskFailedToStart: RESOURCE:MEMORY" {
		t.Errorf("%s: %s", late.StopCode, *late.StoppedReason)
	}
	_, err := e.RunTask(t.Context(), &ecs.RunTaskInput{TaskDefinition: aws.String("web"), LaunchType: types.LaunchTypeEc2})
	if err != nil {
		t.Error(err)
	}
	if err := e.SetInstances(Capacity{Count: 0}); err != nil {
		t.Fatal(err)
	}
	if none := e.await(e.run("web").TaskArn, "STOPPED"); *none.StoppedReason != "TaskFailedToStart: EMPTY CAPACITY PROVIDER" {
		t.Errorf("%s", *none.StoppedReason)
	}
}

// On Fargate a task has no host, has an address of its own, and needs no room.
func TestFargate(t *testing.T) {
	e := start(t, Config{InstanceMemory: 1})
	e.register("vpc", forEver, fargate)
	e.register("web", forEver)
	task := e.await(e.run("vpc", onFargate).TaskArn, "RUNNING")
	if task.ContainerInstanceArn != nil || task.LaunchType != types.LaunchTypeFargate || len(task.Attachments) != 1 ||
		*task.Containers[0].NetworkInterfaces[0].PrivateIpv4Address != "127.0.0.1" {
		t.Errorf("%+v", task)
	}
	in := &ecs.RunTaskInput{TaskDefinition: aws.String("web"), LaunchType: types.LaunchTypeFargate}
	_, err := e.RunTask(t.Context(), in)
	wantError(t, err, "InvalidParameterException", "does not support launch_type FARGATE")
}

// As long as an agent is away nothing that is said of its tasks reaches them: StopTask is accepted, and they run on.
func TestStopTaskDoesNotReachATaskWhoseAgentIsAway(t *testing.T) {
	e := start(t, Config{})
	e.register("web", forEver)
	task := e.await(e.run("web").TaskArn, "RUNNING")
	if err := e.SetAgentConnected(*task.ContainerInstanceArn, false); err != nil {
		t.Fatal(err)
	}
	e.stop(task.TaskArn)
	time.Sleep(200 * time.Millisecond)
	if away := e.describe(task.TaskArn); *away.LastStatus != "RUNNING" || *away.DesiredStatus != "STOPPED" {
		t.Errorf("%s, to be %s", *away.LastStatus, *away.DesiredStatus)
	}
	if err := e.SetAgentConnected(*task.ContainerInstanceArn, true); err != nil {
		t.Fatal(err)
	}
	e.await(task.TaskArn, "STOPPED")
}

// A host that is switched off stays listed, and its tasks as they were, although nothing of them is left. They end when it
// is deregistered, which takes force.
func TestInstanceThatIsSwitchedOff(t *testing.T) {
	e := start(t, Config{})
	e.register("web", sh("trap : TERM; echo up; while :; do sleep 0.05; done"))
	task := e.await(e.run("web").TaskArn, "RUNNING")
	if err := e.StopInstance(*task.ContainerInstanceArn); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	if hosts := e.instances(); len(hosts) != 1 || hosts[0].AgentConnected || *hosts[0].Status != "ACTIVE" || *e.describe(task.TaskArn).LastStatus != "RUNNING" {
		t.Errorf("%+v", hosts)
	}
	if e.SetAgentConnected(*task.ContainerInstanceArn, true) == nil {
		t.Error("the agent of a host that is off came back")
	}
	in := &ecs.DeregisterContainerInstanceInput{ContainerInstance: task.ContainerInstanceArn}
	_, err := e.DeregisterContainerInstance(t.Context(), in)
	wantError(t, err, "InvalidParameterException", "running tasks")
	in.Force = aws.Bool(true)
	if _, err := e.DeregisterContainerInstance(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	e.await(task.TaskArn, "STOPPED")
	if hosts := e.instances(); len(hosts) != 0 {
		t.Errorf("%+v", hosts)
	}
}

// Tasks end in the ways in which they end on a bad day, with ECS's words.
func TestEnds(t *testing.T) {
	e := start(t, Config{})
	e.register("web", forEver)
	for as, want := range map[End]string{
		EndOutOfMemory:      "EssentialContainerExited Essential container in task exited 137 OutOfMemoryError",
		EndSpotInterruption: "SpotInterruption Your Spot Task was interrupted.",
	} {
		task := e.await(e.run("web").TaskArn, "RUNNING").TaskArn
		if err := e.EndTask(*task, as); err != nil {
			t.Fatal(err)
		}
		ended := e.await(task, "STOPPED")
		got := string(ended.StopCode) + " " + *ended.StoppedReason
		if c := ended.Containers[0]; c.Reason != nil && *c.ExitCode == 137 {
			got += " 137 " + *c.Reason
		}
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", as, got)
		}
		if e.EndTask(*task, as) == nil {
			t.Errorf("%s: a second time", as)
		}
	}
	e.setFaults(Faults{Task: TaskFault{PullFailureRate: 1}})
	failed := e.await(e.run("web").TaskArn, "STOPPED")
	if failed.StopCode != types.TaskStopCodeTaskFailedToStart || !strings.HasPrefix(aws.ToString(failed.Containers[0].Reason), "CannotPullContainerError") {
		t.Errorf("%s: %+v", failed.StopCode, failed.Containers[0])
	}
}

// Reads, stops and ids are as unforgiving as on ECS, once that is asked for.
func TestStrict(t *testing.T) {
	e := start(t, Config{})
	e.register("web", forEver)
	task := e.await(e.run("web").TaskArn, "RUNNING").TaskArn
	stop := func(ref string) error {
		_, err := e.StopTask(t.Context(), &ecs.StopTaskInput{Task: &ref})
		return err
	}
	e.setFaults(Faults{Strict: true, Task: TaskFault{StopVisibilityDelay: maxDelay}})
	wantError(t, stop(*task), "InvalidParameterException", "The referenced task was not found.")
	for _, ref := range []string{"0123", strings.Replace(*task, "us-east-1", "eu-west-1", 1), strings.Replace(*task, "000000000000", "111111111111", 1)} {
		_, err := e.DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Tasks: []string{*task, ref}})
		wantError(t, err, "InvalidParameterException", "")
		_, err = e.DescribeContainerInstances(t.Context(), &ecs.DescribeContainerInstancesInput{ContainerInstances: []string{ref}})
		wantError(t, err, "InvalidParameterException", "")
	}
	e.setFaults(Faults{})
	if err := stop(*task); err != nil {
		t.Error(err)
	}
}

// AWS's token buckets run dry, each for the operations that share it.
func TestRateLimits(t *testing.T) {
	e := start(t, Config{Faults: Faults{RateLimits: true}})
	var err error
	calls := 0
	for ; err == nil && calls < 1000; calls++ {
		err = e.list()
	}
	wantError(t, err, "ThrottlingException", "Rate exceeded")
	if calls < 100 || calls == 1000 {
		t.Errorf("throttled at call %d", calls)
	}
	if _, err := e.DescribeClusters(t.Context(), &ecs.DescribeClustersInput{}); err != nil {
		t.Error(err)
	}
}

// Any error of AWS can be had.
func TestAnyError(t *testing.T) {
	e := start(t, Config{})
	for _, code := range []string{"ClientException", "LimitExceededException", "ExpiredTokenException", "BlockedException", "InvalidParameterException"} {
		e.setFaults(Faults{API: map[string]APIFault{"ListTasks": {Error: code, Message: "because"}}})
		wantError(t, e.list(), code, "because")
	}
}

// Constraints and zones decide where tasks go.
func TestConstraintsAndZones(t *testing.T) {
	e := start(t, Config{Instances: 3, Zones: 3})
	e.register("web", forEver)
	constrained := func(kind types.PlacementConstraintType, expression string) (*ecs.RunTaskOutput, error) {
		c := types.PlacementConstraint{Type: kind}
		if expression != "" {
			c.Expression = &expression
		}
		return e.RunTask(t.Context(), &ecs.RunTaskInput{TaskDefinition: aws.String("web"), PlacementConstraints: []types.PlacementConstraint{c}})
	}
	for expression, zone := range map[string]string{
		"attribute:ecs.availability-zone == us-east-1b":                    "us-east-1b",
		"attribute:ecs.availability-zone in [us-east-1c]":                  "us-east-1c",
		"attribute:ecs.availability-zone !in [us-east-1c, us-east-1b]":     "us-east-1a",
		"attribute:ecs.availability-zone not_in [ us-east-1a,us-east-1b ]": "us-east-1c",
	} {
		out, err := constrained(types.PlacementConstraintTypeMemberOf, expression)
		if err != nil || len(out.Tasks) != 1 || *out.Tasks[0].AvailabilityZone != zone {
			t.Errorf("%s: %+v, %v", expression, out, err)
		}
	}
	out, err := constrained(types.PlacementConstraintTypeDistinctInstance, "")
	if err != nil || len(out.Failures) != 3 || !strings.HasPrefix(*out.Failures[0].Reason, "MemberOf") {
		t.Errorf("every host has a task of the group: %+v, %v", out, err)
	}
}

// A cluster without hosts says how it gets one.
func TestClusterWithoutInstances(t *testing.T) {
	var log bytes.Buffer
	server, err := Start(Config{Log: zerolog.New(zerolog.SyncWriter(&log))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := clientOf(t, server).CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("empty")}); err != nil {
		t.Error(err)
	}
	if err := server.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if want := `\"cluster\":\"empty\",\"count\":1}' ` + server.URL() + `/_localecs/instances`; !strings.Contains(log.String(), want) {
		t.Errorf("it does not say %s in\n%s", want, &log)
	}
}
