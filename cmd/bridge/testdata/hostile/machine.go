package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// shared is what a victim leaves where more than its own user may have access.
var shared = []string{"/tmp", "/dev/shm"}

func sharedFile(dir string, pid int) string {
	return filepath.Join(dir, "hearth-victim-"+strconv.Itoa(pid))
}

// leaveShared has the victim leave something in each place that it can. What is closed to itself is so to the attacker.
func leaveShared(pid int) {
	for _, dir := range shared {
		name := sharedFile(dir, pid)
		if os.WriteFile(name, []byte("a secret of the victim's\n"), 0o644) == nil {
			_ = os.Chmod(name, 0o644)
		}
	}
	_, _ = unix.SysvShmGet(pid, 4096, unix.IPC_CREAT|0o666)
}

// openTerminal opens a pseudo terminal for as long as the process lives, and names it, if there are any.
func openTerminal() (string, error) {
	master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY, 0)
	if errors.Is(err, unix.ENOENT) {
		return "/dev/pts/0", nil // a prepared root
	}
	if err != nil {
		return "", err
	}
	number, err := unix.IoctlGetInt(master, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0)
	}
	return "/dev/pts/" + strconv.Itoa(number), err
}

// attackShared looks for what the victim has left in places that are shared unless somebody sees to it.
func attackShared(v victim, try func(string, func() error)) {
	for _, dir := range shared {
		try("read a file of their agent's in "+dir, func() error { _, err := os.ReadFile(sharedFile(dir, v.PID)); return err })
	}
	try("open a terminal of their agent's", func() error {
		fd, err := unix.Open(v.Terminal, unix.O_RDWR|unix.O_NOCTTY, 0)
		if err == nil {
			err = unix.Close(fd)
		}
		return err
	})
	try("get at their agent's System V shared memory", func() error { _, err := unix.SysvShmGet(v.PID, 0, 0); return err })
	try("connect to their agent's abstract socket", dial("unix", v.Socket))
	try("connect to a socket file of their agent's", dial("unix", filepath.Join(v.Workspace, "socket")))
	try("connect to a TCP port that `AGENT_CONNECT_PORTS` does not name", dial("tcp", "127.0.0.1:"+strconv.Itoa(v.Port)))
}

func dial(network, address string) func() error {
	return func() error {
		conn, err := net.Dial(network, address)
		if err == nil {
			err = conn.Close()
		}
		return err
	}
}

// attackBridge tries what a process can do to another of the same user, or to its parent, and looks for what it may have of it.
func attackBridge(v victim, try func(string, func() error)) {
	bridge := os.Getppid()
	try("lower the limits of its own bridge", func() error {
		var limit unix.Rlimit
		if err := unix.Prlimit(bridge, unix.RLIMIT_CORE, nil, &limit); err != nil {
			return err
		}
		return unix.Prlimit(bridge, unix.RLIMIT_CORE, &limit, nil)
	})
	try("be in the session of its own bridge, and have its terminal", func() error {
		own, err := unix.Getsid(0)
		if err == nil && own == os.Getpid() {
			err = errors.New("it has its own")
		}
		return err
	})
	try("find a key of the operator's in its session keyring", func() error {
		_, err := unix.KeyctlSearch(unix.KEY_SPEC_SESSION_KEYRING, "user", v.Key, 0)
		return err
	})
	try("find more in its environment than it should", func() error {
		for _, entry := range os.Environ() {
			name, _, _ := strings.Cut(entry, "=")
			switch name {
			case "PATH", "HOME", "WORKSPACE_DIR", "PWD", "TMPDIR", "USER", "LOGNAME", "HEARTH_KEEPALIVE":
			default:
				return nil
			}
		}
		return errors.New("there is nothing")
	})
	try("use a file that its own bridge was started with", func() error {
		for fd := 3; fd < 64; fd++ {
			var stat unix.Stat_t
			if unix.Fstat(fd, &stat) == nil && stat.Ino == v.Open {
				return nil
			}
		}
		return errors.New("it has none")
	})
	try("be spared rather than its own bridge when memory is short", func() error {
		return os.WriteFile("/proc/self/oom_score_adj", []byte(strconv.Itoa(v.Score-1)), 0)
	})
	try("leave files that others can read", func() error {
		if err := os.WriteFile("open", nil, 0o666); err != nil {
			return err
		}
		info, err := os.Stat("open")
		if err == nil && info.Mode()&0o077 == 0 {
			err = fmt.Errorf("its mode is %v", info.Mode())
		}
		return err
	})
}

// attackLimits tries to take more than the test has set: 64 processes, 128 open files, files of 1 MiB, a nice value of 5.
func attackLimits(try func(string, func() error)) {
	try("start processes without end", func() error {
		var started []*os.Process
		defer func() {
			for _, process := range started {
				_ = process.Kill()
				_, _ = process.Wait()
			}
		}()
		for range 80 {
			cmd := exec.Command("/proc/self/exe", "idle")
			cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stderr, os.Stderr // a prepared root may have no /dev/null
			if err := cmd.Start(); err != nil {
				return err
			}
			started = append(started, cmd.Process)
		}
		time.Sleep(50 * time.Millisecond) // each needs threads, too, and dies without them
		for _, process := range started {
			var info unix.Siginfo
			err := unix.Waitid(unix.P_PID, process.Pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
			if err == nil && info.Signo != 0 {
				return errors.New("one of them has died at once")
			}
		}
		return nil
	})
	try("open files without end", func() error {
		for range 200 {
			fd, err := unix.Open(".", unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
		}
		return nil
	})
	try("write a file without end", func() error {
		signal.Ignore(unix.SIGXFSZ)
		return os.Truncate("open", 2<<20)
	})
	try("raise its own limits", func() error {
		return unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 4096, Max: 4096})
	})
	try("be as nice as its own bridge", func() error {
		if now, err := unix.Getpriority(unix.PRIO_PROCESS, 0); err != nil || now >= 20 {
			return err
		}
		return unix.Setpriority(unix.PRIO_PROCESS, 0, 0)
	})
}

// keepCapability looks for a capability in the sets that give powers.
func keepCapability() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var have [2]unix.CapUserData
	if err := unix.Capget(&header, &have[0]); err != nil {
		return err
	}
	for _, each := range have {
		if each.Effective|each.Permitted|each.Inheritable != 0 {
			return nil
		}
	}
	for capability := range uintptr(64) {
		ambient, err := unix.PrctlRetInt(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_IS_SET, capability, 0, 0)
		if err == nil && ambient != 0 {
			return nil
		}
	}
	return errors.New("none is left")
}

func keepBounding() error {
	for capability := range uintptr(64) {
		if bounding, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, capability, 0, 0, 0); err == nil && bounding != 0 {
			return nil
		}
	}
	return errors.New("none is left")
}

// seeProcess is whether /proc tells that another process is there, and how it was started.
func seeProcess(pid int) error {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err == nil && len(text) == 0 {
		err = syscall.ENOENT
	}
	return err
}
