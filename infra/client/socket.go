package client

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/lxzan/gws"

	"hearth/messages/wire"
)

// socket is one connection of a session. It is also the handler of its gws events, all of which come from the reader.
type socket struct {
	s      *Session
	conn   *gws.Conn
	opened time.Time
	bell   chan struct{} // wakes the writer; rings that it has not heard yet are one ring
	answer *time.Timer   // drops the socket unless its hello is answered
	gone   chan struct{} // closed: the reader has ended, and end is the runner's

	// What the writer owes the gateway; guarded by Session.mu.
	owed debts

	// The reader's until gone is closed.
	end ending
}

// ending is what a socket has left behind.
type ending struct {
	// answered and progress say how far it came: the hello was answered; an output was processed or an input given.
	answered, progress bool
	violation          error
	bye                wire.ByeReason
	refusal            *Refusal // the last error frame
	err                error    // as gws reports it
}

// over reports that nothing which still comes from this socket matters.
func (e *ending) over() bool {
	return e.violation != nil || e.bye != "" || e.refusal != nil && e.refusal.Code == wire.CodeSessionNotFound
}

// open dials and sends hello.
func (s *Session) open(ctx context.Context) (*socket, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	conn, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	// gws does not know contexts; closing the connection ends whatever it waits for. Its own timeout comes later, because
	// it leaves a goroutine behind.
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	k, err := s.handshake(conn)
	if !stop() {
		return nil, ctx.Err()
	}
	return k, err
}

func (s *Session) connect(ctx context.Context) (net.Conn, error) {
	dial := s.config.DialNet
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, "tcp", hostPort(s.target))
	if err != nil || s.target.Scheme == "ws" {
		return conn, err
	}
	secure := tls.Client(conn, &tls.Config{ServerName: s.target.Hostname(), MinVersion: tls.VersionTLS12})
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secure, nil
}

func (s *Session) handshake(conn net.Conn) (*socket, error) {
	s.mu.Lock()
	token := s.token
	hello := wire.Hello{SessionID: s.id, LastSeq: s.outLast, Acks: true, AcksInData: true, Window: s.window, Traceparent: s.config.Traceparent}
	s.mu.Unlock()
	request := &http.Request{Header: http.Header{}}
	header := request.Header
	for _, cookie := range s.cookies.Cookies(s.site()) {
		request.AddCookie(cookie)
	}
	switch {
	case s.config.DevToken != "":
		header.Set("Authorization", "Bearer "+string(s.config.DevToken))
	case s.config.Token != "": // not at a gateway with AUTH=dev
		header.Set("Authorization", "Bearer "+string(token))
	}
	now := time.Now()
	k := &socket{s: s, opened: now, bell: make(chan struct{}, 1), gone: make(chan struct{})}
	k.owed = debts{unacked: wire.Unacked{Acked: hello.LastSeq}, pingAt: now.Add(pingEvery), window: hello.Window}
	ws, response, err := gws.NewClientFromConn(k, &gws.ClientOption{
		Addr:                s.target.String(),
		RequestHeader:       header,
		HandshakeTimeout:    2 * handshakeTimeout,
		ReadMaxPayloadSize:  maxFrameBytes,
		WriteMaxPayloadSize: maxFrameBytes,
		CheckUtf8Enabled:    true,
	}, frail{conn})
	if response != nil {
		s.cookies.SetCookies(s.site(), response.Cookies())
	}
	if err != nil {
		if response != nil && response.StatusCode != http.StatusSwitchingProtocols {
			err = newHandshakeError(response)
		}
		return nil, err
	}
	k.conn = ws
	if err := k.write(gws.OpcodeText, wire.AppendFrame(nil, hello)); err != nil {
		k.drop()
		return nil, err
	}
	return k, nil
}

// site is the gateway as cookies know it.
func (s *Session) site() *url.URL {
	site := *s.target
	site.Scheme = strings.Replace(site.Scheme, "ws", "http", 1)
	return &site
}

// frail is a connection that is over once a read has failed. gws, too, gives up then, but only after whoever is in the
// middle of a write, for which a dead peer would let it wait for another silenceLimit.
type frail struct{ net.Conn }

func (f frail) Read(b []byte) (int, error) {
	n, err := f.Conn.Read(b)
	if err != nil {
		_ = f.Close()
	}
	return n, err
}

// drop ends the socket without ceremony, whatever reads or writes it.
func (k *socket) drop() { _ = k.conn.NetConn().Close() }

// wake makes the writer look at what is owed.
func (k *socket) wake() {
	select {
	case k.bell <- struct{}{}:
	default:
	}
}
