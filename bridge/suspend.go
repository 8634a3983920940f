package bridge

import (
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

// family are the agent's processes that there are, parents before their children: its session's, their descendants, and, where orphans
// come to the bridge, those that left their parents.
func (a *agent) family() ([]process, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	names, err := dir.Readdirnames(-1)
	if err := errors.Join(err, dir.Close()); err != nil {
		return nil, err
	}
	t := tree{all: map[int]process{}, bridge: openProcfs(), orphansCome: a.reaper.enabled}
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			if p, there := readProcess(pid); there {
				t.all[pid] = p
			}
		}
	}
	t.findLeader(a.cmd.Process.Pid)
	depths := map[int]int{}
	var found []process
	for pid, p := range t.all {
		if depths[pid] = t.depth(p); depths[pid] >= 0 {
			if p.own = t.bridge.own(pid); p.own > 0 {
				found = append(found, p)
			}
		}
	}
	slices.SortFunc(found, func(p, q process) int { return depths[p.pid] - depths[q.pid] })
	return found, nil
}

// tree is all processes that /proc has, by their pids there.
type tree struct {
	all         map[int]process
	bridge      procfs
	leader      int // the agent
	orphansCome bool
}

// findLeader looks for the agent, which has the pid here, among the bridge's children.
func (t *tree) findLeader(pid int) {
	for there, p := range t.all {
		if p.parent == t.bridge.self && t.bridge.own(there) == pid {
			t.leader = there
		}
	}
}

// depth is how many generations a process is from the agent, -1 for one that is nothing of its.
func (t *tree) depth(p process) int {
	if p.pid == t.leader {
		return 0
	}
	if parent, there := t.all[p.parent]; there && parent.started <= p.started { // else its pid has been another's
		if depth := t.depth(parent); depth >= 0 {
			return depth + 1
		}
	}
	if t.leader != 0 && p.session == t.leader || t.orphansCome && p.parent == t.bridge.self {
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
			if err := syscall.Kill(p.own, syscall.SIGSTOP); err != nil {
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
		p.signal(syscall.SIGCONT)
	}
}

// killSuspended kills an agent that is suspended, of which nothing may run again: its children before their parents, for the kernel
// lets stopped ones go on whose parents end.
func (a *agent) killSuspended() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.collected {
		return nil
	}
	family, err := a.family()
	for _, p := range slices.Backward(family) {
		p.signal(syscall.SIGKILL)
	}
	return errors.Join(err, syscall.Kill(-a.cmd.Process.Pid, syscall.SIGKILL))
}

// endFamily kills what the dead agent has left behind, in whatever session, so that it does not go on beside the workspace's next
// agent. What does not die in time, in the midst of a system call, does when it leaves that. The caller holds mu.
func (a *agent) endFamily() {
	for deadline := time.Now().Add(suspendTimeout); ; time.Sleep(suspendPause) {
		family, err := a.family()
		left := slices.DeleteFunc(family, process.isDead)
		if err != nil || len(left) == 0 || time.Now().After(deadline) {
			return
		}
		for _, p := range left {
			p.signal(syscall.SIGKILL)
		}
	}
}
