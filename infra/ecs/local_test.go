package ecs

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/rs/zerolog"

	"hearth/infra/localecs"
	"hearth/messages"
)

// local starts the local endpoint with a task definition, and a launcher on it.
func local(t *testing.T, script string, faults localecs.Faults) (*localecs.Server, *world) {
	t.Helper()
	server, err := localecs.Start(localecs.Config{Cluster: aCluster, AccessKeyID: testKeys.AccessKeyID, SecretAccessKey: testKeys.SecretAccessKey, Log: zerolog.Nop(), Faults: faults, StopTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := server.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	client := impatient(server.URL())
	out, err := client.RegisterTaskDefinition(context.Background(), &awsecs.RegisterTaskDefinitionInput{
		Family: aws.String("session"),
		ContainerDefinitions: []types.ContainerDefinition{{Name: aws.String(container), Image: aws.String("local"),
			Memory: aws.Int32(16), Essential: aws.Bool(true), Command: []string{"/bin/sh", "-c", script}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return server, launch(t, client, func(c *Config) { c.TaskDefinition = *out.TaskDefinition.TaskDefinitionArn })
}

// until describes a task until it is in a phase.
func (w *world) until(arn string, phase messages.TaskPhase) *messages.TaskDescribed {
	w.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		w.Describe(asker, "task-1", arn)
		described := next[*messages.TaskDescribed](w.inbox)
		if described.Err != nil {
			w.t.Fatal(described.Err)
		}
		if described.Phase == phase {
			return described
		}
	}
	w.t.Fatalf("task did not become %s", phase)
	return nil
}

func (w *world) mustRun(run messages.RunTask) string {
	w.t.Helper()
	w.Run(asker, run)
	done := next[*messages.RunDone](w.inbox)
	if done.Err != nil {
		w.t.Fatal(done.Err)
	}
	return done.ARN
}

// A task's whole life, on the real SDK and real processes.
func TestLife(t *testing.T) {
	_, w := local(t, `trap 'exit 3' TERM; while :; do sleep 0.05; done`, localecs.Faults{})
	if problems, _ := w.Check(context.Background()); problems != nil {
		t.Fatal(problems)
	}
	run := messages.RunTask{Task: "task-1", Session: "s-1", User: "anna"}
	arn := w.mustRun(run)
	if again := w.mustRun(run); again != arn {
		t.Errorf("started twice: %s, %s", arn, again)
	}
	if again := w.mustRun(messages.RunTask{Task: "task-1"}); again != arn {
		t.Errorf("a call that differs started another task: %s, %s", arn, again)
	}
	host := w.until(arn, messages.PhaseRunning).Host
	if host == "" {
		t.Error("a running task has no host")
	}

	w.List(asker)
	listed := next[*messages.TasksListed](w.inbox)
	want := messages.ListedTask{Task: "task-1", ARN: arn, Phase: messages.PhaseRunning, Host: host, Session: "s-1", User: "anna",
		Revision: "session:1"}
	if listed.Err != nil || len(listed.Tasks) != 1 || listed.Tasks[0] != want {
		t.Errorf("listed %+v, want %+v", listed, want)
	}

	for range 2 { // a stop of a task that is being stopped is no error
		w.Stop(asker, "task-1", arn, "idle")
		if done := next[*messages.StopDone](w.inbox); done.Err != nil {
			t.Fatal(done.Err)
		}
	}
	if reason := w.until(arn, messages.PhaseStopped).Reason; !strings.Contains(reason, "UserInitiated; idle; container session exited with") {
		t.Errorf("reason %q", reason)
	}
	w.Stop(asker, "task-1", strings.Replace(arn, arn[len(arn)-4:], "ffff", 1), "no such task")
	if done := next[*messages.StopDone](w.inbox); done.Err != nil || !done.Missing {
		t.Errorf("%+v", done)
	}
}

// What a task sees is what the launcher says, and why it ended is told.
func TestEnvironmentAndExit(t *testing.T) {
	_, w := local(t, `test "$TASK_ID $TASK_TOKEN $WARM_POOL_MODE $GATEWAY_WS_URL" = "task-1 `+aToken+` true ws://10.0.0.1:8080" && exit 42`,
		localecs.Faults{})
	arn := w.mustRun(messages.RunTask{Task: "task-1"})
	if reason := w.until(arn, messages.PhaseStopped).Reason; !strings.Contains(reason, "container session exited with 42") {
		t.Errorf("reason %q", reason)
	}
}

// On a bad day every call that is repeated with the same task starts one task.
func TestBadDay(t *testing.T) {
	server, w := local(t, `sleep 60`, localecs.Faults{API: map[string]localecs.APIFault{
		"RunTask": {LostAnswerRate: 0.5, ThrottleRate: 0.3, FailureRate: 0.3}}})
	var arn string
	for tries := 0; arn == "" && tries < 100; tries++ {
		w.Run(asker, messages.RunTask{Task: "task-1"})
		if done := next[*messages.RunDone](w.inbox); done.Err == nil {
			arn = done.ARN
		} else if !done.Err.Ambiguous() && !done.Err.Shortage() {
			t.Fatal(done.Err)
		}
	}
	if err := server.SetFaults(localecs.Faults{}); err != nil {
		t.Fatal(err)
	}
	w.List(asker)
	if listed := next[*messages.TasksListed](w.inbox); listed.Err != nil || len(listed.Tasks) != 1 || listed.Tasks[0].ARN != arn {
		t.Errorf("%s; listed %+v", arn, listed)
	}
}

// No room, no permission, and no hosts are told apart.
func TestShortages(t *testing.T) {
	server, w := local(t, `sleep 60`, localecs.Faults{API: map[string]localecs.APIFault{"DescribeTasks": {Denied: true}}})
	w.Describe(asker, "task-1", taskARNs+strings.Repeat("0", 32))
	if described := next[*messages.TaskDescribed](w.inbox); described.Err == nil || described.Err.Kind != messages.LaunchDenied {
		t.Errorf("%+v", described)
	}
	if problems, _ := w.Check(context.Background()); len(problems) != 1 || !strings.Contains(problems[0], "ecs:DescribeTasks") {
		t.Errorf("%q", problems)
	}
	if err := server.SetInstances(localecs.Capacity{Cluster: aCluster, Count: 2, CPU: 1024, Memory: 8}); err != nil {
		t.Fatal(err)
	}
	// The new host is too small for the task; the first has room until its agent leaves.
	arn := w.mustRun(messages.RunTask{Task: "task-1"})
	if err := server.SetFaults(localecs.Faults{}); err != nil {
		t.Fatal(err)
	}
	first := string(w.until(arn, messages.PhaseRunning).Host)
	if err := server.SetAgentConnected(first, false); err != nil {
		t.Fatal(err)
	}
	w.Run(asker, messages.RunTask{Task: "task-2"})
	done := next[*messages.RunDone](w.inbox)
	if done.Err == nil || done.Err.Kind != messages.LaunchNoCapacity ||
		!strings.Contains(done.Err.Message, "RESOURCE:MEMORY") || !strings.Contains(done.Err.Message, "AGENT") {
		t.Errorf("%+v", done.Err)
	}
}
