package bridge

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hearth/infra/testkit"
	"hearth/messages/wire"
)

// lastWords is an agent that has something to say when it is told to end.
const lastWords = `trap "echo 2; echo 3; exit 0" TERM; echo 1; while :; do sleep 0.01; done`

// A container that is told to end, which no gateway has asked for, ends with all of its agent's output acknowledged and
// without an exit: the session goes on elsewhere, with the input that this agent was not given.
func TestEvictedTaskHandsItsSessionBack(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	cfg.AgentCommand = script(lastWords)
	r := startWith(t, cfg, func(b *bridge) { b.flush = patience })
	p := r.begin(g)
	p.collect(1)
	r.cancel()
	p.collect(2)
	p.SendData(1, `"too late"`)
	p.Send(wire.Ack{Seq: 3})
	expect[wire.Gone](p) // without having acknowledged the input
	p.AwaitEnd()
	if err := r.wait(); err != nil {
		t.Error(err)
	}
}

func TestEvictedTaskWaitsForAcknowledgementsAndNoLonger(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	cfg.AgentCommand = script(lastWords)
	r := start(t, cfg)
	p := r.begin(g)
	p.collect(1)
	r.cancel()
	p.collect(2)
	expect[wire.Gone](p)
	if err := r.wait(); err != nil {
		t.Error(err)
	}
}

func TestEvictedTaskWithoutAGateway(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	cfg.AgentCommand = script(lastWords)
	r := startWith(t, cfg, func(b *bridge) { b.flush = patience })
	p := r.begin(g)
	p.collect(1)
	g.Refuse.Store(503)
	p.Cut()
	p.AwaitEnd()
	r.cancel()
	eventually(t, "the agent ends", func() bool { return strings.Contains(r.log.String(), "the agent has ended") })
	g.Refuse.Store(0)
	p = g.next()
	expect[wire.BridgeReady](p)
	p.Send(wire.Resume{FromSeq: 1})
	p.collect(2)
	p.Send(wire.Ack{Seq: 3})
	expect[wire.Gone](p)
	if err := r.wait(); err != nil {
		t.Error(err)
	}
}

// An agent that had ended by itself has an exit to tell, whatever its container is told afterwards.
func TestEvictedTaskWhoseAgentHadEnded(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	cfg.AgentCommand = script("echo 1; exit 7")
	r := start(t, cfg)
	p := r.begin(g)
	p.collect(1)
	if exit := expect[wire.Exit](p); exit.Code != 7 {
		t.Errorf("exit %+v", exit)
	}
	r.cancel()
	if err := r.wait(); err != nil {
		t.Error(err)
	}
}

// The gateway's stop is final, also for one that was being evicted: nobody waits, and nobody is dialled any more.
func TestDismissedTaskDialsNoMore(t *testing.T) {
	for name, evicted := range map[string]bool{"by the gateway alone": false, "evicted as well": true} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			cfg := testConfig(t, g)
			gate := filepath.Join(cfg.WorkspaceRoot, "gate")
			cfg.AgentCommand = script(`trap "" TERM; echo 1; while ! test -e "` + gate + `"; do sleep 0.01; done`)
			r := start(t, cfg)
			p := r.begin(g)
			p.collect(1)
			if evicted {
				r.cancel()
				eventually(t, "it is told to end", func() bool { return strings.Contains(r.log.String(), "told to end") })
			}
			p.Send(wire.Stop{Reason: "its session ended", GraceMs: patience.Milliseconds()})
			eventually(t, "it is stopped", func() bool { return strings.Contains(r.log.String(), "stopping the agent") })
			p.awaitAnswer()
			p.Cut()
			p.AwaitEnd()
			select {
			case <-g.Arrivals:
				t.Error("it has dialled again")
			case <-time.After(300 * time.Millisecond):
			}
			if err := os.WriteFile(gate, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := r.wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

// awaitAnswer waits until the bridge has taken every frame that it was sent: a ping is answered after those before it.
func (p *peer) awaitAnswer() {
	p.t.Helper()
	if err := p.Socket.WritePing([]byte("are you there")); err != nil {
		p.t.Fatal(err)
	}
	testkit.Receive(p.t, p.Pongs)
}
