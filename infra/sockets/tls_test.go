package sockets

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"hearth/infra/testkit"
	"hearth/messages"
	"hearth/messages/wire"
)

// withTLS is a server's configuration with a certificate that is good for tests.
func withTLS() *tls.Config {
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	defer server.Close()
	return &tls.Config{Certificates: server.TLS.Certificates, NextProtos: []string{"http/1.1"}}
}

// TestLifeWithTLS has every way in which a link ends, on connections whose close takes part in a protocol.
func TestLifeWithTLS(t *testing.T) {
	g := newGatewayWith(t, withTLS(), func(c *Config) {
		c.OutboxBytes, c.CloseTimeout, c.ClientWriteTimeout = 64<<10, 200*time.Millisecond, 200*time.Millisecond
	})
	begin := func(name string) (*testkit.Peer, messages.LinkID, *owner) {
		p, link := g.client(name)
		o := g.newOwner(name)
		g.sockets.Bind(link, o.pid)
		return p, link, o
	}
	p, link, o := begin("ours")
	p.Send(data(1, `"`+strings.Repeat("x", 200_000)+`"`))
	g.sockets.Credit(link, next[*messages.LinkFrame](o).Bytes)
	o.send(link, data(1, `"`+strings.Repeat("y", 200_000)+`"`))
	testkit.Next[wire.Data](p)
	next[*messages.LinkWritten](o)
	g.sockets.Close(link, wire.CloseNormal)
	p.AwaitClose(wire.CloseNormal)
	next[*messages.LinkClosed](o)

	p, _, o = begin("theirs")
	if err := p.Socket.WriteClose(1000, nil); err != nil {
		t.Fatal(err)
	}
	if c := next[*messages.LinkClosed](o); !strings.HasPrefix(c.Cause, string(CausePeer)) {
		t.Errorf("cause %q", c.Cause)
	}
	p, _, o = begin("cut")
	_ = p.Socket.NetConn().(*tls.Conn).NetConn().Close()
	if c := next[*messages.LinkClosed](o); !strings.HasPrefix(c.Cause, string(CauseLost)) {
		t.Errorf("cause %q", c.Cause)
	}
}

// TestSlowPeerWithTLS has a client that does not read. After a write that has timed out, a TLS connection cannot tell its
// peer anything more; the link ends all the same, and in time.
func TestSlowPeerWithTLS(t *testing.T) {
	g := newGatewayWith(t, withTLS(), func(c *Config) {
		c.CloseTimeout, c.ClientWriteTimeout = 200*time.Millisecond, 100*time.Millisecond
	})
	conn, err := tls.Dial("tcp", g.addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rawConn(conn).Close() }()
	if _, err := conn.Write([]byte(handshake)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 512)); n == 0 || err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(masked(0x81, []byte(`{"type":"hello"}`))); err != nil {
		t.Fatal(err)
	}
	link := arrival[*messages.ClientArrived](g).Link
	o := g.newOwner("slow")
	g.sockets.Bind(link, o.pid)
	line := data(1, `"`+strings.Repeat("x", 1<<20)+`"`)
	ended := make(chan *messages.LinkClosed)
	go func() {
		for event := range o.events {
			if c, ok := event.(*messages.LinkClosed); ok {
				ended <- c
				return
			}
		}
	}()
	for deadline := time.After(patience); ; {
		g.sockets.Send(link, line)
		select {
		case c := <-ended:
			if c.Cause != string(CauseSlow) && c.Cause != string(CauseOverflow) {
				t.Errorf("cause %q", c.Cause)
			}
			return
		case <-deadline:
			t.Fatal("the link does not end")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// TestHTTP1Only: whatever a client offers, WebSockets need HTTP/1.1; and a client that speaks plainly is told.
func TestHTTP1Only(t *testing.T) {
	g := newGatewayWith(t, withTLS(), nil)
	conn, err := tls.Dial("tcp", g.addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if got := conn.ConnectionState().NegotiatedProtocol; got != "http/1.1" {
		t.Errorf("negotiated %q", got)
	}
	response, err := http.Get("http://" + g.addr + "/ws")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if response.StatusCode != http.StatusBadRequest {
		t.Errorf("a plain request is answered %s", response.Status)
	}
	silent, err := net.Dial("tcp", g.addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = silent.Close()
	eventually(t, "the log has net/http's complaints", func() bool {
		return strings.Contains(g.log.String(), `"problem":"http: TLS handshake error`)
	})
}

// TestOwnOrigin: with TLS, a page of the gateway's own host must have come over TLS, too.
func TestOwnOrigin(t *testing.T) {
	g := newGatewayWith(t, withTLS(), nil)
	if _, response, err := g.dial("/ws?user=ann", http.Header{"Origin": {"http://" + g.addr}}); err == nil {
		t.Error("a page without TLS may connect")
	} else if response == nil || response.StatusCode != http.StatusForbidden {
		t.Errorf("refused with %v", err)
	}
	g.mustDial("/ws?user=ann", http.Header{"Origin": {"https://" + g.addr}})
}
