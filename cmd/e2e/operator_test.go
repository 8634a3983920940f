package e2e

import (
	"context"
	"net/http"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"hearth/infra/gateway"
	"hearth/messages"
	"hearth/messages/wire"
)

func TestResizeLive(t *testing.T) {
	s := openSite(t)
	s.awaitReady(3)
	s.must(http.MethodPost, "/api/pool", `{"min":5,"max":6}`)
	s.awaitReady(5)
	s.must(http.MethodPost, "/api/pool", `{"min":1,"max":2}`)
	s.awaitReady(2)
	if code, text := s.call(http.MethodPost, "/api/pool", `{"min":7,"max":2}`); code != 400 || !strings.Contains(text, "minimum") {
		t.Errorf("a minimum above the maximum: %d %s", code, text)
	}
	status := s.status()
	if status.Pool.Min != 1 || status.Pool.Max != 2 || status.Pool.Target != 1 {
		t.Errorf("%+v", status.Pool)
	}
	stranger := s.endpoint
	stranger.operator = "guess"
	for _, call := range []struct{ method, path, body string }{
		{"GET", "/api/status", ""}, {"POST", "/api/pool", `{"min":1}`}, {"POST", "/api/drain", ""},
	} {
		if code, _ := stranger.call(call.method, call.path, call.body); code != 401 {
			t.Errorf("%s without the operator's token: %d", call.path, code)
		}
	}
}

// /readyz says no before the first task is ready, yes after, and no again while the gateway drains.
func TestReadyzAndDrain(t *testing.T) {
	bothWays(t, func(t *testing.T, warm bool) {
		s := openSite(t, warmPool(warm), func(c *gateway.Config) { c.Local.StartDelay = 500 * time.Millisecond })
		if code, text := s.get("/readyz"); warm && (code != 503 || !strings.Contains(text, "no task")) {
			t.Errorf("before the first task: %d %s", code, text)
		}
		eventually(t, "/readyz says yes", func() bool {
			code, _ := s.get("/readyz")
			return code == 200
		})
		u := s.wire("ann")
		u.says(wire.Hello{})
		hears(u, "ready", func(wire.Ready) bool { return true })
		s.must(http.MethodPost, "/api/drain", "")
		u.bye(wire.ByeDraining)
		u.closed(wire.CloseDraining)
		if code, text := s.get("/readyz"); code != 503 || !strings.Contains(text, "draining") {
			t.Errorf("while it drains: %d %s", code, text)
		}
		if code, text := s.get("/api/capacity"); code != 503 || !strings.Contains(text, "draining") {
			t.Errorf("/api/capacity while it drains: %d %s", code, text)
		}
		if code, _ := s.get("/healthz"); code != 200 {
			t.Errorf("/healthz while it drains: %d", code)
		}
		late := http.Header{"Authorization": {"Bearer " + string(s.token("bob", time.Hour))}}
		if _, status := openWire(t, s.ws+"/ws", late); status != http.StatusServiceUnavailable {
			t.Errorf("a client that comes while it drains: HTTP %d", status)
		}
		s.awaitStatus("nothing is left", func(p messages.PoolStatus) bool { return len(p.Tasks)+len(p.Sessions) == 0 })
		s.must(http.MethodDelete, "/api/drain", "")
		if code, text := s.get("/readyz"); code != 200 {
			t.Errorf("once the drain is taken back: %d %s", code, text)
		}
		s.visit("bob").ready()
	})
}

