package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"hearth/messages"
)

// TestEveryLineOfTheJSONLogIsJSON: a collector that meets another line drops it or takes it for an event of its own, and what a
// gateway says first and last, or what its tasks say, is what explains a bad night. Nothing that went well is an error.
func TestEveryLineOfTheJSONLogIsJSON(t *testing.T) {
	t.Parallel()
	dir := sharedDir(t)
	g := startGateway(t, dir, "LOCAL_BRIDGE="+bridgeIn(t, dir), "AGENT_COMMAND=bash --norc -i", "AGENT_IO=pty")
	if output, code := g.shell("echo $((6*7)); echo careless >&2; exit 3\n"); code != 3 || !strings.Contains(output, "42") {
		t.Errorf("exit code %d, %q", code, output)
	}
	g.awaitStatus("no task is starting any more", func(s messages.PoolStatus) bool { return s.Pool.Ready == s.Pool.Target && s.Pool.Starting == 0 })
	g.awaitReady(3) // a bridge that dials as the gateway ends has something to complain of
	g.signal(syscall.SIGTERM)
	if code := g.exit(); code != 0 {
		t.Errorf("the gateway exits with %d", code)
	}
	lines := allJSON(t, "a gateway's life", g.log.String())
	fromTasks := 0
	for _, line := range lines {
		asked := strings.Contains(fmt.Sprint(line["message"]), "DEV_TOKEN=off")
		if line["level"] == "error" || line["level"] == "warn" && !asked {
			t.Errorf("in a life without trouble: %v", line)
		}
		if line["container"] != nil {
			fromTasks++
		}
	}
	if fromTasks == 0 {
		t.Error("nothing of the tasks' log is in the gateway's")
	}
	missing := filepath.Join(dir, "missing")
	for name, run := range map[string][]string{
		"no flag of it":     {"LOG_FORMAT=json", "--no-such-flag"},
		"a bad value":       {"WARM_POOL_MIN_SIZE=many", "--log-format=json"},
		"settings":          {"LOG_FORMAT=json", "AUTH=dev", "WARM_POOL_MIN_SIZE=5", "WARM_POOL_MAX_SIZE=4"},
		"no such isolation": {"LOG_FORMAT=json", "ISOLATION=none-such"},
		"a missing bridge":  {"AUTH=dev", "AGENT_COMMAND=cat", "LOCAL_BRIDGE=" + missing, "--log-format", "json"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, program("gateway"))
			cmd.Env = []string{"PATH=/usr/bin:/bin"}
			for _, each := range run {
				if strings.HasPrefix(each, "--") || !strings.Contains(each, "=") {
					cmd.Args = append(cmd.Args, each)
				} else {
					cmd.Env = append(cmd.Env, each)
				}
			}
			output, _ := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != 2 {
				t.Errorf("exit code %d", code)
			}
			for _, line := range allJSON(t, name, string(output)) {
				if line["level"] != "error" || line["message"] == "" {
					t.Errorf("it says %v", line)
				}
			}
		})
	}
}

// allJSON are the lines of a log, each of which has to be a JSON object with a level, a time and a message.
func allJSON(t *testing.T, what, text string) (lines []map[string]any) {
	t.Helper()
	for line := range strings.Lines(text) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil || fields["level"] == nil || fields["time"] == nil || fields["message"] == nil {
			t.Errorf("%s: not a line of a JSON log: %s", what, line)
		}
		lines = append(lines, fields)
	}
	if len(lines) == 0 {
		t.Errorf("%s: nothing was said", what)
	}
	return lines
}
