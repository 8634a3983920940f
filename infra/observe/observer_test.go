package observe

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"

	"hearth/cmd/document"
	"hearth/infra/ecs"
	"hearth/messages"
	"hearth/messages/wire"
)

func TestEveryFactHasAWording(t *testing.T) {
	kinds := document.Constants(t, "../../messages/event.go", "EventKind")
	for _, kind := range kinds {
		if _, ok := wordings[messages.EventKind(kind.Value)]; !ok {
			t.Errorf("no wording for %s", kind.Name)
		}
	}
	if len(wordings) != len(kinds) || len(wordings) != len(wordingsOf()) {
		t.Errorf("%d wordings for %d kinds", len(wordings), len(kinds))
	}
}

// wordingsOf are the facts by their messages.
func wordingsOf() map[string]messages.EventKind { return kinds }

// TestEveryStateIsCountedFromTheStart: a state or a cause without a series until it is seen looks like one that does not exist.
func TestEveryStateIsCountedFromTheStart(t *testing.T) {
	registry := prometheus.NewRegistry()
	New(zerolog.Nop(), registry)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counted := map[string]bool{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				counted[family.GetName()+" "+label.GetValue()] = true
			}
		}
	}
	for _, c := range []struct {
		metric, file, typeName string
		// not are the states that are not counted: nothing is in them any more, or the pool calls it assigned.
		not []string
	}{
		{"hearth_sessions", "state.go", "SessionState", []string{string(messages.SessionStateEnded)}},
		{"hearth_pool_tasks", "state.go", "TaskState", []string{string(messages.TaskStateActive), string(messages.TaskStateGone)}},
		{"hearth_hosts", "host.go", "HostState", []string{string(messages.HostLost)}},
		{"hearth_pool_evictions_total", "event.go", "Eviction", nil},
		{"hearth_sessions_ended_total", "pool.go", "EndReason", nil},
		{"hearth_cold_claims_total", "wire/frame.go", "ColdReason", nil},
		{"hearth_claims_failed_total", "failure.go", "Failure", nil},
		{"hearth_claims_requeued_total", "failure.go", "Failure", nil},
		{"hearth_task_start_failures_total", "failure.go", "Failure", nil},
		{"hearth_task_start_failures_total", "launch.go", "LaunchErrorKind", nil},
		{"hearth_ecs_call_failures_total", "launch.go", "LaunchErrorKind", nil},
		{"hearth_actor_incidents_total", "../infra/engine/incident.go", "IncidentKind", nil},
	} {
		for _, state := range document.Constants(t, "../../messages/"+c.file, c.typeName) {
			if counted[c.metric+" "+state.Value] == slices.Contains(c.not, state.Value) {
				t.Errorf("%s: %s is counted, or is not, against what is said here", c.metric, state.Name)
			}
		}
	}
}

// TestEveryValueInTheSourceIsCountedFromTheStart: labels whose values no type lists have those that the source has.
func TestEveryValueInTheSourceIsCountedFromTheStart(t *testing.T) {
	for what, c := range map[string]struct {
		known   []string
		pattern string
		files   string
	}{
		"phases":         {phases, `\.phase\("(\w+)"`, "metrics.go"},
		"ECS operations": {ecs.Operations, `(?:op: |p\.step\([\w.]+, )"(\w+)"`, "../ecs/[a-z]*[a-z].go"},
	} {
		found := map[string]bool{}
		for _, match := range inSource(t, c.files, c.pattern) {
			found[match] = true
		}
		if want := slices.Sorted(maps.Keys(found)); len(want) == 0 || !slices.Equal(slices.Sorted(slices.Values(c.known)), want) {
			t.Errorf("%s: the source has %q, known are %q", what, want, c.known)
		}
	}
	codes := map[string]string{}
	for _, code := range document.Constants(t, "../../messages/wire/frame.go", "ErrorCode") {
		codes[code.Name] = code.Value
	}
	for _, name := range inSource(t, "../../actors/pool/[a-z]*[a-z].go", `p\.refuse\([\w.]+, wire\.(Code\w+)`) {
		if !slices.Contains(refusals, codes[name]) {
			t.Errorf("clients are refused with %s, which is not counted from the start", name)
		}
	}
}

