// Command hostile is an agent for tests of isolation. As "victim" it has something to lose and says where; as "attacker" it
// is told where another user's victim is, tries everything to get at it, and says how each attempt went.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// victim is what a victim says of itself, as the test passes it on to the attacker.
type victim struct {
	PID, Bridge     int
	Terminal        string
	Workspace, Temp string
	Socket          string
	// Other is a file of the container that is neither a user's nor the system's, and SetUID a program that is another
	// user's and would run as that user. The test knows them.
	Other, SetUID string
	// Gateway is a process of the bridge's user that is neither a bridge nor an agent, and Port a TCP port that listens.
	Gateway, Port int
	// Key is in the session keyring that the bridge was started with, Open the inode of a file that it was, and Score is its
	// oom_score_adj.
	Key   string
	Open  uint64
	Score int
}

// result is how an attempt went. Error is empty if the attacker had its way.
type result struct{ Attempt, Error string }

func main() {
	role := os.Args[1]
	var err error
	switch role {
	case "victim":
		err = beVictim()
	case "attacker":
		err = beAttacker()
	case "uncover":
		err = uncover(os.Args[2])
	case "whoami":
		fmt.Println(os.Geteuid())
	case "idle":
		time.Sleep(time.Hour) // until it is killed
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func say(what any) error { return json.NewEncoder(os.Stdout).Encode(what) }

func beVictim() error {
	stdin := bufio.NewReader(os.Stdin)
	if _, err := stdin.ReadString('\n'); err != nil { // from then on there is a workspace
		return err
	}
	v := victim{PID: os.Getpid(), Bridge: os.Getppid(), Temp: os.Getenv("TMPDIR"), Socket: "@hearth-victim-" + strconv.Itoa(os.Getpid())}
	var err error
	if v.Workspace, err = os.Getwd(); err != nil {
		return err
	}
	for _, name := range []string{"secret", "spare-1", "spare-2", filepath.Join(v.Temp, "scratch")} {
		if err := os.WriteFile(name, []byte("a secret of the victim's\n"), 0o644); err != nil {
			return err
		}
	}
	open, err := os.Open("secret")
	if err != nil {
		return err
	}
	defer open.Close()
	for _, name := range []string{v.Socket, "socket"} {
		listener, err := net.Listen("unix", name)
		if err != nil {
			return err
		}
		defer listener.Close()
	}
	if err := os.Chmod("socket", 0o777); err != nil {
		return err
	}
	leaveShared(v.PID)
	if v.Terminal, err = openTerminal(); err != nil {
		return err
	}
	if err := say(v); err != nil {
		return err
	}
	_, err = stdin.ReadString(0) // until the end
	if err.Error() == "EOF" {
		return nil
	}
	return err
}

func beAttacker() error {
	runtime.LockOSThread()       // whoever traces is a thread
	early, _ := os.ReadDir("..") // it may be at work before it has a user
	line, err := bufio.NewReader(os.Stdin).ReadBytes('\n')
	if err != nil {
		return err
	}
	var v victim
	if err := json.Unmarshal(line, &v); err != nil {
		return err
	}
	var results []result
	try := func(attempt string, do func() error) {
		r := result{Attempt: attempt}
		if err := do(); err != nil {
			r.Error = err.Error()
		}
		results = append(results, r)
	}
	attackFiles(v, early, try)
	for _, target := range []struct {
		name string
		pid  int
	}{{"their agent", v.PID}, {"their bridge", v.Bridge}, {"its own bridge", os.Getppid()}, {"a gateway beside it", v.Gateway}} {
		attackProcess(target.name, target.pid, try)
	}
	attackShared(v, try)
	attackBridge(v, try)
	attackMounts(v, try)
	attackLimits(try)
	attackPrivileges(v, try)
	spoil()
	return say(results)
}

// spoil leaves the attacker's workspace in a state that is to keep its user from every later session. That shows in the next one.
func spoil() {
	_ = os.Rename(".optima", "gone") // whatever fails of this
	_ = unix.Mkfifo(".optima", 0o600)
	_ = os.Chmod(".", 0)
}

func attackFiles(v victim, early []os.DirEntry, try func(string, func() error)) {
	secret := filepath.Join(v.Workspace, "secret")
	read := func(name string) func() error {
		return func() error { _, err := os.ReadFile(name); return err }
	}
	list := func(name string) func() error {
		return func() error { _, err := os.ReadDir(name); return err }
	}
	write := func(name string, flag int) func() error {
		return func() error {
			file, err := os.OpenFile(name, flag|os.O_WRONLY, 0o600)
			if err == nil {
				_, err = file.WriteString("x")
				err = errors.Join(err, file.Close())
			}
			return err
		}
	}
	try("list all workspaces", func() error {
		now, err := os.ReadDir(filepath.Dir(v.Workspace))
		for _, entry := range append(early, now...) {
			if entry.Name() == filepath.Base(v.Workspace) {
				return nil
			}
		}
		return errors.Join(errors.New("theirs is not among them"), err)
	})
	try("list their workspace", list(v.Workspace))
	try("see that a file is in it, and how large", func() error { _, err := os.Stat(secret); return err })
	try("read a file in it", read(secret))
	try("read their token file", read(filepath.Join(v.Workspace, ".optima", "token.json")))
	try("read their temporary directory", read(filepath.Join(v.Temp, "scratch")))
	try("read a file through a symlink of its own", func() error {
		if err := os.Symlink(secret, "symlink"); err != nil {
			return err
		}
		return read("symlink")()
	})
	try("hard-link a file into its own workspace", func() error { return os.Link(secret, "link") })
	try("rename a file into its own workspace", func() error { return os.Rename(filepath.Join(v.Workspace, "spare-1"), "stolen") })
	try("remove a file", func() error { return os.Remove(filepath.Join(v.Workspace, "spare-2")) })
	try("write to a file", write(secret, os.O_APPEND))
	try("truncate a file", func() error { return os.Truncate(secret, 5) })
	try("make a file", write(filepath.Join(v.Workspace, "planted"), os.O_CREATE))
	try("change a file's mode", func() error { return os.Chmod(secret, 0o644) })
	try("change a file's owner", func() error { return os.Chown(secret, os.Getuid(), os.Getgid()) })
	try("put something in the place of their workspace", func() error {
		if err := os.Rename(v.Workspace, v.Workspace+"-gone"); err != nil {
			return err
		}
		return os.Rename(v.Workspace+"-gone", v.Workspace)
	})
	try("read other files of the container", read(v.Other))
}

func attackProcess(name string, pid int, try func(string, func() error)) {
	proc := "/proc/" + strconv.Itoa(pid)
	open := func(path string) error {
		file, err := os.Open(path)
		if err == nil {
			err = file.Close()
		}
		return err
	}
	try("see "+name+" in /proc, and its command line", func() error { return seeProcess(pid) })
	try("read the environment of "+name, func() error { return open(proc + "/environ") })
	try("enter the working directory of "+name, func() error { return open(proc + "/cwd/.") })
	try("enter the root of "+name, func() error { return open(proc + "/root/.") })
	try("open a file that is open in "+name, func() error {
		err := errors.New("none is known")
		for fd := range 16 {
			if err = open(proc + "/fd/" + strconv.Itoa(fd)); err == nil {
				return nil
			}
		}
		return err
	})
	try("read the memory of "+name, func() error { return open(proc + "/mem") })
	try("trace "+name, func() error { return unix.PtraceSeize(pid) })
	try("signal "+name, func() error { return unix.Kill(pid, unix.SIGWINCH) })
	try("enter the mount namespace of "+name, func() error {
		file, err := os.Open(proc + "/ns/mnt")
		if err != nil {
			return err
		}
		defer file.Close()
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return err
		}
		return unix.Setns(int(file.Fd()), unix.CLONE_NEWNS)
	})
}

// attackMounts tries to get at a workspace that something else is mounted above.
func attackMounts(v victim, try func(string, func() error)) {
	try("mount something", func() error { return unix.Mount("none", os.Getenv("TMPDIR"), "tmpfs", 0, "") })
	try("read a file in their workspace after unmounting what covers it", func() error { return uncover(v.Workspace) })
	try("the same in a user namespace of its own", func() error {
		cmd := exec.Command(os.Args[0], "uncover", v.Workspace)
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}},
		}
		cmd.Stdin = os.Stdin // a prepared root may have no /dev/null
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}

