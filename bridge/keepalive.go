package bridge

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"time"

	"hearth/messages"
)

// keepaliveVariable names the agent's keepalive file to it: an agent that touches the file, or writes it, asks for more
// time, and its session is not idle although nothing is said.
const keepaliveVariable = "HEARTH_KEEPALIVE"

// keepaliveInterval is how often the file is looked at, and thereby how often the gateway is told at most.
const keepaliveInterval = time.Second

// keepaliveFile is the file that the agent may touch. The zero value is none.
type keepaliveFile struct {
	name string    // relative to the workspace
	last time.Time // when it was last changed, as far as is known
}

// makeKeepalive makes the file beside the token file, which must have been written. Its name is this task's alone:
// another session of the same user, or an earlier task of this one that is not quite gone, must neither keep it alive nor
// take its file away.
func (w *workspace) makeKeepalive() error {
	name := filepath.Join(filepath.Dir(w.tokenFile), "keepalive."+rand.Text())
	file, err := w.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, privateFile)
	if err != nil {
		return err
	}
	w.keepalive.name = name
	info, err := file.Stat()
	if err == nil {
		w.keepalive.last = info.ModTime()
	}
	return errors.Join(err, file.Close())
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

// watchKeepalive tells the loop whenever the agent has touched its file, until the agent is dead. It is not the loop's own
// work: on a network file system that hangs, so does a look at a file.
func (b *bridge) watchKeepalive(s *session, w *workspace, dead <-chan struct{}) {
	tick := time.NewTicker(b.lookAfter)
	defer tick.Stop()
	for failing := false; ; {
		select {
		case <-dead:
			return
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
		to.send(messages.Keepalive{})
	}
}
