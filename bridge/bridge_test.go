package bridge

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
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
	if want := (wire.BridgeHello{TaskID: "task-1", Version: "test", State: wire.BridgeWarm, MaxFrameBytes: 1 << 20, IO: LinesJSON, Isolation: "path"}); p.hello != want {
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

func TestInitFailures(t *testing.T) {
	for _, c := range []struct {
		code, says string
		change     func(*Config, *wire.InitUser)
	}{
		{failWorkspace, "not inside", func(_ *Config, i *wire.InitUser) { i.WorkspaceDir = "/etc/alice" }},
		{failWorkspace, "not a directory", func(c *Config, _ *wire.InitUser) {
			if err := os.Symlink("/etc", filepath.Join(c.WorkspaceRoot, "alice")); err != nil {
				t.Fatal(err)
			}
		}},
		{failToken, "token.json", func(c *Config, _ *wire.InitUser) {
			c.TokenFile = strings.Repeat("x", 300) + "/token.json" // longer than any file system's names
		}},
		{failAgent, "no-such-agent", func(c *Config, _ *wire.InitUser) { c.AgentCommand = "no-such-agent" }},
		{failAgent, "permission denied", func(c *Config, _ *wire.InitUser) {
			c.AgentCommand = filepath.Join(c.WorkspaceRoot, "agent")
			if err := os.WriteFile(c.AgentCommand, []byte("#!/bin/sh\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(c.code+" "+c.says, func(t *testing.T) {
			g := newGateway(t)
			cfg := testConfig(t, g)
			init := (&running{cfg: cfg}).initUser()
			c.change(&cfg, &init)
			r := start(t, cfg)
			p := g.next()
			p.Send(init)
			expect[wire.Accepted](p)
			f := expect[wire.InitFailed](p)
			if f.Code != c.code || !strings.Contains(f.Message, c.says) || strings.Contains(f.Message, testUserToken) {
				t.Errorf("failure %+v", f)
			}
			p.Send(init) // the answer stays the same
			expect[wire.Accepted](p)
			if again := expect[wire.InitFailed](p); again != f {
				t.Errorf("answered again with %+v", again)
			}
			p.Send(wire.Stop{Reason: "init_failed"})
			if err := r.wait(); err != nil {
				t.Errorf("a stop ends it with %v", err)
			}
			if _, err := os.Lstat(filepath.Join(cfg.WorkspaceRoot, "alice", ".optima", "token.json")); err == nil {
				t.Error("the token file was left behind")
			}
		})
	}
}

func TestAgentThatFails(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	cfg.AgentCommand = script(`echo "out of luck $(cat .optima/token.json)" >&2; printf unterminated; exit 3`)
	r := start(t, cfg)
	p := r.begin(g)
	if got := p.collect(1); got[0] != `"unterminated"` {
		t.Errorf("output %s", got)
	}
	exit := expect[wire.Exit](p)
	if exit.Code != 3 || exit.Signal != "" || !strings.HasPrefix(exit.Stderr, "out of luck") {
		t.Errorf("exit %+v", exit)
	}
	if strings.Contains(exit.Stderr, testUserToken) {
		t.Errorf("stderr tells the token: %q", exit.Stderr)
	}
	if !strings.Contains(r.log.String(), "out of luck") {
		t.Error("standard error did not reach the log")
	}
	p.Send(wire.Ack{Seq: 1})
	if err := r.wait(); err != nil {
		t.Error(err)
	}
}

func TestNobodyReactsToTheEnd(t *testing.T) {
	hurried := func(b *bridge) { b.settle = 50 * time.Millisecond }
	t.Run("of the init", func(t *testing.T) {
		g := newGateway(t)
		cfg := testConfig(t, g)
		cfg.AgentCommand = "no-such-agent"
		r := startWith(t, cfg, hurried)
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

func TestStderrMerge(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	cfg.AgentIO, cfg.AgentStderr = LinesText, StderrMerge
	cfg.AgentCommand = script(`echo out; echo err >&2`)
	p := start(t, cfg).begin(g)
	got := p.collect(2)
	slices.Sort(got)
	if !slices.Equal(got, []string{`"err"`, `"out"`}) {
		t.Errorf("outputs %s", got)
	}
	if exit := expect[wire.Exit](p); exit.Stderr != "err\n" {
		t.Errorf("exit %+v", exit)
	}
}

func TestAgentEnvironmentAndDirectory(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	cfg.AgentIO = LinesText
	cfg.AgentCommand = script(`pwd; echo $HOME $WORKSPACE_DIR; env; test -e /proc/self/fd/3 && echo leak; true`)
	r := start(t, cfg)
	p := r.begin(g)
	if got, want := p.collect(2), []string{fmt.Sprintf("%q", r.workspace()), fmt.Sprintf("%q", r.workspace()+" "+r.workspace())}; !slices.Equal(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
	for {
		frame := p.Receive()
		if _, ended := frame.(wire.Exit); ended {
			return
		}
		if line := string(frame.(wire.Data).Payload); strings.Contains(line, testTaskToken) || strings.Contains(line, testUserToken) || line == `"leak"` {
			t.Errorf("the agent got a token, or a file of the bridge's: %s", line)
		}
	}
}

func TestTokenRefresh(t *testing.T) {
	g := newGateway(t)
	r := start(t, testConfig(t, g))
	p := r.begin(g)
	name := filepath.Join(r.workspace(), ".optima", "token.json")
	for i := range 20 {
		p.Send(wire.Token{Token: wire.Secret(fmt.Sprintf("%s-%d", testUserToken, i))})
	}
	eventually(t, "the last token is written", func() bool { return readToken(t, name) == testUserToken+"-19" })
	if mode(t, name) != 0o600 {
		t.Errorf("mode %v", mode(t, name))
	}
	p.SendData(1, `"still here"`)
	p.collect(1)
}

func TestAgentThatIgnoresSIGTERM(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	cfg.AgentCommand = script(`trap "echo no" TERM; echo up; while :; do sleep 0.01; done`)
	r := start(t, cfg)
	p := r.begin(g)
	p.collect(1)
	p.Send(wire.Stop{Reason: "closed", GraceMs: 200})
	if got := p.collect(1); got[0] != `"no"` {
		t.Errorf("output %s", got)
	}
	if exit := expect[wire.Exit](p); exit.Signal != "SIGKILL" || exit.Code != 137 {
		t.Errorf("exit %+v", exit)
	}
	if err := r.wait(); err != nil {
		t.Error(err)
	}
}

func TestWhatTheAgentLeavesBehindDies(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	cfg.AgentIO = LinesText
	// One child in the agent's group, and one that left it and still holds the pipes.
	cfg.AgentCommand = script(`sleep 300 & echo $!; setsid sh -c "echo gone; exec sleep 2" & read line; echo last`)
	r := start(t, cfg)
	p := r.begin(g)
	got := p.collect(2)
	pid := strings.Trim(slices.DeleteFunc(got, func(s string) bool { return s == `"gone"` })[0], `"`)
	p.SendData(1, `"go"`)
	p.collect(1)
	if exit := skipTo[wire.Exit](p); exit.Code != 0 {
		t.Errorf("exit %+v", exit)
	}
	eventually(t, "the child in the group is dead", func() bool {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		return err != nil || strings.Contains(string(stat), ") Z ")
	})
}

func TestAgentThatDoesNotReadBlocksNothing(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	gate := filepath.Join(cfg.WorkspaceRoot, "gate")
	cfg.AgentIO = LinesText
	cfg.AgentCommand = script(`while ! test -e ` + gate + `; do sleep 0.01; done; exec wc -l`)
	r := start(t, cfg)
	p := r.begin(g)
	line, err := json.Marshal(strings.Repeat("x", 100<<10))
	if err != nil {
		t.Fatal(err)
	}
	const inputs = 20 // of 100 KiB: more than the pipe and the inbox hold
	for seq := uint64(1); seq <= inputs; seq++ {
		p.SendData(seq, string(line))
	}
	p.Send(wire.Token{Token: testUserToken + "-2"})
	name := filepath.Join(r.workspace(), ".optima", "token.json")
	eventually(t, "a frame behind the input gets through", func() bool { return readToken(t, name) == testUserToken+"-2" })

	// Once the agent reads, the bridge dials again to be sent what it had to refuse.
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	q := g.next()
	if q.hello.InSeq == 0 || q.hello.InSeq >= inputs {
		t.Errorf("hello says that %d of %d inputs were given", q.hello.InSeq, inputs)
	}
	expect[wire.BridgeReady](q)
	q.Send(wire.Resume{})
	for seq := q.hello.InSeq + 1; seq <= inputs; seq++ {
		q.SendData(seq, string(line))
	}
	q.awaitAck(inputs)
	p.AwaitEnd()
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
