package ecs

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"hearth/messages"
	"hearth/messages/wire"
)

// running answers a describe: every task runs on host-1.
func running(_ context.Context, in *awsecs.DescribeTasksInput) (*awsecs.DescribeTasksOutput, error) {
	out := &awsecs.DescribeTasksOutput{}
	for _, arn := range in.Tasks {
		out.Tasks = append(out.Tasks, types.Task{TaskArn: &arn, LastStatus: aws.String("RUNNING"),
			ContainerInstanceArn: aws.String("host-1")})
	}
	return out, nil
}

// Inquiries of one window share calls, each full one at once, and everybody gets an answer about their own task.
func TestDescribesShareCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		var at []time.Duration
		began := time.Now()
		w := launch(t, &fake{describe: func(ctx context.Context, in *awsecs.DescribeTasksInput) (*awsecs.DescribeTasksOutput, error) {
			sizes, at = append(sizes, len(in.Tasks)), append(at, time.Since(began))
			return running(ctx, in)
		}}, func(c *Config) { c.Concurrency = 1 })
		const inquiries = 250
		want := map[wire.TaskID]bool{}
		for n := range inquiries {
			task := wire.TaskID(strconv.Itoa(n))
			want[task] = true
			w.Describe(asker, task, taskARNs+string(task))
		}
		for range inquiries {
			d := next[*messages.TaskDescribed](w.inbox)
			if !want[d.Task] || d.Err != nil || d.Phase != messages.PhaseRunning || d.Host != "host-1" {
				t.Errorf("%+v", d)
			}
			delete(want, d.Task)
		}
		if !slices.Equal(sizes, []int{100, 100, 50}) {
			t.Errorf("calls described %v tasks", sizes)
		}
		if !slices.Equal(at, []time.Duration{0, 0, describeWindow}) {
			t.Errorf("calls were made at %v", at)
		}
	})
}

// Two actors that ask about one task share its place in the call.
func TestDescribeTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := launch(t, &fake{describe: func(ctx context.Context, in *awsecs.DescribeTasksInput) (*awsecs.DescribeTasksOutput, error) {
			if len(in.Tasks) != 1 {
				t.Errorf("asked about %v", in.Tasks)
			}
			return running(ctx, in)
		}})
		for range 2 {
			w.Describe(asker, "a", "arn-a")
		}
		for range 2 {
			if d := next[*messages.TaskDescribed](w.inbox); d.Task != "a" || d.Err != nil {
				t.Errorf("%+v", d)
			}
		}
	})
}

// ECS refuses a whole call for one ARN that it does not like. Only who asked for that one may suffer.
func TestDescribeWithOneBadARN(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := launch(t, &fake{describe: func(ctx context.Context, in *awsecs.DescribeTasksInput) (*awsecs.DescribeTasksOutput, error) {
			if slices.Contains(in.Tasks, "bad") {
				return nil, &types.InvalidParameterException{Message: aws.String("Invalid identifier")}
			}
			return running(ctx, in)
		}})
		for n := range maxDescribed {
			arn := "arn-" + strconv.Itoa(n)
			if n == 37 {
				arn = "bad"
			}
			w.Describe(asker, wire.TaskID(strconv.Itoa(n)), arn)
		}
		for range maxDescribed {
			d := next[*messages.TaskDescribed](w.inbox)
			if bad := d.Task == "37"; bad != (d.Err != nil) {
				t.Errorf("%+v", d)
			}
		}
		if calls := len(w.counted()); calls > 2*7+1 {
			t.Errorf("%d calls to find one bad ARN among 100", calls)
		}
	})
}

func TestDescribeFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := launch(t, &fake{describe: func(context.Context, *awsecs.DescribeTasksInput) (*awsecs.DescribeTasksOutput, error) {
			there := types.Task{TaskArn: aws.String("there"), LastStatus: aws.String("RUNNING")}
			return &awsecs.DescribeTasksOutput{Tasks: []types.Task{there}, Failures: []types.Failure{
				{Arn: aws.String("there"), Reason: aws.String("MISSING")},
				{Arn: aws.String("gone"), Reason: aws.String("MISSING")},
				{Arn: aws.String("odd"), Reason: aws.String("WEIRD"), Detail: aws.String("really")},
			}}, nil
		}})
		for _, arn := range []string{"there", "gone", "odd", "forgotten", ""} {
			w.Describe(asker, wire.TaskID("task-"+arn), arn)
		}
		got := map[wire.TaskID]string{}
		for range 5 {
			d := next[*messages.TaskDescribed](w.inbox)
			got[d.Task] = fmt.Sprintf("%s %v", d.Phase, d.Err)
		}
		want := map[wire.TaskID]string{
			"task-there":     "running <nil>",
			"task-gone":      "missing <nil>",
			"task-odd":       " DescribeTasks: WEIRD really (invalid)",
			"task-forgotten": " DescribeTasks: ECS's answer does not mention task forgotten (unavailable)",
			"task-":          " DescribeTasks: not tried: the task has no ARN (invalid)",
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	})
}

