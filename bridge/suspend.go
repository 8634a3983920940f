package bridge

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"
)

const (
	// suspendTimeout bounds the time that an agent's processes take to stop. Only one that is in the midst of a system call that
	// hangs, as on a lost network file system, makes it pass; it stops when it leaves that.
	suspendTimeout = time.Second
	// suspendPause is how long the bridge waits before it looks again.
	suspendPause = time.Millisecond
)

// process is one of the agent's, as /proc has it.
type process struct {
	pid, parent, session int
	state                byte
	started              uint64 // with the pid, it is this process and no later one
}

// runs reports whether the process may do something by itself.
func (p process) runs() bool {
	return !slices.Contains([]byte("TtZXx"), p.state)
}

// readProcess reads /proc/PID/stat. What is gone is not there.
func readProcess(pid int) (process, bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return process{}, false
	}
	// The program's name, which may be anything, is in parentheses.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 {
		return process{}, false
	}
	number := func(i int) uint64 {
		n, _ := strconv.ParseUint(string(fields[i]), 10, 64) // the kernel's; tpgid, which may be -1, is not asked for
		return n
	}
	return process{
		pid: pid, state: fields[0][0], parent: int(number(1)), session: int(number(3)), started: number(19),
	}, true
}

// family are the agent's processes, parents before their children: its session's, their descendants, and, where orphans come to
// the bridge, those that left their parents.
func (a *agent) family() ([]process, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	names, err := dir.Readdirnames(-1)
	if err := errors.Join(err, dir.Close()); err != nil {
		return nil, err
	}
	all := map[int]process{}
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			if p, there := readProcess(pid); there {
				all[pid] = p
			}
		}
	}
	depths := map[int]int{}
	var found []process
	for pid, p := range all {
		if depth := a.depth(all, p); depth >= 0 {
			depths[pid] = depth
			found = append(found, p)
		}
	}
	slices.SortFunc(found, func(p, q process) int { return depths[p.pid] - depths[q.pid] })
	return found, nil
}

// depth is how many generations a process is from the agent, -1 for one that is nothing of its.
func (a *agent) depth(all map[int]process, p process) int {
	leader := a.cmd.Process.Pid
	if p.pid == leader {
		return 0
	}
	if parent, there := all[p.parent]; there {
		if depth := a.depth(all, parent); depth >= 0 {
			return depth + 1
		}
	}
	if p.session == leader || a.reaper.enabled && p.parent == os.Getpid() {
		return 1
	}
	return -1
}

// suspend stops all of the agent's processes, and looks until there is none that runs: what starts while they are being stopped is
// stopped too. It gives those that it has stopped; what its user had stopped before stays so afterwards.
//
// A parent is stopped before its children: a shell that controls jobs must not see them stop.
func (a *agent) suspend() ([]process, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.collected {
		return nil, nil
	}
	var stopped []process
	for deadline := time.Now().Add(suspendTimeout); ; {
		family, err := a.family()
		if err != nil { // its process group is better than nothing
			return stopped, errors.Join(err, syscall.Kill(-a.cmd.Process.Pid, syscall.SIGSTOP))
		}
		running := slices.DeleteFunc(family, func(p process) bool { return !p.runs() })
		if len(running) == 0 {
			return stopped, nil
		}
		if time.Now().After(deadline) {
			return stopped, fmt.Errorf("%d processes have not stopped within %v", len(running), suspendTimeout)
		}
		for _, p := range running {
			if err := syscall.Kill(p.pid, syscall.SIGSTOP); err != nil {
				continue // it has ended
			}
			if !slices.ContainsFunc(stopped, p.is) {
				stopped = append(stopped, p)
			}
			awaitStop(p.pid, suspendPause)
		}
	}
}

func (p process) is(other process) bool { return p.pid == other.pid && p.started == other.started }

// awaitStop gives a process a moment to stop.
func awaitStop(pid int, moment time.Duration) {
	for end := time.Now().Add(moment); time.Now().Before(end); time.Sleep(moment / 10) {
		if p, ok := readProcess(pid); !ok || !p.runs() {
			return
		}
	}
}

// resume lets processes go on that suspend has stopped: children before their parents.
func (a *agent) resume(stopped []process) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.collected {
		return
	}
	for _, p := range slices.Backward(stopped) {
		if now, ok := readProcess(p.pid); ok && now.is(p) {
			_ = syscall.Kill(p.pid, syscall.SIGCONT) // it can only have been killed meanwhile
		}
	}
}

// killSuspended kills the agent and those of its processes that would not be killed with its group. None runs again before.
func (a *agent) killSuspended(stopped []process) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.collected {
		return nil
	}
	for _, p := range stopped {
		if now, ok := readProcess(p.pid); ok && now.is(p) {
			_ = syscall.Kill(p.pid, syscall.SIGKILL) // it can only have been killed meanwhile
		}
	}
	return syscall.Kill(-a.cmd.Process.Pid, syscall.SIGKILL)
}
