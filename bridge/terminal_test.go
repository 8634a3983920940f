package bridge

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"hearth/messages/wire"
)

// shown is what a terminal has shown so far, until it has shown a text.
func (p *peer) shown(until string) string {
	p.t.Helper()
	var text strings.Builder
	defer func() {
		if p.t.Failed() {
			p.t.Logf("it has shown %q, not %q", text.String(), until)
		}
	}()
	for !strings.Contains(text.String(), until) {
		switch f := p.Receive().(type) {
		case wire.Data:
			text.WriteString(p.textOf(f))
			p.Send(wire.Ack{Seq: f.Seq})
		case wire.Ack:
		default:
			p.t.Fatalf("got %T %+v after %q", f, f, text.String())
		}
	}
	return text.String()
}

func (p *peer) textOf(d wire.Data) string {
	p.t.Helper()
	if d.Bytes {
		raw, err := d.Raw()
		if err != nil {
			p.t.Fatal(err)
		}
		return string(raw)
	}
	var text string
	if err := json.Unmarshal(d.Payload, &text); err != nil {
		p.t.Fatalf("%s: %v", d.Payload, err)
	}
	return text
}

func TestATerminal(t *testing.T) {
	// What is interrupted says that it runs: a shell that is just starting a program can miss an interrupt.
	for _, levels := range []string{"path", "auto"} {
		t.Run(levels, func(t *testing.T) {
			g := newGateway(t)
			cfg := testConfig(t, g)
			cfg.AgentIO, cfg.AgentCommand, cfg.Isolation = Terminal, "/bin/sh -i", levels
			for dir := range map[string]bool{cfg.WorkspaceRoot: true, filepath.Dir(cfg.WorkspaceRoot): true} {
				if err := os.Chmod(dir, 0o711); err != nil { // or its user could not enter the workspace
					t.Fatal(err)
				}
			}
			r := start(t, cfg)
			p := g.next()
			if hello := p.hello; hello.IO != wire.IOTerminal {
				t.Errorf("hello: %+v", hello)
			}
			r.becomeReady(p)
			p.SendData(1, `"PS1='g''o> '; echo $TERM $LANG; tty; stty size\r"`)
			text := p.shown("24 80")
			for _, want := range []string{"xterm-256color C.UTF-8", "/dev/pts/"} {
				if !strings.Contains(text, want) {
					t.Errorf("it shows %q", text)
				}
			}
			p.Send(wire.Resize{Cols: 132, Rows: 50})
			p.SendData(2, `"stty size\r"`)
			p.shown("50 132")
			// What is in the foreground is interrupted, and the shell goes on; by a typed Ctrl-C, too.
			p.SendData(3, `"sh -c 'echo begin; exec sleep 60'; echo never\r"`)
			p.shown("begin\r\n")
			p.Send(wire.Signal{Name: "INT"})
			p.shown("go> ")
			p.SendData(4, `"echo after $((6*7))\r"`)
			p.shown("after 42")
			p.SendData(5, `"sh -c 'echo again; exec sleep 60'\r"`)
			p.shown("again\r\n")
			p.SendData(6, `"\u0003"`)
			p.shown("go> ")
			p.SendData(7, `"echo still $((6*8))\r"`)
			p.shown("still 48")
			// The terminal's end of input ends the shell.
			p.Send(wire.EOF{After: 7})
			for {
				if exit, ok := p.Receive().(wire.Exit); ok {
					if exit.Signal != "" {
						t.Errorf("exit %+v", exit)
					}
					break
				}
			}
		})
	}
}

