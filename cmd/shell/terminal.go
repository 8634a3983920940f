package main

import (
	"context"
	"io"
	"os"
	"unicode/utf8"

	"golang.org/x/term"

	"hearth/infra/client"
	"hearth/messages/wire"
)

// errDetached is what ends the input of a user who leaves the session to itself.
type errDetached struct{}

func (errDetached) Error() string { return "detached" }

// rawTerminal makes this terminal the agent's: what is typed goes there key by key, and nothing is shown but what comes back. restore
// gives the terminal back.
func rawTerminal(session *client.Session, in, out *os.File) (restore func(), err error) {
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, err
	}
	resize := func() {
		if w := windowOf(out); w != (wire.Resize{}) {
			session.Resize(w.Cols, w.Rows)
		}
	}
	stop := onResize(resize)
	return func() {
		stop()
		_ = term.Restore(int(in.Fd()), before) // the terminal is gone, then
	}, nil
}

// asFound gives what makes a terminal what it is now; nothing where there is none.
func asFound(keyboard *os.File) (giveBack func()) {
	found, err := term.GetState(int(keyboard.Fd()))
	if err != nil {
		return func() {}
	}
	return func() { _ = term.Restore(int(keyboard.Fd()), found) } // the terminal is gone, then
}

// windowOf is the size of a terminal, zero if it has none.
func windowOf(screen *os.File) (w wire.Resize) {
	if cols, rows, err := term.GetSize(int(screen.Fd())); err == nil && cols > 0 && rows > 0 {
		w = wire.Resize{Cols: cols, Rows: rows}
	}
	return w
}

// escape finds what is typed to the shell itself, as ssh has it: after a new line "~." leaves the session, and "~~" types "~".
type escape struct {
	afterLine, tilde bool
}

func newEscape() *escape { return &escape{afterLine: true} }

// filter takes out what is the shell's. It reports that the user leaves.
func (e *escape) filter(typed []byte) (rest []byte, leaves bool) {
	rest = make([]byte, 0, len(typed)+1)
	for _, c := range typed {
		switch {
		case e.tilde && c == '.':
			return rest, true
		case e.tilde && c != '~':
			rest = append(rest, '~')
		case !e.tilde && e.afterLine && c == '~':
			e.tilde = true
			continue
		}
		e.tilde = false
		e.afterLine = c == '\r' || c == '\n'
		rest = append(rest, c)
	}
	return rest, false
}

// feedKeys sends what is typed, as it is typed, until the user leaves or the input ends. A character is never cut.
func feedKeys(ctx context.Context, session *client.Session, from io.Reader, own *escape) error {
	buf := make([]byte, 4<<10)
	held := 0
	for {
		n, err := from.Read(buf[held:])
		typed := buf[:held+n]
		held = 0
		for i := max(0, len(typed)-utf8.UTFMax); err == nil && i < len(typed); i++ {
			if utf8.RuneStart(typed[i]) && !utf8.FullRune(typed[i:]) {
				held = len(typed) - i
			}
		}
		text, leaves := typed[:len(typed)-held], false
		if own != nil {
			text, leaves = own.filter(text)
		}
		if len(text) > 0 {
			if err := session.Send(ctx, quote(string(text))); err != nil {
				return err
			}
		}
		copy(buf, typed[len(typed)-held:])
		switch {
		case leaves:
			return errDetached{}
		case err == io.EOF:
			return session.Flush(ctx)
		case err != nil:
			return err
		}
	}
}
