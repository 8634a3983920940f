package bridge

import (
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"hearth/messages/wire"
)

// keepaliveVariable names the agent's keepalive file to it: an agent that touches the file, or writes it, asks for more
// time, and its session is not idle although nothing is said.
const keepaliveVariable = "HEARTH_KEEPALIVE"

// keepaliveInterval is how often the file is looked at, and thereby how often the gateway is told at most.
const keepaliveInterval = time.Second

// A task that is killed leaves its keepalive file behind. So each bridge renews its own once in a while, which takes the
// place of a sign of life, and removes those that nobody has renewed for much longer. (The token file needs no such care:
// there is one, and the next session replaces it.)
const (
	keepalivePrefix  = "keepalive."
	keepaliveRenewal = 24 * time.Hour
	keepaliveStale   = 7 * keepaliveRenewal
	// maxLeftovers bounds how many entries are looked at in search of some; an agent can make any number.
	maxLeftovers = 1000
)

// keepaliveFile is the file that the agent may touch. The zero value is none.
type keepaliveFile struct {
	name string    // relative to the workspace
	last time.Time // when it was last changed, as far as is known
}

// keepaliveName is a name for the file, beside the token file. It is this task's alone: another session of the same user, or an
// earlier task of this one that is not quite gone, must neither keep it alive nor take its file away.
func keepaliveName(tokenFile string) string {
	return filepath.Join(filepath.Dir(tokenFile), keepalivePrefix+rand.Text())
}

// makeKeepalive makes the file. The token must have been written.
func (w *workspace) makeKeepalive(name string) error {
	dir, err := w.openTokenDir()
	if err != nil {
		return err
	}
	defer dir.Close() // opened for reading only
	file, err := dir.OpenFile(filepath.Base(name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, privateFile)
	if err != nil {
		return err
	}
	w.keepalive.name = name
	err = w.giveAway(file)
	info, statErr := file.Stat()
	if statErr == nil {
		w.keepalive.last = info.ModTime()
	}
	return errors.Join(err, statErr, file.Close())
}

// touched reports whether the file, or what the agent has put in its place, was changed since it was last asked. A file
// that the agent has removed was not.
func (k *keepaliveFile) touched(root *os.Root) (bool, error) {
	info, err := root.Lstat(k.name)
	if err != nil {
		return false, ignoreMissing(err)
	}
	now := info.ModTime()
	changed := !now.Equal(k.last)
	k.last = now
	return changed, nil
}

func (k *keepaliveFile) remove(root *os.Root) error {
	if k.name == "" {
		return nil
	}
	return ignoreMissing(root.Remove(k.name))
}

// renew sets the file's time to now, which is not the agent's asking for anything.
func (k *keepaliveFile) renew(root *os.Root, now time.Time) error {
	info, err := root.Lstat(k.name)
	if err == nil && info.Mode().IsRegular() { // else it is the agent's, and leads elsewhere
		err = root.Chtimes(k.name, now, now)
	}
	if err == nil {
		info, err = root.Lstat(k.name)
	}
	if err != nil {
		return ignoreMissing(err)
	}
	k.last = info.ModTime() // what the file system has made of it
	return nil
}

// clearLeftovers removes the keepalive files of tasks that were killed.
func (w *workspace) clearLeftovers(now time.Time) error {
	name := filepath.Dir(w.tokenFile)
	dir, err := w.root.OpenFile(name, os.O_RDONLY|syscall.O_DIRECTORY, 0) // a FIFO would not open
	if err != nil {
		return ignoreMissing(err)
	}
	entries, err := dir.ReadDir(maxLeftovers)
	problems := []error{dir.Close()}
	if !errors.Is(err, io.EOF) {
		problems = append(problems, err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !strings.HasPrefix(entry.Name(), keepalivePrefix) || now.Sub(info.ModTime()) < keepaliveStale {
			continue // an entry that is gone by now is nobody's leftover
		}
		problems = append(problems, ignoreMissing(w.root.Remove(filepath.Join(name, entry.Name()))))
	}
	return errors.Join(problems...)
}

// watchKeepalive tells the loop whenever the agent has touched its file, until the agent is dead. It is not the loop's own
// work: on a network file system that hangs, so does a look at a file.
func (b *bridge) watchKeepalive(s *session, w *workspace, dead <-chan struct{}) {
	if err := w.clearLeftovers(time.Now()); err != nil {
		s.log.Warn().Err(err).Msg("could not clear what killed tasks have left")
	}
	tick := time.NewTicker(b.lookAfter)
	defer tick.Stop()
	renewal := time.NewTicker(keepaliveRenewal)
	defer renewal.Stop()
	for failing := false; ; {
		select {
		case <-dead:
			return
		case <-renewal.C:
			if err := w.keepalive.renew(w.root, time.Now()); err != nil {
				s.log.Warn().Err(err).Msg("could not renew the agent's keepalive file")
			}
			continue
		case <-tick.C:
		}
		touched, err := w.keepalive.touched(w.root)
		if err != nil && !failing {
			s.log.Warn().Err(err).Msg("could not look at the agent's keepalive file")
		}
		failing = err != nil
		if touched {
			b.post(func() { b.onKeepalive(s) })
		}
	}
}

// onKeepalive passes on that the agent asks for more time. Without a gateway the next one is told.
func (b *bridge) onKeepalive(s *session) {
	s.asksForTime = true
	if b.link.current != nil {
		b.tellKeepalive(b.link.current)
	}
}

// tellKeepalive says what the agent has asked for and no gateway was told. It comes after ready, as everything that the
// agent does.
func (b *bridge) tellKeepalive(to *socket) {
	if s := b.session; s.asksForTime {
		s.asksForTime = false
		to.send(wire.Keepalive{})
	}
}
