package testkit

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lxzan/gws"

	"hearth/messages/wire"
)

// maxFrame is what a peer reads and writes at most: more than any limit of the programs under test.
const maxFrame = 8 << 20

// Decode reads the frames that one end of a WebSocket may send.
type Decode func([]byte) (wire.Frame, error)

// Peer is a test's own end of a WebSocket: it speaks frames, and does only what the test tells it to. A frame that it cannot
// read fails the test.
type Peer struct {
	// Request is what opened the socket, nil when the peer dialled.
	Request *http.Request
	Socket  *gws.Conn
	// Frames are those that have come, in order.
	Frames chan wire.Frame
	// Pings and Pongs are the payloads of those that have come; when nobody takes them, later ones are left out.
	Pings, Pongs chan string
	// Done is closed at the socket's end; Err is then how it ended.
	Done chan struct{}
	Err  error
	// Mute peers answer no pings.
	Mute atomic.Bool

	t      testing.TB
	decode Decode
}

func newPeer(t testing.TB, decode Decode) *Peer {
	return &Peer{
		Frames: make(chan wire.Frame, 1024), Pings: make(chan string, 1024), Pongs: make(chan string, 1024),
		Done: make(chan struct{}), t: t, decode: decode,
	}
}

// Dial opens a socket; it is closed when the test ends. The error is the handshake's, whose answer comes with it.
func Dial(t testing.TB, decode Decode, options *gws.ClientOption) (*Peer, *http.Response, error) {
	t.Helper()
	p := newPeer(t, decode)
	options.ReadMaxPayloadSize, options.WriteMaxPayloadSize = maxFrame, maxFrame
	socket, response, err := gws.NewClient(events{p: p}, options)
	if err != nil {
		return nil, response, err
	}
	p.read(socket)
	t.Cleanup(p.end)
	return p, response, nil
}

// read takes in what comes until the socket ends.
func (p *Peer) read(socket *gws.Conn) {
	p.Socket = socket
	go func() {
		socket.ReadLoop()
		close(p.Done)
	}()
}

func (p *Peer) end() {
	p.Cut()
	<-p.Done
}

// Cut drops the socket as a broken network does.
func (p *Peer) Cut() { _ = p.Socket.NetConn().Close() }

// Send writes a frame.
func (p *Peer) Send(frame wire.Frame) {
	p.t.Helper()
	p.SendText(wire.AppendFrame(nil, frame))
}

// SendData writes a numbered line.
func (p *Peer) SendData(seq uint64, payload string) {
	p.t.Helper()
	p.Send(wire.Data{Seq: seq, Payload: json.RawMessage(payload)})
}

// SendText writes a message, whatever is in it.
func (p *Peer) SendText(text []byte) {
	p.t.Helper()
	if err := p.Socket.WriteMessage(gws.OpcodeText, text); err != nil {
		p.t.Errorf("write %.100q: %v", text, err)
	}
}

// Receive is the next frame. The test fails if the socket ends before one comes.
func (p *Peer) Receive() wire.Frame {
	p.t.Helper()
	select {
	case f := <-p.Frames:
		return f
	default:
	}
	select {
	case f := <-p.Frames:
		return f
	case <-p.Done:
		select {
		case f := <-p.Frames:
			return f
		default:
			p.t.Fatalf("the socket ended before a frame came: %v", p.Err)
		}
	case <-time.After(Patience):
		p.t.Fatal("no frame came")
	}
	return nil
}

// Next is the next frame, which must be an F.
func Next[F wire.Frame](p *Peer) F {
	p.t.Helper()
	frame := p.Receive()
	f, ok := frame.(F)
	if !ok {
		p.t.Fatalf("got %T %+v, want %T", frame, frame, f)
	}
	return f
}

// SkipTo is the next F; acks before it are passed over.
func SkipTo[F wire.Frame](p *Peer) F {
	p.t.Helper()
	for {
		frame := p.Receive()
		if f, ok := frame.(F); ok {
			return f
		}
		if _, isAck := frame.(wire.Ack); !isAck {
			p.t.Fatalf("got %T %+v, want an ack or %T", frame, frame, *new(F))
		}
	}
}

// AwaitEnd waits until the other end has closed the socket.
func (p *Peer) AwaitEnd() {
	p.t.Helper()
	Receive(p.t, p.Done)
}

// AwaitClose is AwaitEnd, and the close must carry this code.
func (p *Peer) AwaitClose(code wire.CloseCode) {
	p.t.Helper()
	p.AwaitEnd()
	var closed *gws.CloseError
	if !errors.As(p.Err, &closed) || closed.Code != uint16(code) {
		p.t.Fatalf("closed with %v, want %d", p.Err, code)
	}
}

// events are what gws tells a peer of.
type events struct {
	gws.BuiltinEventHandler
	p *Peer
}

func (e events) OnClose(_ *gws.Conn, err error) { e.p.Err = err }

func (e events) OnPing(socket *gws.Conn, payload []byte) {
	note(e.p.Pings, payload)
	if !e.p.Mute.Load() {
		_ = socket.WritePong(payload)
	}
}

func (e events) OnPong(_ *gws.Conn, payload []byte) { note(e.p.Pongs, payload) }

func note(to chan string, payload []byte) {
	select {
	case to <- string(payload):
	default:
	}
}

func (e events) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer m.Close()
	frame, err := e.p.decode(m.Bytes())
	if err != nil {
		e.p.t.Errorf("a frame that cannot be read came, %.200q: %v", m.Bytes(), err)
		return
	}
	select {
	case e.p.Frames <- frame:
	case <-e.p.t.Context().Done():
	}
}

// Gateway is the other end of bridges' sockets.
type Gateway struct {
	// Arrivals are the sockets that were opened, in order.
	Arrivals chan *Peer
	// Refuse is an HTTP status to answer handshakes with, unless it is 0.
	Refuse atomic.Int32

	t      testing.TB
	server *httptest.Server
	mu     sync.Mutex
	peers  []*Peer
}

// NewGateway listens until the test ends.
func NewGateway(t testing.TB) *Gateway {
	g := &Gateway{t: t, Arrivals: make(chan *Peer, 16)}
	g.server = httptest.NewServer(http.HandlerFunc(g.serve))
	t.Cleanup(func() { // after the bridges have ended, as they were started later
		g.server.Close()
		g.mu.Lock()
		defer g.mu.Unlock()
		for _, p := range g.peers {
			p.end()
		}
	})
	return g
}

// URL is for bridges to dial.
func (g *Gateway) URL() string { return "ws" + strings.TrimPrefix(g.server.URL, "http") }

func (g *Gateway) serve(w http.ResponseWriter, r *http.Request) {
	if status := g.Refuse.Load(); status != 0 {
		w.WriteHeader(int(status))
		return
	}
	p := newPeer(g.t, wire.DecodeFromBridge)
	p.Request = r
	socket, err := gws.NewUpgrader(events{p: p}, &gws.ServerOption{ReadMaxPayloadSize: maxFrame}).Upgrade(w, r)
	if err != nil {
		g.t.Errorf("upgrade: %v", err)
		return
	}
	p.read(socket)
	g.mu.Lock()
	g.peers = append(g.peers, p)
	g.mu.Unlock()
	g.Arrivals <- p
}
