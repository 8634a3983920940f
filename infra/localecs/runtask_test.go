package localecs

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

func TestRunTaskRefuses(t *testing.T) {
	e := start(t, Config{})
	e.register("web", forEver)
	e.register("vpc", forEver, func(in *ecs.RegisterTaskDefinitionInput) { in.NetworkMode = types.NetworkModeAwsvpc })
	e.register("old", forEver)
	if _, err := e.DeregisterTaskDefinition(t.Context(), &ecs.DeregisterTaskDefinitionInput{TaskDefinition: aws.String("old:1")}); err != nil {
		t.Fatal(err)
	}
	override := func(name, value string) *types.TaskOverride {
		return &types.TaskOverride{ContainerOverrides: []types.ContainerOverride{{Name: &name,
			Environment: []types.KeyValuePair{{Name: aws.String("A"), Value: &value}}}}}
	}
	for name, c := range map[string]struct {
		change     func(in *ecs.RunTaskInput)
		code, text string
	}{
		"cluster":      {func(in *ecs.RunTaskInput) { in.Cluster = aws.String("none") }, "ClusterNotFoundException", "Cluster not found."},
		"definition":   {func(in *ecs.RunTaskInput) { in.TaskDefinition = aws.String("none") }, "ClientException", "not found"},
		"revision":     {func(in *ecs.RunTaskInput) { in.TaskDefinition = aws.String("web:2") }, "ClientException", "not found"},
		"inactive":     {func(in *ecs.RunTaskInput) { in.TaskDefinition = aws.String("old:1") }, "ClientException", "inactive"},
		"count 0":      {func(in *ecs.RunTaskInput) { in.Count = aws.Int32(0) }, "InvalidParameterException", "Count"},
		"count 11":     {func(in *ecs.RunTaskInput) { in.Count = aws.Int32(11) }, "InvalidParameterException", "Count"},
		"long token":   {func(in *ecs.RunTaskInput) { in.ClientToken = aws.String(strings.Repeat("x", 65)) }, "InvalidParameterException", "clientToken"},
		"startedBy":    {func(in *ecs.RunTaskInput) { in.StartedBy = aws.String("a:b") }, "InvalidParameterException", "startedBy"},
		"long by":      {func(in *ecs.RunTaskInput) { in.StartedBy = aws.String(strings.Repeat("x", 129)) }, "InvalidParameterException", "startedBy"},
		"overrides":    {func(in *ecs.RunTaskInput) { in.Overrides = override("main", strings.Repeat("x", 8192)) }, "InvalidParameterException", "8192"},
		"container":    {func(in *ecs.RunTaskInput) { in.Overrides = override("none", "x") }, "InvalidParameterException", "not a container"},
		"fargate":      {func(in *ecs.RunTaskInput) { in.LaunchType = types.LaunchTypeFargate }, "InvalidParameterException", "FARGATE"},
		"service tags": {func(in *ecs.RunTaskInput) { in.PropagateTags = types.PropagateTagsService }, "InvalidParameterException", "propagateTags"},
		"aws tag":      {func(in *ecs.RunTaskInput) { in.Tags = []types.Tag{{Key: aws.String("aws:x")}} }, "InvalidParameterException", "aws:"},
		"awsvpc":       {func(in *ecs.RunTaskInput) { in.TaskDefinition = aws.String("vpc") }, "InvalidParameterException", "awsvpc"},
		"both": {func(in *ecs.RunTaskInput) {
			in.LaunchType = types.LaunchTypeEc2
			in.CapacityProviderStrategy = []types.CapacityProviderStrategyItem{{CapacityProvider: aws.String("p")}}
		}, "InvalidParameterException", "not both"},
		"constraint": {func(in *ecs.RunTaskInput) {
			in.PlacementConstraints = []types.PlacementConstraint{{
				Type: types.PlacementConstraintTypeMemberOf, Expression: aws.String("runningTasksCount == 1")}}
		}, "InvalidParameterException", "runningTasksCount"},
		"strategy": {func(in *ecs.RunTaskInput) {
			in.PlacementStrategy = []types.PlacementStrategy{{Type: types.PlacementStrategyTypeBinpack, Field: aws.String("disk")}}
		}, "InvalidParameterException", "strategy"},
	} {
		t.Run(name, func(t *testing.T) {
			in := &ecs.RunTaskInput{TaskDefinition: aws.String("web")}
			c.change(in)
			_, err := e.RunTask(t.Context(), in)
			wantError(t, err, c.code, c.text)
		})
	}
	out, err := e.ListTasks(t.Context(), &ecs.ListTasksInput{})
	if err != nil || len(out.TaskArns) != 0 {
		t.Errorf("tasks were started: %v, %v", out, err)
	}
}

