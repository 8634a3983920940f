package bridge

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hearth/messages/wire"
)

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
			r := startWith(t, cfg, func(b *bridge) { c.change(&b.cfg, &init) }) // after the bridge has seen that all is well
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
	cfg.AgentCommand = script(`while ! test -e "` + gate + `"; do sleep 0.01; done; exec wc -l`)
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
