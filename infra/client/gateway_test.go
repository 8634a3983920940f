package client

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lxzan/gws"
	"go.uber.org/goleak"

	"hearth/messages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come; in a bubble it costs nothing.
const patience = time.Minute

// gateway stands in for a real one: scripts say what each socket does. It works over in-memory connections, so that a
// test in a bubble runs in virtual time.
type gateway struct {
	peers chan *peer
	// refuse, if set, answers handshakes with HTTP statuses, in turn, instead of upgrading them; 0 upgrades.
	refuse chan int
	// down makes dialling fail.
	down func() error
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
	request *http.Request
	frames  chan messages.Frame
	pings   chan string
	gone    chan error
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
		if status != 0 {
			answer := http.Response{StatusCode: status, ProtoMajor: 1, ProtoMinor: 1}
			_ = answer.Write(conn)
			_ = conn.Close()
			return
		}
	default:
	}
	p := &peer{request: request, frames: make(chan messages.Frame, 1<<14), pings: make(chan string, 16), gone: make(chan error, 1)}
	p.conn, err = gws.NewUpgrader(p, nil).UpgradeFromConn(conn, reader, request)
	if err != nil {
		return
	}
	g.peers <- p
	p.conn.ReadLoop()
}

func (p *peer) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer func() { _ = m.Close() }()
	frame, err := messages.DecodeFromClient(m.Bytes())
	if err != nil {
		panic(err)
	}
	p.frames <- frame
}

func (p *peer) OnPing(conn *gws.Conn, payload []byte) {
	p.pings <- string(payload)
	_ = conn.WritePong(payload)
}

func (p *peer) OnPong(_ *gws.Conn, payload []byte) { p.pings <- "pong " + string(payload) }

func (p *peer) OnClose(_ *gws.Conn, err error) { p.gone <- err }

func (p *peer) send(frames ...messages.Frame) {
	for _, f := range frames {
		_ = p.conn.WriteMessage(gws.OpcodeText, messages.AppendFrame(nil, f))
	}
}

func (p *peer) raw(text string) { _ = p.conn.WriteString(text) }

func (p *peer) close(code messages.CloseCode) { _ = p.conn.WriteClose(uint16(code), nil) }

func (p *peer) cut() { _ = p.conn.NetConn().Close() }

// expect waits for exactly these frames.
func (p *peer) expect(t testing.TB, want ...messages.Frame) {
	t.Helper()
	for _, w := range want {
		got := receive(t, p.frames)
		if !reflect.DeepEqual(got, w) {
			t.Fatalf("the client sent %#v, want %#v", got, w)
		}
	}
}

// silent fails if the client has sent anything else.
func (p *peer) silent(t testing.TB) {
	t.Helper()
	synctest.Wait()
	select {
	case f := <-p.frames:
		t.Fatalf("the client sent %#v, want nothing", f)
	default:
	}
}

// greet takes the hello and answers it.
func (p *peer) greet(t testing.TB, lastSeq uint64) messages.Hello {
	t.Helper()
	hello, ok := receive(t, p.frames).(messages.Hello)
	if !ok {
		t.Fatal("the first frame is not a hello")
	}
	p.send(messages.Session{SessionID: "s1", UserID: "ann", Resumed: hello.SessionID != "", LastSeq: lastSeq})
	return hello
}

// dial begins a session that is let go of at the test's end.
func (g *gateway) dial(t testing.TB, config Config) *Session {
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

func receive[T any](t testing.TB, from <-chan T) T {
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

// event waits for the next event and checks its type.
func event[T Event](t testing.TB, s *Session) T {
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

func output(seq uint64, payload string) messages.Data {
	return messages.Data{Seq: seq, Payload: []byte(payload)}
}
