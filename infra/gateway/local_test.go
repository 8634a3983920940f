package gateway

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// TestLocalTasksGetTheBridgesSettings, every one of them: from the launcher, from the gateway's own settings, or from its
// environment.
func TestLocalTasksGetTheBridgesSettings(t *testing.T) {
	source, err := os.ReadFile("../../cmd/bridge/settings.go")
	if err != nil {
		t.Fatal(err)
	}
	given := []string{
		"GATEWAY_WS_URL", "TASK_ID", "WARM_POOL_MODE", "USER_ID", "SESSION_ID", // by the launcher
		"WORKSPACE_ROOT", "AGENT_COMMAND", "AGENT_IO", "AGENT_STDERR", "MAX_FRAME_BYTES", "LOG_LEVEL", "ISOLATION", // the gateway's own
		"LOG_FORMAT",                                  // JSON, which the gateway reads
		"STOP_GRACE", "TASK_LEASE", "TASK_ORPHAN_TTL", // told in frames
	}
	settings := regexp.MustCompile(`(?m)^\t\t\{"([A-Z_]+)", `).FindAllStringSubmatch(string(source), -1)
	for _, match := range settings {
		if !slices.Contains(given, match[1]) && !slices.Contains(passedOn, match[1]) {
			t.Errorf("a local task does not get %s", match[1])
		}
	}
	if len(settings) < 25 {
		t.Errorf("only %d settings were found", len(settings))
	}
}

// TestAgentsVariablesAreThoseNamed, and no others.
func TestAgentsVariablesAreThoseNamed(t *testing.T) {
	environ := []string{"PATH=/bin", "MODEL_NAME=m", "MODEL_KEY=k", "SECRET=s", "MODELS=x"}
	if got := agentVariables("PATH, MODEL_*", environ); !slices.Equal(got, []string{"PATH", "MODEL_NAME", "MODEL_KEY"}) {
		t.Errorf("%q", got)
	}
	for _, nothing := range []string{"", "*", " ,* "} {
		if got := agentVariables(nothing, environ); got != nil {
			t.Errorf("%q though %q names nothing", got, nothing)
		}
	}
}
