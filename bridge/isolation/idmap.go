package isolation

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
)

// idMap is a user namespace that nobody is in. A mount that is given it shows files of one user as another's.
type idMap struct {
	namespace  *os.File
	uids, gids *os.File // what is still to be mapped
}

// newIDMap makes one that maps nobody yet. A namespace begins with a process in it, whose start takes time: all that is left for
// later is to write who is whom.
func newIDMap() (m *idMap, err error) {
	runtime.LockOSThread() // the helper dies with the thread that started it
	defer runtime.UnlockOSThread()
	h, err := NewHelper()
	if err != nil {
		return nil, err
	}
	defer h.Close()
	h.Cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, Pdeathsig: syscall.SIGKILL}
	if err := h.Cmd.Start(); err != nil {
		return nil, err
	}
	defer func() {
		_ = h.Cmd.Process.Kill() // it waits to be told what to do
		_ = h.Cmd.Wait()         // it was killed; or the bridge's reaper was faster
	}()
	proc := "/proc/" + strconv.Itoa(h.Cmd.Process.Pid)
	m = &idMap{}
	for _, each := range []struct {
		file **os.File
		name string
		flag int
	}{{&m.namespace, "/ns/user", os.O_RDONLY}, {&m.uids, "/uid_map", os.O_WRONLY}, {&m.gids, "/gid_map", os.O_WRONLY}} {
		if *each.file, err = os.OpenFile(proc+each.name, each.flag, 0); err != nil {
			m.close()
			return nil, err
		}
	}
	return m, nil
}

// show makes the files of user and group disk appear as shown's. The kernel takes this once.
func (m *idMap) show(disk, shown int) error {
	line := fmt.Sprintf("%d %d 1", disk, shown)
	_, uidErr := m.uids.WriteString(line)
	_, gidErr := m.gids.WriteString(line)
	return errors.Join(uidErr, gidErr)
}

func (m *idMap) close() {
	for _, file := range []*os.File{m.namespace, m.uids, m.gids} {
		if file != nil {
			_ = file.Close() // handles without data
		}
	}
}
