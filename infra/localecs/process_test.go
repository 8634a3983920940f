package localecs

import (
	"bytes"
	"context"
	"fmt"
	"hearth/infra/testkit"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/sys/unix"
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
	for name, at := range map[string]*time.Time{"createdAt": task.CreatedAt, "startedAt": task.StartedAt,
		"stoppingAt": task.StoppingAt, "stoppedAt": task.StoppedAt, "executionStoppedAt": task.ExecutionStoppedAt,
		"pullStartedAt": task.PullStartedAt, "pullStoppedAt": task.PullStoppedAt} {
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

// eachContainment runs a test with every containment that this machine permits.
func eachContainment(t *testing.T, cfg Config, test func(t *testing.T, e *endpoint)) {
	for _, mode := range []containment{pidNamespace, userPIDNamespace, processGroup} {
		if mode == processGroup || mode.permitted() {
			t.Run(mode.String(), func(t *testing.T) {
				e := start(t, cfg)
				e.processes.mode = mode
				test(t, e)
			})
		}
	}
}

// TestTasksMayMountInTheirNamespace: where the endpoint is not root, a task's program has what it takes to hide /proc from others.
func TestTasksMayMountInTheirNamespace(t *testing.T) {
	if !userPIDNamespace.permitted() {
		return // there is no such containment on this machine
	}
	e := start(t, Config{})
	e.processes.mode = userPIDNamespace
	e.register("caps", sh("exec grep CapAmb /proc/self/status"))
	e.run("caps")
	e.awaitOutput(fmt.Sprintf("CapAmb:\t%016x", uint64(1)<<unix.CAP_SYS_ADMIN|1<<unix.CAP_SETPCAP))
}

func TestStopTaskSendsSIGTERM(t *testing.T) {
	eachContainment(t, Config{StopTimeout: patience}, func(t *testing.T, e *endpoint) {
		e.register("polite", sh("trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.05; done"))
		arn := e.run("polite").TaskArn
		e.awaitOutput("up")
		_, err := e.StopTask(t.Context(), &ecs.StopTaskInput{Task: arn, Reason: aws.String("no longer needed")})
		if err != nil {
			t.Fatal(err)
		}
		task := e.await(arn, "STOPPED")
		if task.StopCode != types.TaskStopCodeUserInitiated || *task.StoppedReason != "no longer needed" {
			t.Errorf("stopped by %s (%s)", task.StopCode, *task.StoppedReason)
		}
		if got := *task.Containers[0].ExitCode; got != 3 {
			t.Errorf("exit code %d, want 3", got)
		}
		e.awaitOutput("bye")
	})
}

func TestSIGKILLFollowsTheStopTimeout(t *testing.T) {
	grace := 200 * time.Millisecond
	eachContainment(t, Config{StopTimeout: grace}, func(t *testing.T, e *endpoint) {
		e.register("stubborn", sh("trap '' TERM; echo up; while :; do sleep 0.05; done"))
		arn := e.run("stubborn").TaskArn
		e.awaitOutput("up")
		e.stop(arn)
		task := e.await(arn, "STOPPED")
		if got := *task.Containers[0].ExitCode; got != 137 {
			t.Errorf("exit code %d, want 137", got)
		}
		// Times on the wire have milliseconds.
		if took := task.ExecutionStoppedAt.Sub(*task.StoppingAt); took < grace-time.Millisecond {
			t.Errorf("killed after %s, within its stop timeout", took)
		}
	})
}

func TestStopTimeoutOfTheDefinition(t *testing.T) {
	two := 2
	if got := (containerDefinition{StopTimeout: &two}).stopTimeout(time.Hour); got != 2*time.Second {
		t.Errorf("%s", got)
	}
	if got := (containerDefinition{}).stopTimeout(time.Hour); got != time.Hour {
		t.Errorf("%s", got)
	}
}

func TestEverythingATaskStartedEndsWithIt(t *testing.T) {
	eachContainment(t, Config{}, func(t *testing.T, e *endpoint) {
		marker := "marker-" + newID(16)
		e.register("family", sh(family3(marker)))
		arn := e.run("family").TaskArn
		awaitProcesses(t, marker, 2)
		first := firstProcess(t, e, arn)
		if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		task := e.await(arn, "STOPPED")
		awaitProcesses(t, marker, 0)
		if got := *task.Containers[0].ExitCode; got != 137 || task.StopCode != types.TaskStopCodeEssentialContainerExited {
			t.Errorf("exit code %d, stopCode %s", got, task.StopCode)
		}
	})
}

// firstProcess is the pid of a task's first process, found by its environment.
func firstProcess(t *testing.T, e *endpoint, arn *string) int {
	t.Helper()
	e.mu.Lock()
	id := e.clusters[defaultCluster].tasks[0].endpoints[0]
	e.mu.Unlock()
	var found int
	for _, pid := range processesWith(t, "-c") {
		env, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		parent := fmt.Sprintf(" S %d ", os.Getpid())
		if bytes.Contains(env, []byte(id)) && bytes.Contains(stat, []byte(parent)) {
			found = pid
		}
	}
	if found == 0 {
		t.Fatalf("no process of %s", *arn)
	}
	return found
}

// In a namespace not even a process that left its session and group outlives the task.
func TestNamespaceHoldsWhatLeavesItsGroup(t *testing.T) {
	e := start(t, Config{StopTimeout: 100 * time.Millisecond})
	if e.processes.mode == processGroup {
		t.Log("this machine permits process groups only, from which a process can escape")
		return
	}
	marker := "marker-" + newID(16)
	e.register("daemon", sh("setsid sh -c 'while :; do sleep 0.2; done' daemon "+marker+" & sleep 1000"))
	arn := e.run("daemon").TaskArn
	awaitProcesses(t, marker, 1)
	e.stop(arn) // sleep is PID 1 and ignores SIGTERM, or its shell is
	e.await(arn, "STOPPED")
	awaitProcesses(t, marker, 0)
}

func TestTasksEndWithAnEmbeddingProcessThatIsKilled(t *testing.T) {
	marker := "marker-" + newID(16)
	helper := startHelper(t, family3(marker))
	awaitProcesses(t, marker, 2)
	if err := helper.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = helper.Wait() // "signal: killed"
	if strongest() == processGroup {
		t.Log("this machine permits process groups only: what a task started outlives an endpoint that is killed")
		return
	}
	awaitProcesses(t, marker, 0)
}

func TestCommandThatDoesNotExist(t *testing.T) {
	e := start(t, Config{})
	missing := filepath.Join(t.TempDir(), "missing")
	for name, command := range map[string][]string{"by-path": {missing}, "by-name": {"no-program-has-this-name"}, "none": nil} {
		e.register(name, command)
		task := e.await(e.run(name).TaskArn, "STOPPED")
		c := task.Containers[0]
		if task.StopCode != types.TaskStopCodeTaskFailedToStart || !strings.HasPrefix(*c.Reason, "CannotStartContainerError: ") {
			t.Errorf("%s: stopCode %s, reason %v", name, task.StopCode, aws.ToString(c.Reason))
		}
		if c.ExitCode != nil || task.StartedAt != nil || *c.LastStatus != "STOPPED" {
			t.Errorf("%s: exit code %v, started %v, container %s", name, c.ExitCode, task.StartedAt, *c.LastStatus)
		}
	}
}

func TestMissingWorkingDirectoryIsNamed(t *testing.T) {
	e, missing := start(t, Config{}), filepath.Join(t.TempDir(), "missing")
	e.register("lost", sh("true"), func(in *ecs.RegisterTaskDefinitionInput) {
		in.ContainerDefinitions[0].WorkingDirectory = aws.String(missing)
	})
	task := e.await(e.run("lost").TaskArn, "STOPPED")
	if got := *task.Containers[0].Reason; !strings.Contains(got, "working directory: stat "+missing) {
		t.Errorf("reason %q", got)
	}
}

func TestEnvironmentIsTheTasksOnly(t *testing.T) {
	t.Setenv("OF_THE_PARENT", "secret")
	e := start(t, Config{WorkDir: t.TempDir()})
	e.register("env", sh("env; pwd; exit 0"), func(in *ecs.RegisterTaskDefinitionInput) {
		in.ContainerDefinitions[0].Environment = []types.KeyValuePair{
			{Name: aws.String("KEPT"), Value: aws.String("definition")}, {Name: aws.String("CHANGED"), Value: aws.String("definition")}}
	})
	task := e.run("env", func(in *ecs.RunTaskInput) {
		in.Overrides = &types.TaskOverride{ContainerOverrides: []types.ContainerOverride{{Name: aws.String("main"),
			Environment: []types.KeyValuePair{{Name: aws.String("CHANGED"), Value: aws.String("override")}}}}}
	})
	e.await(task.TaskArn, "STOPPED")
	got := e.output.String()
	for _, want := range []string{"KEPT=definition\n", "CHANGED=override\n", "ECS_CONTAINER_METADATA_URI_V4=" + e.URL() + "/v4/",
		"PATH=" + os.Getenv("PATH") + "\n", " stdout " + e.cfg.WorkDir + "\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in:\n%s", want, got)
		}
	}
	if strings.Contains(got, "OF_THE_PARENT") || strings.Contains(got, "CHANGED=definition") {
		t.Errorf("too much in:\n%s", got)
	}
}

