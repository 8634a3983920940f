package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"hearth/infra/testkit"
	"hearth/messages/wire"
)

// kind is what a container allows.
type kind string

const (
	ordinary     kind = "ordinary"     // root with the capabilities that a container has by default, on ECS as well
	privileged   kind = "privileged"   // root with all of them: the container may mount
	unprivileged kind = "unprivileged" // not root
)

// launchVariable makes the test binary a launcher, which takes on the rights of a kind of container and becomes a program, with
// its own arguments. Its value is the two with a colon between.
const launchVariable = "HEARTH_TEST_LAUNCH"

// containerCapabilities are Docker's default ones, which are ECS', too.
var containerCapabilities = []uintptr{
	unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FSETID, unix.CAP_FOWNER, unix.CAP_MKNOD, unix.CAP_NET_RAW, unix.CAP_SETGID,
	unix.CAP_SETUID, unix.CAP_SETFCAP, unix.CAP_SETPCAP, unix.CAP_NET_BIND_SERVICE, unix.CAP_SYS_CHROOT, unix.CAP_KILL,
	unix.CAP_AUDIT_WRITE,
}

const (
	// ordinaryUser is whom an unprivileged container's processes run as.
	ordinaryUser = 4343
	// operatorKey is in the session keyring that programs are launched with, as an operator's may be.
	operatorKey = "hearth-operator"
)

func launch(what string) int {
	runtime.LockOSThread()
	name, file, _ := strings.Cut(what, ":")
	if err := takeRights(kind(name)); err != nil {
		fmt.Fprintln(os.Stderr, "launch:", err)
		return exitFailed
	}
	environ := slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, launchVariable+"=") })
	fmt.Fprintln(os.Stderr, "launch:", syscall.Exec(file, append([]string{file}, os.Args[1:]...), environ))
	return exitFailed
}

func takeRights(of kind) error {
	if _, err := unix.KeyctlJoinSessionKeyring(operatorKey); err != nil {
		return err
	}
	if _, err := unix.AddKey("user", operatorKey, []byte("secret"), unix.KEY_SPEC_SESSION_KEYRING); err != nil {
		return err
	}
	switch of {
	case ordinary:
		for capability := range uintptr(unix.CAP_LAST_CAP + 1) {
			if slices.Contains(containerCapabilities, capability) {
				continue
			}
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0); err != nil && err != unix.EINVAL {
				return err
			}
		}
	case unprivileged:
		return errors.Join(unix.Setresgid(ordinaryUser, ordinaryUser, ordinaryUser), unix.Setresuid(ordinaryUser, ordinaryUser, ordinaryUser))
	}
	return nil
}

// launched is a program in a container of a kind.
func launched(of kind, file string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), launchVariable + "=" + string(of) + ":" + file}
	return cmd
}

// container is a directory that stands for what the tasks of a machine share, with the agents' program in it.
type container struct {
	t    *testing.T
	dir  string
	root string // WORKSPACE_ROOT
	env  []string
	kind kind
	open *os.File // what bridges are started with
}

// openContainer makes a container for bridges with these levels. With chroot, there is a prepared root, and the workspaces
// are inside of it unless they are to be mounted there.
func openContainer(t *testing.T, of kind, levels string, mounted, preload bool) *container {
	t.Helper()
	dir, err := os.MkdirTemp(filepath.Dir(program), "container-")
	if err != nil {
		t.Fatal(err)
	}
	c := &container{t: t, dir: dir, root: filepath.Join(dir, "efs"), kind: of}
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
	if of == unprivileged {
		for _, name := range []string{c.root, filepath.Join(dir, "tmp")} {
			if err := os.Chown(name, ordinaryUser, ordinaryUser); err != nil {
				t.Fatal(err)
			}
		}
	}
	if strings.Contains(levels, "landlock") {
		c.env = append(c.env, "AGENT_CONNECT_PORTS=1,443")
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	if c.open, err = os.Open(program); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.open.Close() })
	if preload {
		c.env = append(c.env, "AGENT_PRELOAD=process")
	}
	c.env = append(c.env, "ISOLATION="+levels, "WORKSPACE_ROOT="+c.root, "TMPDIR="+filepath.Join(dir, "tmp"), "AGENT="+agent,
		"AGENT_MAX_PROCESSES=64", "AGENT_MAX_OPEN_FILES=128", "AGENT_MAX_FILE_BYTES=1048576",
		"AWS_EXECUTION_ENV=AWS_ECS_EC2", "ECS_CONTAINER_METADATA_URI_V4=http://169.254.170.2/v4/x", "DATABASE_PASSWORD=secret")
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
	*testkit.Peer
	t   *testing.T
	cmd *exec.Cmd
	log *bytes.Buffer
}

// begin starts a bridge and gives it its user.
func (c *container) begin(user wire.UserID, role string) *session {
	t := c.t
	t.Helper()
	g := testkit.NewGateway(t)
	s := &session{t: t, log: &bytes.Buffer{}, cmd: launched(c.kind, program)}
	s.cmd.Env = append(s.cmd.Env, "TASK_ID=task-"+string(user), "TASK_TOKEN="+taskToken,
		"GATEWAY_WS_URL="+g.URL())
	for _, entry := range c.env {
		if agent, ok := strings.CutPrefix(entry, "AGENT="); ok {
			entry = "AGENT_COMMAND=" + agent + " " + role
		}
		s.cmd.Env = append(s.cmd.Env, entry)
	}
	s.cmd.Stderr = s.log
	s.cmd.ExtraFiles = []*os.File{c.open, c.open, c.open, c.open} // some of which have numbers that the helper's own have not
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
	s.Peer = testkit.Receive(t, g.Arrivals)
	testkit.Next[wire.BridgeHello](s.Peer)
	s.Send(wire.InitUser{UserID: user, SessionID: "session-1", WorkspaceDir: filepath.Join(c.root, string(user)), Token: userToken})
	if role == "victim" {
		s.SendData(1, `"begin"`)
	}
	return s
}

// end kills the bridge, and with it its agent. The log is whole then.
func (s *session) end() {
	_ = s.cmd.Process.Kill() // it may have ended, or
	_ = s.cmd.Wait()         // have been waited for
}

// output reads the agent's next line into what.
func (s *session) output(what any) {
	s.t.Helper()
	for {
		switch f := s.Receive().(type) {
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
	Open                                                  uint64
	PID, Bridge, Gateway, Port, Score                     int
	Workspace, Temp, Socket, Other, SetUID, Key, Terminal string
}

type result struct{ Attempt, Error string }
