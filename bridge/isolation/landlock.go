package isolation

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// minLandlock is the ABI from which on a file can be moved between two directories of a workspace. Before, none could.
	minLandlock = 2
	// minConnect is the ABI from which on connections can be bounded to ports.
	minConnect = 4
)

var errConnect = fmt.Errorf("AGENT_CONNECT_PORTS takes Landlock's ABI %d (Linux 6.7)", minConnect)

// What a rule can allow.
const (
	readFile = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE
	readTree = readFile | unix.LANDLOCK_ACCESS_FS_READ_DIR
	// device is what a terminal or /dev/null takes.
	device = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE |
		unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	// onFiles are the accesses that a rule for something else than a directory may name.
	onFiles = readFile | device | unix.LANDLOCK_ACCESS_FS_RESOLVE_UNIX
)

// handled are the accesses to files that a kernel of this ABI can refuse.
func handled(abi int) uint64 {
	access := uint64(unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1 - 1) // ABI 1: everything up to this bit
	for _, each := range []struct {
		abi    int
		access uint64
	}{
		{2, unix.LANDLOCK_ACCESS_FS_REFER}, {3, unix.LANDLOCK_ACCESS_FS_TRUNCATE},
		{5, unix.LANDLOCK_ACCESS_FS_IOCTL_DEV}, {9, unix.LANDLOCK_ACCESS_FS_RESOLVE_UNIX},
	} {
		if abi >= each.abi {
			access |= each.access
		}
	}
	return access
}

// scoped are the ways to reach other processes that a kernel of this ABI can close: signals and abstract sockets.
func scoped(abi int) uint64 {
	if abi < 6 {
		return 0
	}
	return unix.LANDLOCK_SCOPE_SIGNAL | unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
}

// landlockABI is the kernel's, or the reason why there is none.
func landlockABI() (int, error) {
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	switch {
	case errno != 0:
		return 0, fmt.Errorf("this kernel, or the container's seccomp profile, has none: %w", errno)
	case abi < minLandlock:
		return 0, &refusal{fmt.Sprintf("this kernel's ABI is %d; it takes %d (Linux 5.19)", abi, minLandlock)}
	}
	return int(abi), nil
}

// restrict confines this thread, and with it the agent that it becomes, to its own files and the system's.
//
// This is done without a library: the one that there is restricts all threads of a Go program, for which it needs /proc in
// programs that use cgo. A prepared root may have none, and this process has no use for its other threads.
func restrict(s *spec) error {
	abi, err := landlockABI()
	if err != nil {
		return err
	}
	attr := unix.LandlockRulesetAttr{Handled_access_fs: handled(abi), Scoped: scoped(abi)}
	if s.ConnectPorts != nil {
		if abi < minConnect {
			return errConnect
		}
		attr.Handled_access_net = unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	size := unsafe.Sizeof(attr)
	if abi < 6 {
		size = unsafe.Offsetof(attr.Scoped)
	}
	if abi < 4 {
		size = unsafe.Offsetof(attr.Handled_access_net)
	}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), size, 0)
	if errno != 0 {
		return os.NewSyscallError("landlock_create_ruleset", errno)
	}
	defer unix.Close(int(fd)) // a handle without data
	rules := ruleset{fd: int(fd), handled: attr.Handled_access_fs}
	if err := rules.addAll(s); err != nil {
		return err
	}
	for _, port := range s.ConnectPorts {
		if err := rules.allowPort(port); err != nil {
			return err
		}
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return os.NewSyscallError("landlock_restrict_self", errno)
	}
	return nil
}

// tree is what Landlock opens for the agent's files. On a stage that is not the workspace's place: what is mounted on it is
// covered by rules for what is above the place, and not by one for the place itself, which the mount hides.
func (s *spec) tree() string {
	if s.Stage != "" {
		return s.Stage
	}
	return s.Dir
}

// rehearseLandlock tries, in a rehearsal, whether this file system lets the rules through and what they refuse not.
func rehearseLandlock(s *spec) error {
	if !s.Trial {
		return nil
	}
	if err := os.WriteFile(filepath.Join(s.Dir, "landlock"), nil, 0o600); err != nil {
		return err
	}
	outside := filepath.Dir(s.tree())
	if within(s.Temp, outside) { // all of it is the agent's own
		outside = "/"
	}
	above, err := os.Open(outside)
	if err == nil {
		_ = above.Close() // opened for reading only
		return &refusal{above.Name() + " can be opened all the same"}
	}
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

// ruleset is being made.
type ruleset struct {
	fd      int
	handled uint64
}

func (r ruleset) addAll(s *spec) error {
	for _, path := range []string{s.tree(), s.Temp} {
		if err := r.allow(path, r.handled); err != nil {
			return err
		}
	}
	optional := map[string]uint64{"/dev/shm": r.handled, "/dev/pts": device | unix.LANDLOCK_ACCESS_FS_READ_DIR}
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty", "ptmx"} {
		optional["/dev/"+name] = device
	}
	for _, path := range s.Read {
		optional[path] = readTree
	}
	if s.program != "" {
		optional[s.program] |= readFile
	}
	for path, access := range optional {
		err := r.allow(path, access)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			continue // nothing that the agent could use
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// allow adds a rule for what is at path, and below it.
func (r ruleset) allow(path string, access uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd) // a handle without data
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return &os.PathError{Op: "stat", Path: path, Err: err}
	}
	access &= r.handled
	if stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		access &= onFiles
	}
	// The kernel's struct is packed, and so ends with its last field.
	rule := unix.LandlockPathBeneathAttr{Allowed_access: access, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(r.fd), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if errno != 0 {
		return &os.PathError{Op: "landlock_add_rule", Path: path, Err: errno}
	}
	return nil
}

// allowPort adds a rule for TCP connections to a port.
func (r ruleset) allowPort(port uint16) error {
	rule := struct{ allowed, port uint64 }{unix.LANDLOCK_ACCESS_NET_CONNECT_TCP, uint64(port)}
	const netPort = 2 // LANDLOCK_RULE_NET_PORT
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(r.fd), netPort, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("port %d: %w", port, os.NewSyscallError("landlock_add_rule", errno))
	}
	return nil
}