// A failed call fails for everybody who shared it: nobody waits for ever.
func TestDescribeFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := launch(t, &fake{describe: func(context.Context, *awsecs.DescribeTasksInput) (*awsecs.DescribeTasksOutput, error) {
			return nil, &types.AccessDeniedException{}
		}})
		for range 3 {
			w.Describe(asker, "a", "arn-a")
		}
		for range 3 {
			d := next[*messages.TaskDescribed](w.inbox)
			if d.Err == nil || d.Err.Kind != messages.LaunchDenied || !strings.Contains(d.Err.Message, "ecs:DescribeTasks") {
				t.Errorf("%+v", d)
			}
		}
	})
}

func TestPhasesAndReasons(t *testing.T) {
	exit := func(code int32, reason string) []types.Container {
		c := types.Container{Name: aws.String("session"), ExitCode: &code}
		if reason != "" {
			c.Reason = &reason
		}
		return []types.Container{c, {Name: aws.String("sidecar")}}
	}
	for _, test := range []struct {
		status string
		task   types.Task
		phase  messages.TaskPhase
		reason string
	}{
		{"PROVISIONING", types.Task{}, messages.PhasePending, ""},
		{"PENDING", types.Task{}, messages.PhasePending, ""},
		{"ACTIVATING", types.Task{}, messages.PhasePending, ""},
		{"INVENTED_LATER", types.Task{}, messages.PhasePending, ""},
		{"RUNNING", types.Task{}, messages.PhaseRunning, ""},
		{"DEACTIVATING", types.Task{}, messages.PhaseRunning, ""},
		{"STOPPING", types.Task{StopCode: "UserInitiated", StoppedReason: aws.String("idle")}, messages.PhaseRunning, "UserInitiated; idle"},
		{"DEPROVISIONING", types.Task{}, messages.PhaseStopped, ""},
		{"DELETED", types.Task{}, messages.PhaseStopped, ""},
		{"STOPPED", types.Task{StopCode: "EssentialContainerExited", StoppedReason: aws.String("Essential container in task exited"),
			Containers: exit(137, "OutOfMemoryError:\n killed")}, messages.PhaseStopped,
			"EssentialContainerExited; Essential container in task exited; container session exited with 137: OutOfMemoryError: killed"},
		{"STOPPED", types.Task{StopCode: "TaskFailedToStart", StoppedReason: aws.String("TaskFailedToStart: RESOURCE:MEMORY"),
			Containers: []types.Container{{Name: aws.String("session"), Reason: aws.String("CannotPullContainerError: no")}}},
			messages.PhaseStopped, "TaskFailedToStart: RESOURCE:MEMORY; container session: CannotPullContainerError: no"},
		{"STOPPED", types.Task{Containers: exit(0, "")}, messages.PhaseStopped, "container session exited with 0"},
	} {
		test.task.LastStatus = &test.status
		if phase := phaseOf(test.task); phase != test.phase {
			t.Errorf("%s is %s, want %s", test.status, phase, test.phase)
		}
		if reason := reasonOf(test.task); reason != test.reason {
			t.Errorf("%s: reason %q, want %q", test.status, reason, test.reason)
		}
	}
}

// started is a task as DescribeTasks shows one that Run started.
func started(n int, run messages.RunTask) types.Task {
	cfg := validConfig(nil, nil)
	return types.Task{
		TaskArn: aws.String(taskARNs + strconv.Itoa(n)), LastStatus: aws.String("RUNNING"),
		ContainerInstanceArn: aws.String("host-1"), Overrides: cfg.runInput(run, cfg.TaskDefinition, aToken).Overrides,
	}
}

