package sockets

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/lxzan/gws"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"hearth/actors"
	"hearth/infra/auth"
	"hearth/infra/testkit"
	"hearth/messages"
	"hearth/messages/wire"
)

var _ actors.Links = (*Sockets)(nil)

// patience is how long a test waits for what must happen.
const patience = testkit.Patience

// net/http waits for half a second before it closes a connection that it has refused, in a goroutine that ends by itself
// and that Close does not wait for. goleak's patience is shorter than that.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

var poolPID = actor.NewPID("nonhost", "pool")

// userToken is what a test's client shows; it must not be seen in any log.
const userToken = "users-own-token-8c1f"

// gateway is a Sockets behind a real listener, with a pool that only takes notes.
type gateway struct {
	t        testing.TB
	sockets  *Sockets
	addr     string
	arrivals chan any
	log      *testkit.Log
	secure   bool

	mu     sync.Mutex
	owners map[string]func(any)
}

// newGateway starts one. Change may change its configuration.
func newGateway(t testing.TB, change func(*Config)) *gateway {
	t.Helper()
	return newGatewayWith(t, nil, change)
}

// newGatewayWith starts one with TLS, if there is a configuration of it.
func newGatewayWith(t testing.TB, secure *tls.Config, change func(*Config)) *gateway {
	t.Helper()
	g := &gateway{t: t, arrivals: make(chan any, 1024), log: &testkit.Log{}, owners: map[string]func(any){}, secure: secure != nil}
	cfg := Config{
		Pool: poolPID, Deliver: g.deliver, Log: zerolog.New(g.log),
		VerifyTask: func(token string) (wire.TaskID, bool) {
			task, ok := strings.CutSuffix(token, ".secret")
			return wire.TaskID(task), ok
		},
		RefreshToken: func(user wire.UserID, token wire.Secret) (time.Time, error) {
			if of, _, _ := strings.Cut(string(token), "-"); of != string(user) {
				return time.Time{}, errors.New("token is another user's")
			}
			return refreshedUntil, nil
		},
	}
	if change != nil {
		change(&cfg)
	}
	var err error
	if g.sockets, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /ws", g.sockets.ClientHandler(authenticate))
	mux.Handle("GET /internal/", g.sockets.BridgeHandler())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g.addr = listener.Addr().String()
	server := NewServer(mux, zerolog.New(g.log))
	served := make(chan error, 1)
	go func() {
		if secure == nil {
			served <- server.Serve(listener)
			return
		}
		server.TLSConfig = secure
		served <- server.ServeTLS(listener, "", "")
	}()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := g.sockets.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		for _, kind := range []Kind{Client, Bridge} {
			if s := g.sockets.Stats(kind); s.Open != 0 || s.Handshaking != 0 {
				t.Errorf("%s: %d open, %d of them in their handshake, after the shutdown", kind, s.Open, s.Handshaking)
			}
		}
		if strings.Contains(g.log.String(), userToken) || strings.Contains(g.log.String(), ".secret") {
			t.Errorf("a token is in the log:\n%s", g.log.String())
		}
	})
	return g
}

// refreshedUntil is how long a token that replaces another is good.
var refreshedUntil = time.Unix(2_000_000_000, 0)

// authenticate believes ?user=, and refuses "nobody".
func authenticate(r *http.Request) (auth.Client, error) {
	user := r.URL.Query().Get("user")
	if user == "nobody" {
		return auth.Client{}, errors.New("token has expired")
	}
	return auth.Client{User: wire.UserID(user), Token: userToken}, nil
}

func (g *gateway) deliver(to *actor.PID, message any) {
	if to.Equal(poolPID) {
		g.arrivals <- message
		return
	}
	g.mu.Lock()
	owner := g.owners[to.Id]
	g.mu.Unlock()
	owner(message)
}

// owner is an actor that takes notes.
type owner struct {
	g   *gateway
	pid *actor.PID
	// events has what was delivered, in order.
	events chan any
}

func (g *gateway) newOwner(name string) *owner {
	o := &owner{g: g, pid: actor.NewPID("nonhost", name), events: make(chan any, 4096)}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.owners[name] = func(event any) { o.events <- event }
	return o
}

// send sends the owner's link a frame, and puts what it is told by the return among its events.
func (o *owner) send(link messages.LinkID, frame wire.Frame) {
	if o.g.sockets.Send(link, frame) {
		o.events <- &messages.LinkWritten{Link: link, Seq: frame.(wire.Data).Seq, Bytes: len(wire.AppendFrame(nil, frame))}
	}
}

// next is the next event, which must be an E.
func next[E any](o *owner) E {
	o.g.t.Helper()
	select {
	case event := <-o.events:
		e, ok := event.(E)
		if !ok {
			o.g.t.Fatalf("got %T %+v, want %T", event, event, e)
		}
		return e
	case <-time.After(patience):
		var e E
		o.g.t.Fatalf("no %T came", e)
		return e
	}
}

// nothing checks that no event has come.
func (o *owner) nothing() {
	o.g.t.Helper()
	select {
	case event := <-o.events:
		o.g.t.Fatalf("got %T %+v, want nothing", event, event)
	default:
	}
}

// arrival is the next to arrive, which must be an A.
func arrival[A any](g *gateway) A {
	g.t.Helper()
	select {
	case message := <-g.arrivals:
		a, ok := message.(A)
		if !ok {
			g.t.Fatalf("got %T, want %T", message, a)
		}
		return a
	case <-time.After(patience):
		g.t.Fatal("nobody arrived")
		panic("unreachable")
	}
}

// dial connects without a hello.
func (g *gateway) dial(path string, header http.Header) (*testkit.Peer, *http.Response, error) {
	decode, scheme := wire.DecodeToClient, "ws://"
	if strings.HasPrefix(path, "/internal/") {
		decode = wire.DecodeToBridge
	}
	if g.secure {
		scheme = "wss://"
	}
	return testkit.Dial(g.t, decode, &gws.ClientOption{
		Addr: scheme + g.addr + path, TlsConfig: &tls.Config{InsecureSkipVerify: true}, RequestHeader: header,
	})
}

func (g *gateway) mustDial(path string, header http.Header) *testkit.Peer {
	g.t.Helper()
	p, _, err := g.dial(path, header)
	if err != nil {
		g.t.Fatalf("dial %s: %v", path, err)
	}
	return p
}

// client connects and says hello; its link is the result.
func (g *gateway) client(user string) (*testkit.Peer, messages.LinkID) {
	g.t.Helper()
	p := g.mustDial("/ws?user="+user, nil)
	p.Send(wire.Hello{})
	return p, arrival[*messages.ClientArrived](g).Link
}

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// bridge connects as the bridge of a warm task and says hello.
func (g *gateway) bridge(task wire.TaskID) (*testkit.Peer, messages.LinkID) {
	g.t.Helper()
	p := g.mustDial("/internal/warm/"+string(task), bearer(string(task)+".secret"))
	p.Send(wire.BridgeHello{TaskID: task, State: wire.BridgeWarm})
	return p, arrival[*messages.BridgeArrived](g).Link
}

// eventually polls until something is so.
var eventually = testkit.Eventually

func data(seq uint64, payload string) wire.Data {
	return wire.Data{Seq: seq, Payload: []byte(payload)}
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
