package bridge

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// AdoptOrphans has processes that lose their parents come to this one, and so stay within its reach, also where it is not the
// container's first process. It is for a program that runs one bridge.
func AdoptOrphans() error { return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// procfs is /proc as this process finds it. One that was mounted for another PID namespace, such as the machine's, has other pids
// than this process's.
type procfs struct {
	self int // this process there
	// level is where in a process's pids the one here is, as /proc/PID/status lists them; 0 where the pids there are those here.
	level int
}

func openProcfs() procfs {
	link, err := os.Readlink("/proc/self")
	self, notNumber := strconv.Atoi(link)
	if err != nil || notNumber != nil || self == os.Getpid() {
		return procfs{self: os.Getpid()}
	}
	return procfs{self: self, level: len(pidsOf(self)) - 1}
}

// own is the pid here of a process there, 0 for one that is gone or in no namespace of this process's.
func (fs procfs) own(pid int) int {
	if fs.level <= 0 {
		return pid
	}
	if pids := pidsOf(pid); len(pids) > fs.level {
		return pids[fs.level]
	}
	return 0
}

// pidsOf are the pids that a process has, from that in /proc to that in its own namespace.
func pidsOf(pid int) (pids []int) {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status") // of one that is gone there is nothing
	_, list, _ := bytes.Cut(text, []byte("\nNSpid:"))
	list, _, _ = bytes.Cut(list, []byte("\n"))
	for _, field := range bytes.Fields(list) {
		n, _ := strconv.Atoi(string(field)) // the kernel's
		pids = append(pids, n)
	}
	return pids
}

// process is one of the agent's, as /proc has it.
type process struct {
	pid, parent, session int // in /proc
	own                  int // the pid that signals take
	state                byte
	started              uint64 // with the pid, it is this process and no later one
}

// runs reports whether the process may do something by itself.
func (p process) runs() bool { return !slices.Contains([]byte("TtZXx"), p.state) }

func (p process) isDead() bool { return slices.Contains([]byte("ZXx"), p.state) }

// signal sends a signal to the process, unless it has ended, which is as good.
func (p process) signal(sig syscall.Signal) {
	if now, there := readProcess(p.pid); there && now.is(p) {
		_ = syscall.Kill(p.own, sig)
	}
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
