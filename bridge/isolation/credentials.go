package isolation

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// becomeHarmless gives up every capability where there is a stage, which could be left with them.
func becomeHarmless(s *spec) error {
	if s.Stage == "" || s.Levels.Has(UID) {
		return nil
	}
	if err := dropBounding(); err != nil {
		return err
	}
	return dropCapabilities()
}

// becomeUser takes the user's ids, and gives up every other group and every capability.
func becomeUser(s *spec) error {
	if err := dropBounding(); err != nil {
		return err
	}
	if err := unix.Setgroups(nil); err != nil {
		return os.NewSyscallError("setgroups", err)
	}
	if err := unix.Setresgid(s.UID, s.UID, s.UID); err != nil {
		return os.NewSyscallError("setresgid", err)
	}
	if err := unix.Setresuid(s.UID, s.UID, s.UID); err != nil {
		return os.NewSyscallError("setresuid", err)
	}
	return dropCapabilities() // the change has cleared them, unless somebody has set the thread's securebits
}

func dropCapabilities() error {
	err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
	if err != nil && !errors.Is(err, unix.EINVAL) { // that is a kernel before 4.3, which has no ambient set
		return os.NewSyscallError("prctl", err)
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	return os.NewSyscallError("capset", unix.Capset(&header, &none[0]))
}

// dropBounding empties the bounding set. Without SETPCAP that is not allowed, and then it is no matter: without new
// privileges nothing is gained from the set.
func dropBounding() error {
	for capability := range uintptr(unix.CAP_LAST_CAP + 1) {
		err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EPERM) { // the kernel knows fewer, or see above
			return nil
		}
		if err != nil {
			return os.NewSyscallError("prctl", err)
		}
	}
	return nil
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
		return fmt.Errorf("needs root with the capabilities %s", strings.Join(missing, ", "))
	}
	return nil
}
