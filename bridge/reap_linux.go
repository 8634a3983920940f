package bridge

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// reaper collects the orphans that the kernel hands to the bridge when it is a container's first process, or else they
// stay zombies for as long as the task lives. The agent is not its business: a wait for any child would race with the
// agent's own and take its exit status away. So it looks before it collects.
type reaper struct {
	enabled bool
	again   bell // look again: the dead agent stood in front of whoever else is dead

	mu    sync.Mutex // held while a child is started, until its pid is known to be ours
	agent int
}

// newReaper is idle unless orphans come to this process at all.
func newReaper() *reaper {
	var subreaper int32
	err := unix.Prctl(unix.PR_GET_CHILD_SUBREAPER, uintptr(unsafe.Pointer(&subreaper)), 0, 0, 0)
	return &reaper{enabled: os.Getpid() == 1 || err == nil && subreaper != 0, again: newBell()}
}

// start starts the agent so that it is never taken for an orphan, however short it lives.
func (r *reaper) start(cmd *exec.Cmd) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := cmd.Start(); err != nil {
		return err
	}
	r.agent = cmd.Process.Pid
	return nil
}

// collected is told once the agent's own wait is over.
func (r *reaper) collected() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.agent = 0
	r.again.ring()
}

// run collects orphans until ctx ends.
func (r *reaper) run(ctx context.Context) {
	if !r.enabled {
		return
	}
	children := make(chan os.Signal, 1)
	signal.Notify(children, unix.SIGCHLD)
	defer signal.Stop(children)
	for {
		r.sweep()
		select {
		case <-children:
		case <-r.again:
		case <-ctx.Done():
			return
		}
	}
}

// sweep collects every dead child up to the agent. Those behind it are seen once its own wait is over.
func (r *reaper) sweep() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		pid := deadChild()
		if pid == 0 || pid == r.agent {
			return
		}
		if _, err := unix.Wait4(pid, nil, unix.WNOHANG, nil); err != nil {
			return // it is nobody's child any more: the next signal brings the next look
		}
	}
}

// siginfoPid is where waitid puts the child's pid in siginfo_t: after three ints, aligned as a pointer.
const siginfoPid = (3*4 + unsafe.Sizeof(uintptr(0)) - 1) / unsafe.Sizeof(uintptr(0)) * unsafe.Sizeof(uintptr(0))

// deadChild is the pid of a child that can be waited for, without waiting for it; 0 if there is none.
func deadChild() int {
	var info unix.Siginfo
	if unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil) != nil {
		return 0
	}
	return int(*(*int32)(unsafe.Add(unsafe.Pointer(&info), siginfoPid)))
}
