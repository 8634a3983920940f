package localecs

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

func TestExitCodeIsTheTasks(t *testing.T) {
	e := start(t, Config{})
	e.register("job", sh("echo out; echo err >&2; exit 7"))
	task := e.await(e.run("job").TaskArn, "STOPPED")

	if got := *task.Containers[0].ExitCode; got != 7 {
		t.Errorf("exit code %d, want 7", got)
	}
	if task.StopCode != types.TaskStopCodeEssentialContainerExited || *task.DesiredStatus != "STOPPED" {
		t.Errorf("stopCode %s, desired %s", task.StopCode, *task.DesiredStatus)
	}
	if *task.StoppedReason != "Essential container in task exited" {
		t.Errorf("reason %q", *task.StoppedReason)
	}
	for name, at := range map[string]*time.Time{"createdAt": task.CreatedAt, "startedAt": task.StartedAt, "stoppingAt": task.StoppingAt,
		"stoppedAt": task.StoppedAt, "pullStartedAt": task.PullStartedAt, "pullStoppedAt": task.PullStoppedAt} {
		if at == nil || time.Since(*at).Abs() > time.Minute {
			t.Errorf("%s is %v", name, at)
		}
	}
	id := (*task.TaskArn)[strings.LastIndex(*task.TaskArn, "/")+1:]
	for _, line := range []string{id[:8] + "/main stdout out\n", id[:8] + "/main stderr err\n"} {
		if !strings.Contains(e.output.String(), line) {
			t.Errorf("output %q misses %q", e.output.String(), line)
		}
	}
}

func TestStopTaskSendsSIGTERM(t *testing.T) {
	e := start(t, Config{})
	e.register("polite", sh("trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.05; done"))
	arn := e.run("polite").TaskArn
	e.awaitOutput("up")
	if _, err := e.StopTask(t.Context(), &ecs.StopTaskInput{Task: arn, Reason: aws.String("no longer needed")}); err != nil {
		t.Fatal(err)
	}
	task := e.await(arn, "STOPPED")
	if task.StopCode != types.TaskStopCodeUserInitiated || *task.StoppedReason != "no longer needed" || *task.Containers[0].ExitCode != 3 {
		t.Errorf("stopped by %s (%s), exit code %d", task.StopCode, *task.StoppedReason, *task.Containers[0].ExitCode)
	}
	e.awaitOutput("bye")
}
