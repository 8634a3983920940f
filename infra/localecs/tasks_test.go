package localecs

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// forEver is a command that ends when it is told to.
var forEver = sh("trap 'exit 0' TERM; while :; do sleep 0.05; done")

func TestTaskIsShownAsECSShowsIt(t *testing.T) {
	e := start(t, Config{Region: "ap-southeast-1", Account: "123456789012"})
	d := e.register("web", forEver)
	overrides := &types.TaskOverride{ContainerOverrides: []types.ContainerOverride{{Name: aws.String("main"),
		Environment: []types.KeyValuePair{{Name: aws.String("A"), Value: aws.String("1")}}}}}
	task := e.run("web:1", func(in *ecs.RunTaskInput) {
		in.StartedBy, in.Overrides, in.EnableECSManagedTags = aws.String("gateway/1"), overrides, true
		in.Tags = []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}
	})
	if *task.LastStatus != "PROVISIONING" || *task.DesiredStatus != "RUNNING" {
		t.Errorf("began as %s, to be %s", *task.LastStatus, *task.DesiredStatus)
	}
	if !strings.HasPrefix(*task.TaskArn, "arn:aws:ecs:ap-southeast-1:123456789012:task/default/") {
		t.Errorf("ARN %s", *task.TaskArn)
	}
	running := e.await(task.TaskArn, "RUNNING")
	if *running.TaskDefinitionArn != *d.TaskDefinitionArn || *running.Group != "family:web" || *running.StartedBy != "gateway/1" {
		t.Errorf("definition %s, group %s, startedBy %s", *running.TaskDefinitionArn, *running.Group, *running.StartedBy)
	}
	if got := running.Overrides.ContainerOverrides; len(got) != 1 || *got[0].Environment[0].Value != "1" {
		t.Errorf("overrides %+v", got)
	}
	if running.Version <= task.Version || running.StartedAt == nil || *running.Containers[0].LastStatus != "RUNNING" {
		t.Errorf("version %d after %d, started %v, container %s", running.Version, task.Version, running.StartedAt, *running.Containers[0].LastStatus)
	}
	if *running.Containers[0].Cpu != "256" || *running.Containers[0].Memory != "256" || running.LaunchType != types.LaunchTypeEc2 {
		t.Errorf("container %+v, launch type %s", running.Containers[0], running.LaunchType)
	}
	if len(running.Tags) != 2 || *running.Tags[1].Key != "aws:ecs:clusterName" {
		t.Errorf("tags %+v", running.Tags)
	}
	plain, err := e.DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Tasks: []string{*task.TaskArn}})
	if err != nil || len(plain.Tasks[0].Tags) != 0 {
		t.Errorf("tags without include: %v, %v", plain.Tasks[0].Tags, err)
	}
	e.stop(task.TaskArn)
	if got := e.await(task.TaskArn, "STOPPED"); len(got.Tags) != 0 {
		t.Errorf("StopTask left tags %+v", got.Tags)
	}
}

func TestDescribeTasksTakesIDsAndReportsMissing(t *testing.T) {
	e := start(t, Config{})
	e.register("web", forEver)
	arn := *e.run("web").TaskArn
	id := arn[strings.LastIndex(arn, "/")+1:]
	out, err := e.DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Tasks: []string{id, "0123"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Tasks) != 1 || *out.Tasks[0].TaskArn != arn || len(out.Failures) != 1 || *out.Failures[0].Reason != "MISSING" {
		t.Errorf("%+v", out)
	}
	_, err = e.DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Tasks: make([]string, 101)})
	wantError(t, err, "InvalidParameterException", "100")
	_, err = e.DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Tasks: []string{strings.Replace(arn, "/default/", "/other/", 1)}})
	wantError(t, err, "InvalidParameterException", "Identifier is for cluster other")
}

func TestStopTaskOfAnUnknownTask(t *testing.T) {
	e := start(t, Config{})
	_, err := e.StopTask(t.Context(), &ecs.StopTaskInput{Task: aws.String("0123")})
	wantError(t, err, "InvalidParameterException", "The referenced task was not found.")
}

func TestStopBeforeTheStart(t *testing.T) {
	e := start(t, Config{Faults: Faults{Task: TaskFault{PullDelay: Duration(time.Hour)}}})
	e.register("web", forEver)
	arn := e.run("web").TaskArn
	e.await(arn, "PENDING")
	e.stop(arn)
	task := e.await(arn, "STOPPED")
	if task.StartedAt != nil || task.Containers[0].ExitCode != nil || task.StopCode != types.TaskStopCodeUserInitiated {
		t.Errorf("started %v, exit code %v, stopCode %s", task.StartedAt, task.Containers[0].ExitCode, task.StopCode)
	}
	e.stop(arn) // of a stopped task: nothing changes
	if again := e.describe(arn); again.Version != task.Version {
		t.Errorf("version %d became %d", task.Version, again.Version)
	}
}

