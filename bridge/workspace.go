package bridge

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/rs/zerolog"

	"hearth/bridge/isolation"
	"hearth/messages/wire"
)

const (
	privateDir  fs.FileMode = 0o700
	passageDir  fs.FileMode = 0o711 // what is between the workspace root and a workspace
	privateFile fs.FileMode = 0o600
)

// workspace is a user's directory, held open: every file operation goes through the handle, so that no symlink, whenever
// it is made, leads one out of it.
type workspace struct {
	path string // absolute
	root *os.Root
	uid  int // whose everything in it is; isolation.SameUser if it is the bridge's
	// left are the entries that were not given to uid, for somebody else may have a right to them.
	left int

	log       zerolog.Logger // for what is done to what agents left; none at first
	tokenFile string         // relative to root
	mu        sync.Mutex
	written   fs.FileInfo // the token file as this bridge wrote it last, nil if it did not
	closed    bool

	keepalive keepaliveFile
}

// openRoot opens WORKSPACE_ROOT. It must exist: making a directory that a missing volume should have been mounted on
// would put users' files where they are lost with the container.
func openRoot(dir string) (*os.Root, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("WORKSPACE_ROOT: %w (is the volume mounted?)", err)
	}
	return root, nil
}

// openWorkspace makes dir, an absolute path below the root, as private directories where they are missing, and opens it.
// It goes down one directory at a time and follows no symlink: one that stays within the root would still lead into
// someone else's workspace. The workspace is then uid's, and whatever was in it.
func openWorkspace(ctx context.Context, root *os.Root, dir, tokenFile string, uid int) (*workspace, error) {
	relative, err := filepath.Rel(root.Name(), filepath.Clean(dir))
	if !filepath.IsAbs(dir) || err != nil || relative == "." || !filepath.IsLocal(relative) {
		return nil, fmt.Errorf("%q is not inside %s", dir, root.Name())
	}
	names := strings.Split(relative, string(filepath.Separator))
	if names[0] == isolation.OwnName {
		return nil, fmt.Errorf("%s is the bridges' own", dir)
	}
	at, owned := root, false
	for i, name := range names {
		mode := passageDir
		if i == len(names)-1 {
			mode = privateDir
		}
		next, err := descend(at, name, mode)
		if owned {
			_ = at.Close() // opened for reading only: nothing can be lost
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
		at, owned = next, true
	}
	err = at.Chmod(".", privateDir)
	left := 0
	if err == nil {
		left, err = isolation.Own(ctx, at, uid)
	}
	if err != nil {
		_ = at.Close()
		return nil, fmt.Errorf("%s: make it private: %w", dir, err)
	}
	return &workspace{
		path: filepath.Join(root.Name(), relative), root: at, uid: uid, left: left, tokenFile: filepath.Clean(tokenFile),
	}, nil
}

var errReplaced = errors.New("was replaced while it was opened")

// descend opens the directory name in parent, after making it if need be, and proves that what it opened is the entry
// itself and not what a symlink pointed to in between.
func descend(parent *os.Root, name string, mode fs.FileMode) (*os.Root, error) {
	if err := parent.Mkdir(name, mode); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	entry, err := parent.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !entry.IsDir() {
		return nil, fmt.Errorf("%s is not a directory but %s", name, entry.Mode().Type())
	}
	child, err := parent.OpenRoot(name)
	if errors.Is(err, fs.ErrPermission) && mode == privateDir { // its user, who is the bridge's, has closed it
		if err := parent.Chmod(name, mode); err != nil {
			return nil, err
		}
		child, err = parent.OpenRoot(name)
	}
	if err != nil {
		return nil, err
	}
	opened, err := child.Stat(".")
	if err == nil && !os.SameFile(entry, opened) {
		err = fmt.Errorf("%s %w", name, errReplaced)
	}
	if err != nil {
		_ = child.Close() // nothing was written through it
		return nil, err
	}
	return child, nil
}

// writeToken replaces the token file in one step: whoever reads it sees the old token or the new one. It fails once the
// workspace is closed.
func (w *workspace) writeToken(token wire.Secret) (err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return errors.New("the session has ended")
	}
	content, err := json.Marshal(map[string]string{"token": string(token)})
	if err != nil {
		return errors.New("the token does not encode") // err may quote it
	}
	dir, err := w.openTokenDir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	name := filepath.Base(w.tokenFile)
	temporary := name + "." + rand.Text()
	info, err := w.writeNew(dir, temporary, content)
	if err == nil {
		err = w.replace(dir, temporary, name)
	}
	if err != nil {
		return errors.Join(err, ignoreMissing(dir.Remove(temporary)))
	}
	w.written = info
	return nil
}

