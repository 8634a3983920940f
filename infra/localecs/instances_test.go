package localecs

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

func (e *endpoint) instances() []types.ContainerInstance {
	e.t.Helper()
	list, err := e.ListContainerInstances(e.t.Context(), &ecs.ListContainerInstancesInput{})
	if err != nil {
		e.t.Fatal(err)
	}
	if len(list.ContainerInstanceArns) == 0 {
		return nil
	}
	out, err := e.DescribeContainerInstances(e.t.Context(), &ecs.DescribeContainerInstancesInput{ContainerInstances: list.ContainerInstanceArns})
	if err != nil {
		e.t.Fatal(err)
	}
	return out.ContainerInstances
}

func remaining(i types.ContainerInstance, name string) int32 {
	for _, r := range i.RemainingResources {
		if *r.Name == name {
			return r.IntegerValue
		}
	}
	return -1
}

func TestInstanceCountsItsTasks(t *testing.T) {
	e := start(t, Config{InstanceCPU: 1024, InstanceMemory: 1000})
	e.register("web", forEver)
	arn := e.run("web").TaskArn
	e.await(arn, "RUNNING")
	i := e.instances()[0]
	if remaining(i, "CPU") != 768 || remaining(i, "MEMORY") != 744 || i.RunningTasksCount != 1 || i.PendingTasksCount != 0 {
		t.Errorf("remaining %+v, %d running, %d pending", i.RemainingResources, i.RunningTasksCount, i.PendingTasksCount)
	}
	if *i.Status != "ACTIVE" || !i.AgentConnected || len(*i.Ec2InstanceId) != 19 {
		t.Errorf("status %s, connected %v, id %s", *i.Status, i.AgentConnected, *i.Ec2InstanceId)
	}
	e.stop(arn)
	e.await(arn, "STOPPED")
	if i = e.instances()[0]; remaining(i, "MEMORY") != 1000 || i.RunningTasksCount != 0 {
		t.Errorf("after the end: remaining %+v, %d running", i.RemainingResources, i.RunningTasksCount)
	}
}

func TestDrainingPlacesNothingNew(t *testing.T) {
	e := start(t, Config{})
	e.register("web", forEver)
	arn := e.run("web").TaskArn
	e.await(arn, "RUNNING")
	instance := e.instances()[0].ContainerInstanceArn
	set := func(status types.ContainerInstanceStatus) {
		out, err := e.UpdateContainerInstancesState(t.Context(), &ecs.UpdateContainerInstancesStateInput{
			ContainerInstances: []string{*instance, "0123"}, Status: status})
		if err != nil || len(out.ContainerInstances) != 1 || len(out.Failures) != 1 || *out.ContainerInstances[0].Status != string(status) {
			t.Fatalf("%+v, %v", out, err)
		}
	}
	set(types.ContainerInstanceStatusDraining)
	_, err := e.RunTask(t.Context(), &ecs.RunTaskInput{TaskDefinition: aws.String("web")})
	wantError(t, err, "InvalidParameterException", "No Container Instances were found in your cluster.")
	if task := e.describe(arn); *task.LastStatus != "RUNNING" {
		t.Errorf("the running task is %s", *task.LastStatus)
	}
	list, err := e.ListContainerInstances(t.Context(), &ecs.ListContainerInstancesInput{Status: types.ContainerInstanceStatusDraining})
	if err != nil || len(list.ContainerInstanceArns) != 1 {
		t.Errorf("draining: %v, %v", list, err)
	}
	set(types.ContainerInstanceStatusActive)
	e.run("web")
	_, err = e.UpdateContainerInstancesState(t.Context(), &ecs.UpdateContainerInstancesStateInput{
		ContainerInstances: []string{*instance}, Status: types.ContainerInstanceStatusDeregistering})
	wantError(t, err, "InvalidParameterException", "ACTIVE or DRAINING")
}

