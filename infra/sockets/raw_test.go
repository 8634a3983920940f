package sockets

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"hearth/messages"
)

const handshake = "GET /ws?user=ann HTTP/1.1\r\nHost: gateway\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

// rawDial opens a TCP connection.
func (g *gateway) rawDial() net.Conn {
	g.t.Helper()
	conn, err := net.Dial("tcp", g.addr)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// rawUpgrade opens a WebSocket that nobody reads.
func (g *gateway) rawUpgrade() net.Conn {
	g.t.Helper()
	conn := g.rawDial()
	if _, err := conn.Write([]byte(handshake)); err != nil {
		g.t.Fatal(err)
	}
	answer := make([]byte, 0, 512)
	for !strings.HasSuffix(string(answer), "\r\n\r\n") {
		var b [1]byte
		if _, err := conn.Read(b[:]); err != nil {
			g.t.Fatal(err)
		}
		answer = append(answer, b[0])
	}
	if !strings.HasPrefix(string(answer), "HTTP/1.1 101 ") {
		g.t.Fatalf("answered %q", answer)
	}
	return conn
}

// masked is a client's frame with its first byte given and a mask of zeros.
func masked(first byte, payload []byte) []byte {
	frame := []byte{first}
	switch n := len(payload); {
	case n < 126:
		frame = append(frame, 0x80|byte(n))
	case n < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, 0x80|126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 0x80|127), uint64(n))
	}
	return append(append(frame, 0, 0, 0, 0), payload...)
}

// readFrames reads whole frames of the server up to its close frame, whose payload it returns.
func readFrames(t *testing.T, conn net.Conn) (frames int, last []byte) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	for ; ; frames++ {
		var head [2]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			t.Fatalf("after %d frames: %v", frames, err)
		}
		n := uint64(head[1])
		switch n {
		case 126:
			var length [2]byte
			_, _ = io.ReadFull(r, length[:])
			n = uint64(binary.BigEndian.Uint16(length[:]))
		case 127:
			var length [8]byte
			_, _ = io.ReadFull(r, length[:])
			n = binary.BigEndian.Uint64(length[:])
		}
		payload := make([]byte, n)
		if _, err := io.ReadFull(r, payload); err != nil {
			t.Fatalf("in a frame of %d bytes: %v", n, err)
		}
		if head[0] == 0x88 {
			return frames, payload
		}
	}
}

