package isolation

import (
	"fmt"
	"hearth/infra/testkit"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

var system = []string{"/usr", "/bin", "/lib", "/lib64", "/etc", "/proc"}

// openRootFor makes a workspace root that every user can get to.
func openRootFor(t *testing.T) *os.Root {
	t.Helper()
	dir, err := os.MkdirTemp("", "hearth-isolation-")
	must(t, err, os.Chmod(dir, 0o711))
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return openDir(t, dir)
}

func request(t *testing.T, levels string) Request {
	t.Helper()
	r, err := ParseRequest(levels)
	must(t, err)
	return r
}

// TestWhatCannotBeHadIsSaid asks for levels by name and for auto, where something stands in the way. Root's auto does without what
// this container does not have, and neither without uid nor without what was set and does not work.
func TestWhatCannotBeHadIsSaid(t *testing.T) {
	testkit.NeedRoot(t)
	uids, err := ParseRange("10000-59999")
	must(t, err)
	for _, c := range []struct {
		level, says string
		left        Levels // what auto takes then; 0 if it ends the bridge
		spoil       func(*Config)
	}{
		{"uid", ": chmod o-w /", 0, func(c *Config) { must(t, c.Workspaces.Chmod(".", 0o777)) }},
		{"uid", "cannot enter", 0, func(c *Config) { must(t, c.Workspaces.Chmod(".", 0o700)) }},
		{"uid", "belongs to the bridge's user", 0, func(c *Config) {
			must(t, c.Workspaces.Mkdir(OwnName, 0o711), c.Workspaces.Chown(OwnName, alice, alice))
		}},
		{"landlock", "AGENT_READ_PATHS has /tmp, which", 0, func(c *Config) { c.Read = []string{"/tmp"} }},
		{"uid,chroot", "AGENT_ROOT is not set", UID | Landlock, func(*Config) {}},
		{"uid,chroot", "no directory", 0, func(c *Config) { c.AgentRoot = "/usr" }},
		{"uid,chroot", "tmp", 0, func(c *Config) { // it has no /tmp
			c.AgentRoot = c.Workspaces.Name()
		}},
	} {
		cfg := Config{UIDs: uids, Workspaces: openRootFor(t), Read: system}
		c.spoil(&cfg)
		cfg.Request = request(t, c.level)
		_, err := Resolve(t.Context(), cfg)
		if err == nil || !strings.HasPrefix(err.Error(), "ISOLATION: ") || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", c.says, err)
		}
		cfg.Request = request(t, "auto")
		plan, err := Resolve(t.Context(), cfg)
		if c.left == 0 {
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: auto: %v", c.says, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: auto: %v", c.says, err)
			continue
		}
		if plan.Levels != c.left || !strings.Contains(strings.Join(plan.Missing, "\n"), c.says) {
			t.Errorf("%s: auto takes %s and says %q", c.says, plan.Levels, plan.Missing)
		}
		must(t, plan.Close())
		if entries, err := os.ReadDir(filepath.Join(cfg.Workspaces.Name(), OwnName)); err == nil && len(entries) > 1 {
			t.Errorf("%s: the rehearsal left %v", c.says, entries)
		}
	}
}

// becomes starts a helper with a plan and gives what the agent writes and what the start failed with.
func becomes(t *testing.T, plan *Plan, job Job) (string, error) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	h, err := NewHelper()
	must(t, err)
	out, err := h.Cmd.StdoutPipe()
	must(t, err)
	if err := h.Cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h.Started()
	failed := plan.Start(h, job)
	text, err := io.ReadAll(out)
	must(t, err)
	if err := h.Cmd.Wait(); err != nil && failed == nil {
		t.Errorf("the agent: %v", err)
	}
	return string(text), failed
}

func niceness(t *testing.T) int {
	t.Helper()
	priority, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	must(t, err)
	return 20 - priority
}

