package isolation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// maxDepth bounds how deep a tree is gone into: a directory is held open for each level.
const maxDepth = 256

// Own gives a workspace, open as root, to uid unless it is uid's already. It reports how many entries it left alone.
//
// Its user's agents may be at work in it and try to have something of somebody else's given to them. So nothing is followed:
// each entry is opened as itself, and what was looked at is what is given away. Files with several links are left alone, for
// one of the links may be in another workspace, and so are devices, which no workspace needs. The workspace itself comes
// last: its owner says that all within was done, also to another bridge that does the same at the same time, and a run
// that was cut short is begun again.
func Own(ctx context.Context, workspace *os.Root, uid int) (left int, err error) {
	if uid == SameUser {
		if os.Geteuid() != 0 {
			return 0, nil
		}
		// Without capabilities root can use only what is its own. A file system that makes everybody one user refuses, and needs not.
		left, err = Own(ctx, workspace, 0)
		if refused(err) {
			err = nil
		}
		return left, err
	}
	dir, err := workspace.Open(".")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	var stat unix.Stat_t
	if err := unix.Fstat(int(dir.Fd()), &stat); err != nil {
		return 0, os.NewSyscallError("fstat", err)
	}
	if isOf(stat, uid) {
		return 0, nil
	}
	o := owning{ctx: ctx, uid: uid, device: stat.Dev}
	if err := o.directory(dir, 0); err != nil {
		return o.left, fmt.Errorf("give it to uid %d: %w", uid, err)
	}
	return o.left, nil
}

func isOf(stat unix.Stat_t, uid int) bool { return int(stat.Uid) == uid && int(stat.Gid) == uid }

// owning is one walk.
type owning struct {
	ctx    context.Context
	uid    int
	device uint64
	left   int
}

// directory gives away what is in dir, and then dir.
func (o *owning) directory(dir *os.File, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("it is more than %d directories deep", maxDepth)
	}
	for {
		names, err := dir.Readdirnames(256)
		for _, name := range names {
			// What was removed meanwhile needs no owner. ESTALE is how NFS says that.
			err := o.entry(dir, name, depth)
			if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ESTALE) {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		if errors.Is(err, io.EOF) {
			return os.NewSyscallError("fchown", unix.Fchown(int(dir.Fd()), o.uid, o.uid))
		}
		if err != nil {
			return err
		}
		if err := o.ctx.Err(); err != nil {
			return err
		}
	}
}

func (o *owning) entry(dir *os.File, name string, depth int) error {
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("openat", err)
	}
	defer unix.Close(fd) // a handle without data
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	kind := stat.Mode & unix.S_IFMT
	switch {
	case kind == unix.S_IFDIR && stat.Dev == o.device:
		return o.subdirectory(fd, name, depth)
	case isOf(stat, o.uid):
		return nil
	case stat.Dev != o.device, kind == unix.S_IFBLK, kind == unix.S_IFCHR, stat.Nlink > 1:
		o.left++
		return nil
	}
	// That it has one link says something of this workspace only if the link is here: one that was removed after the file
	// was opened has left the file with another's. Who cannot make a new one could not have made it look as if it were here.
	var again unix.Stat_t
	err = unix.Fstatat(int(dir.Fd()), name, &again, unix.AT_SYMLINK_NOFOLLOW)
	if err != nil {
		return os.NewSyscallError("fstatat", err)
	}
	if again.Dev != stat.Dev || again.Ino != stat.Ino {
		return nil // replaced meanwhile
	}
	return os.NewSyscallError("fchownat", unix.Fchownat(fd, "", o.uid, o.uid, unix.AT_EMPTY_PATH))
}

// subdirectory goes into the directory that handle stands for, wherever it is by now.
func (o *owning) subdirectory(handle int, name string, depth int) error {
	fd, err := unix.Openat(handle, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("openat", err)
	}
	child := os.NewFile(uintptr(fd), name)
	return errors.Join(o.directory(child, depth+1), child.Close())
}
