package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"hearth/infra/client"
	"hearth/messages/wire"
)

// processesOf are the ids of all processes but this one that have the text in their command line or environment.
func processesOf(t testing.TB, mark string) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		for _, file := range []string{"cmdline", "environ"} {
			// A process that has just ended, or that hides its environment, cannot be read; it has a command line until then.
			if text, err := os.ReadFile(filepath.Join("/proc", entry.Name(), file)); err == nil && bytes.Contains(text, []byte(mark)) {
				found = append(found, pid)
				break
			}
		}
	}
	return found
}

// nothingLeft waits until no process of the test's is left.
func nothingLeft(t testing.TB, mark string) {
	t.Helper()
	eventually(t, "no process is left", func() bool { return len(processesOf(t, mark)) == 0 })
}

// bridgeIn puts a bridge into a directory that, before it becomes the real one, writes down its pid: the host's, which
// /proc/self has in a PID namespace, too. So a test can do harm to a task that it knows by its id. The directory stays in
// its command line, which a bridge, unlike its environment, does not hide.
func bridgeIn(t testing.TB, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "bridge")
	if err := os.Symlink(program("bridge"), path+".real"); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\nread -r pid rest </proc/self/stat\necho \"$pid\" >'%s'/\"$TASK_ID\".pid\nexec '%s.real' \"$@\"\n",
		dir, path)
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// bridgesOf are the ids of the bridges that a test's tasks run.
func bridgesOf(t testing.TB, dir string) []int {
	t.Helper()
	return processesOf(t, filepath.Join(dir, "bridge"))
}

// pidOfTask is the process id of a task's bridge.
func pidOfTask(t testing.TB, dir string, task wire.TaskID) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, string(task)+".pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// signalTask sends a signal to a task's bridge. SIGKILL ends the task, agent and all.
func signalTask(t testing.TB, dir string, task wire.TaskID, signal syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pidOfTask(t, dir, task), signal); err != nil {
		t.Fatalf("task %s: %v", task, err)
	}
}

// process is a program of the product's that runs.
type process struct {
	t   testing.TB
	cmd *exec.Cmd
	// dir is the test's own directory: its mark on every process.
	dir  string
	log  *journal
	gone chan struct{}
	err  error // once gone
}

// startProgram starts a program, behind whose name there may be arguments, with additional environment variables, and ends
// it with the test.
func startProgram(t testing.TB, dir, command string, environment ...string) *process {
	t.Helper()
	p := &process{t: t, dir: dir, log: &journal{}, gone: make(chan struct{})}
	name, arguments, _ := strings.Cut(command, " ")
	p.cmd = exec.Command(program(name), strings.Fields(arguments)...)
	p.cmd.Env = append(os.Environ(), append(environment, "HEARTH_E2E="+dir, "TMPDIR="+dir)...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.cmd.WaitDelay = patience
	started := make(chan error)
	go func() {
		// The kernel ends the program when the thread that started it ends: this one stays until the program is gone.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.gone)
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.signal(syscall.SIGKILL)
		<-p.gone
		if t.Failed() {
			t.Logf("what %s wrote:\n%s", name, p.log)
		}
	})
	return p
}

func (p *process) signal(signal syscall.Signal) {
	// It may have ended already.
	_ = p.cmd.Process.Signal(signal)
}

// exit waits for the end and gives the exit code.
func (p *process) exit() int {
	p.t.Helper()
	select {
	case <-p.gone:
	case <-time.After(patience):
		p.t.Fatal("the program does not end")
	}
	var failed *exec.ExitError
	if p.err != nil && !errors.As(p.err, &failed) {
		p.t.Fatal(p.err)
	}
	return p.cmd.ProcessState.ExitCode()
}

// after waits for a text in what was written and gives the rest of its line, or of the message if that is a log line.
func (p *process) after(text string) string {
	p.t.Helper()
	var rest string
	eventually(p.t, fmt.Sprintf("it says %q", text), func() bool {
		_, found, ok := strings.Cut(p.log.String(), text)
		if !ok {
			select {
			case <-p.gone:
				p.t.Fatalf("it has ended (%v) without saying %q", p.err, text)
			default:
			}
			return false
		}
		rest, _, ok = strings.Cut(found, "\n")
		return ok
	})
	return strings.TrimSuffix(rest, `"}`)
}

// realGateway is a gateway in a process of its own, with AUTH=dev.
type realGateway struct {
	*process
	endpoint
	t  testing.TB
	ws string
}

// startGateway starts one on a free port.
func startGateway(t testing.TB, dir string, environment ...string) realGateway {
	t.Helper()
	p := startProgram(t, dir, "gateway", append([]string{
		"LISTEN_ADDR=127.0.0.1:0", "AUTH=dev", "DEV_TOKEN=off", "LOG_FORMAT=json", "LOG_LEVEL=debug",
		"WORKSPACE_ROOT=" + filepath.Join(dir, "workspaces"),
		"AGENT_COMMAND=bash", "AGENT_IO=text", "AGENT_STDERR=merge", "STOP_GRACE=1s",
	}, environment...)...)
	ws := strings.TrimSuffix(p.after("clients connect to "), "/ws")
	return realGateway{p, endpoint{t: t, base: "http" + strings.TrimPrefix(ws, "ws")}, t, ws}
}

// shell runs the terminal client with an input, and gives its standard output and exit code.
func (g realGateway) shell(input string, arguments ...string) (string, int) {
	g.t.Helper()
	cmd := exec.CommandContext(g.t.Context(), program("shell"), append([]string{"--url", g.ws}, arguments...)...)
	cmd.Stdin = strings.NewReader(input)
	var output, notes bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &notes
	var failed *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &failed) {
		g.t.Fatal(err)
	}
	if notes.Len() > 0 {
		g.t.Logf("the shell says: %s", &notes)
	}
	return output.String(), cmd.ProcessState.ExitCode()
}

// at is the option that connects a client to this gateway.
func (g realGateway) at(c *client.Config) { c.URL = g.ws }

// sharedDir is a temporary directory that users' own UIDs can get to, as a mounted volume is. It may take more than one attempt to
// remove it: the kernel takes its time to kill the tasks of a gateway that was killed, and until then they may write to it.
func sharedDir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() { eventually(t, "it is removed", func() bool { return os.RemoveAll(dir) == nil }) })
	for _, each := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(each, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// mkdir makes a directory and gives it back.
func mkdir(t testing.TB, dir string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
