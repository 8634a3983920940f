package sockets

import (
	"bufio"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"hearth/infra/testkit"
	"hearth/messages"
	"hearth/messages/wire"
)

const handshakeKey = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="

// answer sends a request of these header lines to /ws and gives the answer.
func (g *gateway) answer(version string, lines ...string) *http.Response {
	g.t.Helper()
	conn := g.rawDial()
	_ = conn.SetDeadline(time.Now().Add(patience))
	request := "GET /ws?user=ann HTTP/" + version + "\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
	if _, err := conn.Write([]byte(request)); err != nil {
		g.t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		g.t.Fatalf("%q: %v", lines, err)
	}
	return response
}

// TestHandshakesAsTheRFCsHaveThem: RFC 6455, 4.2.1, with lists as RFC 9110, 5.3 has them.
func TestHandshakesAsTheRFCsHaveThem(t *testing.T) {
	g := newGateway(t, nil)
	const host, upgrade, connection, version = "Host: g", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"
	for _, test := range []struct {
		name, http string
		lines      []string
		status     int
	}{
		{"plain", "1.1", []string{host, upgrade, connection, version, handshakeKey}, 101},
		{"Connection in two lines", "1.1", []string{host, upgrade, "Connection: keep-alive", connection, version, handshakeKey}, 101},
		{"Connection as a list", "1.1", []string{host, upgrade, "Connection: keep-alive ,\tUPGRADE", version, handshakeKey}, 101},
		{"Upgrade as a list", "1.1", []string{host, "Upgrade: h2c, WebSocket", connection, version, handshakeKey}, 101},
		{"Upgrade in two lines", "1.1", []string{host, "Upgrade: h2c", upgrade, connection, version, handshakeKey}, 101},
		{"another upgrade", "1.1", []string{host, "Upgrade: websockets", connection, version, handshakeKey}, 426},
		{"no Connection", "1.1", []string{host, upgrade, version, handshakeKey}, 426},
		{"a Connection that only contains the word", "1.1", []string{host, upgrade, "Connection: upgraded", version, handshakeKey}, 426},
		{"an older version", "1.1", []string{host, upgrade, connection, "Sec-WebSocket-Version: 8", handshakeKey}, 426},
		{"no version", "1.1", []string{host, upgrade, connection, handshakeKey}, 426},
		{"two versions", "1.1", []string{host, upgrade, connection, version, "Sec-WebSocket-Version: 8", handshakeKey}, 426},
		{"HTTP/1.0", "1.0", []string{host, upgrade, connection, version, handshakeKey}, 505},
		{"no key", "1.1", []string{host, upgrade, connection, version}, 400},
		{"a short key", "1.1", []string{host, upgrade, connection, version, "Sec-WebSocket-Key: dGhl"}, 400},
		{"a long key", "1.1", []string{host, upgrade, connection, version, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSE="}, 400},
		{"a key that is not base64", "1.1", []string{host, upgrade, connection, version, "Sec-WebSocket-Key: ####################===="}, 400},
		{"two keys", "1.1", []string{host, upgrade, connection, version, handshakeKey, handshakeKey}, 400},
	} {
		response := g.answer(test.http, test.lines...)
		if response.StatusCode != test.status {
			t.Errorf("%s: answered %d, want %d", test.name, response.StatusCode, test.status)
		}
		if test.status == 426 && response.Header.Get("Sec-WebSocket-Version") != "13" {
			t.Errorf("%s: is not told the version", test.name)
		}
		if date := response.Header.Get("Date"); test.status != 101 && !strings.HasSuffix(date, " GMT") {
			t.Errorf("%s: the date is %q", test.name, date)
		}
	}
}

// TestOriginsOfTheOwnHost: a scheme's own port may be told or left out, by the page and by the request.
func TestOriginsOfTheOwnHost(t *testing.T) {
	g := newGateway(t, func(c *Config) {
		c.AllowedOrigins = []string{"https://shell.example.com:443", "http://dev.example.com"}
	})
	for _, test := range []struct {
		host, origin string
		allowed      bool
	}{
		{"h:443", "https://h", true}, {"h", "https://h:443", true}, {"h:80", "http://h", true}, {"H:443", "https://h", true},
		{"h", "https://h", true}, {"h:8443", "https://h:8443", true}, {"[::1]:443", "https://[::1]", true},
		{"h:443", "http://h", false}, {"h:80", "https://h", false}, {"h:8443", "https://h", false}, {"h", "https://h:8443", false},
		{"g", "https://shell.example.com", true}, {"g", "http://dev.example.com:80", true}, {"g", "http://shell.example.com:443", false},
		{"g", "https://dev.example.com", false},
		{"h", "ws://h", false}, {"h", "//h", false}, {"h", "h", false}, {"h", "https://h/page", false}, {"h", "https://user@h", false},
		{"h", "null", false}, {"", "file://", false}, {"h:443", "https://h.", false}, {"[::1]", "https://[::2]", false},
		{"[::1]:8443", "https://[::1]:8443", true}, {"[::1]:80", "http://[::1]", true},
	} {
		response := g.answer("1.1", "Host: "+test.host, "Origin: "+test.origin, "Upgrade: websocket", "Connection: Upgrade",
			"Sec-WebSocket-Version: 13", handshakeKey)
		if allowed := response.StatusCode == 101; allowed != test.allowed {
			t.Errorf("a page of %s at %s: answered %d", test.origin, test.host, response.StatusCode)
		}
	}
}

// FuzzCanonicalHost: whatever a host header and an origin are, they are the same only with the same name and port.
func FuzzCanonicalHost(f *testing.F) {
	f.Add("https", "h:443", "h")
	f.Add("http", "[::1]", "[::1]:80")
	f.Fuzz(func(t *testing.T, scheme, one, other string) {
		a, b := url.URL{Host: one}, url.URL{Host: other}
		if sameHost(scheme, one, other) && !strings.EqualFold(a.Hostname(), b.Hostname()) {
			t.Errorf("%q is %q", one, other)
		}
	})
}

// TestABridgesUnreadableOutputIsAGap: it keeps its number, and what comes after it goes on.
func TestABridgesUnreadableOutputIsAGap(t *testing.T) {
	g := newGateway(t, nil)
	p, link := g.bridge("task-1")
	o := g.newOwner("task")
	g.sockets.Bind(link, o.pid)
	deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
	for _, text := range []string{deep, `{"a":}`, `"one","payload":"another"`} {
		p.SendText([]byte(`{"type":"data","seq":7,"payload":` + text + `}`))
		if m := next[*messages.LinkFrame](o); m.Frame != (wire.Gap{From: 7, To: 7}) {
			t.Errorf("%.20s: %#v", text, m.Frame)
		} else {
			g.sockets.Credit(link, m.Bytes)
		}
	}
	p.Send(data(8, `"after"`))
	if m := next[*messages.LinkFrame](o); m.Frame.(wire.Data).Seq != 8 {
		t.Errorf("%#v", m.Frame)
	}
}

// TestABridgeIsToldTheLimit before anything else.
func TestABridgeIsToldTheLimit(t *testing.T) {
	g := newGateway(t, func(c *Config) { c.MaxFrameBytes = 5000 })
	p, _ := g.bridge("task-1")
	if f := testkit.Next[wire.Limits](p); f.MaxFrameBytes != 5000 {
		t.Errorf("told %+v", f)
	}
}