func TestMetricsOfTheContract(t *testing.T) {
	s := openSite(t, func(c *gateway.Config) { c.Version = "1.2.3" })
	s.awaitReady(3)
	ann := s.visit("ann")
	ann.ready()
	s.awaitStatus("the pool is full again", func(p messages.PoolStatus) bool { return p.Pool.Ready == 3 })
	text := s.must(http.MethodGet, "/metrics", "")
	for _, want := range []string{
		`hearth_pool_tasks{state="ready"} 3`, `hearth_pool_tasks{state="starting"} 0`, `hearth_pool_tasks{state="assigned"} 1`,
		`hearth_pool_tasks{state="stopping"} 0`, `hearth_pool_waiters 0`, `hearth_claims_total{result="warm"} 1`,
		`hearth_claims_total{result="cold"} 0`, `hearth_claims_total{result="failed"} 0`,
		`hearth_start_phase_seconds_count{phase="claim"} 1`, `hearth_start_phase_seconds_count{phase="agent"} 1`,
		`hearth_sessions{state="active"} 1`, `hearth_pool_bound_tasks{bound="min"} 3`, `hearth_pool_bound_tasks{bound="max"} 10`,
		`hearth_pool_target_tasks 3`, `hearth_pool_revision_info{revision="agent:1"} 1`,
		`hearth_sessions_ended_total{reason="crashed"} 0`, `hearth_sockets_closed_total{cause="peer silent",kind="bridge"} 0`,
		`hearth_ecs_call_failures_total{kind="denied",op="RunTask"} 0`,
		`hearth_build_info{go="` + runtime.Version() + `",version="1.2.3"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	ann.leaves()
	s.awaitReady(3)
	for _, state := range []messages.TaskState{messages.TaskStateAssigned, messages.TaskStateStopping} {
		eventually(t, "the metrics know that no task is "+string(state), func() bool {
			return strings.Contains(s.must(http.MethodGet, "/metrics", ""), `hearth_pool_tasks{state="`+string(state)+"\"} 0\n")
		})
	}
	if body := s.must(http.MethodGet, "/api/capacity", ""); !strings.Contains(body, `"available"`) {
		t.Errorf("/api/capacity: %s", body)
	}
}

// With an internal listener the public one has clients and probes, and nothing else.
func TestInternalListener(t *testing.T) {
	s := openSite(t, func(c *gateway.Config) { c.InternalListenAddr = "127.0.0.1:0" })
	s.awaitReady(3)
	public := endpoint{t: t, base: "http" + strings.TrimPrefix(s.ws, "ws"), operator: s.operator}
	for path, want := range map[string][2]int{ // on the public and on the internal listener
		"/healthz": {200, 200}, "/readyz": {200, 200},
		"/metrics": {404, 200}, "/api/status": {404, 200}, "/api/capacity": {404, 200},
		"/internal/warm/t-1": {404, 426}, "/internal/task/s-1": {404, 426}, "/ws": {426, 404},
	} {
		outside, _ := public.get(path)
		inside, _ := s.get(path)
		if got := [2]int{outside, inside}; got != want {
			t.Errorf("%s answers %v on the public and the internal listener, want %v", path, got, want)
		}
	}
	s.visit("ann").ready()
}

