package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/lxzan/gws"
	"golang.org/x/sys/unix"

	"hearth/cmd/document"
	"hearth/messages/wire"
)

// rewrite regenerates what the documents say of the bridge: go test ./cmd/bridge -run Document -rewrite
var rewrite = flag.Bool("rewrite", false, "write the bridge's parts of docs/configuration.md and docs/security.md anew")

// launchVariable makes the test binary a launcher, which gives up the capabilities that a container on ECS does not have, and
// becomes the program that the variable names.
const launchVariable = "HEARTH_TEST_LAUNCH"

// containerCapabilities are Docker's default ones, which are ECS', too.
var containerCapabilities = []uintptr{
	unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FSETID, unix.CAP_FOWNER, unix.CAP_MKNOD, unix.CAP_NET_RAW, unix.CAP_SETGID,
	unix.CAP_SETUID, unix.CAP_SETFCAP, unix.CAP_SETPCAP, unix.CAP_NET_BIND_SERVICE, unix.CAP_SYS_CHROOT, unix.CAP_KILL,
	unix.CAP_AUDIT_WRITE,
}

func launch(what string) int {
	runtime.LockOSThread()
	for capability := range uintptr(unix.CAP_LAST_CAP + 1) {
		if slices.Contains(containerCapabilities, capability) {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0); err != nil && err != unix.EINVAL {
			fmt.Fprintln(os.Stderr, "launch:", err)
			return exitFailed
		}
	}
	fmt.Fprintln(os.Stderr, "launch:", syscall.Exec(what, []string{what}, os.Environ()))
	return exitFailed
}

// needRoot fails a test that the kernel would make pass for the wrong reason.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("this test gives users their own UIDs and needs root, as in CI: sudo go test ./cmd/bridge")
	}
}

// container is a directory that stands for what the tasks of a machine share, with the agents' program in it.
type container struct {
	t    *testing.T
	dir  string
	root string // WORKSPACE_ROOT
	env  []string
	// privileged containers keep all of root's capabilities.
	privileged bool
}

// openContainer makes a container for bridges with these levels. With chroot, there is a prepared root, and the workspaces
// are inside of it unless they are to be mounted there.
func openContainer(t *testing.T, levels string, mounted, preload bool) *container {
	t.Helper()
	dir, err := os.MkdirTemp(filepath.Dir(program), "container-")
	if err != nil {
		t.Fatal(err)
	}
	c := &container{t: t, dir: dir, root: filepath.Join(dir, "efs"), privileged: mounted || preload}
	agent := hostile
	if strings.Contains(levels, "chroot") {
		agentRoot := filepath.Join(dir, "root")
		c.prepareRoot(agentRoot)
		c.env = append(c.env, "AGENT_ROOT="+agentRoot)
		agent = "/bin/hostile"
		if mounted {
			c.mkdir(filepath.Join(agentRoot, c.root), 0o755)
		} else {
			c.root = filepath.Join(agentRoot, "mnt", "efs")
		}
	}
	c.mkdir(c.root, 0o711)
	c.mkdir(filepath.Join(dir, "tmp"), 0o711)
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	if preload {
		c.env = append(c.env, "AGENT_PRELOAD=process")
	}
	c.env = append(c.env, "ISOLATION="+levels, "WORKSPACE_ROOT="+c.root, "TMPDIR="+filepath.Join(dir, "tmp"), "AGENT="+agent)
	return c
}

func (c *container) mkdir(dir string, mode os.FileMode) {
	c.t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Chmod(dir, mode); err != nil {
		c.t.Fatal(err)
	}
}

// prepareRoot makes what an operator prepares for the level chroot: the agent's program, /tmp and /proc.
func (c *container) prepareRoot(dir string) {
	c.t.Helper()
	c.mkdir(filepath.Join(dir, "bin"), 0o755)
	c.mkdir(filepath.Join(dir, "tmp"), os.ModeSticky|0o777)
	c.mkdir(filepath.Join(dir, "proc"), 0o555)
	text, err := os.ReadFile(hostile)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "bin", "hostile"), text, 0o755)
	}
	if err == nil {
		err = unix.Mount("proc", filepath.Join(dir, "proc"), "proc", 0, "")
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		if err := unix.Unmount(filepath.Join(dir, "proc"), unix.MNT_DETACH); err != nil {
			c.t.Error(err)
		}
	})
}

