package sockets

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/lxzan/gws"
	"golang.org/x/time/rate"

	"hearth/infra/auth"
	"hearth/messages"
	"hearth/messages/wire"
)

const (
	// subprotocol is what browsers offer and the gateway selects.
	subprotocol = auth.Subprotocol
	// readBuffer is small because most frames are, and large ones are read past it.
	readBuffer = 512
	// kernelBuffer bounds what the kernel keeps of a peer that is not read, and for a peer that does not read.
	kernelBuffer = 128 << 10
	// upgradeTimeout bounds the writing of the handshake's answer.
	upgradeTimeout = 5 * time.Second
)

// greeting checks a link's first frame and makes the pool's message of it. Its errors go to the peer.
type greeting func(messages.LinkID, wire.Frame) (any, error)

// errNotHello refuses another first frame.
var errNotHello = errors.New("the first frame must be hello")

// newUpgrader answers handshakes. With subprotocols it selects one of them, and refuses who does not offer any.
func newUpgrader(cfg *Config, subprotocols ...string) *gws.Upgrader {
	return gws.NewUpgrader(events{}, &gws.ServerOption{
		ReadMaxPayloadSize: cfg.maxMessage(),
		CheckUtf8Enabled:   true,
		HandshakeTimeout:   upgradeTimeout,
		SubProtocols:       subprotocols,
		NewSession:         func() gws.SessionStorage { return nil }, // not used
	})
}

// ClientHandler serves GET /ws. Authenticate says whose a request is, and gives the token for the user's task; its error is
// told to the peer. A refused request is answered 401; a browser, which cannot see that, is upgraded, told, and closed
// with 4401, unless too many handshakes are under way for such a courtesy.
func (s *Sockets) ClientHandler(
	authenticate func(*http.Request) (auth.Client, error),
) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.allowedOrigin(r) {
			s.refuse(w, r, Client, http.StatusForbidden, "pages of this origin may not connect (ALLOWED_ORIGINS)")
			return
		}
		if !s.enter(w, r, Client) {
			return
		}
		client, err := authenticate(r)
		browser := offersSubprotocol(r)
		l := &link{kind: Client, peer: string(client.User)}
		switch {
		case err != nil && (!browser || s.crowded(Client)):
			s.turnAway(w, r, l, http.StatusUnauthorized, err.Error())
			return
		case err == nil && !s.introduce(l):
			s.turnAway(w, r, l, http.StatusServiceUnavailable, tooManyOfPeer)
			return
		}
		l.limiter = rate.NewLimiter(rate.Limit(s.cfg.FramesPerSecond), s.cfg.FramesPerSecond)
		l.greet = greetClient(client, wire.Traceparent(r.Header.Get("Traceparent")))
		upgrader := s.plain
		if browser {
			r.Header.Set("Sec-WebSocket-Protocol", subprotocol) // gws looks only at the first of several headers
			upgrader = s.browser
		}
		if err != nil {
			s.reportRefusal(r, Client, http.StatusUnauthorized, err.Error())
		}
		s.upgrade(w, r, upgrader, l, err)
	})
}

// greetClient takes the first frame of a user's client. Its trace is the frame's, for browsers cannot set headers, or the handshake's.
func greetClient(client auth.Client, trace wire.Traceparent) greeting {
	return func(id messages.LinkID, frame wire.Frame) (any, error) {
		hello, ok := frame.(wire.Hello)
		if !ok {
			return nil, errNotHello
		}
		for _, hello.Traceparent = range []wire.Traceparent{hello.Traceparent, trace, ""} {
			if hello.Traceparent.Valid() {
				break
			}
		}
		return &messages.ClientArrived{Link: id, User: client.User, Token: client.Token, Expires: client.Expires, Hello: hello}, nil
	}
}

// BridgeHandler serves GET /internal/warm/{taskId} and GET /internal/task/{sessionId}. The bearer is the task's token.
func (s *Sockets) BridgeHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /internal/warm/{taskId}", func(w http.ResponseWriter, r *http.Request) {
		s.serveBridge(w, r, wire.TaskID(r.PathValue("taskId")), "")
	})
	mux.HandleFunc("GET /internal/task/{sessionId}", func(w http.ResponseWriter, r *http.Request) {
		s.serveBridge(w, r, "", wire.SessionID(r.PathValue("sessionId")))
	})
	return mux
}

