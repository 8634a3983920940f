package sockets

import (
	"container/list"
	"crypto/tls"
	stdlog "log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const (
	// maxStrangers bounds the connections of one server that are not WebSockets (yet).
	maxStrangers = 1024
	// headerTimeout is how long they may take for TLS, and then for a request.
	headerTimeout = 5 * time.Second
	// maxHeaderBytes has room for a token of the largest size.
	maxHeaderBytes = 32 << 10
)

// NewServer makes the server for a listener with sockets: HTTP/1.1 only, which WebSockets need, and with a bound on
// everything that a peer can do before its handshake is whole. Its timeouts end with the upgrade.
func NewServer(handler http.Handler, log zerolog.Logger) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler:           handler,
		Protocols:         protocols,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       75 * time.Second, // longer than a load balancer's 60 s, which must not send a request into a close
		MaxHeaderBytes:    maxHeaderBytes,
		ConnState:         newStrangers(maxStrangers).state,
		ErrorLog:          stdlog.New(serverLog{unruly(log)}, "", 0),
	}
}

// strangers knows the connections that have not become sockets, and keeps their number bounded: one too many ends the one
// that has been waited for longest, whose peer has had the most time to send a request. So those that send nothing cannot
// keep out those that do. There is no bound for each remote address, since behind a load balancer all clients have its.
type strangers struct {
	limit int
	mu    sync.Mutex
	// waiting has those that a request is awaited of, the longest wait first.
	waiting *list.List
	// places has all of them: their place in waiting, nil while a request is served.
	places map[net.Conn]*list.Element
}

func newStrangers(limit int) *strangers {
	return &strangers{limit: limit, waiting: list.New(), places: map[net.Conn]*list.Element{}}
}

// state is told by the server how each connection fares.
func (s *strangers) state(conn net.Conn, state http.ConnState) {
	if supernumerary := s.note(conn, state); supernumerary != nil {
		_ = rawConn(supernumerary).Close() // the server notices when it reads
	}
}

// note takes in a connection's state and says which one is to go, if there are too many.
func (s *strangers) note(conn net.Conn, state http.ConnState) net.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if place := s.places[conn]; place != nil {
		s.waiting.Remove(place)
	}
	switch state {
	case http.StateNew, http.StateIdle:
		s.places[conn] = s.waiting.PushBack(conn)
	case http.StateActive:
		s.places[conn] = nil
	default: // it is closed, or a socket
		delete(s.places, conn)
	}
	longest := s.waiting.Front()
	if len(s.places) <= s.limit || longest == nil {
		return nil
	}
	victim := s.waiting.Remove(longest).(net.Conn)
	delete(s.places, victim)
	return victim
}

// rawConn is the TCP connection under one with TLS. Closing a TLS connection in good order can take seconds.
func rawConn(conn net.Conn) net.Conn {
	if secure, ok := conn.(*tls.Conn); ok {
		return secure.NetConn()
	}
	return conn
}

// serverLog takes net/http's own complaints, which anybody who connects can cause.
type serverLog struct{ log zerolog.Logger }

func (l serverLog) Write(p []byte) (int, error) {
	l.log.Warn().Str("problem", strings.TrimSpace(string(p))).Msg("HTTP server")
	return len(p), nil
}
