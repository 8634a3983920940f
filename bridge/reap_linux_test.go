package bridge

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hearth/bridge/isolation"
)

// helperVariable makes the test binary a process that orphans come to, as a container's first process is.
const helperVariable = "HEARTH_BRIDGE_TEST_REAPER"

func TestOrphansAreCollectedAndTheAgentIsNot(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), helperVariable+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// helper runs agents that leave orphans, which would die before, with and long after them. Each agent's own status must come through,
// and in the end none may be left, dead or alive.
func helper() int {
	if err := AdoptOrphans(); err != nil {
		return complain("become a subreaper: %v", err)
	}
	dir, err := os.MkdirTemp("", "hearth-reaper")
	if err != nil {
		return complain("%v", err)
	}
	defer os.RemoveAll(dir)
	root, err := os.OpenRoot(dir)
	if err != nil {
		return complain("%v", err)
	}
	defer root.Close()
	plan, err := isolation.Resolve(context.Background(), isolation.Config{Workspaces: root}) // path alone
	if err != nil {
		return complain("%v", err)
	}
	r := newReaper()
	if !r.enabled {
		return complain("the reaper does not see that orphans come here")
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go r.run(ctx)

	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for i := range 12 {
		text := fmt.Sprintf("(true &); (true &); (setsid sleep 0.0%d &); (setsid sleep 600 &); exit %d", i%3, i)
		a, err := startAgent(r, LinesText, 0)
		if err == nil {
			err = plan.Start(a.helper, isolation.Job{Argv: []string{"/bin/sh", "-c", text}, Env: os.Environ(), Workspace: dir, Temp: dir})
		}
		if err != nil {
			return complain("start: %v", err)
		}
		exit := a.wait()
		closeFiles(a.stdout.file, a.stderr.file)
		if exit.Code != i {
			return complain("agent %d ended with %+v", i, exit)
		}
	}
	for deadline := time.Now().Add(patience / 2); ; time.Sleep(5 * time.Millisecond) {
		err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		if errors.Is(err, unix.ECHILD) {
			return 0
		}
		if time.Now().After(deadline) {
			return complain("children are left, dead or alive: %v", err)
		}
	}
}

func complain(format string, args ...any) int {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	return 1
}
