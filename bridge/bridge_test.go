package bridge

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hearth/messages/wire"
)

// collect reads outputs until n have come, acks aside.
func (p *peer) collect(n int) []string {
	p.t.Helper()
	var got []string
	for len(got) < n {
		got = append(got, string(skipTo[wire.Data](p).Payload))
	}
	return got
}

func TestWarmTaskBecomesReadyAndEchoes(t *testing.T) {
	g := newGateway(t)
	r := start(t, testConfig(t, g))

	p := g.next()
	if p.Request.URL.Path != "/internal/warm/task-1" || p.Request.Header.Get("Authorization") != "Bearer "+testTaskToken {
		t.Errorf("dialled %s as %q", p.Request.URL.Path, p.Request.Header.Get("Authorization"))
	}
	if want := (wire.BridgeHello{TaskID: "task-1", Version: "test", State: wire.BridgeWarm, MaxFrameBytes: 1 << 20, IO: LinesJSON, Isolation: "path", Leases: true, AcksInData: true}); p.hello != want {
		t.Errorf("hello %+v, want %+v", p.hello, want)
	}
	p.Send(r.initUser())
	if f := expect[wire.Accepted](p); f.SessionID != "session-1" {
		t.Errorf("accepted %q", f.SessionID)
	}
	if f := expect[wire.BridgeReady](p); f.SessionID != "session-1" {
		t.Errorf("ready %q", f.SessionID)
	}
	token := filepath.Join(r.workspace(), ".optima", "token.json")
	if got := readToken(t, token); got != testUserToken {
		t.Errorf("token file holds %q", got)
	}
	p.SendData(1, `{ "say" : ["hello", 1] }`)
	if f := skipTo[wire.Data](p); f.Seq != 1 || string(f.Payload) != `{"say":["hello",1]}` {
		t.Errorf("output %d %s", f.Seq, f.Payload)
	}
	p.Send(wire.Stop{Reason: "closed", GraceMs: 5000})
	if exit := skipTo[wire.Exit](p); exit.Signal != "SIGTERM" || exit.Code != 143 {
		t.Errorf("exit %+v", exit)
	}
	p.AwaitEnd()
	if err := r.wait(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(token); !os.IsNotExist(err) {
		t.Errorf("the token file outlived the session: %v", err)
	}
}

func TestDedicatedTask(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	cfg.Warm, cfg.SessionID, cfg.UserID, cfg.AgentIO = false, "session-1", "alice", LinesText
	r := start(t, cfg)

	p := g.next()
	if p.Request.URL.Path != "/internal/task/session-1" {
		t.Errorf("dialled %s", p.Request.URL.Path)
	}
	if p.hello.State != wire.BridgeWarm || p.hello.SessionID != "session-1" || p.hello.UserID != "alice" {
		t.Errorf("hello %+v", p.hello)
	}
	wrong := r.initUser()
	wrong.SessionID = "session-2"
	p.Send(wrong)
	if f := expect[wire.InitFailed](p); f.Code != failAssigned {
		t.Errorf("a session that the task is not for: %+v", f)
	}
	p.Send(r.initUser())
	expect[wire.Accepted](p)
	expect[wire.BridgeReady](p)
	p.SendData(1, `"plain \"text\""`)
	if got := p.collect(1); got[0] != `"plain \"text\""` {
		t.Errorf("output %s", got)
	}
}

func TestSecondInitUser(t *testing.T) {
	g := newGateway(t)
	r := start(t, testConfig(t, g))
	p := r.begin(g)

	p.Send(r.initUser())
	expect[wire.Accepted](p)
	expect[wire.BridgeReady](p)

	other := r.initUser()
	other.SessionID, other.UserID = "session-2", "mallory"
	p.Send(other)
	if f := expect[wire.InitFailed](p); f.Code != failAssigned {
		t.Errorf("answer %+v", f)
	}
	p.SendData(1, `1`)
	p.collect(1)
}

func TestCountsGoOnWhereAnEarlierTaskLeftThem(t *testing.T) {
	g := newGateway(t)
	r := start(t, testConfig(t, g))
	p := g.next()
	init := r.initUser()
	init.InSeq, init.OutSeq = 40, 70
	p.Send(init)
	expect[wire.Accepted](p)
	expect[wire.BridgeReady](p)

	p.SendData(40, `"old"`)
	if f := expect[wire.Ack](p); f.Seq != 40 {
		t.Errorf("ack %d", f.Seq)
	}
	p.SendData(41, `"new"`)
	if f := skipTo[wire.Data](p); f.Seq != 71 || string(f.Payload) != `"new"` {
		t.Errorf("output %d %s", f.Seq, f.Payload)
	}
}

func TestNobodyReactsToTheEnd(t *testing.T) {
	hurried := func(b *bridge) { b.settle = 50 * time.Millisecond }
	t.Run("of the init", func(t *testing.T) {
		g := newGateway(t)
		r := startWith(t, testConfig(t, g), func(b *bridge) {
			hurried(b)
			b.cfg.AgentCommand = "no-such-agent"
		})
		p := g.next()
		p.Send(r.initUser())
		expect[wire.Accepted](p)
		expect[wire.InitFailed](p)
		if err := r.wait(); err == nil || !strings.Contains(err.Error(), "no-such-agent") {
			t.Errorf("ended with %v", err)
		}
	})
	t.Run("of the agent", func(t *testing.T) {
		g := newGateway(t)
		cfg := testConfig(t, g)
		cfg.AgentCommand = "echo 1"
		r := startWith(t, cfg, hurried)
		p := r.begin(g)
		p.collect(1)
		expect[wire.Exit](p)
		if err := r.wait(); err != nil || !strings.Contains(r.log.String(), "nobody acknowledges") {
			t.Errorf("ended with %v", err)
		}
	})
}

func TestBadFramesAreSurvived(t *testing.T) {
	g := newGateway(t)
	r := start(t, testConfig(t, g))
	p := g.next()
	p.Send(wire.Resume{FromSeq: 3}) // before there is a session
	p.SendData(1, `"early"`)
	p.Send(wire.Redial{URL: "http://nowhere"})
	for _, text := range []string{``, `{`, `[]`, `{"type":"init_user"}`, `{"type":"token","token":""}`, `{"type":"data","seq":-1,"payload":1}`,
		`{"type":"later_version","x":1}`, `{"type":"stop","graceMs":"` + testUserToken + `"}`} {
		if err := p.Socket.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Socket.WriteMessage(2, []byte("binary")); err != nil {
		t.Fatal(err)
	}
	p.Send(r.initUser())
	expect[wire.Accepted](p)
	expect[wire.BridgeReady](p)
	p.Send(wire.Data{Payload: json.RawMessage(`"without a number"`)})
	p.SendData(3, `"after a hole"`)
	p.SendData(1, `"first"`)
	if got := p.collect(1); got[0] != `"first"` {
		t.Errorf("output %s", got)
	}
	for _, want := range []string{"bad frame", "binary frame", "bad address", "needs a session"} {
		if !strings.Contains(r.log.String(), want) {
			t.Errorf("the log does not tell of a %s", want)
		}
	}
}

// TestPoisonHeader sends the frame header whose length makes the WebSocket library panic.
func TestPoisonHeader(t *testing.T) {
	g := newGateway(t)
	r := start(t, testConfig(t, g))
	p := r.begin(g)
	if _, err := p.Socket.NetConn().Write([]byte{0x81, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}); err != nil {
		t.Fatal(err)
	}
	q := g.next()
	if q.hello.State != wire.BridgeAssigned {
		t.Errorf("hello %+v", q.hello)
	}
}

func TestWarmTaskIsStopped(t *testing.T) {
	t.Run("by the gateway", func(t *testing.T) {
		g := newGateway(t)
		r := start(t, testConfig(t, g))
		p := g.next()
		p.Send(wire.Stop{Reason: "expired", GraceMs: 60_000})
		p.AwaitEnd()
		if err := r.wait(); err != nil {
			t.Error(err)
		}
	})
	t.Run("by its container", func(t *testing.T) {
		g := newGateway(t)
		r := start(t, testConfig(t, g))
		p := g.next()
		r.cancel()
		expect[wire.Gone](p)
		if err := r.wait(); err != nil {
			t.Error(err)
		}
	})
}

func TestOrphan(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	cfg.WarmOrphanTTL = 300 * time.Millisecond
	r := start(t, cfg)
	g.next().Cut()
	g.Refuse.Store(503)
	if err := r.wait(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(r.log.String(), "its gateway has been gone for 300ms") {
		t.Error("the end was not explained")
	}
}

func TestWrongAddressIsTold(t *testing.T) {
	g := newGateway(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		url    string
		status int32
		reason string
	}{
		{"ws://" + address, 0, "connection refused"},
		{"wss://" + strings.TrimPrefix(g.URL(), "ws://"), 0, "TLS"},
		{"ws://gateway.invalid:1", 0, "lookup gateway.invalid"},
		{g.URL(), 401, "401 Unauthorized"},
		{g.URL(), 404, "404 Not Found"},
		{g.URL(), 503, "503 Service Unavailable"},
	} {
		g.Refuse.Store(c.status)
		cfg := testConfig(t, g)
		cfg.GatewayURL = c.url
		r := start(t, cfg)
		eventually(t, "the log tells of "+c.reason, func() bool {
			for line := range strings.Lines(r.log.String()) {
				if strings.Contains(line, c.url+"/internal/warm/task-1") && strings.Contains(line, c.reason) {
					return true
				}
			}
			return false
		})
		eventually(t, "it tries again", func() bool { return strings.Contains(r.log.String(), "cannot reach the gateway") })
		r.cancel()
		if err := r.wait(); err != nil {
			t.Error(err)
		}
		if n := strings.Count(r.log.String(), "cannot reach the gateway"); n > 3 {
			t.Errorf("%s was told %d times", c.reason, n)
		}
	}
}