// TestShellsAreHungUp: a shell in a terminal ignores SIGTERM, and ends all the same at once, whatever runs in it. A program that makes
// something of SIGTERM is left to do that.
func TestShellsAreHungUp(t *testing.T) {
	for command, test := range map[string]struct{ types, shown, last string }{
		"/bin/sh -i":     {`"echo id''le\r"`, "idle\r\n", ""},
		"bash --norc -i": {`"echo bu''sy; sleep 3600\r"`, "busy\r\n", ""},
		script(`trap "echo saved; exit 3" TERM; echo u""p; while :; do sleep 0.05; done`): {`""`, "up\r\n", "saved"},
	} {
		t.Run(command, func(t *testing.T) {
			g := newGateway(t)
			cfg := testConfig(t, g)
			cfg.AgentIO, cfg.AgentCommand = Terminal, command
			r := start(t, cfg)
			p := r.begin(g)
			p.SendData(1, test.types)
			p.shown(test.shown)
			p.Send(wire.Stop{Reason: "test", GraceMs: time.Hour.Milliseconds()})
			if test.last != "" {
				p.shown(test.last)
			}
			for {
				if exit, ok := p.Receive().(wire.Exit); ok {
					if exit.Signal == "SIGKILL" {
						t.Errorf("%+v", exit)
					}
					break
				}
			}
			if err := r.wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestWhatATerminalShowsIsKept: whatever bytes come in whatever pieces, all of them are shown, and what is text comes as text.
func TestWhatATerminalShowsIsKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOfN(rapid.OneOf(
			rapid.Just([]byte("é")), rapid.Just([]byte("😀")), rapid.Just([]byte("plain\x1b[1m")), rapid.Just([]byte{0xf0, 0x9f}),
			rapid.SliceOfN(rapid.Byte(), 0, 5)), 0, 50).Draw(t, "pieces")
		written := bytes.Join(pieces, nil)
		size := rapid.IntRange(8, 64).Draw(t, "size")
		var from io.Reader = bytes.NewReader(written)
		if rapid.Bool().Draw(t, "one by one") {
			from = iotest.OneByteReader(from)
		}
		var got []byte
		err := eachChunk(from, size, func(d wire.Data) bool {
			if d.Bytes {
				raw, err := d.Raw()
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, raw...)
				return true
			}
			var text string
			if err := json.Unmarshal(d.Payload, &text); err != nil || strings.ContainsRune(text, 0xfffd) && !bytes.Contains(written, []byte("\ufffd")) {
				t.Fatalf("%s: %v", d.Payload, err)
			}
			got = append(got, text...)
			return true
		})
		if err != nil || !bytes.Equal(got, written) {
			t.Fatalf("%q was shown as %q, %v", written, got, err)
		}
	})
}

// TestPromptsShow: a line that stands without its end is shown, and its rest comes as another piece of it.
func TestPromptsShow(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	cfg.AgentIO = LinesText
	cfg.AgentCommand = script(`printf "Password: "; read -r x; echo "[$x]"; printf "no end"`)
	p := start(t, cfg).begin(g)
	first := expect[wire.Data](p)
	if p.textOf(first) != "Password: " || !first.More {
		t.Errorf("%s %+v", first.Payload, first)
	}
	p.SendData(1, `"secret"`)
	rest := skipTo[wire.Data](p)
	if p.textOf(rest) != "[secret]" || rest.More {
		t.Errorf("%s %+v", rest.Payload, rest)
	}
	if last := skipTo[wire.Data](p); p.textOf(last) != "no end" {
		t.Errorf("%s", last.Payload)
	}
}

// TestTheEndOfInput: an agent that reads to the end gets there after every input, in whatever order the end and inputs come.
func TestTheEndOfInput(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	cfg.AgentIO, cfg.AgentCommand = LinesText, "sort -r"
	p := start(t, cfg).begin(g)
	p.Send(wire.EOF{After: 2})
	p.SendData(1, `"a"`)
	p.SendData(2, `"b"`)
	for _, want := range []string{"b", "a"} {
		if got := skipTo[wire.Data](p); p.textOf(got) != want {
			t.Errorf("%s, want %s", got.Payload, want)
		}
	}
	if exit := skipTo[wire.Exit](p); exit.Code != 0 {
		t.Errorf("%+v", exit)
	}
}

func TestASignalForALineAgent(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	cfg.AgentIO = LinesText
	cfg.AgentCommand = script(`trap "echo caught; exit 3" USR1; echo up; while :; do sleep 0.05; done`)
	p := start(t, cfg).begin(g)
	expect[wire.Data](p)
	p.Send(wire.Signal{Name: "USR1"})
	if got := skipTo[wire.Data](p); p.textOf(got) != "caught" {
		t.Errorf("%s", got.Payload)
	}
	if exit := skipTo[wire.Exit](p); exit.Code != 3 {
		t.Errorf("%+v", exit)
	}
}

func TestMergedStandardErrorIsMarked(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	cfg.AgentIO, cfg.AgentStderr = LinesText, StderrMerge
	cfg.AgentCommand = script(`echo err >&2; sleep 0.2; echo out`)
	p := start(t, cfg).begin(g)
	if d := expect[wire.Data](p); d.Stream != wire.StreamStderr || p.textOf(d) != "err" {
		t.Errorf("%+v", d)
	}
	if d := expect[wire.Data](p); d.Stream != "" || p.textOf(d) != "out" {
		t.Errorf("%+v", d)
	}
}

func TestALongLinesPiecesAreMarked(t *testing.T) {
	lines := newLineReader(strings.NewReader("123456789\nx\n"), 4)
	var got []bool
	for {
		piece, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		got = append(got, piece.more)
	}
	if want := []bool{true, true, false, false}; len(got) != len(want) || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] || got[3] != want[3] {
		t.Errorf("more: %v, want %v", got, want)
	}
}
