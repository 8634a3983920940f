package isolation

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// becomeUser takes the user's ids, and gives up every other group.
func becomeUser(s *spec) error {
	if err := unix.Setgroups(nil); err != nil {
		return os.NewSyscallError("setgroups", err)
	}
	if err := unix.Setresgid(s.UID, s.UID, s.UID); err != nil {
		return os.NewSyscallError("setresgid", err)
	}
	return os.NewSyscallError("setresuid", unix.Setresuid(s.UID, s.UID, s.UID))
}

// dropCapabilities empties the permitted set, and with it the effective and the ambient one, and the inheritable set. A change of
// user has done that, unless somebody has set the thread's securebits; root's powers end here.
func dropCapabilities() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	return os.NewSyscallError("capset", unix.Capset(&header, &none[0]))
}

// dropBounding empties the bounding set, also of capabilities that are newer than this program.
func dropBounding() error {
	for capability := uintptr(0); ; capability++ {
		has, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, capability, 0, 0, 0)
		if errors.Is(err, unix.EINVAL) && capability > unix.CAP_AUDIT_READ { // the kernel, since Linux 3.16, knows no more
			return nil
		}
		if err == nil && has != 0 {
			err = unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0)
		}
		if err != nil {
			return os.NewSyscallError("prctl", err)
		}
	}
}

// capability is one that a level needs of the bridge.
type capability struct {
	name string
	bit  uint
}

// Those that giving an agent a user of its own takes: to make the user's files and give them away, to work in a directory
// that is closed to others, to become the user, and to signal what runs as it.
var uidCapabilities = []capability{
	{"CHOWN", unix.CAP_CHOWN}, {"DAC_OVERRIDE", unix.CAP_DAC_OVERRIDE}, {"FOWNER", unix.CAP_FOWNER},
	{"SETUID", unix.CAP_SETUID}, {"SETGID", unix.CAP_SETGID}, {"KILL", unix.CAP_KILL},
}

var (
	chrootCapabilities = []capability{{"SYS_CHROOT", unix.CAP_SYS_CHROOT}}
	mountCapabilities  = []capability{{"SYS_ADMIN", unix.CAP_SYS_ADMIN}}
)

// needs reports which of the capabilities this process does not have.
func needs(wanted []capability) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var have [2]unix.CapUserData
	if err := unix.Capget(&header, &have[0]); err != nil {
		return os.NewSyscallError("capget", err)
	}
	var missing []string
	for _, each := range wanted {
		if have[each.bit/32].Effective&(1<<(each.bit%32)) == 0 {
			missing = append(missing, each.name)
		}
	}
	if len(missing) > 0 {
		return &refusal{"needs root with the capabilities " + strings.Join(missing, ", ")}
	}
	return nil
}
