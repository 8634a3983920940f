package main

import (
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

// editor is the line that is typed to an agent that has no terminal: it can be edited, and the ones before it are had again with the
// arrows. What is written meanwhile stands above it.
type editor struct {
	*term.Terminal
	restore func()
}

// interruptKey is what Ctrl-C types in a terminal that does not make a signal of it.
const interruptKey = 0x03

// keys is what is typed, without Ctrl-C, which interrupts this process as it would without an editor.
type keys struct {
	io.Reader
	io.Writer
}

func (k keys) Read(into []byte) (int, error) {
	n, err := k.Reader.Read(into)
	rest := into[:0]
	for _, key := range into[:n] {
		if key == interruptKey {
			_ = syscall.Kill(os.Getpid(), syscall.SIGINT) // of oneself, which cannot be forbidden
			continue
		}
		rest = append(rest, key)
	}
	return len(rest), err
}

// newEditor takes the terminal, until restore is called.
func newEditor(in, out *os.File) (*editor, error) {
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, err
	}
	e := &editor{Terminal: term.NewTerminal(keys{in, out}, "")}
	stop := onResize(func() {
		if w := windowOf(out); w.Cols > 0 {
			_ = e.SetSize(w.Cols, w.Rows) // what does not fit is drawn anew with the next key
		}
	})
	e.restore = func() {
		stop()
		_ = term.Restore(int(in.Fd()), before) // the terminal is gone, then
	}
	return e, nil
}

// onResize calls resized now and whenever the window's size has changed, until stop is called.
func onResize(resized func()) (stop func()) {
	resized()
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGWINCH)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-changed:
				resized()
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(changed)
		close(done)
	}
}
