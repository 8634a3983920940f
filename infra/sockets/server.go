package sockets

import (
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// maxHalfOpen bounds the connections of one server that have not sent a whole request yet.
	maxHalfOpen = 1024
	// headerTimeout is how long they may take for it.
	headerTimeout = 5 * time.Second
	// maxHeaderBytes has room for a token of the largest size.
	maxHeaderBytes = 32 << 10
)

// NewServer makes the server for a listener with sockets: HTTP/1.1 only, which WebSockets need, and with a bound on
// everything that a peer can do before its handshake is whole. Its timeouts end with the upgrade.
func NewServer(handler http.Handler) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler:           handler,
		Protocols:         protocols,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnState:         newHalfOpen(maxHalfOpen).state,
	}
}

// halfOpen knows the connections whose first request has not come yet, and closes those that are too many.
type halfOpen struct {
	limit int
	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

func newHalfOpen(limit int) *halfOpen { return &halfOpen{limit: limit, conns: map[net.Conn]struct{}{}} }

func (h *halfOpen) state(conn net.Conn, state http.ConnState) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case state != http.StateNew:
		delete(h.conns, conn)
	case len(h.conns) >= h.limit:
		_ = conn.Close() // the server notices when it reads
	default:
		h.conns[conn] = struct{}{}
	}
}