// maxInTheWay bounds how often something is moved out of the way. An agent of the same user, in another task, may be putting it
// there again and again.
const maxInTheWay = 10

// openTokenDir opens the directory of the token file and the keepalive file, the agent's alone, after making it if need be. What
// the agent may have put in its place is moved aside; no symlink is followed.
func (w *workspace) openTokenDir() (*os.Root, error) {
	at, err := w.root.OpenRoot(".")
	if err != nil {
		return nil, err
	}
	dir := filepath.Dir(w.tokenFile)
	if dir == "." {
		return at, nil
	}
	for name := range strings.SplitSeq(dir, string(filepath.Separator)) {
		next, err := w.enter(at, name)
		_ = at.Close() // opened for reading only
		if err != nil {
			return nil, err
		}
		at = next
	}
	return at, nil
}

// enter opens the private directory name in parent.
func (w *workspace) enter(parent *os.Root, name string) (*os.Root, error) {
	for tries := 0; ; tries++ {
		child, err := descend(parent, name, privateDir)
		if err == nil {
			if err = w.makePrivate(child); err == nil {
				return child, nil
			}
			_ = child.Close() // nothing was written through it
			return nil, err
		}
		blocked := inTheWay(parent, name, fs.FileMode.IsDir)
		if tries == maxInTheWay || !blocked && !errors.Is(err, errReplaced) {
			return nil, err
		}
		if blocked {
			if err := w.moveAside(parent, name); err != nil {
				return nil, err
			}
		}
	}
}

// makePrivate makes an open directory the agent's alone.
func (w *workspace) makePrivate(root *os.Root) error {
	dir, err := root.Open(".")
	if err != nil {
		return err
	}
	err = dir.Chmod(privateDir)
	if err == nil {
		err = w.giveAway(dir)
	}
	return errors.Join(err, dir.Close())
}

// replace renames a file to name, whatever the agent may have put there.
func (w *workspace) replace(dir *os.Root, temporary, name string) error {
	for tries := 0; ; tries++ {
		if inTheWay(dir, name, fs.FileMode.IsRegular) {
			if err := w.moveAside(dir, name); err != nil {
				return err
			}
		}
		err := dir.Rename(temporary, name)
		if err == nil || tries == maxInTheWay || !inTheWay(dir, name, fs.FileMode.IsRegular) {
			return err
		}
	}
}

// inTheWay reports whether an entry is there and is something else than it should be.
func inTheWay(dir *os.Root, name string, should func(fs.FileMode) bool) bool {
	entry, err := dir.Lstat(name)
	return err == nil && !should(entry.Mode())
}

// moveAside renames what an agent has left where it keeps its user from a session. It may be all that the user has of it.
func (w *workspace) moveAside(dir *os.Root, name string) error {
	aside := name + ".aside-" + rand.Text()
	if err := dir.Rename(name, aside); err != nil {
		return ignoreMissing(err)
	}
	w.log.Warn().Str("name", name).Str("to", aside).Msg("something in the workspace was in the way and was moved aside")
	return nil
}

// giveAway makes an open file the agent's.
func (w *workspace) giveAway(file *os.File) error {
	if w.uid == isolation.SameUser {
		return nil
	}
	return file.Chown(w.uid, w.uid)
}

// writeNew writes a file that must not exist, down to the disk.
func (w *workspace) writeNew(dir *os.Root, name string, content []byte) (fs.FileInfo, error) {
	file, err := dir.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, privateFile)
	if err != nil {
		return nil, err
	}
	err = w.giveAway(file)
	if err == nil {
		_, err = file.Write(content)
	}
	if err == nil {
		err = file.Sync()
	}
	info, statErr := file.Stat()
	return info, errors.Join(err, statErr, file.Close())
}

// close removes the token file and the keepalive file and lets go of the directory. A token file that another session of
// the same user has written meanwhile stays.
func (w *workspace) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	var err error
	if w.written != nil {
		var now fs.FileInfo
		if now, err = w.root.Lstat(w.tokenFile); err == nil && os.SameFile(now, w.written) {
			err = w.root.Remove(w.tokenFile)
		}
	}
	return errors.Join(ignoreMissing(err), w.keepalive.remove(w.root), w.root.Close())
}

// ignoreMissing passes over that something is not there, nor what it would be in.
func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	return err
}
