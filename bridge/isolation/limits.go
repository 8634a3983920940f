package isolation

import (
	"encoding/binary"
	"errors"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Limits bound what an agent takes of its machine. They hold for each of its processes, which cannot raise them.
type Limits struct {
	// Processes bounds the processes and threads of the agent's user, OpenFiles the files open in one process, and FileBytes the
	// size of a file that one writes. 0 bounds nothing.
	Processes, OpenFiles, FileBytes uint64
	// Nice is added to the agent's niceness, 0 to 19: the larger it is, the less the agent gets of a CPU that others want as well.
	Nice int
}

// set bounds this process.
func (l Limits) set() error {
	for _, each := range []struct {
		resource int
		limit    uint64
	}{{unix.RLIMIT_NPROC, l.Processes}, {unix.RLIMIT_NOFILE, l.OpenFiles}, {unix.RLIMIT_FSIZE, l.FileBytes}} {
		if each.limit == 0 {
			continue
		}
		var now unix.Rlimit
		if err := unix.Getrlimit(each.resource, &now); err != nil {
			return os.NewSyscallError("getrlimit", err)
		}
		limit := min(each.limit, now.Max) // the container's own may be lower
		if err := unix.Setrlimit(each.resource, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
			return os.NewSyscallError("setrlimit", err)
		}
	}
	if l.Nice == 0 {
		return nil
	}
	now, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		return os.NewSyscallError("getpriority", err)
	}
	// The system call, unlike the C library's function, answers 20 less the niceness.
	return os.NewSyscallError("setpriority", unix.Setpriority(unix.PRIO_PROCESS, 0, min(20-now+l.Nice, 19)))
}

// countsApart reports whether the kernel counts the processes of an agent that runs as the bridge's user apart from whatever else
// that user runs on the machine: it counts them by user and user namespace.
func countsApart() (bool, error) {
	ids, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return false, err
	}
	return strings.Join(strings.Fields(string(ids)), " ") != "0 0 4294967295", nil
}

// maxOOMScore is what the kernel takes at most.
const maxOOMScore = 1000

// beExpendable has the kernel prefer this process to the bridge when it must end one for want of memory.
func beExpendable() error {
	const name = "/proc/self/oom_score_adj"
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	now, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	if now == maxOOMScore {
		return &refusal{"the bridge's oom_score_adj is the highest that there is"}
	}
	file, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(strconv.Itoa(min(now+maxOOMScore/2, maxOOMScore)))
	return errors.Join(err, file.Close())
}

// limitCalls are the system call prlimit64 as the kernels of our machines know it, by architecture: also in its older forms,
// which any program can use. Where it is none of these, Landlock and UIDs are what there is.
var limitCalls = []struct{ arch, number uint32 }{
	{unix.AUDIT_ARCH_X86_64, 302}, {unix.AUDIT_ARCH_X86_64, 1<<30 | 302}, {unix.AUDIT_ARCH_I386, 340},
	{unix.AUDIT_ARCH_AARCH64, 261}, {unix.AUDIT_ARCH_ARM, 369},
}

// filterLimits has the kernel refuse this process to look at or change the limits of any process by its id. It can
// still lower its own, as the process 0. Otherwise an agent that runs as its bridge's user could end the bridge by limits.
func filterLimits() error {
	const (
		numberAt, archAt = 0, 4 // in the kernel's struct seccomp_data
		load             = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal            = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		answer           = unix.BPF_RET | unix.BPF_K
	)
	pidAt := uint32(16) // the first argument's low half; a pid has no other
	if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 {
		pidAt += 4
	}
	var program []unix.SockFilter
	for _, call := range limitCalls {
		program = append(program,
			unix.SockFilter{Code: load, K: archAt}, unix.SockFilter{Code: equal, K: call.arch, Jf: 5},
			unix.SockFilter{Code: load, K: numberAt}, unix.SockFilter{Code: equal, K: call.number, Jf: 3},
			unix.SockFilter{Code: load, K: pidAt}, unix.SockFilter{Code: equal, K: 0, Jt: 1},
			unix.SockFilter{Code: answer, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)})
	}
	program = append(program, unix.SockFilter{Code: answer, K: unix.SECCOMP_RET_ALLOW})
	set := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&set)), 0, 0)
	return os.NewSyscallError("prctl", err)
}
