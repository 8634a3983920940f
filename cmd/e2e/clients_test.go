package e2e

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"hearth/infra/gateway"
	"hearth/messages/wire"
)

// Clients that break the contract are told so, and nobody else notices. They share a site, and a bystander.
func TestHostileClients(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, warm bool) {
		s := openSite(t, warmPool(warm))
		bystander := s.visit("bystander")
		bystander.ready()
		t.Run("clients", func(t *testing.T) {
			for _, test := range []struct {
				name string
				act  func(t *testing.T, s *site)
			}{
				{"garbage instead of hello", garbageHello},
				{"garbage after hello", garbageLater},
				{"data instead of hello", dataFirst},
				{"two MiB", twoMiB},
				{"two MiB as hello", twoMiBHello},
				{"a broken WebSocket frame", brokenFrame},
				{"nothing at all", nothingAtAll},
				{"half a handshake", halfHandshake},
				{"not HTTP", notHTTP},
			} {
				t.Run(test.name, func(t *testing.T) {
					t.Parallel()
					test.act(t, s)
				})
			}
		})
		bystander.echoes("nothing has happened to me")
		if broken := len(bystander.texts()); broken != 1 {
			t.Errorf("the bystander heard %d lines", broken)
		}
		s.visit("newcomer").ready()
	})
}

func garbageHello(t *testing.T, s *site) {
	w := s.wire("eve")
	w.t = t
	w.sends("}{ \x00 garbage")
	w.failure(wire.CodeBadFrame)
	w.closed(wire.CloseNotAllowed)
}

func dataFirst(t *testing.T, s *site) {
	w := s.wire("eve")
	w.t = t
	w.says(wire.Data{Payload: quoted("before hello")})
	w.failure(wire.CodeBadFrame)
	w.closed(wire.CloseNotAllowed)
}

func garbageLater(t *testing.T, s *site) {
	w := s.wire("eve-later")
	w.t = t
	w.says(wire.Hello{})
	hears(w, "ready", func(wire.Ready) bool { return true })
	w.sends(`{"type":`)
	w.failure(wire.CodeBadFrame)
	w.sends(`{"type":"a frame of the future","x":1}`)
	w.says(wire.Data{Payload: quoted("still here")})
	hears(w, "the echo", func(d wire.Data) bool { return textOf(d) == "still here" })
	for range 20 {
		if w.conn.WriteString("garbage") != nil {
			break // closed already
		}
	}
	w.closed(wire.CloseNotAllowed)
}

func twoMiB(t *testing.T, s *site) {
	w := s.wire("eve-large")
	w.t = t
	w.says(wire.Hello{})
	session := hears(w, "session", func(wire.Session) bool { return true })
	hears(w, "ready", func(wire.Ready) bool { return true })
	w.says(wire.Data{Seq: 1, Payload: quoted(strings.Repeat("x", 2<<20))})
	w.failure(wire.CodeFrameTooLarge)
	w.closed(wire.CloseTooLarge)

	again := s.wire("eve-large")
	again.t = t
	again.says(wire.Hello{SessionID: session.SessionID})
	hears(again, "the session, resumed", func(f wire.Session) bool { return f.Resumed && f.LastSeq == 0 })
	again.says(wire.Data{Seq: 1, Payload: quoted("smaller")})
	hears(again, "the echo", func(d wire.Data) bool { return textOf(d) == "smaller" })
}

func twoMiBHello(t *testing.T, s *site) {
	w := s.wire("eve")
	w.t = t
	w.sends(`{"type":"hello","x":"` + strings.Repeat("x", 2<<20) + `"}`)
	w.failure(wire.CodeFrameTooLarge)
	w.closed(wire.CloseTooLarge)
}

// brokenFrame has a length that is negative in 64 bits.
func brokenFrame(t *testing.T, s *site) {
	w := s.wire("eve")
	w.t = t
	if _, err := w.conn.NetConn().Write([]byte("\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00")); err != nil {
		t.Fatal(err)
	}
	select {
	case <-w.gone:
	case <-time.After(patience):
		t.Error("the socket stays open")
	}
}

// nothingAtAll opens a socket and never says hello.
func nothingAtAll(t *testing.T, s *site) {
	w := s.wire("eve")
	w.t = t
	w.closed(wire.CloseNotAllowed)
}

// halfHandshake sends half a request's head, and waits for the gateway to give up.
func halfHandshake(t *testing.T, s *site) {
	conn := s.rawClient("GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: webso")
	readToTheEnd(t, conn)
}

func notHTTP(t *testing.T, s *site) {
	conn := s.rawClient("\x16\x03\x01\x02\x00\x01\x00 hello, is this TLS?\r\n\r\n")
	if answer := readToTheEnd(t, conn); !strings.Contains(answer, "400") {
		t.Errorf("answered %q", answer)
	}
}

