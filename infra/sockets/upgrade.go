package sockets

import (
	"bufio"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lxzan/gws"

	"hearth/infra/auth"
	"hearth/messages/wire"
)

// upgrade turns an admitted handshake into a link. With a refusal the link is only there to be told it.
func (s *Sockets) upgrade(w http.ResponseWriter, r *http.Request, upgrader *gws.Upgrader, l *link, refusal error) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		s.dismiss(l)
		s.refuse(w, r, l.kind, http.StatusInternalServerError, "this connection cannot become a WebSocket")
		return
	}
	if buffered.Reader.Buffered() > 0 {
		// gws would lose what came with the request. A peer has to wait for the answer.
		_ = conn.Close()
		s.dismiss(l)
		s.reportRefusal(r, l.kind, http.StatusBadRequest, "frames before the handshake's answer")
		return
	}
	boundKernel(conn)
	l.conn = &connection{Conn: conn, raw: kernelsOwn(conn)}
	ws, err := upgrader.UpgradeFromConn(l.conn, bufio.NewReaderSize(l.conn, readBuffer), r)
	if err != nil { // gws has answered and closed the connection
		s.dismiss(l)
		s.reportRefusal(r, l.kind, http.StatusBadRequest, plainError(err))
		return
	}
	l.sockets, l.since = s, time.Now()
	l.conn.link = l
	l.start()
	if refusal != nil {
		l.complain(wire.CodeUnauthenticated, refusal.Error())
		l.shut(ending{cause: CauseUnauthenticated, code: wire.CloseUnauthenticated, detail: refusal.Error(), flush: true})
	}
	go l.read(ws)
}

// boundKernel bounds the kernel's buffers.
func boundKernel(conn net.Conn) {
	if buffers, ok := rawConn(conn).(interface {
		SetReadBuffer(int) error
		SetWriteBuffer(int) error
	}); ok {
		// Both fail only on a connection that is closed, as its next use will tell.
		_ = buffers.SetReadBuffer(kernelBuffer)
		_ = buffers.SetWriteBuffer(kernelBuffer)
	}
}

// offersSubprotocol reports whether the client offers the subprotocol that browsers name, who cannot set headers.
func offersSubprotocol(r *http.Request) bool {
	for offered := range auth.Subprotocols(r) {
		if offered == subprotocol {
			return true
		}
	}
	return false
}

// allowedOrigin keeps other sites' pages from connecting with what a browser knows of its user. Whoever is not a browser
// sends no origin.
func (s *Sockets) allowedOrigin(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return true
	}
	origin, err := url.Parse(origins[0])
	if err != nil || len(origins) > 1 || origin.Host == "" || *origin != (url.URL{Scheme: origin.Scheme, Host: origin.Host}) {
		return false // a scheme, a host and a port are all that an origin has
	}
	// Anybody on the way can forge a page of the same host that came without TLS. Behind a load balancer TLS cannot be seen.
	own := sameHost(origin.Scheme, origin.Host, r.Host) && (origin.Scheme == "https" || origin.Scheme == "http" && r.TLS == nil)
	return own || slices.ContainsFunc(s.cfg.AllowedOrigins, func(text string) bool {
		allowed, err := url.Parse(text)
		return err == nil && allowed.Scheme == origin.Scheme && sameHost(origin.Scheme, allowed.Host, origin.Host)
	})
}

// sameHost reports whether two hosts and their ports are the same. The scheme's default port may be left out (RFC 6454, 4).
func sameHost(scheme, one, other string) bool {
	return canonicalHost(scheme, one) == canonicalHost(scheme, other)
}

func canonicalHost(scheme, host string) string {
	u := url.URL{Host: host}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	return strings.ToLower(u.Hostname()) + ":" + port
}
