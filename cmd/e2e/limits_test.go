package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hearth/infra/gateway"
	"hearth/messages/wire"
)

// limitedBridge is the option that gives the bridges a MAX_FRAME_BYTES of their own.
func limitedBridge(t *testing.T, bytes int) func(*gateway.Config) {
	return func(c *gateway.Config) {
		script := filepath.Join(filepath.Dir(c.Local.Bridge), "limited-bridge")
		text := fmt.Sprintf("#!/bin/sh\nMAX_FRAME_BYTES=%d exec '%s'\n", bytes, c.Local.Bridge)
		if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		c.Local.Bridge = script
	}
}

// TestTheGatewayTakesLessThanTheBridge: a line that the bridge could send and the gateway could not take arrives in pieces, on
// the same socket.
func TestTheGatewayTakesLessThanTheBridge(t *testing.T) {
	t.Parallel()
	s := openSite(t, pool(1, 2), limitedBridge(t, 4<<20), agent("sh"), func(c *gateway.Config) { c.MaxFrameBytes = 256 << 10 })
	w := s.wire("ann")
	w.says(wire.Hello{})
	hears(w, "ready", func(wire.Ready) bool { return true })
	const length = 1_000_000
	w.says(wire.Data{Seq: 1, Payload: quoted(fmt.Sprintf("head -c %d /dev/zero | tr '\\0' x; echo; echo after", length))})
	hears(w, "what comes after the long line", func(d wire.Data) bool { return textOf(d) == "after" })
	got, pieces := 0, 0
	for _, frame := range w.frames {
		if d, ok := frame.(wire.Data); ok && textOf(d) != "after" {
			got, pieces = got+len(textOf(d)), pieces+1
		}
	}
	if got != length || pieces < 4 {
		t.Errorf("%d of %d bytes came, in %d pieces", got, length, pieces)
	}
	if n := strings.Count(s.log.String(), "bridge came back"); n > 0 {
		t.Errorf("the bridge had to dial again %d times", n)
	}
}

// TestTheBridgeTakesLessThanTheGateway: an input that is too large for the bridge is refused as one that is too large for the
// gateway, also when it waited before the bridge was known; the session goes on with a smaller one in its place.
func TestTheBridgeTakesLessThanTheGateway(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, warm bool) {
		s := openSite(t, pool(1, 2), warmPool(warm), limitedBridge(t, 64<<10), agent("cat"))
		w := s.wire("ann")
		w.says(wire.Hello{})
		session := hears(w, "session", func(wire.Session) bool { return true })
		if warm {
			hears(w, "ready", func(wire.Ready) bool { return true })
		}
		w.says(wire.Data{Seq: 1, Payload: quoted("first")})
		w.says(wire.Data{Seq: 2, Payload: quoted(strings.Repeat("x", 200<<10))})
		w.failure(wire.CodeFrameTooLarge)
		w.closed(wire.CloseTooLarge)

		again := s.wire("ann")
		again.says(wire.Hello{SessionID: session.SessionID})
		hears(again, "the session, resumed", func(f wire.Session) bool { return f.Resumed && f.LastSeq <= 1 })
		again.says(wire.Data{Seq: 1, Payload: quoted("first")})
		again.says(wire.Data{Seq: 2, Payload: quoted("smaller")})
		hears(again, "the second echo", func(d wire.Data) bool { return d.Seq == 2 && textOf(d) == "smaller" })
	})
}

// TestALineNestedAsDeepAsDecodersGo neither closes a socket nor mutes the session: it comes as text.
func TestALineNestedAsDeepAsDecodersGo(t *testing.T) {
	t.Parallel()
	s := openSite(t, pool(1, 2), agent("cat"), func(c *gateway.Config) { c.Local.AgentIO = "jsonl" })
	for depth := 9_990; depth <= 10_010; depth += 5 {
		w := s.wire(fmt.Sprint("ann-", depth))
		w.says(wire.Hello{})
		hears(w, "ready", func(wire.Ready) bool { return true })
		deep := strings.Repeat("[", depth) + strings.Repeat("]", depth)
		w.sends(`{"type":"data","seq":1,"payload":` + deep + `}`)
		seq := uint64(1)
		if depth >= 10_000 { // one level is the frame's
			w.failure(wire.CodeBadFrame)
		} else {
			hears(w, "the deep echo", func(d wire.Data) bool { return d.Seq == 1 && string(d.Payload) == deep })
			seq++
		}
		w.says(wire.Data{Seq: seq, Payload: quoted("after")})
		hears(w, "what comes after it", func(d wire.Data) bool { return d.Seq == seq && textOf(d) == "after" })
	}
}

// TestAnAgentThatPrintsADeepLine is not muted by it.
func TestAnAgentThatPrintsADeepLine(t *testing.T) {
	t.Parallel()
	const deep = `head -c 10000 /dev/zero | tr "\0" "["; head -c 10000 /dev/zero | tr "\0" "]"; echo`
	s := openSite(t, pool(1, 2), agent(`sh -c 'read -r go; `+deep+`; echo 7; exec cat'`), func(c *gateway.Config) { c.Local.AgentIO = "jsonl" })
	w := s.wire("ann")
	w.says(wire.Hello{})
	hears(w, "ready", func(wire.Ready) bool { return true })
	w.says(wire.Data{Seq: 1, Payload: quoted("go")})
	hears(w, "the deep line, as text", func(d wire.Data) bool { return d.Seq == 1 && len(textOf(d)) == 20_000 })
	hears(w, "what comes after it", func(d wire.Data) bool { return d.Seq == 2 && string(d.Payload) == "7" })
}