// inSource are the first groups of a pattern's matches in files.
func inSource(t *testing.T, files, pattern string) (found []string) {
	t.Helper()
	paths, err := filepath.Glob(files)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: %v", files, err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(pattern).FindAllSubmatch(text, -1) {
			found = append(found, string(match[1]))
		}
	}
	return found
}

func TestLogLine(t *testing.T) {
	var out bytes.Buffer
	o := New(zerolog.New(&out), prometheus.NewRegistry())
	o.Observe(messages.Event{
		Kind: messages.EventStartFailed, Task: "t-1", Reason: "RunTask: denied", Fault: messages.LaunchDenied, N: 2,
		Census: &messages.Census{Starting: 1, Waiting: 3},
	})
	want := `{"level":"warn","task":"t-1","reason":"RunTask: denied","kind":"denied","n":2,` +
		`"ready":0,"starting":1,"assigned":0,"waiting":3,"message":"task did not become ready, or died while it waited"}` + "\n"
	if out.String() != want {
		t.Errorf("got  %swant %s", out.String(), want)
	}
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	o := New(zerolog.Nop(), registry)
	for _, e := range []messages.Event{
		{Kind: messages.EventStarting, Census: &messages.Census{Ready: 2, Starting: 1, Assigned: 4, Stopping: 5, Waiting: 6}},
		moved("", messages.SessionStateWaiting),
		moved(messages.SessionStateWaiting, messages.SessionStateStarting),
		moved(messages.SessionStateStarting, messages.SessionStateActive),
		moved("", messages.SessionStateWaiting),
		moved(messages.SessionStateWaiting, messages.SessionStateEnded),
		{Kind: messages.EventSessionReady, Path: wire.PathWarm, Took: 12 * time.Millisecond},
		{Kind: messages.EventSessionReady, Path: wire.PathCold, Took: time.Second},
		{Kind: messages.EventSessionEnded, Reason: string(messages.EndTimeout)},
		{Kind: messages.EventSessionEnded, Reason: string(messages.EndClosed)},
		{Kind: messages.EventIsolated, Phase: "path,uid"},
		{Kind: messages.EventIsolated, Phase: "path,uid"},
		{Kind: messages.EventIsolated, Was: "path,uid"},
		{Kind: messages.EventIsolated, Phase: "uid,path"},
		{Kind: messages.EventIsolated, Phase: "whatever"},
	} {
		o.Observe(e)
	}
	want := `
# HELP hearth_claims_total Claims by how they ended.
# TYPE hearth_claims_total counter
hearth_claims_total{result="cold"} 1
hearth_claims_total{result="failed"} 1
hearth_claims_total{result="warm"} 1
# HELP hearth_isolated_tasks Tasks by the levels that keep their agents apart.
# TYPE hearth_isolated_tasks gauge
hearth_isolated_tasks{isolation="other"} 2
hearth_isolated_tasks{isolation="path,uid"} 1
# HELP hearth_pool_tasks Tasks by state.
# TYPE hearth_pool_tasks gauge
hearth_pool_tasks{state="assigned"} 4
hearth_pool_tasks{state="ready"} 2
hearth_pool_tasks{state="starting"} 1
hearth_pool_tasks{state="stopping"} 5
# HELP hearth_pool_waiters Sessions that wait for a task.
# TYPE hearth_pool_waiters gauge
hearth_pool_waiters 6
# HELP hearth_sessions Sessions by state.
# TYPE hearth_sessions gauge
hearth_sessions{state="active"} 1
hearth_sessions{state="exited"} 0
hearth_sessions{state="parked"} 0
hearth_sessions{state="starting"} 0
hearth_sessions{state="waiting"} 0
`
	err := testutil.GatherAndCompare(registry, strings.NewReader(want),
		"hearth_claims_total", "hearth_isolated_tasks", "hearth_pool_tasks", "hearth_pool_waiters", "hearth_sessions")
	if err != nil {
		t.Error(err)
	}
}

func moved(was, is messages.SessionState) messages.Event {
	return messages.Event{Kind: messages.EventSessionState, Was: string(was), Phase: string(is)}
}
