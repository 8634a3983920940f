package sockets

import (
	"bytes"
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
	log      *lockedBuffer
	secure   bool

	mu     sync.Mutex
	owners map[string]func(any)
}

// lockedBuffer is a log that many goroutines write.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// newGateway starts one. Change may change its configuration.
func newGateway(t testing.TB, change func(*Config)) *gateway {
	t.Helper()
	return newGatewayWith(t, nil, change)
}

// newGatewayWith starts one with TLS, if there is a configuration of it.
func newGatewayWith(t testing.TB, secure *tls.Config, change func(*Config)) *gateway {
	t.Helper()
	g := &gateway{t: t, arrivals: make(chan any, 1024), log: &lockedBuffer{}, owners: map[string]func(any){}, secure: secure != nil}
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
	o := &owner{g: g, pid: actor.NewPID("nonhost", name), events: make(chan any, 1024)}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.owners[name] = func(event any) { o.events <- event }
	return o
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

// peer is a client or a bridge.
type peer struct {
	t      testing.TB
	ws     *gws.Conn
	frames chan wire.Frame
	decode func([]byte) (wire.Frame, error)
	done   chan struct{}
	err    error // how it ended, after done
	pings  chan struct{}
	mute   bool // answers no pings
}

func (p *peer) OnOpen(*gws.Conn)               {}
func (p *peer) OnPong(*gws.Conn, []byte)       {}
func (p *peer) OnClose(_ *gws.Conn, err error) { p.err = err }
func (p *peer) OnPing(ws *gws.Conn, data []byte) {
	select {
	case p.pings <- struct{}{}:
	default:
	}
	if !p.mute {
		_ = ws.WritePong(data)
	}
}

func (p *peer) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer m.Close()
	frame, err := p.decode(m.Bytes())
	if err != nil {
		p.t.Errorf("the gateway sent %q: %v", m.Bytes(), err)
		return
	}
	p.frames <- frame
}

// dial connects without a hello. Mute peers answer no pings.
func (g *gateway) dial(path string, header http.Header, mute bool) (*peer, *http.Response, error) {
	p := &peer{
		t: g.t, frames: make(chan wire.Frame, 1024), done: make(chan struct{}), pings: make(chan struct{}, 1024), mute: mute,
		decode: wire.DecodeToClient,
	}
	if strings.HasPrefix(path, "/internal/") {
		p.decode = wire.DecodeToBridge
	}
	scheme := "ws://"
	if g.secure {
		scheme = "wss://"
	}
	ws, response, err := gws.NewClient(p, &gws.ClientOption{
		Addr: scheme + g.addr + path, TlsConfig: &tls.Config{InsecureSkipVerify: true}, RequestHeader: header, ReadMaxPayloadSize: 8 << 20, WriteMaxPayloadSize: 8 << 20,
	})
	if err != nil {
		return nil, response, err
	}
	p.ws = ws
	go func() {
		ws.ReadLoop()
		close(p.done)
	}()
	g.t.Cleanup(func() {
		_ = ws.NetConn().Close()
		<-p.done
	})
	return p, response, nil
}

func (g *gateway) mustDial(path string, header http.Header) *peer {
	g.t.Helper()
	p, _, err := g.dial(path, header, false)
	if err != nil {
		g.t.Fatalf("dial %s: %v", path, err)
	}
	return p
}

// client connects and says hello; its link is the result.
func (g *gateway) client(user string) (*peer, messages.LinkID) {
	g.t.Helper()
	p := g.mustDial("/ws?user="+user, nil)
	p.write(wire.Hello{})
	return p, arrival[*messages.ClientArrived](g).Link
}

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// bridge connects as the bridge of a warm task and says hello.
func (g *gateway) bridge(task wire.TaskID) (*peer, messages.LinkID) {
	g.t.Helper()
	p := g.mustDial("/internal/warm/"+string(task), bearer(string(task)+".secret"))
	p.write(wire.BridgeHello{TaskID: task, State: wire.BridgeWarm})
	return p, arrival[*messages.BridgeArrived](g).Link
}

func (p *peer) write(frame wire.Frame) { p.writeText(wire.AppendFrame(nil, frame)) }

func (p *peer) writeText(text []byte) {
	p.t.Helper()
	if err := p.ws.WriteMessage(gws.OpcodeText, text); err != nil {
		p.t.Errorf("write: %v", err)
	}
}

// read is the next frame, which must be an F.
func read[F wire.Frame](p *peer) F {
	p.t.Helper()
	var f F
	select {
	case frame := <-p.frames:
		f, ok := frame.(F)
		if !ok {
			p.t.Fatalf("got %T %+v, want %T", frame, frame, f)
		}
		return f
	case <-time.After(patience):
		p.t.Fatalf("no %T came", f)
	case <-p.done:
		select {
		case frame := <-p.frames:
			if f, ok := frame.(F); ok {
				return f
			}
		default:
		}
		p.t.Fatalf("closed before a %T came: %v", f, p.err)
	}
	return f
}

// closed waits for the peer's socket to be closed and checks the code.
func (p *peer) closed(code wire.CloseCode) {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatal("not closed")
	}
	var closed *gws.CloseError
	if !errors.As(p.err, &closed) || closed.Code != uint16(code) {
		p.t.Fatalf("closed with %v, want %d", p.err, code)
	}
}

// eventually polls until something is so.
var eventually = testkit.Eventually

func data(seq uint64, payload string) wire.Data {
	return wire.Data{Seq: seq, Payload: []byte(payload)}
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
