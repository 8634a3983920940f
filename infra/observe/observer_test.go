package observe

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"

	"hearth/messages"
	"hearth/messages/wire"
)

// allKinds reads the kinds of events from their source, so that a new one cannot be left out here.
func allKinds(t *testing.T) []messages.EventKind {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../messages/event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []messages.EventKind
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Event") {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, messages.EventKind(value))
		return true
	})
	if len(kinds) < 20 {
		t.Fatalf("found only %d kinds", len(kinds))
	}
	return kinds
}

func TestEveryFactHasAWording(t *testing.T) {
	kinds := allKinds(t)
	for _, kind := range kinds {
		if _, ok := wordings[kind]; !ok {
			t.Errorf("no wording for %q", kind)
		}
	}
	if len(wordings) != len(kinds) {
		t.Errorf("%d wordings for %d kinds", len(wordings), len(kinds))
	}
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
		{Kind: messages.EventSessionState, Phase: "waiting"},
		{Kind: messages.EventSessionState, Was: "waiting", Phase: "starting"},
		{Kind: messages.EventSessionState, Was: "starting", Phase: "active"},
		{Kind: messages.EventSessionState, Phase: "waiting"},
		{Kind: messages.EventSessionState, Was: "waiting", Phase: "ended"},
		{Kind: messages.EventSessionReady, Path: wire.PathWarm, Took: 12 * time.Millisecond},
		{Kind: messages.EventSessionReady, Path: wire.PathCold, Took: time.Second},
		{Kind: messages.EventSessionEnded, Reason: string(messages.EndTimeout)},
		{Kind: messages.EventSessionEnded, Reason: string(messages.EndClosed)},
	} {
		o.Observe(e)
	}
	want := `
# HELP hearth_claims_total Claims by how they ended.
# TYPE hearth_claims_total counter
hearth_claims_total{result="cold"} 1
hearth_claims_total{result="failed"} 1
hearth_claims_total{result="warm"} 1
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
		"hearth_claims_total", "hearth_pool_tasks", "hearth_pool_waiters", "hearth_sessions")
	if err != nil {
		t.Error(err)
	}
}
