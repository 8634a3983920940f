package localecs

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// findCLI finds an AWS CLI that works; a file called aws may be a shim for one that is not installed.
func findCLI(t *testing.T) string {
	t.Helper()
	candidates := []string{"/usr/bin/aws"}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		candidates = append(candidates, filepath.Join(dir, "aws"))
	}
	for _, path := range candidates {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		err := exec.CommandContext(ctx, path, "--version").Run()
		cancel()
		if err == nil {
			return path
		}
	}
	t.Fatal("no working AWS CLI: install it with `apt-get install awscli`")
	return ""
}

// TestAWSCLI is the conformance test: a day's work with the real AWS CLI.
func TestAWSCLI(t *testing.T) {
	e := start(t, Config{Instances: 2, StopTimeout: patience})
	cli := findCLI(t)
	home := t.TempDir()
	aws := func(args ...string) (map[string]any, string) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, cli, append([]string{"ecs", "--endpoint-url", e.URL(), "--region", "us-east-1", "--output", "json", "--no-cli-pager"}, args...)...)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "AWS_EC2_METADATA_DISABLED=true",
			"AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret", "AWS_MAX_ATTEMPTS=1"}
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if cmd.Run() != nil {
			return nil, stderr.String()
		}
		out := map[string]any{}
		if err := json.Unmarshal(stdout.Bytes(), &out); err != nil {
			t.Fatalf("aws ecs %s: %v in %s", args[0], err, &stdout)
		}
		return out, ""
	}
	// expect runs a command and finds a value in its answer by a path like "tasks.0.lastStatus".
	expect := func(path, want string, args ...string) string {
		t.Helper()
		out, failed := aws(args...)
		if failed != "" {
			t.Fatalf("aws ecs %s: %s", args[0], failed)
		}
		got := dig(out, path)
		if want != "" && got != want {
			t.Errorf("aws ecs %s: %s is %q, not %q", args[0], path, got, want)
		}
		return got
	}

	expect("cluster.status", "ACTIVE", "create-cluster", "--cluster-name", "default")
	expect("clusters.0.registeredContainerInstancesCount", "2", "describe-clusters", "--clusters", "default")
	containers := `[{"name":"main","image":"local","memory":64,"command":["sh","-c","trap 'exit 4' TERM; echo up; while :; do sleep 0.05; done"]}]`
	expect("taskDefinition.revision", "1", "register-task-definition", "--family", "web", "--container-definitions", containers)
	expect("taskDefinition.containerDefinitions.0.essential", "true", "describe-task-definition", "--task-definition", "web")
	expect("taskDefinitionArns.0", "arn:aws:ecs:us-east-1:000000000000:task-definition/web:1", "list-task-definitions")

	task := expect("tasks.0.taskArn", "", "run-task", "--task-definition", "web", "--started-by", "cli",
		"--overrides", `{"containerOverrides":[{"name":"main","environment":[{"name":"A","value":"1"}]}]}`, "--tags", "key=k,value=v")
	expect("taskArns.0", task, "list-tasks", "--started-by", "cli")
	e.awaitOutput("up")
	expect("tasks.0.tags.0.value", "v", "describe-tasks", "--tasks", task, "--include", "TAGS")
	instance := expect("containerInstanceArns.0", "", "list-container-instances", "--max-items", "1", "--page-size", "1")
	expect("containerInstances.0.remainingResources.1.name", "MEMORY", "describe-container-instances", "--container-instances", instance)
	expect("containerInstances.0.status", "DRAINING", "update-container-instances-state", "--container-instances", instance, "--status", "DRAINING")
	expect("task.desiredStatus", "STOPPED", "stop-task", "--task", task, "--reason", "enough")
	if got := *e.await(&task, "STOPPED").Containers[0].ExitCode; got != 4 {
		t.Errorf("exit code %d", got)
	}
	expect("taskDefinition.status", "INACTIVE", "deregister-task-definition", "--task-definition", "web:1")

	if _, failed := aws("stop-task", "--task", "0123"); !strings.Contains(failed, "(InvalidParameterException)") ||
		!strings.Contains(failed, "The referenced task was not found.") {
		t.Errorf("stop of an unknown task: %s", failed)
	}
	if _, failed := aws("list-services"); !strings.Contains(failed, "(UnknownOperationException)") {
		t.Errorf("an unknown operation: %s", failed)
	}
}

// dig gives the value at a path of keys and indices as JSON, strings without quotes.
func dig(v any, path string) string {
	for key := range strings.SplitSeq(path, ".") {
		switch node := v.(type) {
		case map[string]any:
			v = node[key]
		case []any:
			var i int
			if json.Unmarshal([]byte(key), &i) != nil || i >= len(node) {
				return ""
			}
			v = node[i]
		default:
			return ""
		}
	}
	if s, ok := v.(string); ok {
		return s
	}
	raw, _ := json.Marshal(v)
	return string(raw)
}
