package bridge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/lxzan/gws"

	"hearth/messages/wire"
)

// handshakeTimeout bounds each step of a dial: connecting, TLS, the WebSocket's upgrade, and, where another socket waits for
// it, the answer to the hello.
const handshakeTimeout = 5 * time.Second

// frameSlack is what a frame may have beyond its payload, and what the frames without one may have in all.
const frameSlack = 64 << 10

// target is the address that a bridge dials: its own path below a gateway's base.
func target(base string, session wire.SessionID, task wire.TaskID) string {
	u, err := url.Parse(base)
	if err != nil {
		return base // never: every base has been through checkBase
	}
	if session != "" {
		return u.JoinPath("internal", "task", string(session)).String()
	}
	return u.JoinPath("internal", "warm", string(task)).String()
}

// dial opens the socket. Its reading and writing have not begun when it returns.
func (s *socket) dial(ctx context.Context, token wire.Secret, maxFrame int) error {
	u, err := url.Parse(s.url)
	if err != nil {
		return err
	}
	connection, err := connect(ctx, u)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = connection.Close() }) // ends the upgrade, whose error is the one told
	defer stop()
	client, response, err := gws.NewClientFromConn(socketEvents{s}, &gws.ClientOption{
		Addr:                s.url,
		RequestHeader:       http.Header{"Authorization": {"Bearer " + string(token)}},
		HandshakeTimeout:    handshakeTimeout,
		ReadMaxPayloadSize:  maxFrame + frameSlack,
		WriteMaxPayloadSize: maxFrame + frameSlack,
	}, connection)
	if err != nil {
		_ = connection.Close() // already broken
		if response != nil && response.StatusCode != http.StatusSwitchingProtocols {
			return fmt.Errorf("the gateway answered %s", response.Status)
		}
		return fmt.Errorf("upgrade: %w", err)
	}
	s.ws = client
	return nil
}

// connect opens the TCP connection, with TLS for wss.
func connect(ctx context.Context, u *url.URL) (net.Conn, error) {
	port := u.Port()
	if port == "" {
		port = map[string]string{"ws": "80", "wss": "443"}[u.Scheme]
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	address := net.JoinHostPort(u.Hostname(), port)
	if u.Scheme == "wss" {
		dialer := tls.Dialer{Config: &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}}
		return dialer.DialContext(ctx, "tcp", address)
	}
	var dialer net.Dialer
	return dialer.DialContext(ctx, "tcp", address)
}

// reasonOf is err without the addresses and port numbers around it: they are told beside it, and a local port would make
// every failure look like a new one.
func reasonOf(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Op + ": " + op.Err.Error()
	}
	return err.Error()
}

// The bounds of a backoff with full jitter.
const (
	backoffBase = 100 * time.Millisecond
	backoffMax  = 5 * time.Second
)

// backoff is how long to wait after a number of failed attempts in a row: anything up to a bound that doubles each time.
func backoff(failures int) time.Duration {
	bound := backoffMax
	if failures < 6 { // 100 ms << 6 is above the maximum
		bound = min(bound, backoffBase<<failures)
	}
	return rand.N(bound)
}
