package isolation

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// helperName is the name, and the only argument, by which the bridge's program knows that it is to be the helper.
const helperName = "hearth-agent-helper"

// The helper's files beside the agent's three streams.
const (
	specFile   = 3
	reportFile = 4
)

// RunHelper makes this process an agent if it was started as the helper, and does not return then. Otherwise it does nothing.
// It must be the first thing that a program with a bridge in it does, for all that comes before adds to every agent's start.
func RunHelper() {
	if len(os.Args) != 1 || os.Args[0] != helperName {
		return
	}
	runtime.LockOSThread() // see steps
	unix.CloseOnExec(specFile)
	unix.CloseOnExec(reportFile)
	var s spec
	var f *failure
	if err := json.NewDecoder(os.NewFile(specFile, "spec")).Decode(&s); err != nil {
		f = failed(0, 0, "read what to do", err)
	} else {
		f = carryOut(&s)
	}
	// Not os.Exit: there is nothing to clean up, and in a program with the race detector that takes a second.
	if f == nil {
		unix.Exit(0)
	}
	if err := json.NewEncoder(os.NewFile(reportFile, "report")).Encode(f); err != nil {
		fmt.Fprintln(os.Stderr, f.Error()) // the bridge is gone
	}
	unix.Exit(1)
}

func noNewPrivileges() error {
	return os.NewSyscallError("prctl", unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
}

func findProgram(s *spec) error {
	if len(s.Argv) == 0 {
		return nil
	}
	for _, entry := range s.Env {
		if path, ok := strings.CutPrefix(entry, "PATH="); ok {
			if err := os.Setenv("PATH", path); err != nil {
				return err
			}
		}
	}
	program, err := exec.LookPath(s.Argv[0])
	if err == nil {
		program, err = filepath.Abs(program)
	}
	if err != nil {
		return &programError{err}
	}
	s.program = program
	return nil
}

// reachWorkspace reports which directory keeps the user from its own.
func reachWorkspace(s *spec) error {
	for _, target := range []string{s.Dir, s.Temp} {
		for end := 1; end <= len(target); end++ {
			if end < len(target) && target[end] != filepath.Separator {
				continue
			}
			dir := target[:end]
			if err := unix.Access(dir, unix.X_OK); err != nil {
				return fmt.Errorf("uid %d cannot enter %s: %w (chmod o+x %s)", s.UID, dir, err, dir)
			}
		}
	}
	return nil
}

func enterWorkspace(s *spec) error { return os.Chdir(s.Dir) }

// dieWithParent has the kernel kill the agent when the thread that started it ends. It did not, if that was before.
func dieWithParent(s *spec) error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	if os.Getppid() != s.Parent {
		return errors.New("the bridge is gone")
	}
	return nil
}

// closeOnExec keeps from the agent what the bridge itself was started with beyond the three streams. What Go opens needs no
// help. Kernels before 5.11 do not know the call that does it at once.
func closeOnExec() error {
	err := unix.CloseRange(reportFile+1, ^uint(0)>>1, unix.CLOSE_RANGE_CLOEXEC)
	if !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EINVAL) {
		return os.NewSyscallError("close_range", err)
	}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, entry := range open {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd > reportFile {
			unix.CloseOnExec(fd) // it can only fail for what is closed, as the directory is by now
		}
	}
	return nil
}

// maskModes makes what the agent makes its own alone, unless the agent says otherwise.
func maskModes() error {
	const private = 0o077
	unix.Umask(private)
	if was := unix.Umask(private); was != private { // which is how a failure shows
		return fmt.Errorf("the umask is %#o", was)
	}
	return nil
}

// joinKeyring gives this thread a new session keyring: with the bridge's, which may be an operator's, the agent would have all
// keys that are in it.
func joinKeyring() error {
	_, err := unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0) // 0 is none of the keyrings that have a name
	return os.NewSyscallError("keyctl", err)
}

func unshareIPC() error { return os.NewSyscallError("unshare", unix.Unshare(unix.CLONE_NEWIPC)) }

func execute(s *spec) error {
	handleSignals()
	return syscall.Exec(s.program, s.Argv, s.Env)
}

// handleSignals has the agent begin with the signals' usual meanings, which those have again after exec that are handled before. Go
// leaves these ignored if they were when the bridge began, as SIGHUP is under nohup: a shell could not be told that its user has
// hung up.
func handleSignals() {
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP, unix.SIGINT, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU)
}