func TestLostInstanceTakesItsTasks(t *testing.T) {
	e := start(t, Config{Instances: 2, InstanceMemory: 256})
	e.register("web", sh("trap 'exit 3' TERM; while :; do sleep 0.05; done"))
	lost, kept := e.run("web"), e.run("web")
	e.await(lost.TaskArn, "RUNNING")
	e.await(kept.TaskArn, "RUNNING")
	var ec2 string
	for _, i := range e.instances() {
		if *i.ContainerInstanceArn == *lost.ContainerInstanceArn {
			ec2 = *i.Ec2InstanceId
		}
	}
	if err := e.LoseInstance(*lost.ContainerInstanceArn); err != nil {
		t.Fatal(err)
	}
	task := e.await(lost.TaskArn, "STOPPED")
	if task.StopCode != types.TaskStopCodeTerminationNotice || *task.StoppedReason != "Host EC2 (instance "+ec2+") terminated." {
		t.Errorf("stopCode %s, reason %s", task.StopCode, *task.StoppedReason)
	}
	if code := task.Containers[0].ExitCode; code == nil || *code != 137 {
		t.Errorf("exit code %v: a host that is lost gives its tasks no time for last words", aws.ToInt32(code))
	}
	if left := e.instances(); len(left) != 1 || *left[0].ContainerInstanceArn != *kept.ContainerInstanceArn {
		t.Errorf("instances left: %+v", left)
	}
	if task := e.describe(kept.TaskArn); *task.LastStatus != "RUNNING" {
		t.Errorf("the other instance's task is %s", *task.LastStatus)
	}
	if err := e.LoseInstance(*lost.ContainerInstanceArn); err == nil {
		t.Error("an instance can be lost twice")
	}
}

func TestSetInstances(t *testing.T) {
	e := start(t, Config{InstanceMemory: 256})
	e.register("web", forEver)
	busy := e.run("web")
	if err := e.SetInstances(Capacity{Count: 3, CPU: 512, Memory: 100}); err != nil {
		t.Fatal(err)
	}
	got := e.instances()
	if len(got) != 3 || !slices.ContainsFunc(got, func(i types.ContainerInstance) bool { return remaining(i, "MEMORY") == 100 }) {
		t.Fatalf("%d instances", len(got))
	}
	if err := e.SetInstances(Capacity{Count: 1}); err != nil {
		t.Fatal(err)
	}
	if got = e.instances(); len(got) != 1 || *got[0].ContainerInstanceArn != *busy.ContainerInstanceArn {
		t.Errorf("the busy instance was lost")
	}
	for _, bad := range []Capacity{{Count: -1}, {Count: maxInstances + 1}, {Count: 1, CPU: -1}, {Count: 1, Cluster: "none"}} {
		if err := e.SetInstances(bad); err == nil {
			t.Errorf("%+v passes", bad)
		}
	}
	if err := e.SetInstances(Capacity{Count: 0}); err != nil {
		t.Fatal(err)
	}
	_, err := e.RunTask(t.Context(), &ecs.RunTaskInput{TaskDefinition: aws.String("web")})
	wantError(t, err, "InvalidParameterException", "No Container Instances")
	e.await(busy.TaskArn, "STOPPED")
}

func TestAgentAway(t *testing.T) {
	e := start(t, Config{})
	e.register("web", forEver)
	arn := *e.instances()[0].ContainerInstanceArn
	if err := e.SetAgentConnected(arn, false); err != nil {
		t.Fatal(err)
	}
	out, err := e.RunTask(t.Context(), &ecs.RunTaskInput{TaskDefinition: aws.String("web")})
	if err != nil || len(out.Failures) != 1 || *out.Failures[0].Reason != "AGENT" {
		t.Errorf("%+v, %v", out, err)
	}
	if err := e.SetAgentConnected(arn, true); err != nil {
		t.Fatal(err)
	}
	e.run("web")
	if err := e.SetAgentConnected("none", true); err == nil {
		t.Error("an unknown instance passes")
	}
}

