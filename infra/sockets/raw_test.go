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

	"github.com/rs/zerolog"

	"hearth/messages"
	"hearth/messages/wire"
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
		code  wire.CloseCode
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
			if len(last) < 2 || wire.CloseCode(binary.BigEndian.Uint16(last)) != test.code {
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
	eventually(t, "nothing is left", func() bool { return g.sockets.Stats(Client).Handshaking == 0 })
	if len(g.arrivals) != 0 {
		t.Errorf("%d arrived", len(g.arrivals))
	}
}

// serveWith starts a server that is not the gateway's own, and gives a way to connect to it.
func serveWith(t *testing.T, server *http.Server) (dial func() net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		_ = server.Serve(listener)
		close(served)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-served
	})
	return func() net.Conn {
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(patience))
		return conn
	}
}

// TestStrangers has more connections that are no sockets than there may be: the one whose state has changed least recently goes,
// be it that it has sent nothing yet, takes no answer, or sends nothing more.
func TestStrangers(t *testing.T) {
	h := newStrangers(3)
	release, entered := make(chan struct{}), make(chan struct{})
	server := NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(entered)
			<-release
		}
	}), zerolog.Nop())
	isIdle := make(chan struct{}, 8)
	server.ConnState = func(conn net.Conn, state http.ConnState) {
		h.state(conn, state)
		if state == http.StateIdle {
			isIdle <- struct{}{}
		}
	}
	server.ReadHeaderTimeout = patience
	dial := serveWith(t, server)
	known := func(n int) {
		t.Helper()
		eventually(t, "the connections are noticed", func() bool {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.byAge.Len() == n
		})
	}
	ask := func(conn net.Conn, path string) {
		t.Helper()
		if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	answered := func(conn net.Conn) {
		t.Helper()
		if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
			t.Fatal(err)
		}
	}
	isClosed := func(what string, conn net.Conn) {
		t.Helper()
		if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil || isTimeout(err) {
			t.Errorf("%s is not closed: %v", what, err)
		}
	}
	silent := dial()
	known(1)
	slow := dial()
	ask(slow, "/slow")
	<-entered
	idle := dial()
	ask(idle, "/")
	answered(idle)
	<-isIdle
	known(3)
	var late []net.Conn
	for _, victim := range []struct {
		what string
		conn net.Conn
	}{{"the silent one", silent}, {"the one that is served for long", slow}, {"the idle one", idle}} {
		late = append(late, dial())
		isClosed(victim.what, victim.conn)
		known(3)
	}
	close(release)
	for _, conn := range late {
		ask(conn, "/")
		answered(conn)
		_ = conn.Close()
	}
	eventually(t, "all are gone", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.places) == 0 && h.byAge.Len() == 0
	})
}

// TestWhoWasToldToGoTakesNobodysPlace: the server may be about to say something of a connection when it is told to go.
func TestWhoWasToldToGoTakesNobodysPlace(t *testing.T) {
	h := newStrangers(1)
	first, _ := net.Pipe()
	second, _ := net.Pipe()
	h.state(first, http.StateNew)
	h.state(second, http.StateNew) // first is to go
	h.state(first, http.StateActive)
	if err := second.SetDeadline(time.Time{}); err != nil {
		t.Errorf("the second is closed as well: %v", err)
	}
	for _, conn := range []net.Conn{first, second} {
		h.state(conn, http.StateClosed)
	}
	if len(h.places) != 0 || h.byAge.Len() != 0 {
		t.Errorf("%d are left", len(h.places))
	}
}

// TestAnnouncedBodiesKeepNobodyOut: more peers than there may be announce a body and send none. Each is answered and let go at once,
// and whoever comes next is served.
func TestAnnouncedBodiesKeepNobodyOut(t *testing.T) {
	operator := func(r *http.Request) bool { return r.Header.Get("Authorization") == "Bearer operator" }
	served := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !operator(r) {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = io.Copy(w, r.Body)
	})
	server := NewServer(WithoutBodies(served, operator), zerolog.Nop())
	dial := serveWith(t, server)
	for announced, status := range map[string]string{
		"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n":                              "413",
		"GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n":                   "413",
		"GET /ws HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n":         "413",
		"POST /api/pool HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n":                          "401",
		"DELETE /api/sessions/s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n":         "401",
		"POST /api/drain HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n": "401",
	} {
		conn := dial()
		if _, err := io.WriteString(conn, announced); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second)) // well under the server's own ReadTimeout
		answer, err := io.ReadAll(conn)
		if !strings.HasPrefix(string(answer), "HTTP/1.1 "+status+" ") || isTimeout(err) {
			t.Errorf("%q: answered %.40q, %v", announced, answer, err)
		}
	}
	conn := dial()
	_, _ = io.WriteString(conn, "POST /api/pool HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer operator\r\nContent-Length: 2\r\n\r\n{}")
	if response, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("the operator's body: %v, %v", response, err)
	}
}

// TestSlowHeaders has peers that send a request's head so slowly that it never ends, one byte at a time or not at all.
func TestSlowHeaders(t *testing.T) {
	server := NewServer(http.NotFoundHandler(), zerolog.Nop())
	server.ReadHeaderTimeout = 50 * time.Millisecond
	dial := serveWith(t, server)
	silent, half, trickling := dial(), dial(), dial()
	if _, err := half.Write([]byte(handshake[:60])); err != nil {
		t.Fatal(err)
	}
	go func() {
		for i := range len(handshake) {
			if _, err := trickling.Write([]byte{handshake[i]}); err != nil {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	for name, conn := range map[string]net.Conn{"silent": silent, "half": half, "trickling": trickling} {
		if _, err := io.Copy(io.Discard, conn); isTimeout(err) {
			t.Errorf("%s: the server waits on", name)
		}
	}
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
