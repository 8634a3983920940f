package sockets

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lxzan/gws"

	"hearth/infra/testkit"
	"hearth/messages"
	"hearth/messages/wire"
)

func TestPingIsAnsweredHere(t *testing.T) {
	g := newGateway(t, nil)
	p, link := g.client("ann")
	o := g.newOwner("session")
	g.sockets.Bind(link, o.pid)
	p.Send(wire.Ping{ID: "7"})
	if pong := testkit.Next[wire.Pong](p); pong.ID != "7" {
		t.Errorf("pong %q", pong.ID)
	}
	p.SendText([]byte(`{"type":"from_the_future","x":1}`))
	p.Send(wire.Close{})
	if f := next[*messages.LinkFrame](o); f.Frame != (wire.Close{}) {
		t.Errorf("got %T, want only the close", f.Frame)
	}
}

func TestNothingIsReadBeforeAnOwner(t *testing.T) {
	g := newGateway(t, nil)
	p, link := g.client("ann")
	for seq := range uint64(20) {
		p.Send(data(seq+1, `1`))
	}
	o := g.newOwner("session")
	time.Sleep(20 * time.Millisecond) // for a frame that came too early to be seen
	o.nothing()
	if got := g.sockets.Stats(Client).FramesIn; got != 1 {
		t.Errorf("%d frames were read, want only the hello", got)
	}
	g.sockets.Bind(link, o.pid)
	for seq := range uint64(20) {
		if d := next[*messages.LinkFrame](o).Frame.(wire.Data); d.Seq != seq+1 {
			t.Fatalf("got seq %d, want %d", d.Seq, seq+1)
		}
	}
}

func TestBadFramesAreCountedOut(t *testing.T) {
	g := newGateway(t, nil)
	p, link := g.client("ann")
	o := g.newOwner("session")
	g.sockets.Bind(link, o.pid)
	bad := []string{
		`{"type":"data"}`, `nonsense`, `[]`, `{}`, `{"type":7}`, `{"type":"hello"}`, ``, `{"type":"ack"}`,
		`{"type":"token","token":"` + userToken + `","extra":` + `}`,
	}
	for _, text := range bad {
		p.SendText([]byte(text))
		if e := testkit.Next[wire.Error](p); e.Code != wire.CodeBadFrame || e.Retryable || strings.Contains(e.Message, userToken) {
			t.Errorf("%s: %+v", text, e)
		}
	}
	p.Send(data(1, `"still there"`))
	next[*messages.LinkFrame](o)
	if err := p.Socket.WriteMessage(gws.OpcodeBinary, []byte(`{"type":"ping"}`)); err != nil {
		t.Fatal(err)
	}
	testkit.Next[wire.Error](p)
	p.AwaitClose(wire.CloseNotAllowed)
	if c := next[*messages.LinkClosed](o); c.Cause != string(CauseBadFrames) {
		t.Errorf("cause %q", c.Cause)
	}
	if got := g.sockets.Stats(Client).BadFrames; got != maxBadFrames {
		t.Errorf("%d bad frames counted", got)
	}
}

func TestHellosThatAreNone(t *testing.T) {
	g := newGateway(t, nil)
	for _, first := range []string{
		`{"type":"data","payload":1}`, `{"type":"hello","sessionId":"../x"}`, `nonsense`, `{"type":"unheard_of"}`,
	} {
		p := g.mustDial("/ws?user=ann", nil)
		p.SendText([]byte(first))
		if e := testkit.Next[wire.Error](p); e.Code != wire.CodeBadFrame {
			t.Errorf("%s: %+v", first, e)
		}
		p.AwaitClose(wire.CloseNotAllowed)
	}
	if len(g.arrivals) != 0 {
		t.Errorf("%d arrived", len(g.arrivals))
	}
}