// inside is a path as agents of this container see it.
func (c *container) inside(path string) string {
	return "/" + strings.TrimLeft(strings.TrimPrefix(path, filepath.Join(c.dir, "root")), "/")
}

// session is a bridge with a user whose agent plays a role.
type session struct {
	*gateway
	t      *testing.T
	cmd    *exec.Cmd
	socket *gws.Conn
	log    *bytes.Buffer
}

// begin starts a bridge and gives it its user.
func (c *container) begin(user wire.UserID, role string) *session {
	t := c.t
	t.Helper()
	s := &session{gateway: newGateway(t), t: t, log: &bytes.Buffer{}, cmd: exec.Command(os.Args[0])}
	if c.privileged {
		s.cmd = exec.Command(program)
	}
	s.cmd.Dir = "/"
	s.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), launchVariable + "=" + program, "TASK_ID=task-" + string(user), "TASK_TOKEN=" + taskToken,
		"GATEWAY_WS_URL=ws" + strings.TrimPrefix(s.server.URL, "http")}
	for _, entry := range c.env {
		if agent, ok := strings.CutPrefix(entry, "AGENT="); ok {
			entry = "AGENT_COMMAND=" + agent + " " + role
		}
		s.cmd.Env = append(s.cmd.Env, entry)
	}
	s.cmd.Stderr = s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Groups: []uint32{4243}}}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.end()
		if t.Failed() {
			t.Logf("the log of %s's bridge:\n%s", user, s.log)
		}
	})
	s.socket = await(t, s.opened)
	await(t, s.frames)
	s.send(wire.InitUser{UserID: user, SessionID: "session-1", WorkspaceDir: filepath.Join(c.root, string(user)), Token: userToken})
	if role == "victim" {
		s.send(wire.Data{Seq: 1, Payload: []byte(`"begin"`)})
	}
	return s
}

// end kills the bridge, and with it its agent. The log is whole then.
func (s *session) end() {
	_ = s.cmd.Process.Kill() // it may have ended, or
	_ = s.cmd.Wait()         // have been waited for
}

func (s *session) send(frame wire.Frame) {
	s.t.Helper()
	if err := s.socket.WriteMessage(gws.OpcodeText, wire.AppendFrame(nil, frame)); err != nil {
		s.t.Fatal(err)
	}
}

// output reads the agent's next line into what.
func (s *session) output(what any) {
	s.t.Helper()
	for {
		switch f := await(s.t, s.frames).(type) {
		case wire.Data:
			if err := json.Unmarshal(f.Payload, what); err != nil {
				s.t.Fatalf("%v: %s", err, f.Payload)
			}
			return
		case wire.InitFailed, wire.Exit:
			s.t.Fatalf("instead of the agent's output: %+v", f)
		}
	}
}

// victim and result are the hostile agents' own (testdata/hostile).
type victim struct {
	PID, Bridge                            int
	Workspace, Temp, Socket, Other, SetUID string
}

type result struct{ Attempt, Error string }

// column is a set of levels that is tried.
type column struct {
	levels  string
	mounted bool
	title   string
}

// tables are what docs/security.md has: agents that start in their workspace, and such as are given it later.
var tables = []struct {
	section string
	preload bool
	columns []column
}{
	{"isolation", false, []column{
		{"path", false, "path"},
		{"path,landlock", false, "landlock"},
		{"path,uid", false, "uid"},
		{"path,uid,landlock", false, "uid, landlock"},
		{"path,uid,chroot", false, "uid, chroot"},
		{"path,uid,landlock,chroot", false, "uid, landlock, chroot"},
		{"path,uid,chroot", true, "uid, chroot (mounted)"},
	}},
	{"preloaded", true, []column{
		{"path", false, "path"},
		{"path,landlock", false, "landlock"},
		{"path,uid", false, "uid"},
		{"path,uid,landlock", false, "uid, landlock"},
	}},
}

// TestIsolationDocument has one user's agent attack another's at every level, and holds the tables of what each level stops to
// what was stopped.
func TestIsolationDocument(t *testing.T) {
	needRoot(t)
	for _, table := range tables {
		t.Run(table.section, func(t *testing.T) {
			document.Section(t, "../../docs/security.md", table.section, attackAll(t, table.columns, table.preload), *rewrite)
		})
	}
}

