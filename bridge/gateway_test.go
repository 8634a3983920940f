package bridge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lxzan/gws"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"hearth/bridge/isolation"
	"hearth/infra/testkit"
	"hearth/messages/wire"
)

// patience bounds every wait of these tests. Nothing takes nearly as long unless it is broken.
const patience = testkit.Patience

const (
	testTaskToken = "task-token-that-nobody-may-see"
	testUserToken = "user-token-that-nobody-may-see"
	testPass      = "pass-that-nobody-may-see"
)

func TestMain(m *testing.M) {
	isolation.RunHelper()
	if os.Getenv(helperVariable) != "" {
		os.Exit(helper())
	}
	goleak.VerifyTestMain(m)
}

// gateway is the other end of a bridge's sockets, and does only what a test tells it to.
type gateway struct {
	t        testing.TB
	server   *httptest.Server
	arrivals chan *peer
	refuse   atomic.Int32 // an HTTP status to answer dials with
	mu       sync.Mutex
	peers    []*peer
}

// peer is one bridge's socket as the gateway sees it.
type peer struct {
	t      testing.TB
	path   string
	auth   string
	ws     *gws.Conn
	frames chan wire.Frame
	done   chan struct{}
	err    error // after done
	hello  wire.BridgeHello
	mute   atomic.Bool // answer no pings
	ponged atomic.Bool // a ping was answered
}

func newGateway(t testing.TB) *gateway {
	g := &gateway{t: t, arrivals: make(chan *peer, 16)}
	g.server = httptest.NewServer(http.HandlerFunc(g.serve))
	t.Cleanup(func() { // after the bridges have ended, as they were started later
		g.server.Close()
		g.mu.Lock()
		defer g.mu.Unlock()
		for _, p := range g.peers {
			p.cut()
			<-p.done
		}
	})
	return g
}

func (g *gateway) url() string { return "ws" + strings.TrimPrefix(g.server.URL, "http") }

func (g *gateway) serve(w http.ResponseWriter, r *http.Request) {
	if status := g.refuse.Load(); status != 0 {
		w.WriteHeader(int(status))
		return
	}
	p := &peer{
		t: g.t, path: r.URL.Path, auth: r.Header.Get("Authorization"),
		frames: make(chan wire.Frame, 64), done: make(chan struct{}),
	}
	ws, err := gws.NewUpgrader(peerEvents{p: p}, &gws.ServerOption{ReadMaxPayloadSize: 4 << 20}).Upgrade(w, r)
	if err != nil {
		g.t.Errorf("upgrade: %v", err)
		return
	}
	p.ws = ws
	go func() {
		ws.ReadLoop()
		close(p.done)
	}()
	g.mu.Lock()
	g.peers = append(g.peers, p)
	g.mu.Unlock()
	g.arrivals <- p
}

// next is the next socket to arrive, with its hello.
func (g *gateway) next() *peer {
	g.t.Helper()
	select {
	case p := <-g.arrivals:
		p.hello = expect[wire.BridgeHello](p)
		return p
	case <-time.After(patience):
		g.t.Fatal("no bridge dialled")
		return nil
	}
}

type peerEvents struct {
	gws.BuiltinEventHandler
	p *peer
}

func (e peerEvents) OnClose(_ *gws.Conn, err error) { e.p.err = err }

func (e peerEvents) OnPing(socket *gws.Conn, payload []byte) {
	if !e.p.mute.Load() {
		_ = socket.WritePong(payload)
	}
}

func (e peerEvents) OnPong(_ *gws.Conn, payload []byte) {
	e.p.ponged.Store(string(payload) == "are you there")
}

func (e peerEvents) OnMessage(socket *gws.Conn, m *gws.Message) {
	defer m.Close()
	frame, err := wire.DecodeFromBridge(m.Bytes())
	if err != nil {
		e.p.t.Errorf("the bridge sent a bad frame: %v", err)
		return
	}
	select {
	case e.p.frames <- frame:
	case <-e.p.t.Context().Done():
	}
}

func (p *peer) send(f wire.Frame) {
	p.t.Helper()
	if err := p.ws.WriteMessage(gws.OpcodeText, wire.AppendFrame(nil, f)); err != nil {
		p.t.Fatalf("send %s: %v", f.FrameType(), err)
	}
}

func (p *peer) sendInput(seq uint64, payload string) {
	p.t.Helper()
	p.send(wire.Data{Seq: seq, Payload: json.RawMessage(payload)})
}

// cut drops the socket as a broken network does.
func (p *peer) cut() { _ = p.ws.NetConn().Close() }

// receive is the next frame.
func (p *peer) receive() wire.Frame {
	p.t.Helper()
	select {
	case f := <-p.frames:
		return f
	default:
	}
	select {
	case f := <-p.frames:
		return f
	case <-p.done:
		select {
		case f := <-p.frames:
			return f
		default:
			p.t.Fatalf("the socket ended: %v", p.err)
		}
	case <-time.After(patience):
		p.t.Fatal("no frame came")
	}
	return nil
}

