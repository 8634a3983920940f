package isolation

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// mountWorkspace gives this process a mount namespace of its own, and in it, inside of the future root, a workspace root that
// holds the one workspace and nothing else.
func mountWorkspace(s *spec) error {
	if s.Bind == "" {
		return nil
	}
	if err := ownMounts(); err != nil {
		return err
	}
	parent, target := filepath.Join(s.Root, s.BindRoot), filepath.Join(s.Root, s.Bind)
	if err := unix.Mount("workspaces", parent, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0711,size=64k"); err != nil {
		return &os.PathError{Op: "mount a tmpfs at", Path: parent, Err: err}
	}
	if err := os.MkdirAll(target, 0o711); err != nil {
		return err
	}
	if err := unix.Mount(s.Bind, target, "", unix.MS_BIND, ""); err != nil {
		return &os.PathError{Op: "bind-mount " + s.Bind + " at", Path: target, Err: err}
	}
	return nil
}

// ownMounts gives this thread a mount namespace of its own, out of which no mount spreads.
func ownMounts() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return os.NewSyscallError("unshare", err)
	}
	return os.NewSyscallError("mount", unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
}

func changeRoot(s *spec) error {
	if err := unix.Chroot(s.Root); err != nil {
		return &os.PathError{Op: "chroot", Path: s.Root, Err: err}
	}
	return os.Chdir("/")
}

// within reports whether path is dir or below it. Both are absolute and clean.
func within(dir, path string) bool {
	return path == dir || dir == "/" || strings.HasPrefix(path, dir+"/")
}
