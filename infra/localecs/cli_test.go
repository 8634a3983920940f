package localecs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
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
			"AWS_ACCESS_KEY_ID=" + e.Credentials().AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + e.Credentials().SecretAccessKey, "AWS_MAX_ATTEMPTS=1"}
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if cmd.Run() != nil {
			return nil, stderr.String()
		}
		out := map[string]any{}
		if err := json.Unmarshal(stdout.Bytes(), &out); err != nil {
			return nil, fmt.Sprintf("%v in %s", err, &stdout)
		}
		return out, ""
	}
	// expect runs a command and finds a value in its answer by a path like "tasks.0.lastStatus".
	expect := func(path, want string, args ...string) string {
		t.Helper()
		out, failed := aws(args...)
		if failed != "" {
			t.Errorf("aws ecs %s: %s", args[0], failed)
			return ""
		}
		got := dig(out, path)
		if want != "" && got != want {
			t.Errorf("aws ecs %s: %s is %q, not %q", args[0], path, got, want)
		}
		return got
	}

	// fail runs a command that is to fail, with these texts in the CLI's message.
	fail := func(code, message string, args ...string) {
		t.Helper()
		if _, failed := aws(args...); !strings.Contains(failed, "("+code+")") || !strings.Contains(failed, message) {
			t.Errorf("aws ecs %s: %s", args[0], failed)
		}
	}

	containers := `[{"name":"main","image":"local","memory":64,"command":["sh","-c","trap 'exit 4' TERM; echo up; while :; do sleep 0.05; done"]}]`
	together(
		func() { expect("cluster.status", "ACTIVE", "create-cluster", "--cluster-name", "default") },
		func() {
			expect("taskDefinition.revision", "1", "register-task-definition", "--family", "web", "--container-definitions", containers)
		},
		func() {
			fail("InvalidParameterException", "The referenced task was not found.", "stop-task", "--task", "0123")
		},
		func() { fail("UnknownOperationException", "", "list-services") },
	)
	task := expect("tasks.0.taskArn", "", "run-task", "--task-definition", "web", "--started-by", "cli", "--tags", "key=k,value=v",
		"--overrides", `{"containerOverrides":[{"name":"main","environment":[{"name":"A","value":"1"}]}]}`)
	e.awaitOutput("up")
	var instance string
	together(
		func() {
			expect("clusters.0.registeredContainerInstancesCount", "2", "describe-clusters", "--clusters", "default")
		},
		func() {
			expect("taskDefinition.containerDefinitions.0.essential", "true", "describe-task-definition", "--task-definition", "web")
		},
		func() {
			expect("taskDefinitionArns.0", "arn:aws:ecs:us-east-1:000000000000:task-definition/web:1", "list-task-definitions")
		},
		func() { expect("taskArns.0", task, "list-tasks", "--started-by", "cli") },
		func() { expect("tasks.0.tags.0.value", "v", "describe-tasks", "--tasks", task, "--include", "TAGS") },
		func() {
			instance = expect("containerInstanceArns.0", "", "list-container-instances", "--page-size", "1")
		},
	)
	together(
		func() {
			expect("containerInstances.0.remainingResources.1.name", "MEMORY", "describe-container-instances", "--container-instances", instance)
		},
		func() {
			expect("containerInstances.0.status", "DRAINING", "update-container-instances-state", "--container-instances", instance, "--status", "DRAINING")
		},
		func() { expect("task.desiredStatus", "STOPPED", "stop-task", "--task", task, "--reason", "enough") },
		func() {
			expect("taskDefinition.status", "INACTIVE", "deregister-task-definition", "--task-definition", "web:1")
		},
	)
	if got := *e.await(&task, "STOPPED").Containers[0].ExitCode; got != 4 {
		t.Errorf("exit code %d", got)
	}
}

// together runs functions at the same time: most of a CLI call is the start of its interpreter.
func together(functions ...func()) {
	var wg sync.WaitGroup
	for _, f := range functions {
		wg.Go(f)
	}
	wg.Wait()
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
