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
	"sync"
	"syscall"

	"hearth/messages/wire"
)

// rehearsalUser has a UID like any other, so that no user's agent can meddle with a rehearsal. No user has such an id.
const rehearsalUser wire.UserID = "\x00rehearsal"

// settle rehearses until what is left of the plan can be had, with the agent's program, for that takes no longer.
func (p *Plan) settle(ctx context.Context) error {
	err := p.rehearseUntil(ctx, p.cfg.Argv)
	if !IsProgram(err) {
		return err
	}
	// What cannot be had here may be what keeps the program from starting, and is found out without it.
	if err := p.rehearseUntil(ctx, nil); err != nil {
		return err
	}
	return p.rehearse(ctx, p.cfg.Argv)
}

// rehearseUntil rehearses, each time without what has turned out not to be had, until nothing is wrong but the program.
func (p *Plan) rehearseUntil(ctx context.Context, argv []string) error {
	for {
		err := p.rehearse(ctx, argv)
		if err == nil || IsProgram(err) {
			return err
		}
		f, ok := err.(*failure) // and not one among others
		if !ok {
			return fmt.Errorf("ISOLATION: %w", err)
		}
		if err := p.doWithout(f.Level, f.Guard, f); err != nil {
			return err
		}
	}
}

// rehearse does everything that a start does, with a made-up user. The program, if there is one, is killed in the moment in which it
// runs.
func (p *Plan) rehearse(ctx context.Context, argv []string) error {
	return p.withHelper(ctx, func(become func(Job) error) error {
		return p.withRehearsal(ctx, func(job Job) error {
			job.Argv, job.Env = argv, p.cfg.Env
			return become(job)
		})
	})
}

// withRehearsal makes what a made-up user's agent needs, for do to use.
func (p *Plan) withRehearsal(ctx context.Context, do func(Job) error) (err error) {
	name := filepath.Join(OwnName, "rehearsal-"+rand.Text())
	job := Job{Workspace: filepath.Join(p.cfg.Workspaces.Name(), name), UID: SameUser, trial: true}
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

// withHelper has do find out what a helper is to do in a rehearsal, while the helper begins. The function that do calls with that, at
// most once, runs the helper to its end, or until it has become the agent.
func (p *Plan) withHelper(ctx context.Context, do func(become func(Job) error) error) error {
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
	end := sync.OnceValue(func() error {
		h.Close()
		return h.Cmd.Wait()
	})
	defer func() { _ = end() }() // one that was told nothing
	return do(func(job Job) error {
		err := p.Start(h, job)
		if err != nil || len(job.Argv) > 0 {
			_ = syscall.Kill(-h.Cmd.Process.Pid, syscall.SIGKILL) // dead already, unless it hangs or is the agent by now
		}
		if ended := end(); err == nil && len(job.Argv) == 0 {
			err = ended
		}
		return err
	})
}