// What is wrong with the configuration is said before anything starts: a line a problem, and exit code 2.
func TestStartUpValidation(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for _, test := range []struct {
		name        string
		environment []string
		// problems has the beginning of each line, in any order.
		problems []string
	}{
		{"nothing is set", nil, []string{"AUTH=jwt needs", "AGENT_COMMAND:"}},
		{"warm pool without shared access point", []string{"USE_SHARED_AP=false", "AUTH=dev", "AGENT_COMMAND=cat"},
			[]string{"ENABLE_WARM_POOL=true needs USE_SHARED_AP=true"}},
		{"no directory for access points", []string{"USE_SHARED_AP=false", "ENABLE_WARM_POOL=false", "ACCESS_POINT_ROOT=workspaces",
			"AUTH=dev", "AGENT_COMMAND=cat"}, []string{"ACCESS_POINT_ROOT:"}},
		{"dev for everyone", []string{"AUTH=dev", "AGENT_COMMAND=cat", "LISTEN_ADDR=0.0.0.0:0"}, []string{"LISTEN_ADDR: AUTH=dev"}},
		{"ECS without anything", []string{"BACKEND=ecs", "AUTH=dev"}, []string{
			"ECS_CLUSTER:", "ECS_TASK_DEFINITION:", "ECS_CONTAINER_NAME:", "GATEWAY_WS_URL:", "TASK_TOKEN_SECRET:",
			"SHARED_ACCESS_POINT_ID:",
		}},
		{"several", []string{
			"AUTH=dev", "AGENT_COMMAND=cat", "WARM_POOL_MIN_SIZE=5", "WARM_POOL_MAX_SIZE=4", "LISTEN_ADDR=nowhere",
			"TASK_TOKEN_SECRET=short-and-secret",
		}, []string{"WARM_POOL_MIN_SIZE 5 is over WARM_POOL_MAX_SIZE 4", "LISTEN_ADDR:", "TASK_TOKEN_SECRET:"}},
		{"a threshold that never fills the pool", []string{
			"AUTH=dev", "AGENT_COMMAND=cat", "WARM_POOL_MIN_SIZE=4", "WARM_POOL_REPLENISH_THRESHOLD=4", "LAUNCH_CONCURRENCY=0",
		}, []string{"WARM_POOL_REPLENISH_THRESHOLD 4 must be", "LAUNCH_CONCURRENCY 0 must be"}},
		{"secrets", []string{
			"OPERATOR_TOKENS=ann=short-and-secret", "AGENT_COMMAND=cat", "JWT_SECRET=short-and-secret", "TASK_TOKEN_SECRET_PREVIOUS=long-and-short-and-secret-enough-for-one",
		}, []string{"OPERATOR_TOKENS: the token of ann", "JWT_SECRET:", "TASK_TOKEN_SECRET_PREVIOUS: needs TASK_TOKEN_SECRET"}},
		{"certificates", []string{
			"AUTH=dev", "AGENT_COMMAND=cat", "TLS_CERT_FILE=" + missing, "INTERNAL_TLS_CERT_FILE=" + missing, "INTERNAL_TLS_KEY_FILE=" + missing,
			"GATEWAY_WS_URL=ws://127.0.0.1:1",
		}, []string{
			"TLS_CERT_FILE and TLS_KEY_FILE:", "INTERNAL_TLS_CERT_FILE, INTERNAL_TLS_KEY_FILE:", "INTERNAL_TLS_CERT_FILE: needs", "GATEWAY_WS_URL:",
		}},
		{"not a number", []string{"WARM_POOL_MIN_SIZE=many"}, []string{""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, program("gateway"))
			cmd.Env = append([]string{"PATH=/usr/bin:/bin"}, test.environment...)
			output, err := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); err == nil || code != 2 {
				t.Errorf("exit code %d", code)
			}
			lines := strings.Split(strings.TrimSpace(string(output)), "\n")
			for _, problem := range test.problems {
				i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "gateway: "+problem) })
				if i < 0 {
					t.Errorf("nothing says %q", problem)
					continue
				}
				lines = slices.Delete(lines, i, i+1)
			}
			if len(lines) > 0 || strings.Contains(string(output), "short-and-secret") {
				t.Errorf("it says:\n%s", output)
			}
		})
	}
}

// The gateway would not start without the permissions that it needs, and says which.
func TestStartUpChecksPermissions(t *testing.T) {
	dir := sharedDir(t)
	ecs := startLocalECS(t, dir, "cat")
	ecs.must(http.MethodPost, "/_localecs/faults", `{"api":{"DescribeTasks":{"denied":true}}}`)
	g := startProgram(t, dir, "gateway", ecs.gatewayEnvironment("ws://127.0.0.1:1")...)
	if code := g.exit(); code != 2 {
		t.Errorf("exit code %d", code)
	}
	if text := g.log.String(); !strings.Contains(text, `"message":"DescribeTasks: AccessDeniedException`) {
		t.Errorf("it says:\n%s", text)
	}
}