func TestFramesTooLarge(t *testing.T) {
	const limit = 64 << 10
	g := newGateway(t, func(c *Config) { c.MaxFrameBytes = limit })
	payload := func(n int) []byte {
		return []byte(`{"type":"data","payload":"` + strings.Repeat("x", n-2) + `"}`)
	}
	for name, text := range map[string][]byte{
		"beyond the payload's bound": payload(limit + 1), "beyond the frame's": payload(limit + frameSlack), "far beyond": payload(2 << 20),
	} {
		p, link := g.client("ann")
		o := g.newOwner(name)
		g.sockets.Bind(link, o.pid)
		p.SendText(payload(limit))
		next[*messages.LinkFrame](o)
		p.SendText(text)
		if e := testkit.Next[wire.Error](p); e.Code != wire.CodeFrameTooLarge {
			t.Errorf("%s: %+v", name, e)
		}
		p.AwaitClose(wire.CloseTooLarge)
		if c := next[*messages.LinkClosed](o); !strings.HasPrefix(c.Cause, string(CauseViolation)) {
			t.Errorf("%s: cause %q", name, c.Cause)
		}
	}
}

// TestATokenIsReplacedByAGoodOneOfTheSameUser: it is checked as a handshake's is, and one that is refused reaches no session.
func TestATokenIsReplacedByAGoodOneOfTheSameUser(t *testing.T) {
	g := newGateway(t, nil)
	p, link := g.client("ann")
	o := g.newOwner("session")
	g.sockets.Bind(link, o.pid)
	p.Send(wire.Token{Token: "bob-1"})
	if e := testkit.Next[wire.Error](p); e.Code != wire.CodeUnauthenticated || e.Message != "token is another user's" {
		t.Errorf("told %+v", e)
	}
	p.Send(wire.Token{Token: "ann-2"})
	if m := next[*messages.LinkFrame](o); m.Frame != (wire.Token{Token: "ann-2"}) || !m.Expires.Equal(refreshedUntil) {
		t.Errorf("%+v", m)
	}
	for range maxBadFrames - 1 {
		p.Send(wire.Token{Token: "bob-1"})
	}
	p.AwaitClose(wire.CloseNotAllowed)
}

func TestInvalidUTF8(t *testing.T) {
	g := newGateway(t, nil)
	p, link := g.client("ann")
	o := g.newOwner("session")
	g.sockets.Bind(link, o.pid)
	p.SendText([]byte("{\"type\":\"ping\",\"id\":\"\xff\"}"))
	p.AwaitClose(1007)
	next[*messages.LinkClosed](o)
}

func TestFastClientsAreSlowedDown(t *testing.T) {
	const perSecond, sent = 200, 300
	g := newGateway(t, func(c *Config) { c.FramesPerSecond = perSecond })
	p, link := g.client("ann")
	o := g.newOwner("session")
	g.sockets.Bind(link, o.pid)
	began := time.Now()
	for seq := range uint64(sent) {
		p.Send(data(seq+1, `1`))
	}
	for seq := range uint64(sent) {
		f := next[*messages.LinkFrame](o)
		g.sockets.Credit(link, f.Bytes)
		if d := f.Frame.(wire.Data); d.Seq != seq+1 {
			t.Fatalf("got seq %d, want %d: a frame was lost", d.Seq, seq+1)
		}
	}
	// The burst is perSecond; what is beyond it takes its time.
	if took, least := time.Since(began), time.Second*(sent-perSecond)/perSecond; took < least*9/10 {
		t.Errorf("took %s, want at least %s", took, least)
	}
	if e := testkit.Next[wire.Error](p); e.Code != wire.CodeRateLimited || !e.Retryable {
		t.Errorf("told %+v", e)
	}
	if n := len(p.Frames); n > 1 {
		t.Errorf("told of it %d times more within a second", n)
	}
}

