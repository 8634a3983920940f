package e2e

import (
	"path/filepath"
	"syscall"
	"testing"

	"hearth/messages"
)

// The README's first session: a shell, its answer, a full pool again, and nothing left after Ctrl-C.
func TestFirstSession(t *testing.T) {
	for _, test := range []struct {
		name, warm string
		ready      int
	}{
		{"ENABLE_WARM_POOL=true", "true", 3},
		{"ENABLE_WARM_POOL=false", "false", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := sharedDir(t)
			g := startGateway(t, dir, "ENABLE_WARM_POOL="+test.warm, "LOCAL_BRIDGE="+bridgeIn(t, dir))
			if output, code := g.shell("echo $((6*7))\nexit\n"); output != "42\n" || code != 0 {
				t.Errorf("the shell printed %q and exited with %d", output, code)
			}
			if output, code := g.shell("echo out; echo err >&2; exit 7\n"); len(output) != len("out\nerr\n") || code != 7 {
				t.Errorf("the shell printed %q and exited with %d", output, code)
			}
			g.awaitReady(test.ready)
			if code, text := g.get("/readyz"); code != 200 {
				t.Errorf("/readyz: %d %s", code, text)
			}
			if len(processesOf(t, dir)) == 0 {
				t.Error("the gateway's processes are not found: what follows would prove nothing")
			}
			g.signal(syscall.SIGINT)
			if code := g.exit(); code != 0 {
				t.Errorf("the gateway exited with %d", code)
			}
			nothingLeft(t, dir)
		})
	}
}

// With the embedded backend a killed gateway takes its tasks and their agents along.
func TestKilledGatewayLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := sharedDir(t)
	g := startGateway(t, dir, "LOCAL_BRIDGE="+bridgeIn(t, dir), "AGENT_COMMAND=sh -c 'sleep 1000 & exec cat'")
	u := connect(t, "ann", g.at)
	u.ready()
	u.echoes("hello")
	g.awaitStatus("three ready tasks and an active one", func(s messages.PoolStatus) bool {
		return s.Pool.Ready == 3 && s.Pool.Assigned == 1
	})
	if n := len(processesOf(t, filepath.Join(dir, "workspaces", "ann"))); n < 2 {
		t.Errorf("%d processes of the agent are found, want cat and sleep", n)
	}
	g.signal(syscall.SIGKILL)
	nothingLeft(t, dir)
}