func TestListContainerInstancesPages(t *testing.T) {
	e := start(t, Config{Instances: 7})
	seen := map[string]bool{}
	for p := ecs.NewListContainerInstancesPaginator(e.Client, &ecs.ListContainerInstancesInput{MaxResults: aws.Int32(3)}); p.HasMorePages(); {
		out, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, arn := range out.ContainerInstanceArns {
			seen[arn] = true
		}
	}
	if len(seen) != 7 {
		t.Errorf("%d instances listed", len(seen))
	}
	_, err := e.ListContainerInstances(t.Context(), &ecs.ListContainerInstancesInput{Filter: aws.String("x == y")})
	wantError(t, err, "InvalidParameterException", "filter")
	_, err = e.DescribeContainerInstances(t.Context(), &ecs.DescribeContainerInstancesInput{ContainerInstances: []string{}})
	wantError(t, err, "InvalidParameterException", "empty")
}

func TestPlacementStrategies(t *testing.T) {
	groupOf := func(names ...string) (tasks []*task) {
		for _, n := range names {
			tasks = append(tasks, &task{view: taskView{Group: n}})
		}
		return tasks
	}
	a := &instance{arn: "a", zone: "z1", connected: true, free: resources{cpu: 100, memory: 500}, tasks: groupOf("g", "g")}
	b := &instance{arn: "b", zone: "z1", connected: true, free: resources{cpu: 200, memory: 400}, tasks: groupOf("g")}
	c := &instance{arn: "c", zone: "z2", connected: true, free: resources{cpu: 300, memory: 600}, tasks: groupOf("other", "other", "other")}
	full := &instance{arn: "full", connected: true}
	away := &instance{arn: "away", free: resources{1000, 1000}}
	all := []*instance{full, a, away, b, c}
	reverse := func(n int, swap func(i, j int)) { swap(0, n-1) }
	for name, test := range map[string]struct {
		strategies []strategy
		want       *instance
	}{
		"binpack memory by default": {nil, b},
		"binpack cpu":               {[]strategy{{"binpack", "cpu"}}, a},
		"spread by instance":        {[]strategy{{"spread", "instanceId"}}, c},
		"spread by zone, binpack":   {[]strategy{{"spread", "attribute:" + zoneAttribute}, {"binpack", "memory"}}, c},
		"random":                    {[]strategy{{"random", ""}}, c},
	} {
		got, failures := place(all, resources{50, 100}, "g", test.strategies, reverse)
		if got != test.want || failures != nil {
			t.Errorf("%s: %v, %v", name, got, failures)
		}
	}
	got, failures := place(all, resources{250, 1000}, "g", nil, reverse)
	want := []failure{{Arn: "full", Reason: "RESOURCE:CPU"}, {Arn: "a", Reason: "RESOURCE:CPU"}, {Arn: "away", Reason: "AGENT"},
		{Arn: "b", Reason: "RESOURCE:CPU"}, {Arn: "c", Reason: "RESOURCE:MEMORY"}}
	if got != nil || !slices.Equal(failures, want) {
		t.Errorf("%v, %+v", got, failures)
	}
}

func TestSpreadThroughTheAPI(t *testing.T) {
	e := start(t, Config{Instances: 3, Faults: Faults{Task: TaskFault{ProvisioningDelay: Duration(time.Hour)}}})
	e.register("web", forEver)
	out, err := e.RunTask(t.Context(), &ecs.RunTaskInput{TaskDefinition: aws.String("web"), Count: aws.Int32(6),
		PlacementStrategy: []types.PlacementStrategy{{Type: types.PlacementStrategyTypeSpread, Field: aws.String("host")}}})
	if err != nil {
		t.Fatal(err)
	}
	on := map[string]int{}
	for _, task := range out.Tasks {
		on[*task.ContainerInstanceArn]++
	}
	for arn, n := range on {
		if len(on) != 3 || n != 2 {
			t.Errorf("%d tasks on %s of %d", n, arn, len(on))
		}
	}
}
