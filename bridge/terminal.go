package bridge

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/creack/pty"
	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"hearth/bridge/isolation"
	"hearth/messages/wire"
)

// terminal is what an agent with AGENT_IO=pty has for its three streams: the bridge's end of a pseudo terminal.
type terminal struct {
	file *os.File
	// name is the agent's end, which becomes its user's.
	name string
}

// endOfTransmission is what ends a terminal's input when it is typed.
const endOfTransmission = 0x04

// openTerminal makes a terminal of the usual size, and gives the agent's end of it.
func openTerminal() (*terminal, *os.File, error) {
	file, agents, err := pty.Open()
	if err != nil {
		return nil, nil, fmt.Errorf("open a terminal: %w", err)
	}
	t := &terminal{file: file, name: agents.Name()}
	if err := t.resize(80, 24); err != nil {
		closeFiles(file, agents)
		return nil, nil, err
	}
	return t, agents, nil
}

// resize tells the agent's programs the size of the window, in characters.
func (t *terminal) resize(cols, rows int) error {
	return pty.Setsize(t.file, &pty.Winsize{Cols: uint16(cols), Rows: uint16(rows)})
}

// show tells the agent the size of its user's window, if it has a terminal and the client has told a size.
func (a *agent) show(log zerolog.Logger, window wire.Resize) {
	if a.terminal == nil || window == (wire.Resize{}) {
		return
	}
	if err := a.terminal.resize(window.Cols, window.Rows); err != nil {
		log.Warn().Err(err).Msg("could not resize the agent's terminal")
	}
}

// give makes the agent's end the user's.
func (t *terminal) give(uid int) error {
	if err := os.Chown(t.name, uid, -1); err != nil {
		return err
	}
	return os.Chmod(t.name, 0o600)
}

// giveTerminal makes the agent's terminal its user's, if it has one.
func (a *agent) giveTerminal(uid int) error {
	if a.terminal == nil || uid == isolation.SameUser {
		return nil
	}
	return a.terminal.give(uid)
}

// foreground is the process group that has the terminal, 0 when there is none.
func (t *terminal) foreground() (group int) {
	raw, err := t.file.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) { // fails only when the file is closed
		if n, err := unix.IoctlGetInt(int(fd), unix.TIOCGPGRP); err == nil && n > 0 {
			group = n
		}
	})
	return group
}

// chunkBytes is how much of a terminal's output goes into one frame. A control character takes six bytes in JSON.
func chunkBytes(maxPayload int) int { return min(16<<10, maxPayload/8) }

// eachChunk reads a terminal's output to its end, or until take reports false, as it comes. A character is never cut; what is no
// text comes as bytes.
func eachChunk(from io.Reader, size int, take func(wire.Data) bool) error {
	buf := make([]byte, size)
	held := 0 // the beginning of a character whose rest has not come
	for {
		n, err := from.Read(buf[held:])
		text := buf[:held+n]
		var parts []wire.Data
		parts, held = textAndBytes(text, err != nil)
		for _, part := range parts {
			if !take(part) {
				return nil
			}
		}
		copy(buf, text[len(text)-held:])
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// textAndBytes makes frames of a piece of output: text, then what is no text as bytes, then text again. held is how many bytes at
// the end are the beginning of a character, unless the piece is the last.
func textAndBytes(piece []byte, last bool) (parts []wire.Data, held int) {
	from, to := len(piece), 0 // what is no text
	for i := 0; i < len(piece); {
		r, width := utf8.DecodeRune(piece[i:])
		if r == utf8.RuneError && width == 1 {
			if !last && !utf8.FullRune(piece[i:]) {
				held = len(piece) - i
				piece = piece[:i]
				break
			}
			from, to = min(from, i), i+1
		}
		i += width
	}
	from = min(from, len(piece))
	if from > 0 {
		parts = append(parts, wire.Data{Payload: quote(piece[:from])})
	}
	if to > from {
		parts = append(parts, wire.NewBytes(piece[from:to]))
	}
	if to > 0 && to < len(piece) {
		parts = append(parts, wire.Data{Payload: quote(piece[to:])})
	}
	return parts, held
}

// signalOf is the signal that a client may send by name.
func signalOf(f wire.Signal) syscall.Signal { return unix.SignalNum("SIG" + f.Name) }

// interrupt sends the agent what its user sends: its foreground's processes, where it has a terminal, or all of them.
func (a *agent) interrupt(sig syscall.Signal) error {
	if a.terminal == nil {
		return a.signal(sig)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.collected {
		return nil
	}
	group := a.terminal.foreground()
	if group == 0 {
		group = a.cmd.Process.Pid
	}
	return syscall.Kill(-group, sig)
}

// ignores reports whether the agent's process ignores a signal, as far as that can be known.
func (a *agent) ignores(sig syscall.Signal) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", a.cmd.Process.Pid))
	if err != nil {
		return false // it has ended
	}
	_, mask, _ := strings.Cut(string(status), "\nSigIgn:\t")
	mask, _, _ = strings.Cut(mask, "\n")
	ignored, err := strconv.ParseUint(mask, 16, 64)
	return err == nil && ignored&(1<<(sig-1)) != 0
}

// endInput is called once nothing more is to be read by the agent. A terminal stays open for what is yet to be shown.
func (a *agent) endInput() {
	if a.terminal == nil {
		closeFiles(a.stdin)
		return
	}
	_ = a.stdin.SetWriteDeadline(time.Unix(1, 0)) // ends a write that waits; fails only on a closed file
}
