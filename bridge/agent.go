package bridge

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"hearth/bridge/isolation"
	"hearth/messages/wire"
)

// agent is the agent's process: the leader of a session and process group of its own, whose three streams are pipes, or a terminal.
type agent struct {
	cmd    *exec.Cmd
	helper *isolation.Helper // what it is at first
	// terminal is nil without one. With one, stdin and stdout are it, and there is no stderr.
	terminal *terminal
	stdin    *os.File
	stdout   *outputPipe
	stderr   *outputPipe
	reaper   *reaper

	dead      chan struct{} // closed once the process is dead
	mu        sync.Mutex
	collected bool // the pid may be anyone's from here on
}

// startAgent starts the process, which waits as a helper until become. The calling goroutine must be locked to its thread until
// wait has returned: the kernel kills the agent when the thread that started it ends, so that it never outlives the bridge.
// flags are what it takes on a stage, or 0.
func startAgent(reaper *reaper, io LineMode, flags uintptr) (*agent, error) {
	helper, err := isolation.NewHelper()
	if err != nil {
		return nil, err
	}
	a := &agent{cmd: helper.Cmd, helper: helper, reaper: reaper, dead: make(chan struct{})}
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL, Cloneflags: flags}
	open := a.openPipes
	if io == Terminal {
		open = a.openTerminal
	}
	theirs, err := open()
	if err != nil {
		helper.Close()
		return nil, err
	}
	if err := reaper.start(a.cmd); err != nil {
		closeFiles(theirs...)
		a.closeOutputs()
		closeFiles(a.stdin)
		helper.Close()
		return nil, err
	}
	helper.Started()
	closeFiles(theirs...)
	return a, nil
}

// openPipes makes the three streams pipes, and gives the agent's ends.
func (a *agent) openPipes() (theirs []*os.File, err error) {
	var files [6]*os.File
	for i := 0; i < len(files); i += 2 {
		if files[i], files[i+1], err = os.Pipe(); err != nil {
			closeFiles(files[:]...)
			return nil, err
		}
	}
	a.stdin = files[1]
	a.stdout = &outputPipe{file: files[2], dead: a.dead}
	a.stderr = &outputPipe{file: files[4], dead: a.dead}
	a.cmd.Stdin, a.cmd.Stdout, a.cmd.Stderr = files[0], files[3], files[5]
	return []*os.File{files[0], files[3], files[5]}, nil
}

// openTerminal makes all of the streams a terminal, which controls the agent's session, and gives the agent's end.
func (a *agent) openTerminal() (theirs []*os.File, err error) {
	t, agents, err := openTerminal()
	if err != nil {
		return nil, err
	}
	a.terminal, a.stdin, a.stdout = t, t.file, &outputPipe{file: t.file, dead: a.dead}
	a.cmd.Stdin, a.cmd.Stdout, a.cmd.Stderr = agents, agents, agents
	a.cmd.SysProcAttr.Setctty = true // of file 0, as Ctty has it
	return []*os.File{agents}, nil
}

// closeOutputs closes the bridge's ends of the agent's output, once that was read.
func (a *agent) closeOutputs() {
	closeFiles(a.stdout.file)
	if a.stderr != nil {
		closeFiles(a.stderr.file)
	}
}

// abandon ends a process that has not become an agent.
func (a *agent) abandon() {
	a.helper.Close()
	_ = a.signal(syscall.SIGKILL) // a dead one is as good
	a.wait()
	a.closeOutputs()
}

// closeFiles closes the ends of pipes, which cannot fail in a way that matters.
func closeFiles(files ...*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close()
		}
	}
}

// signal sends sig to the agent's process group, unless it is gone.
func (a *agent) signal(sig syscall.Signal) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.collected {
		return nil
	}
	return syscall.Kill(-a.cmd.Process.Pid, sig)
}

// wait returns how the process ended, once it has. What it has left behind is killed, stdin is closed, and the output pipes end
// after what was written to them.
func (a *agent) wait() wire.Exit {
	awaitDeath(a.cmd.Process.Pid)
	a.mu.Lock()
	// Fails only if nobody but the dead leader is left, which is as good.
	_ = syscall.Kill(-a.cmd.Process.Pid, syscall.SIGKILL)
	a.endFamily()
	err := a.cmd.Wait()
	a.collected = true
	a.mu.Unlock()

	a.reaper.collected()
	a.endInput()
	// In this order: a reader that already knows of the death must not lose the time that it then gives the pipe.
	a.stdout.wake()
	if a.stderr != nil {
		a.stderr.wake()
	}
	close(a.dead)
	return exitOf(a.cmd.ProcessState, err)
}

// awaitDeath returns once the child is dead and before it is collected: until then its pid, and its process group's, can
// be nobody else's.
func awaitDeath(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, syscall.EINTR) {
			return
		}
	}
}

// exitOf describes an end. A process ended by a signal has the code 128+n that shells and ECS give it.
func exitOf(state *os.ProcessState, err error) wire.Exit {
	if state == nil {
		return wire.Exit{Code: -1, Stderr: fmt.Sprintf("its end could not be observed: %v", err)}
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return wire.Exit{Code: 128 + int(status.Signal()), Signal: unix.SignalName(status.Signal())}
	}
	return wire.Exit{Code: state.ExitCode()}
}

const (
	// lateOutput is how long a dead agent's pipe must be silent to be taken for empty, when a process that left the
	// agent's group still holds it open.
	lateOutput = 100 * time.Millisecond
	// maxLateOutput is what the kernel lets an unprivileged process buffer in a pipe: more cannot be the dead agent's.
	maxLateOutput = 1 << 20
)

// outputPipe reads the agent's output to its end: the pipe's, or, if someone else keeps that from coming, what was in the
// pipe when the agent died.
type outputPipe struct {
	file *os.File
	dead <-chan struct{}
	late int // bytes read since

	hurried time.Time // when a read ends for which nothing has come; zero for never

	mu    sync.Mutex
	woken bool // the deadline is the wake's, and stays
}

// hurry has reads end with errNoMore when nothing has come for d; 0 for never. It is the reader's.
func (p *outputPipe) hurry(d time.Duration) {
	p.hurried = time.Time{}
	if d > 0 {
		p.hurried = time.Now().Add(d)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.woken {
		_ = p.file.SetReadDeadline(p.hurried) // fails only on a closed file, whose reads have ended
	}
}

func (p *outputPipe) Read(b []byte) (int, error) {
	for {
		late := false
		select {
		case <-p.dead:
			late = true
			if p.late >= maxLateOutput {
				return 0, io.EOF
			}
			if err := p.file.SetReadDeadline(time.Now().Add(lateOutput)); err != nil {
				return 0, err
			}
		default:
		}
		n, err := p.file.Read(b)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			if !late && !p.hurried.IsZero() && !time.Now().Before(p.hurried) {
				return 0, errNoMore
			}
			if !late {
				continue // woken because the agent died, which shows in a moment
			}
			return 0, io.EOF
		}
		if late {
			p.late += n
		}
		if errors.Is(err, syscall.EIO) { // a terminal's end: nobody has its other end any more
			err = io.EOF
		}
		return n, err
	}
}

// wake ends a blocked Read so that it looks whether the agent is dead.
func (p *outputPipe) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.woken = true
	// Fails only on a closed file, whose reads have ended.
	_ = p.file.SetReadDeadline(time.Unix(1, 0))
}
