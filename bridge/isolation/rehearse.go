package isolation

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"hearth/messages/wire"
)

// rehearsalUser has a UID like any other, so that no user's agent can meddle with a rehearsal. No user has such an id.
const rehearsalUser wire.UserID = "\x00rehearsal"

// rehearse does everything that a start does, with a made-up user, but for executing a program.
func (p *Plan) rehearse(ctx context.Context) error {
	return p.withRehearsal(ctx, func(job Job) error { return p.runRehearsal(ctx, job) })
}

// withRehearsal makes what a made-up user's agent needs, for do to use.
func (p *Plan) withRehearsal(ctx context.Context, do func(Job) error) (err error) {
	name := filepath.Join(OwnName, "rehearsal-"+rand.Text())
	job := Job{Workspace: filepath.Join(p.cfg.Workspaces.Name(), name), UID: SameUser}
	if p.Levels.Has(UID) {
		if job.UID, err = p.Identify(ctx, rehearsalUser); err != nil {
			return failed(UID, 0, "find a UID", err)
		}
	}
	defer func() { err = both(err, p.cfg.Workspaces.RemoveAll(name)) }()
	if err := rehearseWorkspace(p.cfg.Workspaces, name, job.UID); err != nil {
		return failed(p.Levels&UID, 0, "make a workspace", err)
	}
	job.Temp, err = p.MakeTemp(job.UID)
	if err != nil {
		return failed(p.Levels&Chroot, 0, "make a temporary directory", err)
	}
	defer func() { err = both(err, os.RemoveAll(job.Temp)) }()
	return do(job)
}

// TryWorkspaces reports what keeps a bridge from writing to the workspaces' file system: a mount for reading only, a disk that is
// full, a quota that is used up.
func TryWorkspaces(root *os.Root) (err error) {
	if err := root.Mkdir(OwnName, ownMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	name := filepath.Join(OwnName, "trial-"+rand.Text())
	file, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = both(err, root.Remove(name)) }()
	_, err = file.Write(make([]byte, os.Getpagesize()))
	if err == nil {
		err = file.Sync() // where a network's file system says that there is no room
	}
	return errors.Join(err, file.Close())
}

// TryProgram has a made-up user's agent start, and kills it in the moment in which its program runs. It reports what would keep
// every agent from starting: a program that is not there, is not the user's to execute or none for this machine.
func (p *Plan) TryProgram(ctx context.Context, argv, env []string) error {
	return p.withRehearsal(ctx, func(job Job) error {
		job.Argv, job.Env = argv, env
		return p.runRehearsal(ctx, job)
	})
}

// both joins two errors. If only one of them is an error, it is returned as it is.
func both(err, second error) error {
	if second == nil {
		return err
	}
	return errors.Join(err, second)
}

// rehearseWorkspace makes a workspace for uid and uses it as a bridge does. Shared file systems refuse that where they make
// everybody one and the same user.
func rehearseWorkspace(root *os.Root, name string, uid int) error {
	if err := root.Mkdir(OwnName, ownMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := root.Mkdir(name, 0o700); err != nil {
		return err
	}
	if uid == SameUser {
		return nil
	}
	if err := root.Lchown(name, uid, uid); err != nil {
		return err
	}
	info, err := root.Lstat(name)
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || int(stat.Uid) != uid || int(stat.Gid) != uid {
		return &refusal{"the file system gives it to somebody else, as an access point with a POSIX user does"}
	}
	if err := root.WriteFile(filepath.Join(name, "file"), nil, 0o600); err != nil {
		return err
	}
	return root.Chmod(name, 0o700)
}

// runRehearsal runs a rehearsal's helper to its end, or until it has become the agent.
func (p *Plan) runRehearsal(ctx context.Context, job Job) error {
	runtime.LockOSThread() // the helper dies with the thread that started it
	defer runtime.UnlockOSThread()
	if err := ctx.Err(); err != nil {
		return err
	}
	h, err := NewHelper()
	if err != nil {
		return err
	}
	h.Cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := h.Cmd.Start(); err != nil {
		h.Close()
		return fmt.Errorf("start the helper: %w", err)
	}
	h.Started()
	err = p.Start(h, job)
	if err != nil || len(job.Argv) > 0 {
		_ = syscall.Kill(-h.Cmd.Process.Pid, syscall.SIGKILL) // dead already, unless it hangs or is the agent by now
	}
	if ended := h.Cmd.Wait(); err == nil && len(job.Argv) == 0 {
		err = ended
	}
	return err
}