// expect is the next frame, which must be an F.
func expect[F wire.Frame](p *peer) F {
	p.t.Helper()
	frame := p.receive()
	f, ok := frame.(F)
	if !ok {
		p.t.Fatalf("got %T %+v, want %T", frame, frame, f)
	}
	return f
}

// skipTo is the next F; acks before it are passed over.
func skipTo[F wire.Frame](p *peer) F {
	p.t.Helper()
	for {
		frame := p.receive()
		if f, ok := frame.(F); ok {
			return f
		}
		if _, isAck := frame.(wire.Ack); !isAck {
			p.t.Fatalf("got %T %+v, want an ack or %T", frame, frame, *new(F))
		}
	}
}

// awaitAck reads until the ack of seq, and returns the outputs that came before it.
func (p *peer) awaitAck(seq uint64) []wire.Data {
	p.t.Helper()
	var outputs []wire.Data
	for {
		switch f := p.receive().(type) {
		case wire.Ack:
			if f.Seq >= seq {
				return outputs
			}
		case wire.Data:
			outputs = append(outputs, f)
		default:
			p.t.Fatalf("got %T %+v while waiting for ack %d", f, f, seq)
		}
	}
}

// awaitEnd waits until the bridge has closed the socket.
func (p *peer) awaitEnd() {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatal("the socket stays open")
	}
}

// running is a bridge under test.
type running struct {
	t      testing.TB
	cfg    Config
	log    *logBuffer
	cancel context.CancelFunc
	result chan error
	ended  bool
}

func testConfig(t testing.TB, g *gateway) Config {
	return Config{
		GatewayURL: g.url(), TaskID: "task-1", TaskToken: testTaskToken, Warm: true,
		WorkspaceRoot: t.TempDir(), TokenFile: ".optima/token.json",
		AgentCommand: "cat", AgentIO: LinesJSON, AgentStderr: StderrLog, AgentOverflow: OverflowPause,
		Isolation: "path", UIDRange: "10000-59999", AgentReadPaths: []string{"/usr", "/bin", "/lib", "/lib64", "/etc", "/proc"},
		Environ:       append(os.Environ(), "TASK_TOKEN="+testTaskToken),
		AgentEnv:      []string{"PATH", "FILE"},
		MaxFrameBytes: 1 << 20, OutputBufferBytes: 8 << 20,
		WarmOrphanTTL: time.Minute, StopGrace: 5 * time.Second, Version: "test",
		AgentPreload: PreloadOff, PreloadTimeout: patience,
	}
}

func start(t testing.TB, cfg Config) *running {
	t.Helper()
	return startWith(t, cfg, func(*bridge) {})
}

func startWith(t testing.TB, cfg Config, change func(*bridge)) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{t: t, cfg: cfg, log: &logBuffer{}, cancel: cancel, result: make(chan error, 1)}
	b, err := newBridge(ctx, cfg, zerolog.New(r.log))
	if err != nil {
		t.Fatal(err)
	}
	b.flush = 200 * time.Millisecond // few tests acknowledge outputs at their end
	change(b)
	go func() { r.result <- b.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if !r.ended {
			_ = r.wait()
		}
		for _, secret := range []string{testTaskToken, testUserToken, testPass} {
			if strings.Contains(r.log.String(), secret) {
				t.Errorf("the log holds %q", secret)
			}
		}
		if t.Failed() {
			t.Logf("the bridge's log:\n%s", r.log.String())
		}
	})
	return r
}

// wait is the bridge's result once it has ended.
func (r *running) wait() error {
	r.t.Helper()
	select {
	case err := <-r.result:
		r.ended = true
		return err
	case <-time.After(patience):
		r.t.Error("the bridge does not end")
		r.ended = true
		return errors.New("still running")
	}
}

func (r *running) workspace() string { return filepath.Join(r.cfg.WorkspaceRoot, "alice") }

func (r *running) initUser() wire.InitUser {
	return wire.InitUser{
		UserID: "alice", SessionID: "session-1", WorkspaceDir: r.workspace(), Token: testUserToken, Binding: "binding-1",
	}
}

// begin takes a new bridge to ready.
func (r *running) begin(g *gateway) *peer {
	r.t.Helper()
	p := g.next()
	r.becomeReady(p)
	return p
}

func (r *running) becomeReady(p *peer) {
	r.t.Helper()
	p.send(r.initUser())
	expect[wire.Accepted](p)
	expect[wire.BridgeReady](p)
}

// logBuffer collects log lines.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// eventually polls until something is so.
var eventually = testkit.Eventually

// script makes an AGENT_COMMAND that runs text in a shell.
func script(text string) string { return fmt.Sprintf("/bin/sh -c '%s'", text) }