// TestWhatTheAgentIs looks at the agent from within: who it is, what it may, and what it has inherited.
func TestWhatTheAgentIs(t *testing.T) {
	testkit.NeedRoot(t)
	ignored := []os.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU}
	signal.Ignore(ignored...) // as whoever starts a bridge may
	defer signal.Reset(ignored...)
	uids, err := ParseRange("10000-59999")
	must(t, err)
	root := openRootFor(t)
	limits := Limits{Processes: 77, OpenFiles: 88, FileBytes: 99 << 10, Nice: 3}
	plan, err := Resolve(t.Context(), Config{Request: request(t, "uid,landlock"), UIDs: uids, Workspaces: root, Read: system, Limits: limits})
	must(t, err)
	defer plan.Close()
	uid, err := plan.Identify(t.Context(), "alice")
	must(t, err, root.Mkdir("alice", 0o700), root.Chown("alice", uid, uid))
	temp, err := plan.MakeTemp(uid)
	must(t, err)
	defer os.RemoveAll(temp)
	job := Job{
		Env: []string{"PATH=/usr/bin:/bin", "OWN=1"}, Workspace: filepath.Join(root.Name(), "alice"), Temp: temp, UID: uid,
		Argv: []string{"sh", "-c", "pwd; id -u; id -g; id -G; env | grep -v -e PWD -e SHLVL -e ^_=; ls /proc/self/fd | wc -l; sed -n 's/SigIgn:.*\\(.\\{6\\}\\)$/ignored \\1/p' /proc/self/status; grep -e NoNewPrivs -e ^Cap /proc/self/status; " +
			"umask; ulimit -Hp; ulimit -Hn; ulimit -Hf; nice; cat /proc/self/oom_score_adj; test -e /proc/$PPID; echo $?; ls -a /dev/shm | wc -l; echo $(ls -a /tmp)"},
	}
	got, err := becomes(t, plan, job)
	must(t, err)
	// Three streams, and the directory that ls has open itself.
	want := fmt.Sprintf("%s\n%d\n%d\n%d\nPATH=/usr/bin:/bin\nOWN=1\n4\n", job.Workspace, uid, uid, uid)
	want += "ignored 000000\n" // of the signals that programs deal with: the C library has some of its own
	for _, set := range []string{"Inh", "Prm", "Eff", "Bnd", "Amb"} {
		want += "Cap" + set + ":\t0000000000000000\n"
	}
	want += "NoNewPrivs:\t1\n0077\n77\n88\n198\n" // sh counts 512 bytes
	want += fmt.Sprintf("%d\n500\n1\n2\n. ..", min(niceness(t)+3, 19))
	if below, isTemp := strings.CutPrefix(root.Name(), "/tmp/"); isTemp { // the way to the workspace is all that is there
		first, _, _ := strings.Cut(below, "/")
		want += " " + first
	}
	want += "\n"
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}

	broken := filepath.Join(root.Name(), "broken")
	must(t, os.WriteFile(broken, nil, 0o755))
	notes := filepath.Join(root.Name(), "notes")
	must(t, os.WriteFile(notes, nil, 0o644))
	for what, c := range map[string]struct {
		job  Job
		says string
	}{
		"no program":    {Job{Argv: []string{"no-such-agent"}, Env: job.Env, Workspace: job.Workspace, Temp: temp, UID: uid}, "find the program: exec: \"no-such-agent\""},
		"no executable": {Job{Argv: []string{notes}, Env: job.Env, Workspace: job.Workspace, Temp: temp, UID: uid}, "find the program: "},
		"no program's format": {Job{Argv: []string{broken}, Env: job.Env, Workspace: job.Workspace, Temp: temp, UID: uid},
			"execute " + broken + ": exec format error"},
		"no workspace": {Job{Argv: []string{"sh"}, Env: job.Env, Workspace: job.Workspace + "-not", Temp: temp, UID: uid}, "reach the workspace as the user: "},
	} {
		if _, err := becomes(t, plan, c.job); err == nil || !strings.HasPrefix(err.Error(), c.says) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestHelperEndsWithoutOrders closes the pipe that the helper waits on.
func TestHelperEndsWithoutOrders(t *testing.T) {
	h, err := NewHelper()
	must(t, err, h.Cmd.Start())
	h.Close()
	if err := h.Cmd.Wait(); err == nil || h.Cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("it ended with %v", err)
	}
	// Nobody but the bridge's own start can be taken for the helper.
	out, err := exec.Command(os.Args[0], "-test.run", "^$").CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
