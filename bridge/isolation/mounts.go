package isolation

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	temporary = "/tmp"
	// sharedMemory is what Docker and ECS give a container's /dev/shm.
	sharedMemory = "size=64m"
)

// ownMounts gives this process a mount namespace of its own, unless it is in one already: a stage's.
func (s *spec) ownMounts() error {
	if s.mounts || s.Stage != "" {
		return nil
	}
	s.mounts = true
	return ownNamespace()
}

// ownNamespace gives this thread a mount namespace of its own. Mounts made in it do not spread to others.
func ownNamespace() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return os.NewSyscallError("unshare", err)
	}
	return os.NewSyscallError("mount", unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
}

// mountScratch gives the agent a /dev/shm of its own, its temporary directory as /tmp, and a /dev/pts in which nobody else's
// terminals are, the operator's among them: what is typed there could be read.
func mountScratch(s *spec) error {
	if err := s.ownMounts(); err != nil {
		return err
	}
	uid, gid := os.Geteuid(), os.Getegid()
	if s.Levels.Has(UID) {
		uid, gid = s.UID, s.UID
	}
	shm := filepath.Join(s.Root, "/dev/shm")
	err := mount("shm", shm, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("mode=0700,uid=%d,gid=%d,%s", uid, gid, sharedMemory))
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // none that could be shared
		return err
	}
	if !s.Levels.Has(UID) { // else terminals are their users'
		const options = "newinstance,ptmxmode=0666,mode=0620"
		err := mount("devpts", filepath.Join(s.Root, "/dev/pts"), "devpts", unix.MS_NOSUID|unix.MS_NOEXEC, options)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if s.Bind == "" { // else the workspace is mounted there afterwards
		if err := s.keepInTemporary(s.tree(), false); err != nil {
			return err
		}
	}
	readable := slices.Clone(s.Read)
	if len(s.Argv) > 0 {
		readable = append(readable, s.Argv[0])
	}
	for _, path := range readable {
		if err := s.keepInTemporary(path, true); err != nil {
			return err
		}
	}
	return mount(s.TempAt, filepath.Join(s.Root, temporary), "", unix.MS_BIND|unix.MS_REC, "")
}

// keepInTemporary makes what the agent needs of the present /tmp a part of its own. The temporary directory is the user's, but
// until the agent runs nobody else has it. What is to be read alone is made so: Landlock lets the agent write all of its own.
func (s *spec) keepInTemporary(path string, readOnly bool) error {
	relative, ok := strings.CutPrefix(path, temporary+"/")
	if !ok {
		return nil
	}
	at, source := s.TempAt, filepath.Join(s.Root, temporary)
	for name := range strings.SplitSeq(relative, "/") {
		at, source = filepath.Join(at, name), filepath.Join(source, name)
		if err := standIn(at, source); errors.Is(err, fs.ErrNotExist) {
			return nil // whoever needs it says so
		} else if err != nil {
			return err
		}
	}
	if !readOnly {
		return mount(source, at, "", unix.MS_BIND|unix.MS_REC, "")
	}
	if err := mount(source, at, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	if err := unix.MountSetattr(unix.AT_FDCWD, at, 0, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil {
		return &os.PathError{Op: "make read-only", Path: at, Err: err}
	}
	return nil
}

// standIn makes an empty file or directory, of the same mode, to mount another on or to lead to one that is mounted.
func standIn(at, source string) error {
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	if info.IsDir() {
		err = os.Mkdir(at, 0o700)
	} else {
		var file *os.File
		if file, err = os.OpenFile(at, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err == nil {
			err = file.Close()
		}
	}
	if errors.Is(err, fs.ErrExist) { // it leads to another as well, or is in one
		return nil
	}
	if err != nil {
		return err
	}
	return os.Chmod(at, info.Mode().Perm())
}

// mountProc gives the agent a /proc in which it sees the processes that it may trace, which are its own. What the container hides
// of /proc, by mounts in it, stays hidden.
func mountProc(s *spec) error {
	proc := filepath.Join(s.Root, "/proc")
	if _, err := os.Stat(proc); errors.Is(err, fs.ErrNotExist) {
		return nil // a prepared root without one
	}
	if err := s.ownMounts(); err != nil {
		return err
	}
	flags := uintptr(unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC)
	if !s.Levels.Has(UID) {
		flags |= unix.MS_RDONLY // root needs no capability to change the kernel's settings
	}
	masks, err := mountsIn("/proc")
	if err != nil {
		return err
	}
	if err := mount("proc", s.TempAt, "proc", flags, "hidepid=ptraceable"); err != nil {
		return err
	}
	for _, mask := range masks {
		err := mount(filepath.Join("/proc", mask), filepath.Join(s.TempAt, mask), "", unix.MS_BIND, "")
		if err != nil {
			return err
		}
	}
	return mount(s.TempAt, proc, "", unix.MS_MOVE, "")
}

// mountsIn has what is mounted below dir, relative to it, outer mounts first.
func mountsIn(dir string) (below []string, err error) {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer file.Close() // opened for reading only
	for lines := bufio.NewScanner(file); ; {
		if !lines.Scan() {
			return below, lines.Err()
		}
		// 36 35 98:0 /root /mount/point options…
		fields := strings.Fields(lines.Text())
		if len(fields) < 5 {
			return nil, fmt.Errorf("mountinfo has a line %q", lines.Text())
		}
		if name, ok := strings.CutPrefix(fields[4], dir+"/"); ok {
			below = append(below, unescape(name))
		}
	}
}

// unescape undoes mountinfo's escapes of blanks and backslashes.
func unescape(name string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(name)
}

func mount(source, target, kind string, flags uintptr, options string) error {
	if err := unix.Mount(source, target, kind, flags, options); err != nil {
		return &os.PathError{Op: "mount " + source + " at", Path: target, Err: err}
	}
	return nil
}

// supportsOwnProc reports why the kernel cannot show a process a /proc of its own: before Linux 5.8 what one hides, all do.
func supportsOwnProc() error {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return os.NewSyscallError("uname", err)
	}
	release := unix.ByteSliceToString(name.Release[:])
	major, rest, _ := strings.Cut(release, ".")
	minor, _, _ := strings.Cut(rest, ".")
	first, err := strconv.Atoi(major)
	if err != nil {
		return fmt.Errorf("the kernel calls itself %q", release)
	}
	second, _ := strconv.Atoi(minor) // 0 where it is more than a number, which is too little at worst
	if first < 5 || first == 5 && second < 8 {
		return &refusal{"it takes Linux 5.8"}
	}
	return nil
}

// mountWorkspace has, inside of the future root, a workspace root that holds the one workspace and nothing else.
func mountWorkspace(s *spec) error {
	if s.Bind == "" {
		return nil
	}
	if err := s.ownMounts(); err != nil {
		return err
	}
	parent, target := filepath.Join(s.Root, s.BindRoot), filepath.Join(s.Root, s.Bind)
	if err := os.MkdirAll(parent, 0o711); err != nil { // it was there, unless the agent's own /tmp covers it
		return err
	}
	if err := mount("workspaces", parent, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0711,size=64k"); err != nil {
		return err
	}
	if err := os.MkdirAll(target, 0o711); err != nil {
		return err
	}
	return mount(s.Bind, target, "", unix.MS_BIND, "")
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
