package e2e

import (
	"strings"
	"testing"

	"hearth/infra/gateway"
	"hearth/messages/wire"
)

// terminalText is all that the terminal has shown this client.
func (w *wireClient) terminalText() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var text strings.Builder
	for _, frame := range w.frames {
		if d, ok := frame.(wire.Data); ok && d.Bytes {
			raw, _ := d.Raw()
			text.Write(raw)
		} else if ok {
			text.WriteString(textOf(d))
		}
	}
	return text.String()
}

func (w *wireClient) shows(text string) {
	w.t.Helper()
	eventually(w.t, "the terminal shows "+text, func() bool { return strings.Contains(w.terminalText(), text) })
}

// asleep is typed to have something to interrupt. It says so itself, for a shell that is just starting a program can miss an interrupt.
const asleep = `sh -c 'echo as""leep; exec sleep 60' || echo interrupted` + "\r"

// TestATerminalThroughTheGateway: a shell in a terminal of its own, with full isolation; what was shown is replayed to a client that
// comes back, and the window's size and the end of input outlive a dropped socket.
func TestATerminalThroughTheGateway(t *testing.T) {
	t.Parallel()
	s := openSite(t, pool(1, 2), agent("bash --norc -i"), func(c *gateway.Config) { c.Local.AgentIO = "pty" })
	w := s.wire("ann")
	w.says(wire.Hello{Acks: true})
	session := hears(w, "session", func(wire.Session) bool { return true })
	if ready := hears(w, "ready", func(wire.Ready) bool { return true }); ready.IO != wire.IOTerminal {
		t.Errorf("%+v", ready)
	}
	w.says(wire.Resize{Cols: 100, Rows: 40})
	w.says(wire.Data{Seq: 1, Payload: quoted("PS1='g''o> '; stty size\r")})
	w.shows("40 100")
	w.shows("go> ")
	w.says(wire.Data{Seq: 2, Payload: quoted("printf '\\xff\\xfe\\n'; echo and text\r")})
	w.shows("\xff\xfe")
	w.shows("and text\r\n")
	w.says(wire.Data{Seq: 3, Payload: quoted(asleep)})
	w.shows("asleep")
	w.says(wire.Signal{Name: "INT"})
	w.says(wire.Data{Seq: 4, Payload: quoted("echo prompt again $((6*7))\r")})
	w.shows("prompt again 42")
	_ = w.conn.NetConn().Close()

	again := s.wire("ann")
	again.says(wire.Hello{Acks: true, SessionID: session.SessionID}) // it has processed nothing
	again.shows("40 100")
	again.shows("prompt again 42")
	again.says(wire.EOF{})
	hears(again, "the shell's end", func(e wire.Exit) bool { return e.Signal == "" })
}

// TestATerminalBeginsWithItsWindow: the size that comes with the hello is the terminal's before the agent's first instruction.
func TestATerminalBeginsWithItsWindow(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, warm bool) {
		s := openSite(t, pool(1, 2), warmPool(warm), agent("sh -c 'stty size; exec cat'"), func(c *gateway.Config) { c.Local.AgentIO = "pty" })
		w := s.wire("ann")
		w.says(wire.Hello{Acks: true, Window: wire.Resize{Cols: 101, Rows: 37}})
		w.shows("\n")
		if text := w.terminalText(); text != "37 101\r\n" {
			t.Errorf("the agent began with %q", text)
		}
	})
}

// TestTheEndOfInputReachesTheAgent in its place among the inputs, also of an agent that is not there yet.
func TestTheEndOfInputReachesTheAgent(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, warm bool) {
		s := openSite(t, pool(1, 2), warmPool(warm), agent("sort -r"))
		w := s.wire("ann")
		w.says(wire.Hello{})
		w.says(wire.Data{Seq: 1, Payload: quoted("a")})
		w.says(wire.Data{Seq: 2, Payload: quoted("b")})
		w.says(wire.EOF{})
		hears(w, "the last first", func(d wire.Data) bool { return d.Seq == 1 && textOf(d) == "b" })
		hears(w, "the agent's end", func(e wire.Exit) bool { return e.Code == 0 })
	})
}

// TestAShellEndsWhenItsSessionDoes, although it ignores SIGTERM: its user's next session need not wait for STOP_GRACE.
func TestAShellEndsWhenItsSessionDoes(t *testing.T) {
	t.Parallel()
	s := openSite(t, pool(1, 2), agent("bash --norc -i"), func(c *gateway.Config) {
		c.Local.AgentIO, c.Actors.StopGrace = "pty", 10*patience
	})
	w := s.wire("ann")
	w.says(wire.Hello{})
	w.shows("$ ")
	w.says(wire.Close{})
	w.bye(wire.ByeClosed)
	next := s.wire("ann")
	next.says(wire.Hello{})
	next.shows("$ ")
}
