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
// whose state has changed least recently. Its peer has had the most time to send a request, or to take an answer, so those that do
// neither cannot keep out those that do: a health check is served long before its connection is the oldest. There is no bound for
// each remote address, since behind a load balancer all clients have its.
type strangers struct {
	limit int
	mu    sync.Mutex
	// byAge has those that may stay, the longest unchanged first; places has where each is, and nil for who was told to go and has not
	// gone yet.
	byAge  *list.List
	places map[net.Conn]*list.Element
}

func newStrangers(limit int) *strangers {
	return &strangers{limit: limit, byAge: list.New(), places: map[net.Conn]*list.Element{}}
}

// state is told by the server how each connection fares.
func (s *strangers) state(conn net.Conn, state http.ConnState) {
	if supernumerary := s.note(conn, state); supernumerary != nil {
		_ = rawConn(supernumerary).Close() // the server notices when it reads or writes
	}
}

// note takes in a connection's state and says which one is to go, if there are too many.
func (s *strangers) note(conn net.Conn, state http.ConnState) net.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	place, known := s.places[conn]
	if place != nil {
		s.byAge.Remove(place)
	}
	if state == http.StateHijacked || state == http.StateClosed {
		delete(s.places, conn)
		return nil
	}
	if known && place == nil {
		return nil // whatever it does, it takes nobody's place any more
	}
	s.places[conn] = s.byAge.PushBack(conn)
	if s.byAge.Len() <= s.limit {
		return nil
	}
	victim := s.byAge.Remove(s.byAge.Front()).(net.Conn)
	s.places[victim] = nil
	return victim
}

// WithoutBodies lets nobody have the server wait for a body that they have announced, to read it or to pass over it, but for
// those requests that mayHave one. A GET with a body is refused, for it may be a handshake, and the body would be taken for
// frames. What else has one is answered as though it had none: next says who may ask for it.
func WithoutBodies(next http.Handler, mayHave func(*http.Request) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 || mayHave(r) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Connection", "close")
		if r.Method == http.MethodGet {
			http.Error(w, "a request with a body is not taken here", http.StatusRequestEntityTooLarge)
		} else {
			bare := r.WithContext(r.Context())
			bare.Body, bare.ContentLength, bare.TransferEncoding = http.NoBody, 0, nil
			next.ServeHTTP(w, bare)
		}
		controller := http.NewResponseController(w)
		_ = controller.Flush() // the answer goes out before the server finds that the body does not come
		_ = controller.SetReadDeadline(time.Now())
	})
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