// A list finds every page and describes in batches, and reads back who each task is.
func TestList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const tasks, page = 250, 70
		client := &fake{
			list: func(_ context.Context, in *awsecs.ListTasksInput) (*awsecs.ListTasksOutput, error) {
				want := awsecs.ListTasksInput{Cluster: in.Cluster, StartedBy: in.StartedBy, NextToken: in.NextToken}
				if *in.StartedBy != "hearth/test" || !reflect.DeepEqual(*in, want) {
					t.Errorf("startedBy is not the only filter: %+v", in)
				}
				from, _ := strconv.Atoi(aws.ToString(in.NextToken))
				out := &awsecs.ListTasksOutput{}
				for n := from; n < min(from+page, tasks); n++ {
					out.TaskArns = append(out.TaskArns, taskARNs+strconv.Itoa(n))
				}
				if from+page < tasks {
					out.NextToken = aws.String(strconv.Itoa(from + page))
				}
				return out, nil
			},
			describe: func(_ context.Context, in *awsecs.DescribeTasksInput) (*awsecs.DescribeTasksOutput, error) {
				out := &awsecs.DescribeTasksOutput{}
				for _, arn := range in.Tasks {
					n, _ := strconv.Atoi(strings.TrimPrefix(arn, taskARNs))
					switch task := wire.TaskID("task-" + strconv.Itoa(n)); {
					case n == 7: // gone since
						out.Failures = append(out.Failures, types.Failure{Arn: &arn, Reason: aws.String("MISSING")})
					case n == 8: // someone started it by hand
						out.Tasks = append(out.Tasks, types.Task{TaskArn: &arn, LastStatus: aws.String("RUNNING")})
					case n == 9:
						sick := started(n, messages.RunTask{Task: task, Session: "s", User: "anna"})
						sick.HealthStatus = types.HealthStatusUnhealthy
						out.Tasks = append(out.Tasks, sick)
					default:
						out.Tasks = append(out.Tasks, started(n, messages.RunTask{Task: task}))
					}
				}
				return out, nil
			},
		}
		w := launch(t, client)
		w.List(asker)
		listed := next[*messages.TasksListed](w.inbox)
		if listed.Err != nil || len(listed.Tasks) != tasks-2 {
			t.Fatalf("%d tasks, error %v", len(listed.Tasks), listed.Err)
		}
		want := messages.ListedTask{Task: "task-9", ARN: taskARNs + "9", Phase: messages.PhaseRunning, Host: "host-1", Session: "s", User: "anna", Unhealthy: true}
		if got := listed.Tasks[7]; got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if got := listed.Tasks[247]; got.Task != "task-249" || got.Session != "" || got.Unhealthy {
			t.Errorf("%+v", got)
		}
		if !strings.Contains(w.log.String(), taskARNs+"8") {
			t.Error("a task that bears our name and no id is worth a line")
		}
	})
}

// A list is whole or an error: adopters of a part would start the rest anew.
func TestListIsWholeOrFails(t *testing.T) {
	lost := errors.New("connection lost")
	pages := func(context.Context, *awsecs.ListTasksInput) (*awsecs.ListTasksOutput, error) {
		return &awsecs.ListTasksOutput{TaskArns: make([]string, 150)}, nil
	}
	var described atomic.Int64
	for name, client := range map[string]*fake{
		"no page": {list: func(context.Context, *awsecs.ListTasksInput) (*awsecs.ListTasksOutput, error) { return nil, lost }},
		"second batch": {list: pages, describe: func(context.Context, *awsecs.DescribeTasksInput) (*awsecs.DescribeTasksOutput, error) {
			if described.Add(1) == 2 {
				return nil, lost
			}
			return &awsecs.DescribeTasksOutput{Tasks: []types.Task{started(1, messages.RunTask{Task: "task-1"})}}, nil
		}},
		"empty pages that lead round and round": {list: func(_ context.Context, in *awsecs.ListTasksInput) (*awsecs.ListTasksOutput, error) {
			next := map[string]string{"": "a", "a": "b", "b": "c", "c": "a"}[aws.ToString(in.NextToken)]
			return &awsecs.ListTasksOutput{NextToken: &next}, nil
		}},
		"empty pages without end": {list: func(_ context.Context, in *awsecs.ListTasksInput) (*awsecs.ListTasksOutput, error) {
			return &awsecs.ListTasksOutput{NextToken: aws.String(aws.ToString(in.NextToken) + "x")}, nil
		}},
		"pages without end": {list: func(context.Context, *awsecs.ListTasksInput) (*awsecs.ListTasksOutput, error) {
			return &awsecs.ListTasksOutput{TaskArns: make([]string, 1000), NextToken: aws.String("more")}, nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := launch(t, client)
				w.List(asker)
				if listed := next[*messages.TasksListed](w.inbox); listed.Err == nil || listed.Tasks != nil {
					t.Errorf("%+v", listed)
				}
			})
		})
	}
}