func TestLongestOverridesPass(t *testing.T) {
	e := start(t, Config{})
	e.register("web", sh("exit 0"))
	value := strings.Repeat("x", maxOverrides-len(`{"containerOverrides":[{"environment":[{"name":"A","value":""}],"name":"main"}]}`))
	e.run("web", func(in *ecs.RunTaskInput) {
		in.Overrides = &types.TaskOverride{ContainerOverrides: []types.ContainerOverride{{Name: aws.String("main"),
			Environment: []types.KeyValuePair{{Name: aws.String("A"), Value: &value}}}}}
	})
}

func TestClientTokenGivesTheSameTasks(t *testing.T) {
	e := start(t, Config{})
	e.register("web", forEver)
	call := func(count int32) (*ecs.RunTaskOutput, error) {
		return e.RunTask(t.Context(), &ecs.RunTaskInput{TaskDefinition: aws.String("web"), ClientToken: aws.String("once"), Count: &count})
	}
	var wg sync.WaitGroup
	arns := make([][]string, 8)
	for i := range arns {
		wg.Go(func() {
			out, err := call(2)
			if err != nil {
				t.Error(err)
				return
			}
			for _, task := range out.Tasks {
				arns[i] = append(arns[i], *task.TaskArn)
			}
		})
	}
	wg.Wait()
	for _, got := range arns {
		if len(got) != 2 || !slices.Equal(got, arns[0]) {
			t.Fatalf("different tasks for one token: %v", arns)
		}
	}
	_, err := call(3)
	if conflict := new(types.ConflictException); !errors.As(err, &conflict) || !slices.Equal(conflict.ResourceIds, arns[0]) {
		t.Errorf("another call with the token: %v", err)
	}
	for _, arn := range arns[0] {
		e.stop(&arn)
		e.await(&arn, "STOPPED")
	}
	out, err := call(2)
	if err != nil || len(out.Tasks) != 2 || *out.Tasks[0].LastStatus != "STOPPED" || out.Tasks[0].ClusterArn != nil {
		t.Errorf("after their end: %+v, %v", out, err)
	}
}

func TestRunTaskPlacesWhatItCan(t *testing.T) {
	e := start(t, Config{InstanceCPU: 1024, InstanceMemory: 256 * 3})
	e.register("web", forEver) // 256 CPU units, 256 MiB
	run := func(count int32) *ecs.RunTaskOutput {
		out, err := e.RunTask(t.Context(), &ecs.RunTaskInput{TaskDefinition: aws.String("web"), Count: &count})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	out := run(5)
	if len(out.Tasks) != 3 || len(out.Failures) != 1 || *out.Failures[0].Reason != "RESOURCE:MEMORY" {
		t.Fatalf("%d tasks, failures %+v", len(out.Tasks), out.Failures)
	}
	if *out.Failures[0].Arn != *out.Tasks[0].ContainerInstanceArn {
		t.Errorf("failure of %s", *out.Failures[0].Arn)
	}
	if out := run(1); len(out.Tasks) != 0 || len(out.Failures) != 1 {
		t.Errorf("a full instance took %d tasks, failures %+v", len(out.Tasks), out.Failures)
	}
	e.stop(out.Tasks[0].TaskArn)
	e.await(out.Tasks[0].TaskArn, "STOPPED")
	if out := run(1); len(out.Tasks) != 1 {
		t.Errorf("no place after a task's end: %+v", out.Failures)
	}
}

func TestTaskSizeAndOverridesCount(t *testing.T) {
	d := &definition{parsed: definitionBody{Containers: []containerDefinition{
		{Name: "a", CPU: 100, Memory: 300, MemoryReservation: 200}, {Name: "b", CPU: 50, Memory: 60}}}}
	ten, hundred := 10, 100
	for name, c := range map[string]struct {
		cpu, memory string
		over        overrides
		want        resources
	}{
		"sum of containers": {want: resources{150, 260}},
		"task's size":       {cpu: "512", memory: "1024", want: resources{512, 1024}},
		"override":          {over: overrides{CPU: "7", Memory: "8"}, cpu: "512", memory: "1024", want: resources{7, 8}},
		"container override": {over: overrides{Containers: []containerOverride{
			{Name: "b", CPU: &ten, Memory: &hundred}}}, want: resources{110, 300}},
	} {
		d.parsed.CPU, d.parsed.Memory = c.cpu, c.memory
		got, err := needOf(d, c.over)
		if err != nil || got != c.want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if _, err := needOf(d, overrides{CPU: "lots"}); err == nil {
		t.Error("a bad size passes")
	}
}

func TestCapacityProviderStrategyIsShown(t *testing.T) {
	e := start(t, Config{Faults: Faults{Task: TaskFault{ProvisioningDelay: Duration(time.Hour)}}})
	e.register("web", forEver)
	task := e.run("web", func(in *ecs.RunTaskInput) {
		in.CapacityProviderStrategy = []types.CapacityProviderStrategyItem{{CapacityProvider: aws.String("p"), Weight: 1}}
	})
	if aws.ToString(task.CapacityProviderName) != "p" || task.LaunchType != "" {
		t.Errorf("provider %v, launch type %q", task.CapacityProviderName, task.LaunchType)
	}
}
