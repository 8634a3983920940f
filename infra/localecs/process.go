package localecs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// containment is what makes everything that a process started end with it.
type containment int

const (
	pidNamespace     containment = iota // the kernel kills a PID namespace with its first process
	userPIDNamespace                    // the same, for those who are not root
	processGroup                        // killed as a whole, but a process can leave it
)

func (c containment) String() string {
	return [...]string{"PID namespace", "PID namespace in a user namespace", "process group"}[c]
}

// attributes for a new process. It is killed by the kernel when the thread that started it ends, and it is in a session
// of its own, so that a terminal's Ctrl-C reaches only the endpoint, which then stops its tasks in order.
func (c containment) attributes() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	switch c {
	case pidNamespace:
		a.Cloneflags = syscall.CLONE_NEWPID
	case userPIDNamespace:
		a.Cloneflags = syscall.CLONE_NEWPID | syscall.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
		// They hold in the namespace alone. With them a bridge gives its agent a /proc of its own, and no capability.
		a.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SETPCAP}
	}
	return a
}

// permitted reports whether this kernel and user allow it, by a start that can only fail: when the failure is that of the
// exec, the fork with its flags went well.
func (c containment) permitted() bool {
	_, err := os.StartProcess("/dev/null/none", []string{"none"}, &os.ProcAttr{Sys: c.attributes()})
	return errors.Is(err, syscall.ENOTDIR)
}

func strongest() containment {
	for _, c := range []containment{pidNamespace, userPIDNamespace} {
		if c.permitted() {
			return c
		}
	}
	return processGroup
}

// spawner starts all processes from one OS thread of its own. The kernel's parent death signal is tied to the thread that
// forked, not to the process, and Go ends threads at will: this one lives until close.
type spawner struct {
	mode   containment
	starts chan func()
	stop   chan struct{}
	ended  chan struct{}
}

func newSpawner() *spawner {
	s := &spawner{mode: strongest(), starts: make(chan func()), stop: make(chan struct{}), ended: make(chan struct{})}
	go s.run()
	return s
}

func (s *spawner) run() {
	defer close(s.ended)
	runtime.LockOSThread() // never unlocked: the thread ends here, and with it any process that were still left
	for {
		select {
		case start := <-s.starts:
			start()
		case <-s.stop:
			return
		}
	}
}

// close ends the thread; starts are refused afterwards.
func (s *spawner) close() {
	close(s.stop)
	<-s.ended
}

// processSpec is what to run; env is the whole environment, and dir "" the endpoint's own directory.
type processSpec struct {
	argv, env []string
	dir       string
	output    func(stream, line string) // is given every line written; called from two goroutines
}

// process is a started process and all that it starts.
type process struct {
	gone chan struct{} // closed when it and all that it started have ended, their output was read, and onExit has returned

	mu     sync.Mutex // orders signals before the reaping, after which the pid may be another's
	proc   *os.Process
	reaped bool
}

// start starts a process. onExit is called once with its exit code, as a shell counts: 128 + n for death by signal n.
func (s *spawner) start(spec processSpec, onExit func(code int)) (*process, error) {
	if len(spec.argv) == 0 {
		return nil, errors.New("no command specified: localecs has no image to take one from")
	}
	if spec.dir != "" { // the exec's own error would blame the command
		if _, err := os.Stat(spec.dir); err != nil {
			return nil, fmt.Errorf("working directory: %w", err)
		}
	}
	path, err := lookPath(spec)
	if err != nil {
		return nil, err
	}
	pipes, err := openPipes()
	if err != nil {
		return nil, err
	}
	attr := &os.ProcAttr{Dir: spec.dir, Env: spec.env, Files: pipes.child(), Sys: s.mode.attributes()}
	p := &process{gone: make(chan struct{})}
	err = s.onThread(func() (err error) {
		p.proc, err = os.StartProcess(path, spec.argv, attr)
		return err
	})
	pipes.closeChild()
	if err != nil {
		pipes.closeParent()
		return nil, err
	}
	drained := pipes.forward(spec.output)
	go p.await(pipes, drained, onExit)
	return p, nil
}

// onThread runs f on the spawner's thread.
func (s *spawner) onThread(f func() error) error {
	result := make(chan error, 1)
	select {
	case s.starts <- func() { result <- f() }:
		return <-result
	case <-s.stop:
		return errors.New("the endpoint is closed")
	}
}

// drainTime is how long output is still read after the last process has ended. It is needed only where a process can
// leave its group and keep the pipe.
const drainTime = time.Second

// await sees a process to its end: it waits without reaping, so that the pid and the group stay the process's own, kills
// what is left of the group, and then reaps.
func (p *process) await(pipes *pipes, drained <-chan struct{}, onExit func(int)) {
	defer close(p.gone)
	for unix.Waitid(unix.P_PID, p.proc.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	p.kill()
	p.mu.Lock()
	state, err := p.proc.Wait()
	p.reaped = true
	p.mu.Unlock()
	pipes.expire(drainTime)
	<-drained
	onExit(exitCode(state, err))
}

// exitUnknown is the exit code when the kernel would not tell.
const exitUnknown = 255

func exitCode(state *os.ProcessState, err error) int {
	if err != nil {
		return exitUnknown
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

// signal sends a signal to the first process, as a container's runtime does.
func (p *process) signal(sig syscall.Signal) { p.send(p.proc.Pid, sig) }

// kill ends the process and its group now; the kernel takes the rest of a PID namespace with it.
func (p *process) kill() { p.send(-p.proc.Pid, syscall.SIGKILL) }

func (p *process) send(pid int, sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		// The one possible error is that the process has ended already.
		_ = syscall.Kill(pid, sig)
	}
}

// lookPath finds the program as execvpe would in the task: by the task's PATH, relative to its working directory.
func lookPath(spec processSpec) (string, error) {
	name := spec.argv[0]
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, dir := range filepath.SplitList(environ(spec.env, "PATH")) {
		path := filepath.Join(valueOr(dir, "."), name)
		if !filepath.IsAbs(path) {
			path = filepath.Join(spec.dir, path)
		}
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return filepath.Abs(path)
		}
	}
	return "", fmt.Errorf("exec: %q: executable file not found in $PATH", name)
}

func environ(env []string, name string) string {
	for _, kv := range env {
		if value, ok := strings.CutPrefix(kv, name+"="); ok {
			return value
		}
	}
	return ""
}