// serveBridge takes a bridge that names its task or its session in the path.
func (s *Sockets) serveBridge(w http.ResponseWriter, r *http.Request, task wire.TaskID, session wire.SessionID) {
	if !wire.ValidID(string(task) + string(session)) {
		s.refuse(w, r, Bridge, http.StatusBadRequest, "the path's id is not an id")
		return
	}
	if !s.enter(w, r, Bridge) {
		return
	}
	bearer, err := auth.Bearer(r)
	owner, ok := s.cfg.VerifyTask(bearer)
	l := &link{kind: Bridge, peer: string(owner)}
	status, problem := 0, ""
	switch {
	case err != nil || !ok:
		status, problem = http.StatusUnauthorized, "no valid task token (was the task started with another TASK_TOKEN_SECRET?)"
	case task != "" && task != owner:
		status, problem = http.StatusForbidden, "the task token is another task's"
	case !s.introduce(l):
		status, problem = http.StatusServiceUnavailable, tooManyOfPeer
	}
	if status != 0 {
		s.turnAway(w, r, l, status, problem)
		return
	}
	l.greet = greetBridge(owner, session)
	s.upgrade(w, r, s.plain, l, nil)
}

// greetBridge takes the first frame of the bridge whose task's token was shown, on the path of a session or of its task.
func greetBridge(owner wire.TaskID, session wire.SessionID) greeting {
	return func(id messages.LinkID, frame wire.Frame) (any, error) {
		hello, ok := frame.(wire.BridgeHello)
		switch {
		case !ok:
			return nil, errNotHello
		case hello.TaskID != owner:
			return nil, errors.New("hello: taskId is not the task token's")
		case session != "" && hello.SessionID != session:
			return nil, errors.New("hello: sessionId is not the path's")
		}
		return &messages.BridgeArrived{Link: id, Hello: hello}, nil
	}
}

// enter admits a handshake, or answers it. Who is admitted ends with upgrade or dismiss.
func (s *Sockets) enter(w http.ResponseWriter, r *http.Request, kind Kind) bool {
	if status, problem := checkHandshake(r); problem != "" {
		if status == http.StatusUpgradeRequired {
			w.Header().Set("Upgrade", "websocket")
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Sec-WebSocket-Version", webSocketVersion)
		}
		s.refuse(w, r, kind, status, problem)
		return false
	}
	// gws looks only at the first of several headers, and for nothing beside what it wants.
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	if problem := s.admit(kind); problem != "" {
		s.refuse(w, r, kind, http.StatusServiceUnavailable, problem)
		return false
	}
	return true
}

// webSocketVersion is the one version that there is (RFC 6455, 4.1).
const webSocketVersion = "13"

// checkHandshake says what is wrong with a request to open a WebSocket, by RFC 6455, 4.2.1, and with which status it is refused.
func checkHandshake(r *http.Request) (status int, problem string) {
	key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-WebSocket-Key"))
	switch {
	case r.Method != http.MethodGet:
		return http.StatusMethodNotAllowed, "a WebSocket is opened with GET"
	case r.ProtoMajor != 1:
		return http.StatusUpgradeRequired, "a WebSocket is opened with HTTP/1.1"
	case r.ProtoMinor < 1:
		return http.StatusHTTPVersionNotSupported, "a WebSocket is opened with HTTP/1.1"
	case !listed(r.Header["Upgrade"], "websocket"), !listed(r.Header["Connection"], "upgrade"):
		return http.StatusUpgradeRequired, "this is a WebSocket"
	case len(r.Header["Sec-Websocket-Version"]) != 1 || r.Header.Get("Sec-WebSocket-Version") != webSocketVersion:
		return http.StatusUpgradeRequired, "the WebSocket's version must be " + webSocketVersion
	case len(r.Header["Sec-Websocket-Key"]) != 1 || err != nil || len(key) != 16:
		return http.StatusBadRequest, "Sec-WebSocket-Key must be 16 bytes in base64"
	}
	return 0, ""
}

// listed reports whether a token is in a header's list. A header that comes several times is one list (RFC 9110, 5.3).
func listed(lines []string, token string) bool {
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// tooManyOfPeer refuses a user or a task that opens sockets and says nothing on them.
const tooManyOfPeer = "too many connections of yours are being opened"

// turnAway refuses a handshake that was admitted.
func (s *Sockets) turnAway(w http.ResponseWriter, r *http.Request, l *link, status int, problem string) {
	s.dismiss(l)
	s.refuse(w, r, l.kind, status, problem)
}

// refuse answers a handshake with an error.
func (s *Sockets) refuse(w http.ResponseWriter, r *http.Request, kind Kind, status int, problem string) {
	s.reportRefusal(r, kind, status, problem)
	switch status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodGet)
	}
	http.Error(w, problem, status)
}

func (s *Sockets) reportRefusal(r *http.Request, kind Kind, status int, problem string) {
	s.refused(kind, status)
	s.unruly.Warn().Stringer("kind", kind).Str("remote", r.RemoteAddr).Int("status", status).Str("problem", problem).
		Msg("handshake refused")
}
