package isolation

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"syscall"

	"hearth/messages/wire"
)

// OwnName is the directory in WORKSPACE_ROOT that is the bridges'. No workspace can have the name: they begin with a letter,
// a digit or "~".
const OwnName = ".hearth"

const (
	recordsName = OwnName + "/uids"
	// ownMode lets agents through to what is theirs in it, which is only the workspace of a rehearsal.
	ownMode fs.FileMode = 0o711
	// maxRecord bounds what is read of a record. No user id is as long.
	maxRecord = 1 << 10
)

// directory keeps each record as a file on the workspaces' file system: its name is the UID and its content the user's id.
type directory struct{ root *os.Root }

// openRecords opens the records below the workspace root, after making their directory if need be.
func openRecords(root *os.Root) (*directory, error) {
	if err := makeOwn(root, recordsName); err != nil {
		return nil, err
	}
	records, err := root.OpenRoot(recordsName)
	if err != nil {
		return nil, err
	}
	return &directory{root: records}, nil
}

// makeOwn makes a directory of the bridges' own if need be, and refuses one that agents may have been able to write.
func makeOwn(root *os.Root, name string) error {
	for _, each := range []struct {
		name string
		mode fs.FileMode
	}{{OwnName, ownMode}, {name, 0o700}} {
		if err := root.Mkdir(each.name, each.mode); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		info, err := root.Lstat(each.name)
		if err != nil {
			return err
		}
		// Before there were UIDs, an agent may have been able to write here.
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !info.IsDir() || !ok || int(stat.Uid) != os.Geteuid() || info.Mode()&0o022 != 0 {
			return fmt.Errorf("%s/%s is not a directory that belongs to the bridge's user and that only it may write",
				root.Name(), each.name)
		}
		if info.Mode().Perm() != each.mode { // made under another umask
			if err := root.Chmod(each.name, each.mode); err != nil {
				return err
			}
		}
	}
	return nil
}

// hasRecords reports whether any user has a UID here. The one that rehearsals are made with is not a user.
func hasRecords(root *os.Root) (has bool, err error) {
	records, err := root.OpenRoot(recordsName)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case errors.Is(err, fs.ErrPermission):
		return true, nil // those of a bridge that is somebody else
	case err != nil:
		return false, err
	}
	d := directory{records}
	defer d.close() // nothing is written
	dir, err := records.Open(".")
	if err != nil {
		return false, err
	}
	defer dir.Close() // opened for reading only
	for {
		names, err := dir.Readdirnames(16) // two of which are enough
		for _, name := range names {
			uid, err := strconv.ParseUint(name, 10, 32)
			if err != nil {
				continue // one that was not finished
			}
			owner, _, err := d.Owner(uint32(uid))
			if err != nil || owner != rehearsalUser {
				return true, err
			}
		}
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
}

func (d *directory) close() error { return d.root.Close() }

// Owner implements [Records].
func (d *directory) Owner(uid uint32) (wire.UserID, bool, error) {
	// What is no file was put there before there were UIDs; it must not make the bridge wait, or look elsewhere.
	const flags = os.O_RDONLY | syscall.O_NONBLOCK | syscall.O_NOFOLLOW
	file, err := d.root.OpenFile(strconv.FormatUint(uint64(uid), 10), flags, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	content := make([]byte, maxRecord)
	n, err := file.Read(content)
	err = errors.Join(err, file.Close())
	if err != nil {
		return "", false, err
	}
	return wire.UserID(content[:n]), true, nil
}

// Take implements [Records]. The record is written whole under another name and then linked: on every file system, and on
// NFS above all, link is what happens once and at once.
func (d *directory) Take(uid uint32, user wire.UserID) (taken bool, err error) {
	temporary := "." + rand.Text()
	defer func() {
		if removed := d.root.Remove(temporary); removed != nil && !errors.Is(removed, fs.ErrNotExist) {
			err = errors.Join(err, removed)
		}
	}()
	file, err := d.root.OpenFile(temporary, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return false, err
	}
	_, err = file.WriteString(string(user))
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return false, err
	}
	// A lost answer can make a link that was made look refused: the caller then reads the record and finds its own.
	err = d.root.Link(temporary, strconv.FormatUint(uint64(uid), 10))
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	return err == nil, err
}