func TestOrigins(t *testing.T) {
	g := newGateway(t, func(c *Config) { c.AllowedOrigins = []string{"https://shell.example.com"} })
	for _, test := range []struct {
		origins []string
		allowed bool
	}{
		{nil, true}, {[]string{"https://shell.example.com"}, true}, {[]string{"https://SHELL.example.com"}, true},
		{[]string{"http://" + g.addr}, true}, {[]string{"http://shell.example.com"}, false}, {[]string{"null"}, false},
		{[]string{"https://shell.example.com.evil.org"}, false}, {[]string{"https://evil.org"}, false}, {[]string{""}, false},
		{[]string{"https://shell.example.com", "https://evil.org"}, false}, {[]string{"https://shell.example.com:444"}, false},
	} {
		p, response, err := g.dial("/ws?user=ann", http.Header{"Origin": test.origins})
		switch {
		case test.allowed && err != nil:
			t.Errorf("%q: %v", test.origins, err)
		case !test.allowed && (err == nil || response.StatusCode != http.StatusForbidden):
			t.Errorf("%q: %v, want a 403", test.origins, err)
		}
		if p != nil {
			_ = p.Socket.NetConn().Close()
		}
	}
	for _, bad := range []string{"shell.example.com", "https://shell.example.com/", "*", "https://", "https://a b"} {
		if _, err := New(Config{Pool: poolPID, Deliver: g.deliver, VerifyTask: g.sockets.cfg.VerifyTask,
			AllowedOrigins: []string{bad}}); err == nil {
			t.Errorf("%q passes for an origin", bad)
		}
	}
}

func TestRefusedClients(t *testing.T) {
	g := newGateway(t, nil)
	_, response, err := g.dial("/ws?user=nobody", nil)
	if err == nil || response.StatusCode != http.StatusUnauthorized || response.Header.Get("WWW-Authenticate") != "Bearer" {
		t.Errorf("refused with %v", response)
	}
	// A browser cannot see the status, so it is told on the socket.
	p := g.mustDial("/ws?user=nobody", http.Header{"Sec-WebSocket-Protocol": {"hearth.v1, bearer.x"}})
	if e := testkit.Next[wire.Error](p); e.Code != wire.CodeUnauthenticated || e.Message != "token has expired" {
		t.Errorf("told %+v", e)
	}
	p.AwaitClose(wire.CloseUnauthenticated)
	eventually(t, "both are counted", func() bool {
		s := g.sockets.Stats(Client)
		return s.Refused[401] == 2 && s.Closed[CauseUnauthenticated] == 1 && s.Open == 0
	})
	response, err = http.Get("http://" + g.addr + "/ws?user=ann")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("a plain GET is answered %s", response.Status)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestSubprotocols(t *testing.T) {
	g := newGateway(t, nil)
	for _, test := range []struct {
		offered  []string
		selected string
	}{
		{nil, ""}, {[]string{"hearth.v1, bearer.x"}, "hearth.v1"}, {[]string{"bearer.x,hearth.v1"}, "hearth.v1"},
		{[]string{"bearer.x", "hearth.v1"}, "hearth.v1"}, {[]string{"hearth.v1"}, "hearth.v1"},
	} {
		_, response, err := g.dial("/ws?user=ann", http.Header{"Sec-WebSocket-Protocol": test.offered})
		if err != nil || response.Header.Get("Sec-WebSocket-Protocol") != test.selected {
			t.Errorf("%q: answered %v, %v", test.offered, response, err)
		}
	}
}

func TestRoomForConnections(t *testing.T) {
	g := newGateway(t, func(c *Config) { c.MaxConnections, c.MaxHandshakes = 3, 2 })
	refused := func(what string) {
		t.Helper()
		_, response, err := g.dial("/ws?user=ann", nil)
		if err == nil || response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" {
			t.Fatalf("%s: answered %v", what, response)
		}
	}
	one, two := g.mustDial("/ws?user=a", nil), g.mustDial("/ws?user=b", nil)
	refused("two in their handshake")
	one.Send(wire.Hello{})
	arrival[*messages.ClientArrived](g)
	two.Send(wire.Hello{})
	arrival[*messages.ClientArrived](g)
	three, _ := g.client("c")
	refused("three connections")
	g.bridge("task-1") // bridges are counted apart
	_ = three.Socket.NetConn().Close()
	// A reader that waits for an owner does not see its peer leave; its time without an owner runs out.
	for _, l := range g.links(Client) {
		l.tick()
	}
	eventually(t, "they are gone", func() bool { return g.sockets.Stats(Client).Open == 0 })
	g.client("d")
}