func TestListTasksFilters(t *testing.T) {
	e := start(t, Config{})
	e.register("web", forEver)
	e.register("db", forEver)
	web := *e.run("web", func(in *ecs.RunTaskInput) { in.StartedBy = aws.String("me") }).TaskArn
	db := *e.run("db").TaskArn
	e.stop(&db)
	on := e.describe(&web).ContainerInstanceArn
	for name, c := range map[string]struct {
		in   ecs.ListTasksInput
		want []string
	}{
		"running by default": {ecs.ListTasksInput{}, []string{web}},
		"stopped":            {ecs.ListTasksInput{DesiredStatus: types.DesiredStatusStopped}, []string{db}},
		"startedBy":          {ecs.ListTasksInput{StartedBy: aws.String("me")}, []string{web}},
		"startedBy another":  {ecs.ListTasksInput{StartedBy: aws.String("you")}, nil},
		"family":             {ecs.ListTasksInput{Family: aws.String("web")}, []string{web}},
		"another family":     {ecs.ListTasksInput{Family: aws.String("db")}, nil},
		"instance":           {ecs.ListTasksInput{ContainerInstance: on}, []string{web}},
		"service":            {ecs.ListTasksInput{ServiceName: aws.String("none")}, nil},
		"pending":            {ecs.ListTasksInput{DesiredStatus: types.DesiredStatusPending}, nil},
	} {
		out, err := e.ListTasks(t.Context(), &c.in)
		if err != nil || !slices.Equal(out.TaskArns, c.want) {
			t.Errorf("%s: %v, %v", name, out, err)
		}
	}
	_, err := e.ListTasks(t.Context(), &ecs.ListTasksInput{StartedBy: aws.String("me"), Family: aws.String("web")})
	wantError(t, err, "InvalidParameterException", "only filter")
}

func TestListTasksPages(t *testing.T) {
	e := start(t, Config{Faults: Faults{Task: TaskFault{ProvisioningDelay: Duration(time.Hour)}}})
	e.register("web", forEver)
	want := map[string]bool{}
	for range 2 {
		out, err := e.RunTask(t.Context(), &ecs.RunTaskInput{TaskDefinition: aws.String("web"), Count: aws.Int32(6)})
		if err != nil {
			t.Fatal(err)
		}
		for _, task := range out.Tasks {
			want[*task.TaskArn] = true
		}
	}
	pages := 0
	for p := ecs.NewListTasksPaginator(e.Client, &ecs.ListTasksInput{MaxResults: aws.Int32(5)}); p.HasMorePages(); pages++ {
		out, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if pages == 0 { // what was given may go: the next page starts right all the same
			e.stop(&out.TaskArns[4])
		}
		for _, arn := range out.TaskArns {
			if !want[arn] {
				t.Errorf("%s is not expected, or comes twice", arn)
			}
			delete(want, arn)
		}
	}
	if pages != 3 || len(want) != 0 {
		t.Errorf("%d pages, %d tasks not listed", pages, len(want))
	}
	_, err := e.ListTasks(t.Context(), &ecs.ListTasksInput{NextToken: aws.String("%")})
	wantError(t, err, "InvalidParameterException", "token")
	_, err = e.ListTasks(t.Context(), &ecs.ListTasksInput{MaxResults: aws.Int32(101)})
	wantError(t, err, "InvalidParameterException", "maxResults")
}

func TestStoppedTasksAreForgotten(t *testing.T) {
	at := time.Now()
	stopped := func(ago time.Duration) *task {
		return &task{view: taskView{LastStatus: statusStopped, StoppedAt: timestamp{at.Add(-ago)}}}
	}
	old, recent := stopped(stoppedLife+time.Second), stopped(stoppedLife-time.Second)
	running := &task{view: taskView{LastStatus: statusRunning}}
	c := &cluster{tasks: []*task{old, recent, running}, runs: map[string]runRecord{
		"all gone": {at: at, tasks: []*task{old}}, "one left": {at: at, tasks: []*task{old, recent}},
		"too old": {at: at.Add(-tokenLife - time.Second), tasks: []*task{running}},
	}}
	c.forget(at)
	if !slices.Equal(c.tasks, []*task{recent, running}) || len(c.runs) != 1 || c.runs["one left"].tasks == nil {
		t.Errorf("%d tasks, runs %v", len(c.tasks), c.runs)
	}
	c.forget(at.Add(2 * time.Second))
	if !slices.Equal(c.tasks, []*task{running}) || len(c.runs) != 0 {
		t.Errorf("later: %d tasks, runs %v", len(c.tasks), c.runs)
	}

	for i := range maxStopped + 5 {
		c.tasks = append(c.tasks, stopped(time.Duration(i)*time.Millisecond)) // the later in the list, the older
	}
	c.forget(at)
	if len(c.tasks) != maxStopped+1 || c.tasks[0] != running {
		t.Errorf("%d tasks", len(c.tasks))
	}
	if oldest := c.tasks[len(c.tasks)-1].view.StoppedAt; at.Sub(oldest.Time) != (maxStopped-1)*time.Millisecond {
		t.Errorf("the oldest kept stopped %s ago", at.Sub(oldest.Time))
	}
}
