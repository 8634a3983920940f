package isolation

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"hearth/messages/wire"
)

const (
	fencesName = OwnName + "/fences"
	// staleFence is how old a session's record is when another session's start removes it. No task is without a gateway for
	// nearly as long and then goes on.
	staleFence = 30 * 24 * time.Hour
	// maxFences bounds how many records of a user are looked at in search of stale ones.
	maxFences = 1000
)

// ErrOvertaken says that another task has been given the session since: this one's agent must not run again.
var ErrOvertaken = errors.New("another task has been given the session since")

// Fence is a task's place in the fencing record of its session: a directory of the session's on the workspaces' file system, in
// which each epoch is a file, named by its number, with the task that has taken it.
//
// Invariants: an epoch is taken by creating its file, which on every file system, and on NFS above all, succeeds once and at
// once; epochs are taken in order; none is changed. So of all tasks that a session was ever given, the last to have taken an
// epoch knows that it is the last, and every other one finds the epoch after its own taken.
type Fence struct {
	root  *os.Root
	dir   string
	task  wire.TaskID
	epoch uint64
	first uint64 // the first that the task has taken
}

// Epoch is the last that the task has taken.
func (f *Fence) Epoch() uint64 { return f.epoch }

// TakeFence takes the session's next epoch for a task that was given it. No earlier task's agent resumes after that.
func (p *Plan) TakeFence(user wire.UserID, session wire.SessionID, task wire.TaskID) (*Fence, error) {
	root := p.cfg.Workspaces
	own := path.Join(fencesName, wire.WorkspaceName(user))
	if err := p.makeFences(); err != nil {
		return nil, err
	}
	f := &Fence{root: root, dir: path.Join(own, string(session)), task: task}
	for _, dir := range []string{own, f.dir} {
		if err := root.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	last, err := lastEpoch(root, f.dir)
	if err != nil {
		return nil, err
	}
	for f.epoch = last; ; f.epoch++ { // what others take meanwhile may not be seen yet, but is refused
		taken, err := f.take(f.epoch+1, task)
		if err != nil {
			return nil, err
		}
		if taken {
			f.epoch++
			f.first = f.epoch
			return f, nil
		}
	}
}

// Renew proves that the task is the last that was given the session, or fails with [ErrOvertaken]. Any other error proves
// neither.
func (f *Fence) Renew() error { return f.next(f.task) }

// Release writes down that the task's agent has ended. The session's next task has nobody to wait for then.
func (f *Fence) Release() error { return f.next("") }

// next takes the epoch after the task's last one for holder.
func (f *Fence) next(holder wire.TaskID) error {
	taken, err := f.take(f.epoch+1, holder)
	if taken {
		f.epoch++ // also if it could not be written into, as on a full file system: the next one is the one after it
		return err
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) { // the record was stale, and is gone
		return ErrOvertaken
	}
	return err
}

// take takes an epoch for holder unless it is taken, and reports whether it did, be it with an error. It is the file's creation that
// counts; by what is in it, a task that has not heard the answer to its own finds itself.
func (f *Fence) take(epoch uint64, holder wire.TaskID) (bool, error) {
	name, line := path.Join(f.dir, strconv.FormatUint(epoch, 10)), string(holder)+"\n"
	file, err := f.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		there, err := f.root.ReadFile(name)
		return holder != "" && string(there) == line, err
	}
	if err != nil {
		return false, err
	}
	_, err = file.WriteString(line)
	return true, errors.Join(err, file.Close())
}

// makeFences makes the directory of the records. Where agents are users of their own it must be out of their reach.
func (p *Plan) makeFences() error {
	root := p.cfg.Workspaces
	if p.Levels.Has(UID) {
		return makeOwn(root, fencesName)
	}
	for _, dir := range []string{OwnName, fencesName} {
		if err := root.Mkdir(dir, ownMode); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// lastEpoch is the last epoch that is seen to be taken, 0 for none.
func lastEpoch(root *os.Root, dir string) (last uint64, err error) {
	names, err := entries(root, dir, -1)
	for _, name := range names {
		if epoch, err := strconv.ParseUint(name, 10, 64); err == nil {
			last = max(last, epoch)
		}
	}
	return last, err
}

// Others are the tasks whose agents may run in the user's workspace besides, as far as the records tell: the last to have been given
// each of the user's other sessions, and the last that had this one, unless they have said that their agents have ended.
func (f *Fence) Others() ([]wire.TaskID, error) {
	own := path.Dir(f.dir)
	names, err := entries(f.root, own, maxFences)
	var others []wire.TaskID
	for _, name := range names {
		dir, last := path.Join(own, name), f.first-1
		if dir != f.dir {
			var lastErr error
			last, lastErr = lastEpoch(f.root, dir)
			err = errors.Join(err, lastErr)
		}
		if last == 0 {
			continue
		}
		holder, readErr := f.root.ReadFile(path.Join(dir, strconv.FormatUint(last, 10)))
		err = errors.Join(err, readErr)
		if task := strings.TrimSpace(string(holder)); wire.ValidID(task) {
			others = append(others, wire.TaskID(task))
		}
	}
	return others, err
}

// RemoveStale removes the records of the same user's sessions that ended long ago.
func (f *Fence) RemoveStale() error {
	own := path.Dir(f.dir)
	names, err := entries(f.root, own, maxFences)
	for _, name := range names {
		dir := path.Join(own, name)
		info, statErr := f.root.Lstat(dir)
		if dir != f.dir && statErr == nil && time.Since(info.ModTime()) > staleFence {
			err = errors.Join(err, f.root.RemoveAll(dir))
		}
	}
	return err
}

// entries are the names in a directory, n at most if n is more than 0.
func entries(root *os.Root, dir string, n int) ([]string, error) {
	file, err := root.Open(dir)
	if err != nil {
		return nil, err
	}
	defer file.Close() // opened for reading only
	names, err := file.Readdirnames(n)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return names, err
}