// TestRoomForEachPeer has a user, and a task, that open sockets and say nothing: they keep nobody else out.
func TestRoomForEachPeer(t *testing.T) {
	g := newGateway(t, func(c *Config) { c.MaxHandshakes = 20 })
	for path, header := range map[string]http.Header{
		"/ws?user=eve": nil, "/internal/warm/task-1": bearer("task-1.secret"),
	} {
		one := g.mustDial(path, header)
		g.mustDial(path, header)
		_, response, err := g.dial(path, header)
		if err == nil || response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" {
			t.Fatalf("%s: a third is answered %v", path, response)
		}
		_ = one.Socket.NetConn().Close()
		eventually(t, "there is room for another", func() bool {
			_, _, err := g.dial(path, header)
			return err == nil
		})
	}
	g.client("ann")
	g.bridge("task-2")
	for kind := range g.sockets.censuses {
		for _, l := range g.links(Kind(kind)) {
			g.sockets.Close(l.id, wire.CloseNormal)
		}
		eventually(t, "nobody is remembered", func() bool {
			g.sockets.mu.RLock()
			defer g.sockets.mu.RUnlock()
			return len(g.sockets.censuses[kind].perPeer) == 0
		})
	}
}

// TestCourtesyHasItsLimit has browsers without a good token: each is given a socket to be told so, as long as that leaves
// room for others.
func TestCourtesyHasItsLimit(t *testing.T) {
	g := newGateway(t, func(c *Config) { c.MaxHandshakes, c.CloseTimeout = 10, patience })
	const offered = "Sec-WebSocket-Protocol: hearth.v1, bearer.x\r\n"
	request := strings.Replace(strings.Replace(handshake, "user=ann", "user=nobody", 1), "\r\n\r\n", "\r\n"+offered+"\r\n", 1)
	status := func() string {
		conn := g.rawDial() // it does not answer the close frame, and keeps its place
		if _, err := conn.Write([]byte(request)); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return line
	}
	for range 5 {
		if line := status(); !strings.Contains(line, "101") {
			t.Fatalf("answered %s", line)
		}
	}
	if line := status(); !strings.Contains(line, "401") {
		t.Errorf("one more is answered %s", line)
	}
	g.client("ann")
}

func TestRefusingKeepsWhatThereIs(t *testing.T) {
	g := newGateway(t, nil)
	p, link := g.client("ann")
	o := g.newOwner("session")
	g.sockets.Bind(link, o.pid)
	g.sockets.Refuse()
	for path, header := range map[string]http.Header{"/ws?user=bob": nil, "/internal/warm/task-1": bearer("task-1.secret")} {
		if _, response, err := g.dial(path, header); err == nil || response.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s is answered %v", path, response)
		}
	}
	p.Send(data(1, `1`))
	next[*messages.LinkFrame](o)
}

// links are the links of a kind.
func (g *gateway) links(kind Kind) (links []*link) {
	g.sockets.each(func(l *link) {
		if l.kind == kind {
			links = append(links, l)
		}
	})
	return links
}

func TestManyClientsComeAndGo(t *testing.T) {
	g := newGateway(t, nil)
	const clients, at = 1000, 50
	gate := make(chan struct{}, at)
	for i := range clients {
		gate <- struct{}{}
		p, link := g.client(fmt.Sprint("user-", i))
		o := g.newOwner(fmt.Sprint("session-", i))
		g.sockets.Bind(link, o.pid)
		go func() {
			defer func() { <-gate }()
			if i%2 == 0 {
				_ = p.Socket.WriteClose(1000, nil)
			} else {
				g.sockets.Close(link, wire.CloseNormal)
			}
			<-p.Done
		}()
		if i%10 == 0 {
			next[*messages.LinkClosed](o)
		}
	}
	for range at {
		gate <- struct{}{}
	}
	eventually(t, "all are gone", func() bool { return g.sockets.Stats(Client).Open == 0 })
	s := g.sockets.Stats(Client)
	if s.Opened != clients || s.Closed[CausePeer]+s.Closed[CauseOwner] != clients {
		t.Errorf("stats: %+v", s)
	}
}
