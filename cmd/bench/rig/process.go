package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// stopGrace is what a program has between SIGTERM and SIGKILL.
	stopGrace = 15 * time.Second
	// keptOutput bounds what is kept of a program's output, for the error that it may end with.
	keptOutput = 64 << 10
	// tick is the unit of the processor time that the kernel tells: USER_HZ is 100 on every architecture that Go runs on.
	tick = time.Second / 100
)

// Process is a program that was started, and all that it started.
type Process struct {
	name   string
	cmd    *exec.Cmd
	input  io.WriteCloser
	output tail
	gone   chan struct{}
	err    error // once gone
}

// Start starts a program with additional environment variables. It is killed when this process ends, however that ends.
func Start(name, path string, arguments []string, environment ...string) (*Process, error) {
	p := &Process{name: name, cmd: exec.Command(path, arguments...), gone: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), environment...)
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.cmd.WaitDelay = time.Second
	var err error
	if p.input, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	started := make(chan error)
	go func() {
		// The kernel sends the parent's death signal when the thread ends that started the child: this one stays.
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
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, nil
}

// PID is the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Stop ends it in order, or after a grace at once.
func (p *Process) Stop() {
	_ = p.input.Close()
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.gone:
	case <-time.After(stopGrace):
		_ = p.cmd.Process.Kill()
		<-p.gone
	}
}

// Line waits until a line of the output has the text, and gives what follows the text on it.
func (p *Process) Line(ctx context.Context, text string) (string, error) {
	for {
		if _, found, ok := strings.Cut(p.output.String(), text); ok {
			if rest, _, whole := strings.Cut(found, "\n"); whole {
				return rest, nil
			}
		}
		if err := p.Alive(ctx, 2*time.Millisecond); err != nil {
			return "", fmt.Errorf("waiting for %q: %w", text, err)
		}
	}
}

// Alive waits for a while, and gives an error when the process or the context ends meanwhile.
func (p *Process) Alive(ctx context.Context, d time.Duration) error {
	select {
	case <-p.gone:
		return fmt.Errorf("%s has ended (%v): %s", p.name, p.err, p.output.String())
	case <-ctx.Done():
		return fmt.Errorf("%s: %w: %s", p.name, ctx.Err(), p.output.String())
	case <-time.After(d):
		return nil
	}
}

// Usage is what a process and all that it started, and that still runs, have taken.
type Usage struct {
	// CPU is the processor time, of user and kernel.
	CPU time.Duration
	// Resident is the memory that they have, in bytes, and Own that of the first alone. What processes share is counted for each.
	Resident, Own int64
	processes     []int
}

// Proportional is the memory of all of the processes, of which each has its part of what it shares with others (PSS). To find
// it out takes the kernel a while.
func (u Usage) Proportional() (bytes int64, err error) {
	for _, pid := range u.processes {
		of, err := proportional(pid)
		if err != nil {
			return 0, err
		}
		bytes += of
	}
	return bytes, nil
}

// Usage is read from /proc.
func (p *Process) Usage() (Usage, error) { return usageOf(p.PID()) }

func usageOf(pid int) (Usage, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Usage{}, err
	}
	// The name, in parentheses, may have blanks. Behind it come the state, field 3, and so on.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	var numbers [3]int64 // utime and stime are fields 14 and 15, rss is 24
	for i, field := range []int{14, 15, 24} {
		if numbers[i], err = strconv.ParseInt(fields[field-3], 10, 64); err != nil {
			return Usage{}, err
		}
	}
	u := Usage{CPU: time.Duration(numbers[0]+numbers[1]) * tick, Own: numbers[2] * int64(os.Getpagesize())}
	u.Resident, u.processes = u.Own, []int{pid}
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return Usage{}, err
	}
	for _, list := range lists {
		children, err := os.ReadFile(list)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // the thread has ended
		}
		if err != nil {
			return Usage{}, err
		}
		for _, child := range strings.Fields(string(children)) {
			id, err := strconv.Atoi(child)
			if err != nil {
				return Usage{}, err
			}
			if of, err := usageOf(id); err == nil { // else it has ended
				u.CPU, u.Resident = u.CPU+of.CPU, u.Resident+of.Resident
				u.processes = append(u.processes, of.processes...)
			}
		}
	}
	return u, nil
}

// proportional is a process's PSS.
func proportional(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "Pss:" {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("process %d: no Pss in smaps_rollup", pid)
}

// tail keeps the end of what is written, up to a bound.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

// Write keeps b.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b...)
	if over := len(t.kept) - keptOutput; over > 0 {
		t.kept = t.kept[over:]
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}

// AllowFiles raises the limit of open files, which is inherited, as far as it goes, and gives it.
func AllowFiles() (int, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, err
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, err
	}
	return int(min(limit.Cur, 1<<20)), nil
}
