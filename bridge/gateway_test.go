package bridge

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

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
	syscall.Umask(0o022) // other users run what is built here
	goleak.VerifyTestMain(m)
}

// gateway is the other end of a bridge's sockets.
type gateway struct {
	*testkit.Gateway
	t testing.TB
}

// peer is one bridge's socket as the gateway sees it.
type peer struct {
	*testkit.Peer
	t     testing.TB
	hello wire.BridgeHello
}

func newGateway(t testing.TB) *gateway { return &gateway{testkit.NewGateway(t), t} }

// next is the next socket to arrive, with its hello.
func (g *gateway) next() *peer {
	g.t.Helper()
	p := &peer{Peer: testkit.Receive(g.t, g.Arrivals), t: g.t}
	p.hello = expect[wire.BridgeHello](p)
	return p
}

// expect is the next frame, which must be an F.
func expect[F wire.Frame](p *peer) F {
	p.t.Helper()
	return testkit.Next[F](p.Peer)
}

// skipTo is the next F; acks before it are passed over.
func skipTo[F wire.Frame](p *peer) F {
	p.t.Helper()
	return testkit.SkipTo[F](p.Peer)
}

// awaitAck reads until the ack of seq, and returns the outputs that came before it.
func (p *peer) awaitAck(seq uint64) []wire.Data {
	p.t.Helper()
	var outputs []wire.Data
	for {
		switch f := p.Receive().(type) {
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

// running is a bridge under test.
type running struct {
	t      testing.TB
	cfg    Config
	log    *testkit.Log
	cancel context.CancelFunc
	result chan error
	ended  bool
}

func testConfig(t testing.TB, g *gateway) Config {
	return Config{
		GatewayURL: g.URL(), TaskID: "task-1", TaskToken: testTaskToken, Warm: true,
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
	r := &running{t: t, cfg: cfg, log: &testkit.Log{}, cancel: cancel, result: make(chan error, 1)}
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
	p.Send(r.initUser())
	expect[wire.Accepted](p)
	expect[wire.BridgeReady](p)
}

// eventually polls until something is so.
var eventually = testkit.Eventually

// script makes an AGENT_COMMAND that runs text in a shell.
func script(text string) string { return fmt.Sprintf("/bin/sh -c '%s'", text) }