func readToTheEnd(t *testing.T, conn io.Reader) string {
	t.Helper()
	if c, ok := conn.(interface{ SetReadDeadline(time.Time) error }); ok {
		if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Errorf("the gateway does not hang up: %v", err)
	}
	return string(answer)
}

// Both kinds of sockets are kept alive well under the 60 s after which load balancers cut what is silent.
func TestKeepalives(t *testing.T) {
	t.Parallel()
	between := openProxy(t)
	s := openSite(t, pool(1, 2), behind(between))
	between.aim(s.gateway.InternalAddr().String())
	s.awaitReady(1)
	w := s.wire("ann")
	w.says(wire.Hello{})
	hears(w, "ready", func(wire.Ready) bool { return true })
	eventuallyWithin(t, 30*time.Second, "the idle client and the idle warm task are pinged", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.pings > 0 && slices.ContainsFunc(between.received(), hasPing)
	})
}

// hasPing looks for a ping in what a gateway has sent on a socket: the answer to the upgrade and short frames, unmasked.
func hasPing(sent string) bool {
	const ping = 0x89
	_, frames, _ := strings.Cut(sent, "\r\n\r\n")
	for len(frames) >= 2 {
		if frames[0] == ping {
			return true
		}
		frames = frames[min(2+int(frames[1]), len(frames)):]
	}
	return false
}

// A session is its user's. To anyone else it does not exist.
func TestSomeoneElsesSession(t *testing.T) {
	s := openSite(t, pool(1, 5), func(c *gateway.Config) {
		c.Actors.AdoptionGrace = 100 * time.Millisecond // until then, a session may be one that a bridge brings back
	})
	ann := s.visit("ann")
	ann.ready()
	for _, id := range []wire.SessionID{ann.ID(), "s-nobodys"} {
		w := s.wire("eve")
		w.says(wire.Hello{SessionID: id})
		w.failure(wire.CodeSessionNotFound)
		w.closed(wire.CloseNoSession)
	}
	ann.echoes("still mine")
}

// A second socket takes the session over from the first.
func TestSecondSocketReplacesTheFirst(t *testing.T) {
	s := openSite(t, pool(1, 5))
	first := s.wire("ann")
	first.says(wire.Hello{})
	session := hears(first, "session", func(wire.Session) bool { return true })
	hears(first, "ready", func(wire.Ready) bool { return true })
	second := s.wire("ann")
	second.says(wire.Hello{SessionID: session.SessionID})
	first.bye(wire.ByeReplaced)
	first.closed(wire.CloseNormal)
	hears(second, "ready, resumed", func(r wire.Ready) bool { return r.Path == wire.PathResumed })
	second.says(wire.Ping{ID: "p1"})
	hears(second, "pong", func(p wire.Pong) bool { return p.ID == "p1" })
	second.says(wire.Close{})
	second.bye(wire.ByeClosed)
	second.closed(wire.CloseNormal)
}

// Tokens: by header and by subprotocol, good, expired, of another secret, none; never in the URL.
func TestJWT(t *testing.T) {
	s := openSite(t, pool(0, 2))
	elsewhere := openSite(t, pool(0, 2)) // another secret
	good, expired := string(s.token("ann", time.Hour)), string(s.token("ann", -time.Hour))
	foreign := string(elsewhere.token("ann", time.Hour))
	for _, test := range []struct {
		name, query string
		header      http.Header
		status      int
		code        wire.CloseCode
	}{
		{"header", "", http.Header{"Authorization": {"Bearer " + good}}, 101, 0},
		{"header, expired", "", http.Header{"Authorization": {"Bearer " + expired}}, 401, 0},
		{"header, another secret's", "", http.Header{"Authorization": {"Bearer " + foreign}}, 401, 0},
		{"no token", "", nil, 401, 0},
		{"a user in the URL", "?user=ann", nil, 401, 0},
		{"a token in the URL", "?token=" + good, nil, 401, 0},
		{"subprotocol", "", http.Header{"Sec-WebSocket-Protocol": {"hearth.v1, bearer." + good}}, 101, 0},
		{"subprotocol, expired", "", http.Header{"Sec-WebSocket-Protocol": {"hearth.v1, bearer." + expired}}, 101, wire.CloseUnauthenticated},
		{"subprotocol without a token", "", http.Header{"Sec-WebSocket-Protocol": {"hearth.v1"}}, 101, wire.CloseUnauthenticated},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, status := openWire(t, s.ws+"/ws"+test.query, test.header)
			switch {
			case status != test.status:
				t.Errorf("HTTP %d, want %d", status, test.status)
			case test.code != 0:
				w.failure(wire.CodeUnauthenticated)
				w.closed(test.code)
			case w != nil:
				w.says(wire.Hello{})
				hears(w, "session", func(f wire.Session) bool { return f.UserID == "ann" })
			}
		})
	}
}
