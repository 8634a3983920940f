package isolation

import (
	"fmt"
	"hearth/infra/testkit"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// powers are what an agent has that it could use against others, as seen from outside. More is worse.
type powers struct {
	uid    string
	groups []string
	// numbers that count what it may: capabilities, open files, bounds that are higher, doors that are open.
	counts map[string]int
}

// powersOf looks at a process. said is what it has said of itself.
func powersOf(t testing.TB, pid string, said map[string]bool) *powers {
	proc := filepath.Join("/proc", pid)
	text, err := os.ReadFile(filepath.Join(proc, "status"))
	if err != nil {
		return nil // it is dead
	}
	status := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		status[name] = strings.TrimSpace(value)
	}
	p := &powers{uid: strings.Fields(status["Uid"])[0], groups: strings.Fields(status["Groups"]), counts: map[string]int{}}
	for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
		mask, err := strconv.ParseUint(status[set], 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		p.counts[set] = bits.OnesCount64(mask)
	}
	p.counts["may gain privileges"] = count(status["NoNewPrivs"] != "1")
	// Beside the injection's own filter.
	p.counts["may change others' limits"] = count(status["Seccomp_filters"] != "2")
	p.counts["makes files for others"] = count(status["Umask"] != "0077")
	session, err := unix.Getsid(atoi(t, pid))
	p.counts["shares a session"] = count(err == nil && strconv.Itoa(session) != pid)
	for _, namespace := range []string{"mnt", "ipc"} {
		own, _ := os.Readlink(filepath.Join(proc, "ns", namespace))
		ours, _ := os.Readlink(filepath.Join("/proc/self/ns", namespace))
		p.counts["shares "+namespace] = count(own == ours)
	}
	limits, err := os.ReadFile(filepath.Join(proc, "limits"))
	if err != nil {
		return nil
	}
	for _, name := range []string{"Max processes", "Max open files", "Max file size"} {
		_, rest, _ := strings.Cut(string(limits), name)
		if p.counts[name] = 1 << 60; strings.Fields(rest)[1] != "unlimited" { // the hard limit
			p.counts[name] = atoi(t, strings.Fields(rest)[1])
		}
	}
	if score, err := os.ReadFile(filepath.Join(proc, "oom_score_adj")); err == nil {
		p.counts["is spared"] = 1000 - atoi(t, strings.TrimSpace(string(score)))
	}
	if priority, err := unix.Getpriority(unix.PRIO_PROCESS, atoi(t, pid)); err == nil {
		p.counts["priority"] = priority
	}
	if open, err := os.ReadDir(filepath.Join(proc, "fd")); err == nil {
		p.counts["open files"] = len(open)
	}
	p.counts["reads others' files"] = count(said["forbidden"])
	p.counts["reads the container's files"] = count(said["open"])
	p.counts["has the operator's key"] = count(said["key"])
	return p
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func atoi(t testing.TB, text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// beyond says what p has that other has not.
func (p *powers) beyond(other *powers) (more []string) {
	if p.uid != other.uid {
		more = append(more, "it is "+p.uid+" and not "+other.uid)
	}
	for _, group := range p.groups {
		if !slices.Contains(other.groups, group) {
			more = append(more, "group "+group)
		}
	}
	for name, has := range p.counts {
		if has > other.counts[name] {
			more = append(more, fmt.Sprintf("%s: %d instead of %d", name, has, other.counts[name]))
		}
	}
	slices.Sort(more)
	return more
}

// without are the powers of an agent that has its own UID and no capability, but for which this container did not permit or
// support anything else.
func (p *powers) without() *powers {
	weak := *p
	weak.counts = map[string]int{}
	for name, has := range p.counts {
		switch name {
		case "CapBnd":
			has = 64
		case "is spared":
			has = 1000
		case "may change others' limits", "shares mnt", "shares ipc", "reads the container's files", "has the operator's key":
			has = 1
		}
		weak.counts[name] = has
	}
	return &weak
}

// calls are the system calls that can fail in a start.
var calls = map[string]int{
	"prctl": unix.SYS_PRCTL, "capget": unix.SYS_CAPGET, "capset": unix.SYS_CAPSET, "setgroups": unix.SYS_SETGROUPS,
	"setresgid": unix.SYS_SETRESGID, "setresuid": unix.SYS_SETRESUID, "unshare": unix.SYS_UNSHARE, "mount": unix.SYS_MOUNT,
	"mount_setattr": unix.SYS_MOUNT_SETATTR, "chdir": unix.SYS_CHDIR, "openat": unix.SYS_OPENAT, "mkdirat": unix.SYS_MKDIRAT,
	"fchownat": unix.SYS_FCHOWNAT, "fchown": unix.SYS_FCHOWN, "fchmodat": unix.SYS_FCHMODAT, "fchmodat2": unix.SYS_FCHMODAT2,
	"fstat": unix.SYS_FSTAT, "fstatat": unix.SYS_NEWFSTATAT, "getdents64": unix.SYS_GETDENTS64, "unlinkat": unix.SYS_UNLINKAT,
	"linkat": unix.SYS_LINKAT, "fsync": unix.SYS_FSYNC, "read": unix.SYS_READ, "write": unix.SYS_WRITE, "keyctl": unix.SYS_KEYCTL,
	"prlimit64": unix.SYS_PRLIMIT64, "setpriority": unix.SYS_SETPRIORITY, "getpriority": unix.SYS_GETPRIORITY,
	"landlock_create_ruleset": unix.SYS_LANDLOCK_CREATE_RULESET, "landlock_add_rule": unix.SYS_LANDLOCK_ADD_RULE,
	"landlock_restrict_self": unix.SYS_LANDLOCK_RESTRICT_SELF, "close_range": unix.SYS_CLOSE_RANGE, "faccessat": unix.SYS_FACCESSAT,
	"faccessat2": unix.SYS_FACCESSAT2, "readlinkat": unix.SYS_READLINKAT, "uname": unix.SYS_UNAME, "pipe2": unix.SYS_PIPE2,
	"clone": unix.SYS_CLONE, "execve": unix.SYS_EXECVE, "setsid": unix.SYS_SETSID, "fcntl": unix.SYS_FCNTL, "umask": unix.SYS_UMASK,
	"waitid": unix.SYS_WAITID, "wait4": unix.SYS_WAIT4, "lseek": unix.SYS_LSEEK, "close": unix.SYS_CLOSE,
}

// openInjected makes what a bridge's start finds: a workspace root, with a file that no agent may read, and, if asked, the record
// of a user.
func openInjected(t testing.TB, records bool) string {
	dir, err := os.MkdirTemp("/var/tmp", "hearth-inject-")
	if err != nil {
		t.Fatal(err)
	}
	for _, do := range []func() error{
		func() error { return os.Chmod(dir, 0o711) },
		func() error { return os.Mkdir(dir+"-tmp", 0o711) },
		func() error { return os.WriteFile(filepath.Join(dir, "forbidden"), []byte("secret\n"), 0o600) },
		func() error { return os.WriteFile(filepath.Join(dir, "open"), []byte("text\n"), 0o644) },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	if !records {
		return dir
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	held, err := openRecords(root)
	if err != nil {
		t.Fatal(err)
	}
	defer held.close()
	if taken, err := held.Take(10001, "bob"); err != nil || !taken {
		t.Fatal(taken, err)
	}
	return dir
}

// inject carries one injection out in a place of its own.
func inject(t testing.TB, i injection, records bool) outcome {
	i.Dir = openInjected(t, records)
	defer func() {
		for _, dir := range []string{i.Dir, i.Dir + "-tmp"} {
			if err := os.RemoveAll(dir); err != nil {
				t.Error(err)
			}
		}
	}()
	return i.carryOut(t)
}

// TestNoErrorGivesAnAgentMore has any system call of a bridge's start fail in any way, once or always, and holds the agent, if it
// comes to one, to what an agent has without the error. All that may make a difference is that something is not permitted or not
// supported while the bridge finds out what it can have. -rapid.checks says how many it tries.
func TestNoErrorGivesAnAgentMore(t *testing.T) {
	testkit.NeedRoot(t)
	requests := []string{"auto", "uid,landlock", "landlock"}
	usual := map[string]*powers{}
	for _, request := range requests {
		if usual[request] = inject(t, injection{Request: request, Call: unix.SYS_SWAPOFF}, false).agent; usual[request] == nil {
			t.Fatalf("ISOLATION=%s: no agent", request)
		}
		if request != "landlock" {
			continue
		}
		if agent := inject(t, injection{Request: request, Call: unix.SYS_SWAPOFF}, true).agent; agent != nil {
			t.Errorf("an agent without a UID of its own where users have them: %+v", agent)
		}
	}
	names := make([]string, 0, len(calls))
	for name := range calls {
		names = append(names, name)
	}
	slices.Sort(names)
	rapid.Check(t, func(r *rapid.T) {
		request := rapid.SampledFrom(requests).Draw(r, "ISOLATION")
		records := rapid.Bool().Draw(r, "records")
		name := rapid.SampledFrom(names).Draw(r, "call")
		nth := rapid.OneOf(rapid.IntRange(0, 10), rapid.IntRange(0, 200)).Draw(r, "nth")
		errno := rapid.OneOf(
			rapid.SampledFrom([]syscall.Errno{unix.EPERM, unix.EACCES, unix.ENOSYS, unix.EOPNOTSUPP, unix.ENOSPC, unix.EDQUOT, unix.EIO, unix.ESTALE, unix.EINVAL}),
			rapid.Map(rapid.IntRange(1, 133), func(n int) syscall.Errno { return syscall.Errno(n) }),
		).Draw(r, "errno")
		got := inject(t, injection{Request: request, Call: calls[name], Nth: nth, Errno: errno}, records)
		if got.agent == nil {
			return
		}
		allowed := usual[request]
		if got.at == "resolve" && slices.Contains([]syscall.Errno{unix.EPERM, unix.EACCES, unix.ENOSYS, unix.EOPNOTSUPP}, errno) {
			allowed = allowed.without()
		}
		if more := got.agent.beyond(allowed); len(more) > 0 {
			r.Errorf("%s of call %d of %s, in %s: the agent has more: %s", unix.ErrnoName(errno), nth, name, got.at, strings.Join(more, "; "))
		}
		if records && got.agent.uid == "0" {
			r.Errorf("%s of call %d of %s: an agent without a UID of its own where users have them", unix.ErrnoName(errno), nth, name)
		}
	})
}
