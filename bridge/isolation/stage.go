package isolation

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// stageName is the directory in a covered WORKSPACE_ROOT that becomes the agent's workspace.
const stageName = "workspace"

// stageUIDs are what agents run as that were started before their user was known. Each takes one by chance: so many are there
// that no two at a time are the same, and no file is left that the next could find.
var stageUIDs = Range{First: 1 << 30, Count: 1 << 30}

// Stage is where an agent runs before its user is known: a mount namespace in which WORKSPACE_ROOT is covered by an empty tree
// that nobody can write, with one directory for the workspace to come. Nothing leads to what is beneath, then or later:
// without capabilities the agent can neither uncover it nor go to another namespace.
//
// A Stage is a thread of the bridge's that is good for nothing else any more, and ends with it. The agent is started by that
// thread and thereby is in its namespace, and it shares the thread's working directory until it has its workspace: so the
// thread can take it there, which nobody else could.
type Stage struct {
	// Dir is the workspace as the agent sees it, from the beginning on.
	Dir string
	// UID is whom the agent runs as, or SameUser. A workspace's user appears to it as this one.
	UID int

	users *idMap // nil for SameUser
	work  chan func()
	done  chan struct{}
	close sync.Once
}

// StageCloneFlags are what the agent must be started with.
const StageCloneFlags = unix.CLONE_FS

// OpenStage makes a stage. It belongs to one agent, and the caller closes it after the agent's end.
func (p *Plan) OpenStage() (*Stage, error) {
	root := p.cfg.Workspaces.Name()
	s := &Stage{Dir: filepath.Join(root, stageName), UID: SameUser, work: make(chan func()), done: make(chan struct{})}
	if p.Levels.Has(UID) {
		var random [4]byte
		_, _ = rand.Read(random[:]) // never fails
		s.UID = int(stageUIDs.First + binary.NativeEndian.Uint32(random[:])%stageUIDs.Count)
		var err error
		if s.users, err = newIDMap(); err != nil {
			return nil, fmt.Errorf("a user namespace for the workspace: %w", err)
		}
	}
	onThreadOfItsOwn(func() {
		for {
			select {
			case do := <-s.work:
				do()
			case <-s.done:
				return
			}
		}
	})
	if err := s.Do(func() error { return cover(root, s.Dir) }); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close ends the thread, and with it the stage's agent.
func (s *Stage) Close() {
	s.close.Do(func() {
		close(s.done)
		if s.users != nil {
			s.users.close()
		}
	})
}

// Do runs f on the stage's thread: to start the agent with StageCloneFlags. The thread outlives f.
func (s *Stage) Do(f func() error) error {
	answer := make(chan error, 1)
	timeout := time.NewTimer(startTimeout)
	defer timeout.Stop()
	select {
	case s.work <- func() { answer <- f() }:
	case <-s.done:
		return errors.New("the stage is closed")
	case <-timeout.C:
		return errStage
	}
	select {
	case err := <-answer:
		return err
	case <-timeout.C:
		return errStage
	}
}

var errStage = fmt.Errorf("the stage's thread has not answered within %v", startTimeout)

// Place gives the stage's agent its workspace, which is uid's on disk: it appears at Dir, and the agent is in it. Those of its
// children that it started before are where they were.
func (s *Stage) Place(workspace *os.Root, uid int) error {
	dir, err := workspace.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close() // opened for reading only
	const flags = unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC | unix.AT_EMPTY_PATH
	tree, err := unix.OpenTree(int(dir.Fd()), "", flags)
	if err != nil {
		return os.NewSyscallError("open_tree", err)
	}
	defer unix.Close(tree) // a handle without data
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV}
	if s.users != nil {
		if err := s.users.show(uid, s.UID); err != nil {
			return err
		}
		attr.Attr_set |= unix.MOUNT_ATTR_IDMAP
		attr.Userns_fd = uint64(s.users.namespace.Fd())
	}
	if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &attr); err != nil {
		return fmt.Errorf("mount the workspace with its user mapped: %w", os.NewSyscallError("mount_setattr", err))
	}
	return s.Do(func() error {
		if err := unix.MoveMount(tree, "", unix.AT_FDCWD, s.Dir, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
			return os.NewSyscallError("move_mount", err)
		}
		if err := unix.Chdir(s.Dir); err != nil {
			return os.NewSyscallError("chdir", err)
		}
		return os.NewSyscallError("unshare", unix.Unshare(unix.CLONE_FS))
	})
}

// cover gives this thread a mount namespace of its own, in which root is empty but for dir.
func cover(root, dir string) error {
	if err := ownNamespace(); err != nil {
		return err
	}
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := unix.Mount("workspaces", root, "tmpfs", flags, "mode=0755,size=64k"); err != nil {
		return &os.PathError{Op: "mount a tmpfs at", Path: root, Err: err}
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // whatever the umask is
		return err
	}
	if err := unix.Mount("", root, "", unix.MS_REMOUNT|unix.MS_RDONLY|flags, ""); err != nil {
		return &os.PathError{Op: "make read-only", Path: root, Err: err}
	}
	return nil
}

// onThreadOfItsOwn runs do on a thread that ends with it. That cannot be the process's first, which never ends.
func onThreadOfItsOwn(do func()) {
	locked := make(chan struct{})
	go func() {
		runtime.LockOSThread() // and never unlocks
		if unix.Gettid() == os.Getpid() {
			onThreadOfItsOwn(do) // elsewhere, for this thread is taken meanwhile
			close(locked)
			runtime.UnlockOSThread()
			return
		}
		close(locked)
		do()
	}()
	<-locked
}