// TestMalformedFrames has what no library sends. The first is the one that kills a process in which gws' loop is not
// guarded.
func TestMalformedFrames(t *testing.T) {
	g := newGateway(t, nil)
	for name, test := range map[string]struct {
		frame []byte
		code  messages.CloseCode
	}{
		"a negative length":           {[]byte{0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, 1002},
		"the most negative length":    {[]byte{0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 1002},
		"a length of 2^62":            {[]byte{0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 1009},
		"not masked":                  {[]byte{0x81, 0x02, '{', '}'}, 1002},
		"reserved bits":               {masked(0xf1, []byte("{}")), 1002},
		"a reserved opcode":           {masked(0x83, []byte("{}")), 1002},
		"a control frame in pieces":   {masked(0x09, nil), 1002},
		"a ping too long":             {masked(0x89, make([]byte, 126)), 1002},
		"a continuation of nothing":   {masked(0x80, []byte("{}")), 1002},
		"text within text":            {append(masked(0x01, []byte("{")), masked(0x81, []byte("{}"))...), 1002},
		"garbage":                     {[]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), 1002},
		"a close frame of one byte":   {masked(0x88, []byte{3}), 1002},
		"a close code that is no one": {masked(0x88, []byte{3, 0xed}), 1002},
	} {
		for _, greeted := range []bool{false, true} {
			var conn net.Conn
			o := g.newOwner(name)
			if greeted {
				conn, _ = g.rawClient(o)
			} else {
				conn = g.rawUpgrade()
			}
			if _, err := conn.Write(test.frame); err != nil {
				t.Fatal(err)
			}
			_, last := readFrames(t, conn)
			if len(last) < 2 || messages.CloseCode(binary.BigEndian.Uint16(last)) != test.code {
				t.Errorf("%s: closed with %q, want %d", name, last, test.code)
			}
			_ = conn.Close()
			if greeted {
				next[*messages.LinkClosed](o)
				o.nothing()
			}
		}
	}
	if _, link := g.client("afterwards"); link == 0 {
		t.Error("no link")
	}
	eventually(t, "all but the last are gone", func() bool { return g.sockets.Stats(Client).Open == 1 })
}

func TestHalfAFrameIsWaitedForOnlySoLong(t *testing.T) {
	g := newGateway(t, func(c *Config) { c.SilenceTimeout = 30 * time.Millisecond })
	o := g.newOwner("session")
	conn, _ := g.rawClient(o)
	if _, err := conn.Write(masked(0x81, []byte(`{"type":"ping"}`))[:9]); err != nil {
		t.Fatal(err)
	}
	if c := next[*messages.LinkClosed](o); c.Cause != string(CauseSilent) {
		t.Errorf("cause %q", c.Cause)
	}
}

func TestHandshakesThatAreNotWhole(t *testing.T) {
	g := newGateway(t, func(c *Config) { c.HandshakeTimeout, c.CloseTimeout = 30*time.Millisecond, 200*time.Millisecond })
	// Nothing after the upgrade.
	conn := g.rawUpgrade()
	if _, last := readFrames(t, conn); len(last) < 2 || binary.BigEndian.Uint16(last) != 1008 {
		t.Errorf("without a hello: %q", last)
	}
	// Something, but never a whole hello.
	conn = g.rawUpgrade()
	for _, b := range masked(0x81, []byte(`{"type":"hello"}`))[:10] {
		if _, err := conn.Write([]byte{b}); err != nil {
			break
		}
	}
	if _, last := readFrames(t, conn); len(last) < 2 || binary.BigEndian.Uint16(last) != 1008 {
		t.Errorf("with half a hello: %q", last)
	}
	// A frame that does not wait for the answer.
	conn = g.rawDial()
	if _, err := conn.Write(append([]byte(handshake), masked(0x81, []byte(`{"type":"hello"}`))...)); err != nil {
		t.Fatal(err)
	}
	if answer, _ := io.ReadAll(conn); len(answer) != 0 {
		t.Errorf("a hello with the handshake is answered %q", answer)
	}
	// A handshake that lacks something.
	for _, part := range []string{"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "Sec-WebSocket-Version: 13\r\n", "Connection: Upgrade\r\n"} {
		conn = g.rawDial()
		if _, err := conn.Write([]byte(strings.Replace(handshake, part, "", 1))); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != http.StatusBadRequest {
			t.Errorf("without %q: %s", part, response.Status)
		}
	}
	eventually(t, "nothing is left", func() bool { return g.sockets.Stats(Client).Handshaking == 0 })
	if len(g.arrivals) != 0 {
		t.Errorf("%d arrived", len(g.arrivals))
	}
}

// TestHalfOpenConnections has more connections that send nothing than there may be.
func TestHalfOpenConnections(t *testing.T) {
	h := newHalfOpen(2)
	server := NewServer(http.NewServeMux())
	server.ConnState = h.state
	server.ReadHeaderTimeout = patience
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		_ = server.Serve(listener)
		close(served)
	}()
	defer func() {
		_ = server.Close()
		<-served
	}()
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(patience))
		return conn
	}
	count := func() int {
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.conns)
	}
	one, two := dial(), dial()
	eventually(t, "two are half open", func() bool { return count() == 2 })
	if n, err := dial().Read(make([]byte, 1)); n != 0 || err == nil || isTimeout(err) {
		t.Errorf("a third one is not closed: %v", err)
	}
	if _, err := one.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := http.ReadResponse(bufio.NewReader(one), nil); err != nil {
		t.Errorf("one whose request is whole: %v", err)
	}
	_ = two.Close()
	eventually(t, "none is half open", func() bool { return count() == 0 })
}

func TestHeadersTooLarge(t *testing.T) {
	g := newGateway(t, nil)
	conn := g.rawDial()
	go func() {
		_, _ = conn.Write([]byte(strings.Replace(handshake, "\r\n\r\n", "\r\nX: "+strings.Repeat("x", 128<<10)+"\r\n\r\n", 1)))
	}()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("answered %v, %v", response, err)
	}
}