// attackAll makes a table.
func attackAll(t *testing.T, columns []column, preload bool) string {
	t.Helper()
	var rows []string
	for _, column := range columns {
		t.Run(column.title, func(t *testing.T) {
			for i, r := range attack(t, column.levels, column.mounted, preload) {
				t.Logf("%s: %s", r.Attempt, r.Error)
				if i == len(rows) {
					rows = append(rows, "| "+r.Attempt+" |")
				}
				cell := " stopped |"
				if r.Error == "" {
					cell = " **succeeds** |"
				}
				rows[i] += cell
			}
		})
	}
	head, line := "| another user's agent tries to… |", "|---|"
	for _, column := range columns {
		head, line = head+" "+column.title+" |", line+"---|"
	}
	return strings.Join(append([]string{head, line}, rows...), "\n") + "\n"
}

// TestAutoTakesWhatItCanGet runs a bridge as ECS does.
func TestAutoTakesWhatItCanGet(t *testing.T) {
	needRoot(t)
	c := openContainer(t, "auto", false, false)
	s := c.begin("alice", "victim")
	var v victim
	s.output(&v)
	s.end()
	if got := levelsIn(t, s.log.String()); got != "path,uid,landlock" {
		t.Errorf("isolated by %s", got)
	}
	if !strings.Contains(s.log.String(), "chroot: AGENT_ROOT is not set") {
		t.Error("the log does not say why there is no chroot")
	}
}

// TestPreloadTakesMoreThanContainersHave runs a bridge as ECS does, which is not enough to start its agent before its user.
func TestPreloadTakesMoreThanContainersHave(t *testing.T) {
	needRoot(t)
	c := openContainer(t, "auto", false, true)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(c.env, launchVariable+"="+program, "TASK_ID=task-1", "TASK_TOKEN="+taskToken, "GATEWAY_WS_URL=ws://127.0.0.1:1", "AGENT_COMMAND=cat")
	out, _ := cmd.CombinedOutput() // the exit code is looked at
	const want = "AGENT_PRELOAD: process cannot be had with ISOLATION=path,uid,landlock: needs root with the capabilities SYS_ADMIN"
	if code := cmd.ProcessState.ExitCode(); code != exitFailed || !bytes.Contains(out, []byte(want)) || bytes.Count(out, []byte("\n")) != 1 {
		t.Errorf("code %d:\n%s", code, out)
	}
}

// TestConfigurationDocument holds docs/configuration.md to the flags.
func TestConfigurationDocument(t *testing.T) {
	var flags cli
	parser, err := kong.New(&flags, kong.Name("bridge"), kong.Vars{"version": version})
	if err != nil {
		t.Fatal(err)
	}
	document.Section(t, "../../docs/configuration.md", "bridge", document.Flags(parser.Model), *rewrite)
}

// attack has user B's agent attack user A's, and gives the results in the order of the attempts.
func attack(t *testing.T, levels string, mounted, preload bool) []result {
	t.Helper()
	c := openContainer(t, levels, mounted, preload)
	alice := c.begin("alice", "victim")
	var v victim
	alice.output(&v)

	home := c.dir
	if strings.Contains(levels, "chroot") {
		home = filepath.Join(c.dir, "root")
	}
	other, setUID := filepath.Join(c.dir, "other"), filepath.Join(home, "set-user-id")
	text, err := os.ReadFile(hostile)
	if err == nil {
		err = os.WriteFile(setUID, text, 0o755)
	}
	for _, do := range []func() error{
		func() error { return os.WriteFile(other, []byte("of the container's\n"), 0o644) },
		func() error { return os.Chown(setUID, 4242, 4242) },
		func() error { return os.Chmod(setUID, os.ModeSetuid|0o755) },
	} {
		if err == nil {
			err = do()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	v.Other, v.SetUID = other, c.inside(setUID)
	if preload {
		v.Workspace = filepath.Join(c.root, "alice") // to which it is known by another name
	}
	order, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	bob := c.begin("bob", "attacker")
	bob.send(wire.Data{Seq: 1, Payload: order})
	var results []result
	bob.output(&results)
	bob.end()
	if got := levelsIn(t, bob.log.String()); got != levels {
		t.Errorf("isolated by %s", got)
	}
	return results
}

// levelsIn are the levels that a bridge's log tells of.
func levelsIn(t *testing.T, log string) string {
	t.Helper()
	for lines := bufio.NewScanner(strings.NewReader(log)); lines.Scan(); {
		var line struct{ Message, Levels string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "agents are isolated" {
			return line.Levels
		}
	}
	t.Fatal("the log does not tell the levels")
	return ""
}