func TestEntryPointAndCommandOverride(t *testing.T) {
	e := start(t, Config{})
	e.register("words", []string{"default"}, func(in *ecs.RegisterTaskDefinitionInput) {
		in.ContainerDefinitions[0].EntryPoint = []string{"echo", "entry"}
	})
	task := e.run("words", func(in *ecs.RunTaskInput) {
		in.Overrides = &types.TaskOverride{ContainerOverrides: []types.ContainerOverride{
			{Name: aws.String("main"), Command: []string{"other", "words"}}}}
	})
	e.await(task.TaskArn, "STOPPED")
	e.awaitOutput("stdout entry other words\n")
}

func TestOneEssentialContainerEndsTheOthers(t *testing.T) {
	e := start(t, Config{})
	marker := "marker-" + newID(16)
	e.register("pair", sh("sleep 0.3; exit 5"), func(in *ecs.RegisterTaskDefinitionInput) {
		add := func(name string, essential bool, command []string) {
			in.ContainerDefinitions = append(in.ContainerDefinitions, types.ContainerDefinition{Name: &name, Image: aws.String("local"),
				Memory: aws.Int32(16), Essential: &essential, Command: command, StopTimeout: aws.Int32(1)})
		}
		add("early", false, []string{"true"})
		add("side", false, append(sh("trap 'exit 9' TERM; while :; do sleep 0.05; done"), "side", marker))
	})
	task := e.await(e.run("pair").TaskArn, "STOPPED")
	awaitProcesses(t, marker, 0)
	var codes []int32
	for _, c := range task.Containers {
		codes = append(codes, *c.ExitCode)
	}
	if got := fmt.Sprint(codes); got != "[5 0 9]" || task.StopCode != types.TaskStopCodeEssentialContainerExited {
		t.Errorf("exit codes %s, stopCode %s", got, task.StopCode)
	}
}