// uncover unmounts all that can be unmounted above a workspace and reads a file in it.
func uncover(workspace string) error {
	var problems []error
	for _, dir := range []string{workspace, filepath.Join(filepath.Dir(workspace), "workspace"), filepath.Dir(workspace)} {
		for unmounted := false; ; unmounted = true {
			if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
				if !unmounted {
					problems = append(problems, fmt.Errorf("unmount %s: %w", dir, err))
				}
				break
			}
		}
	}
	_, err := os.ReadFile(filepath.Join(workspace, "secret"))
	if err != nil {
		return errors.Join(append(problems, err)...)
	}
	return nil
}

func attackPrivileges(v victim, try func(string, func() error)) {
	try("become another user by a set-user-ID program", func() error {
		cmd := exec.Command(v.SetUID, "whoami")
		cmd.Stdin, cmd.Stderr = os.Stdin, os.Stderr // a prepared root may have no /dev/null
		out, err := cmd.Output()
		if err != nil {
			return err
		}
		if got := strings.TrimSpace(string(out)); got == strconv.Itoa(os.Geteuid()) {
			return errors.New("it still runs as " + got)
		}
		return nil
	})
	try("keep a capability", keepCapability)
	try("keep a capability in its bounding set", keepBounding)
	try("keep a supplementary group", func() error {
		groups, err := os.Getgroups()
		if err == nil && len(groups) == 0 {
			err = errors.New("none is left")
		}
		return err
	})
	try("become another user", func() error { return unix.Setresuid(4242, 4242, 4242) }) // the last of all
}
