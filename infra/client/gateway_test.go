package client

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lxzan/gws"
	"go.uber.org/goleak"

	"hearth/messages/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come; in a bubble it costs nothing.
const patience = 5 * time.Minute

// tester is what a testing.T and a rapid.T have in common.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Context() context.Context
}

// gateway stands in for a real one: scripts say what each socket does. It works over in-memory connections, so that a
// test in a bubble runs in virtual time.
type gateway struct {
	peers chan *peer
	// refuse holds the HTTP statuses that the next handshakes are answered with.
	refuse chan int
	// down, if set, says whether dialling fails.
	down func() error
	// stuck, if set, keeps handshakes unread until it is closed.
	stuck chan struct{}
	// deaf, if set, keeps a socket unread after its first frame, until it is closed.
	deaf chan struct{}
	// mute leaves pings unanswered.
	mute bool
	// cookie is set by each handshake.
	cookie string
	// wrap, if set, is put around the gateway's end of each connection.
	wrap func(net.Conn) net.Conn
}

func newGateway() *gateway {
	return &gateway{peers: make(chan *peer, 16), refuse: make(chan int, 16)}
}

// peer is the gateway's end of one socket.
type peer struct {
	gws.BuiltinEventHandler
	conn    *gws.Conn
	deaf    chan struct{}
	mute    bool
	request *http.Request
	frames  chan wire.Frame
	pings   chan string
	gone    chan error
	work    chan func()
	over    chan struct{}
}

// DialNet is for Config.
func (g *gateway) DialNet(context.Context, string, string) (net.Conn, error) {
	if g.down != nil {
		if err := g.down(); err != nil {
			return nil, err
		}
	}
	near, far := net.Pipe()
	go g.accept(far)
	return near, nil
}

func (g *gateway) accept(conn net.Conn) {
	if g.stuck != nil {
		<-g.stuck
	}
	if g.wrap != nil {
		conn = g.wrap(conn)
	}
	reader := bufio.NewReader(conn)
	request, err := http.ReadRequest(reader)
	if err != nil {
		_ = conn.Close()
		return
	}
	select {
	case status := <-g.refuse:
		answer := http.Response{StatusCode: status, ProtoMajor: 1, ProtoMinor: 1}
		_ = answer.Write(conn)
		_ = conn.Close()
		return
	default:
	}
	p := &peer{
		deaf: g.deaf, mute: g.mute, request: request, frames: make(chan wire.Frame, 1<<14), pings: make(chan string, 16),
		gone: make(chan error, 1), work: make(chan func(), 1<<10), over: make(chan struct{}),
	}
	defer close(p.over)
	p.conn, err = gws.NewUpgrader(p, &gws.ServerOption{ResponseHeader: http.Header{"Set-Cookie": {g.cookie}}}).UpgradeFromConn(conn, reader, request)
	if err != nil {
		return
	}
	g.peers <- p
	go p.write()
	p.conn.ReadLoop()
}

// write does what the script says in order. It is the only one to write, because whoever waits for the connection's
// mutex keeps a bubble's time from passing.
func (p *peer) write() {
	for {
		select {
		case f := <-p.work:
			f()
		case <-p.over:
			return
		}
	}
}

func (p *peer) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer func() { _ = m.Close() }()
	frame, err := wire.DecodeFromClient(m.Bytes())
	if err != nil {
		panic(err)
	}
	p.frames <- frame
	if p.deaf != nil {
		<-p.deaf
	}
}

func (p *peer) OnPing(conn *gws.Conn, payload []byte) {
	p.note(string(payload))
	if !p.mute {
		echo := slices.Clone(payload)
		p.work <- func() { _ = conn.WritePong(echo) }
	}
}

func (p *peer) OnPong(_ *gws.Conn, payload []byte) { p.note("pong " + string(payload)) }

// note is for scripts that care for pings and pongs; others leave the channel full.
func (p *peer) note(ping string) {
	select {
	case p.pings <- ping:
	default:
	}
}

func (p *peer) OnClose(_ *gws.Conn, err error) { p.gone <- err }

func (p *peer) send(frames ...wire.Frame) {
	for _, f := range frames {
		p.raw(string(wire.AppendFrame(nil, f)))
	}
}

func (p *peer) raw(text string) { p.work <- func() { _ = p.conn.WriteString(text) } }

// bytes writes past the WebSocket.
func (p *peer) bytes(b ...byte) { p.work <- func() { _, _ = p.conn.NetConn().Write(b) } }

func (p *peer) ping(payload string) { p.work <- func() { _ = p.conn.WritePing([]byte(payload)) } }

func (p *peer) close(code wire.CloseCode) {
	p.work <- func() { _ = p.conn.WriteClose(uint16(code), nil) }
}

func (p *peer) cut() { p.work <- func() { _ = p.conn.NetConn().Close() } }

// expect waits for exactly these frames.
func (p *peer) expect(t tester, want ...wire.Frame) {
	t.Helper()
	for _, w := range want {
		got := receive(t, p.frames)
		if !reflect.DeepEqual(got, w) {
			t.Fatalf("the client sent %#v, want %#v", got, w)
		}
	}
}

// silent fails if the client has sent anything else.
func (p *peer) silent(t tester) {
	t.Helper()
	synctest.Wait()
	select {
	case f := <-p.frames:
		t.Fatalf("the client sent %#v, want nothing", f)
	default:
	}
}

// greet takes the hello and answers it.
func (p *peer) greet(t tester, lastSeq uint64) wire.Hello {
	t.Helper()
	hello, ok := receive(t, p.frames).(wire.Hello)
	if !ok {
		t.Fatal("the first frame is not a hello")
	}
	p.send(wire.Session{SessionID: "s1", UserID: "ann", Resumed: hello.SessionID != "", LastSeq: lastSeq})
	return hello
}

// dial begins a session; the caller lets go of it.
func (g *gateway) dial(t tester, config Config) *Session {
	t.Helper()
	if config.URL == "" {
		config.URL = "ws://gateway"
	}
	config.DialNet = g.DialNet
	s, err := Dial(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func receive[T any](t tester, from <-chan T) T {
	t.Helper()
	select {
	case v, ok := <-from:
		if !ok {
			t.Fatal("closed, want something to be received")
		}
		return v
	case <-time.After(patience):
		t.Fatal("nothing was received")
	}
	panic("unreachable")
}

// begin dials and brings the session as far as its first answered hello.
func (g *gateway) begin(t tester, config Config) (*Session, *peer) {
	t.Helper()
	s := g.dial(t, config)
	p := receive(t, g.peers)
	p.greet(t, 0)
	event[wire.Session](t, s)
	return s, p
}

// event waits for the next event and checks its type.
func event[T Event](t tester, s *Session) T {
	t.Helper()
	got := receive(t, s.Events())
	e, ok := got.(T)
	if !ok {
		t.Fatalf("the event is %#v, want a %T", got, e)
	}
	return e
}

// bubble runs a script against a gateway in virtual time. The bubble fails the test if a goroutine is left.
func bubble(t *testing.T, script func(t *testing.T, g *gateway)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { script(t, newGateway()) })
}

func output(seq uint64, payload string) wire.Data {
	return wire.Data{Seq: seq, Payload: []byte(payload)}
}