func TestCloseStopsTasksAndLeavesNothing(t *testing.T) {
	server, err := Start(Config{Output: &testkit.Log{}})
	if err != nil {
		t.Fatal(err)
	}
	polite, stubborn := "marker-"+newID(16), "marker-"+newID(16)
	client := clientOf(t, server)
	e := &endpoint{Server: server, Client: client, t: t}
	e.register("polite", append(sh("trap 'exit 0' TERM; while :; do sleep 0.05; done"), "polite", polite))
	e.register("stubborn", append(sh("trap '' TERM; while :; do sleep 0.05; done"), "stubborn", stubborn))
	politeTask, stubbornTask := e.run("polite"), e.run("stubborn")
	awaitProcesses(t, polite, 1)
	awaitProcesses(t, stubborn, 1)
	e.await(politeTask.TaskArn, "RUNNING")
	e.await(stubbornTask.TaskArn, "RUNNING")

	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := server.Close(ctx); err != nil {
		t.Fatal(err)
	}
	awaitProcesses(t, polite, 0)
	awaitProcesses(t, stubborn, 0)
	for _, task := range server.clusters[defaultCluster].tasks {
		if task.view.LastStatus != statusStopped {
			t.Errorf("a task of %s is %s", task.def.family, task.view.LastStatus)
		}
	}
	if _, err := client.ListTasks(t.Context(), &ecs.ListTasksInput{}); err == nil {
		t.Error("a closed endpoint answers")
	}
	if err := server.Close(t.Context()); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestLongLinesAreCut(t *testing.T) {
	var lines []string
	text := "short\r\n" + strings.Repeat("x", maxLine+100) + "\n" + strings.Repeat("y", 10) // no newline at the end
	forwardLines(strings.NewReader(text), func(l string) { lines = append(lines, l) })
	if len(lines) != 3 || lines[0] != "short" || lines[2] != strings.Repeat("y", 10) {
		t.Fatalf("%d lines, %.40q", len(lines), lines)
	}
	if want := strings.Repeat("x", maxLine) + " … 100 bytes left out"; lines[1] != want {
		t.Errorf("cut to %d bytes, ending %q", len(lines[1]), lines[1][len(lines[1])-30:])
	}
}
