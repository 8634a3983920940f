package isolation

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// injectVariable makes the test binary a bridge's start in which a system call fails: its value is an injection.
const injectVariable = "HEARTH_TEST_INJECT"

// injection is an error of a system call while a bridge finds out what it can have, and starts an agent.
type injection struct {
	Dir     string // WORKSPACE_ROOT
	Request string // ISOLATION
	// Call is the system call's number, and Nth which of them fails, of the bridge's and its helpers' together; 0 for each.
	Call, Nth int
	Errno     syscall.Errno
}

// resolved is a system call that nobody makes: it tells the supervisor that Resolve has returned.
const (
	resolvedCall = unix.SYS_GETPGID
	resolvedArg  = 1<<31 - 1
)

// start is the bridge's part. It says the agent's pid, once that runs, and ends with its standard input.
func (i injection) start() (err error) {
	runtime.LockOSThread()
	if _, err := unix.KeyctlJoinSessionKeyring("hearth-inject"); err != nil {
		return err
	}
	if _, err := unix.AddKey("user", "hearth-inject", []byte("secret"), unix.KEY_SPEC_SESSION_KEYRING); err != nil {
		return err
	}
	root, err := os.OpenRoot(i.Dir)
	if err != nil {
		return err
	}
	request, err := ParseRequest(i.Request)
	if err != nil {
		return err
	}
	if err := watchCall(i.Call); err != nil {
		return err
	}
	plan, err := Resolve(context.Background(), Config{
		Request: request, UIDs: Range{First: 10000, Count: 50000}, Workspaces: root, Read: system,
		Limits: Limits{Processes: 100, OpenFiles: 200, FileBytes: 1 << 20, Nice: 5},
	})
	_, _ = unix.Getpgid(resolvedArg)
	if err != nil {
		return err
	}
	return i.run(plan, root)
}

// run starts an agent as a bridge does.
func (i injection) run(plan *Plan, root *os.Root) error {
	uid, err := plan.Identify(context.Background(), "alice")
	if err != nil {
		return err
	}
	if err := root.Mkdir("alice", 0o700); err != nil {
		return err
	}
	workspace, err := root.OpenRoot("alice")
	if err != nil {
		return err
	}
	if _, err := Own(context.Background(), workspace, uid); err != nil {
		return err
	}
	temp, err := plan.MakeTemp(uid)
	if err != nil {
		return err
	}
	h, err := NewHelper()
	if err != nil {
		return err
	}
	h.Cmd.Stdin, h.Cmd.Stdout = os.Stdin, os.Stdout
	h.Cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if err := h.Cmd.Start(); err != nil {
		return err
	}
	h.Started()
	const script = `cd /at; read x <forbidden && echo forbidden; read x <open && echo open; grep -q hearth-inject /proc/keys && echo key; echo $$ is up; read end`
	err = plan.Start(h, Job{
		Argv: []string{"/bin/sh", "-c", strings.ReplaceAll(script, "/at", i.Dir)},
		Env:  []string{"PATH=/usr/bin:/bin"}, Workspace: filepath.Join(i.Dir, "alice"), Temp: temp, UID: uid,
	})
	if err != nil {
		_ = h.Cmd.Process.Kill()
	}
	return errors.Join(err, h.Cmd.Wait())
}

// watchCall has the kernel ask whoever has the listener about each call of a number, of this process and those it starts.
func watchCall(number int) error {
	const (
		load   = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		answer = unix.BPF_RET | unix.BPF_K
	)
	program := []unix.SockFilter{
		{Code: load, K: 0}, {Code: equal, K: uint32(number), Jt: 3},
		{Code: equal, K: resolvedCall, Jf: 3},
		{Code: load, K: 16}, {Code: equal, K: resolvedArg, Jf: 1},
		{Code: answer, K: unix.SECCOMP_RET_USER_NOTIF},
		{Code: answer, K: unix.SECCOMP_RET_ALLOW},
	}
	set := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	const flags = unix.SECCOMP_FILTER_FLAG_TSYNC | unix.SECCOMP_FILTER_FLAG_NEW_LISTENER |
		unix.SECCOMP_FILTER_FLAG_TSYNC_ESRCH | unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&set)))
	if errno != 0 {
		return errno
	}
	return nil
}

// outcome is what came of a start.
type outcome struct {
	agent *powers // nil if there is none
	// at is where the error was injected; "" if the call was not made so often.
	at string
}

// carryOut starts a bridge with the injection and looks at the agent, if there is one.
func (i injection) carryOut(t testing.TB) outcome {
	text, err := json.Marshal(i)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), injectVariable+"="+string(text), "GODEBUG=asyncpreemptoff=1", "TMPDIR="+i.Dir+"-tmp")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { // once it has ended
		if t.Failed() || stderr.Len() > 0 && i.Errno == 0 {
			t.Logf("%+v: %s", i, &stderr)
		}
	}()
	ended := make(chan struct{})
	patience := time.Minute
	if i.Errno != 0 {
		patience = 5 * time.Second // it may hang, which gives nobody anything
	}
	kill := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	supervised := make(chan string, 1)
	go func() { supervised <- i.supervise(cmd.Process.Pid, ended) }()
	var result outcome
	seen := map[string]bool{}
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		seen[lines.Text()] = true
		if pid, ok := strings.CutSuffix(lines.Text(), " is up"); ok {
			result.agent = powersOf(t, pid, seen)
			break
		}
	}
	_ = stdin.Close() // the agent ends with it, and so the bridge
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // it was killed
	kill.Stop()
	close(ended)
	result.at = <-supervised
	return result
}

// supervise answers the kernel's questions about the calls of a process and those it starts, until it has ended. It says where
// the error was injected.
func (i injection) supervise(pid int, ended <-chan struct{}) (at string) {
	listener := awaitListener(pid, ended)
	if listener < 0 {
		return ""
	}
	defer unix.Close(listener)
	ours, _ := os.Readlink("/proc/self/exe")
	phase, calls := "resolve", 0
	for {
		ready := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
		n, err := unix.Poll(ready, 20)
		if n == 0 || errors.Is(err, unix.EINTR) {
			select {
			case <-ended:
				return at
			default:
				continue
			}
		}
		if err != nil || ready[0].Revents&unix.POLLIN == 0 {
			return at // nobody is left
		}
		var asked struct {
			id         uint64
			pid, flags uint32
			number     int32
			arch       uint32
			ip         uint64
			args       [6]uint64
		}
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(listener), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&asked))); errno != 0 {
			continue // who asked is dead
		}
		answer := struct {
			id    uint64
			value int64
			error int32
			flags uint32
		}{id: asked.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
		if asked.number == resolvedCall && asked.args[0] == resolvedArg {
			phase = "start"
		} else if program, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", asked.pid)); program != ours {
			// The agent runs: what fails there is its own.
		} else if calls++; i.Nth == 0 || calls == i.Nth {
			answer.flags, answer.error = 0, -int32(i.Errno)
			if at == "" {
				at = phase
			}
		}
		_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(listener), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&answer)))
	}
}

// awaitListener takes the listener that a process has made, once it has.
func awaitListener(pid int, ended <-chan struct{}) int {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return -1
	}
	defer unix.Close(pidfd)
	for {
		for fd := 3; fd < 16; fd++ {
			if link, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, fd)); link == "anon_inode:seccomp notify" {
				listener, err := unix.PidfdGetfd(pidfd, fd, 0)
				if err != nil {
					return -1
				}
				return listener
			}
		}
		select {
		case <-ended:
			return -1
		case <-time.After(time.Millisecond):
		}
	}
}
