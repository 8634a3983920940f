package bridge

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lxzan/gws"

	"hearth/infra/testkit"
	"hearth/messages/wire"
)

// TestNothingIsLostWhereSocketsBreak cuts the socket again and again while numbers stream both ways. The gateway behaves
// as hearth's does: it resumes after what it has seen and resends what was not acknowledged.
func TestNothingIsLostWhereSocketsBreak(t *testing.T) {
	const inputs, cuts = 3000, 12
	g := newGateway(t)
	r := start(t, testConfig(t, g))
	p := r.begin(g)
	var (
		sent, acked uint64 // inputs
		seen        uint64 // outputs; cat echoes input n as output n
	)
	for cut := 0; seen < inputs; {
		for sent < inputs && sent < acked+200 {
			sent++
			p.SendData(sent, fmt.Sprint(sent))
		}
		switch f := p.Receive().(type) {
		case wire.Ack:
			acked = max(acked, f.Seq)
		case wire.Data:
			if f.Seq != seen+1 || string(f.Payload) != fmt.Sprint(f.Seq) {
				t.Fatalf("output %d %s after %d", f.Seq, f.Payload, seen)
			}
			seen++
			if seen%50 == 0 {
				p.Send(wire.Ack{Seq: seen})
			}
		default:
			t.Fatalf("got %T", f)
		}
		if cut < cuts && seen >= uint64(cut+1)*inputs/(cuts+2) {
			cut++
			p.Cut()
			p = g.next()
			h := p.hello
			if p.Request.URL.Path != "/internal/task/session-1" || h.State != wire.BridgeAssigned || h.SessionID != "session-1" ||
				h.UserID != "alice" || h.Binding != "binding-1" || h.InSeq > sent || h.OutSeq < seen {
				t.Fatalf("dialled %s with %+v; sent %d, seen %d", p.Request.URL.Path, h, sent, seen)
			}
			expect[wire.BridgeReady](p)
			p.Send(wire.Resume{FromSeq: seen})
			sent, acked = h.InSeq, h.InSeq
		}
	}
}

func TestOutputsWaitForResume(t *testing.T) {
	g := newGateway(t)
	r := start(t, testConfig(t, g))
	p := r.begin(g)
	p.SendData(1, `1`)
	p.awaitAck(1)
	p.Cut()

	p = g.next()
	expect[wire.BridgeReady](p)
	p.SendData(2, `2`)
	if early := p.awaitAck(2); len(early) > 0 {
		t.Errorf("outputs before resume: %v", early)
	}
	p.Send(wire.Resume{FromSeq: 0})
	for seq := uint64(1); seq <= 2; seq++ {
		if f := expect[wire.Data](p); f.Seq != seq {
			t.Errorf("output %d, want %d", f.Seq, seq)
		}
	}
	p.Send(wire.Ack{Seq: 1})
	p.Send(wire.Resume{FromSeq: 0})
	if f := expect[wire.Gap](p); f != (wire.Gap{From: 1, To: 1}) {
		t.Errorf("an acknowledged output is asked for: %+v", f)
	}
	if f := expect[wire.Data](p); f.Seq != 2 {
		t.Errorf("output %d", f.Seq)
	}
}

func TestReadyIsToldAgainWhereTheGatewayMissedIt(t *testing.T) {
	g := newGateway(t)
	r := start(t, testConfig(t, g))
	p := g.next()
	p.Send(r.initUser())
	expect[wire.Accepted](p)
	p.Cut() // ready may or may not be on its way
	p = g.next()
	if p.hello.State != wire.BridgeAssigned {
		t.Errorf("hello %+v", p.hello)
	}
	p.Send(wire.Resume{})
	expect[wire.BridgeReady](p)
	p.SendData(1, `1`)
	p.collect(1)
}

func TestExitIsDeliveredAfterTheSocketWasDown(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	gate := filepath.Join(cfg.WorkspaceRoot, "gate")
	cfg.AgentCommand = script(`while ! test -e "` + gate + `"; do sleep 0.01; done; echo 1; echo 2; exit 7`)
	r := start(t, cfg)
	p := r.begin(g)
	g.Refuse.Store(503)
	p.Cut()
	p.AwaitEnd()
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the agent ends", func() bool { return strings.Contains(r.log.String(), "the agent has ended") })
	g.Refuse.Store(0)

	p = g.next()
	if p.hello.OutSeq != 2 {
		t.Errorf("hello %+v", p.hello)
	}
	expect[wire.BridgeReady](p)
	p.Send(wire.Resume{FromSeq: 0})
	p.collect(2)
	if exit := expect[wire.Exit](p); exit.Code != 7 {
		t.Errorf("exit %+v", exit)
	}

	// Nothing was acknowledged: a socket that breaks now must not take the rest with it.
	p.Cut()
	p = g.next()
	expect[wire.BridgeReady](p)
	p.Send(wire.Resume{FromSeq: 1})
	p.collect(1)
	expect[wire.Exit](p)
	p.Send(wire.Ack{Seq: 2})
	if err := r.wait(); err != nil {
		t.Error(err)
	}
}

func TestRedial(t *testing.T) {
	g, h := newGateway(t), newGateway(t)
	r := start(t, testConfig(t, g))
	p := r.begin(g)
	p.SendData(1, `1`)
	p.collect(1)

	p.Send(wire.Redial{URL: h.URL()})
	q := h.next()
	if q.Request.URL.Path != "/internal/task/session-1" || q.hello.OutSeq != 1 {
		t.Errorf("dialled %s with %+v", q.Request.URL.Path, q.hello)
	}
	expect[wire.BridgeReady](q)
	// The new gateway has not answered yet: the old one's input is still the agent's, but what comes of it is for the new
	// one, which has been told that there is no output 2. Nobody else may know better.
	p.SendData(2, `2`)
	p.awaitAnswer()
	q.Send(wire.Resume{FromSeq: 1})
	p.AwaitEnd()
	if n := len(p.Frames); n > 0 {
		t.Errorf("the old gateway was sent %d frames more, %+v first", n, <-p.Frames)
	}
	q.collect(1)
	q.SendData(3, `3`)
	q.collect(1)

	// The new gateway dies for good: the configured one is found again.
	h.Refuse.Store(503)
	q.Cut()
	p = g.next()
	expect[wire.BridgeReady](p)
	p.Send(wire.Resume{FromSeq: 3})
	p.SendData(4, `4`)
	p.collect(1)
}

// A gateway that takes the socket and does not answer the hello does not keep the lines from the one that there is.
func TestRedialThatIsNotAnswered(t *testing.T) {
	g, h := newGateway(t), newGateway(t)
	r := startWith(t, testConfig(t, g), func(b *bridge) { b.answer = 100 * time.Millisecond })
	p := r.begin(g)
	p.Send(wire.Redial{URL: h.URL()})
	q := h.next()
	p.SendData(1, `1`)
	q.AwaitEnd()
	h.Refuse.Store(503)
	p.awaitAck(1)
	p.collect(1)
}

func TestRedialOfAWarmTask(t *testing.T) {
	g, h := newGateway(t), newGateway(t)
	r := start(t, testConfig(t, g))
	p := g.next()
	p.Send(wire.Redial{URL: h.URL()})
	q := h.next()
	if q.Request.URL.Path != "/internal/warm/task-1" {
		t.Errorf("dialled %s", q.Request.URL.Path)
	}
	// The old gateway uses the task at the last moment: the new one, which was told that it is free, must hear of it.
	p.Send(r.initUser())
	expect[wire.Accepted](p)
	expect[wire.BridgeReady](p)
	q.AwaitEnd()
	q = h.next()
	if q.Request.URL.Path != "/internal/task/session-1" || q.hello.State != wire.BridgeAssigned {
		t.Errorf("dialled %s with %+v", q.Request.URL.Path, q.hello)
	}
}

func TestRedialWithoutAnAddress(t *testing.T) {
	g := newGateway(t)
	start(t, testConfig(t, g))
	p := g.next()
	p.Send(wire.Redial{})
	q := g.next()
	if err := p.Socket.WriteClose(1001, nil); err != nil { // unanswered, but the old socket is closed by its gateway
		t.Fatal(err)
	}
	q.Send(wire.Stop{Reason: "expired"})
	q.AwaitEnd()
}

func TestSilentGatewayIsLeft(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	r := startWith(t, cfg, func(b *bridge) { b.alive = keepalive{ping: 20 * time.Millisecond, silence: 1500 * time.Millisecond} })
	p := r.begin(g)
	if err := p.Socket.WritePing([]byte("are you there")); err != nil {
		t.Fatal(err)
	}
	testkit.Receive(t, p.Pongs)
	// As long as its own pings are answered, it stays.
	quiet := time.After(2 * time.Second)
	select {
	case <-g.Arrivals:
		t.Fatal("a gateway that answers pings was left")
	case <-quiet:
	}
	p.Mute.Store(true)
	q := g.next()
	if q.hello.State != wire.BridgeAssigned || !strings.Contains(r.log.String(), "i/o timeout") {
		t.Errorf("hello %+v", q.hello)
	}
}

func TestDropReplaysWithAGap(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	cfg.AgentOverflow, cfg.MaxFrameBytes, cfg.OutputBufferBytes = OverflowDrop, 1<<10, 1<<10
	gate := filepath.Join(cfg.WorkspaceRoot, "gate")
	cfg.AgentCommand = script(`while ! test -e "` + gate + `"; do sleep 0.01; done; seq 1 1000; exec cat`)
	r := start(t, cfg)
	p := r.begin(g)
	g.Refuse.Store(503)
	p.Cut()
	p.AwaitEnd()
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var h wire.BridgeHello
	for h.OutSeq < 1000 { // dial until all of it has run past
		g.Refuse.Store(0)
		p = g.next()
		if h = p.hello; h.OutSeq < 1000 {
			p.Cut()
		}
	}
	expect[wire.BridgeReady](p)
	p.Send(wire.Resume{FromSeq: 0})
	gap := expect[wire.Gap](p)
	if gap.From != 1 || gap.To < 900 || gap.To >= 1000 {
		t.Errorf("gap %+v", gap)
	}
	for seq := gap.To + 1; seq <= 1000; seq++ {
		if f := expect[wire.Data](p); f.Seq != seq || string(f.Payload) != fmt.Sprint(seq) {
			t.Fatalf("output %d %s, want %d", f.Seq, f.Payload, seq)
		}
	}
}

func TestPauseBoundsTheBuffer(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	cfg.AgentIO, cfg.AgentCommand = LinesText, "yes"
	cfg.MaxFrameBytes, cfg.OutputBufferBytes = 1<<10, 64<<10
	var b *bridge
	p := startWith(t, cfg, func(it *bridge) { b = it }).begin(g)
	boxes := make(chan *outbox, 1)
	b.post(func() { boxes <- b.session.out })
	out := <-boxes

	held := uint64(cfg.OutputBufferBytes / (len(`"y"`) + entryOverhead))
	for round := range uint64(3) {
		for n := range held {
			if f := expect[wire.Data](p); f.Seq != round*held+n+1 || string(f.Payload) != `"y"` {
				t.Fatalf("output %d %s in round %d", f.Seq, f.Payload, round)
			}
		}
		time.Sleep(20 * time.Millisecond) // an agent that does not pause would get far
		if last := out.last(); last != (round+1)*held {
			t.Fatalf("the agent was read up to output %d, and %d fill the buffer", last, (round+1)*held)
		}
		p.Send(wire.Ack{Seq: (round + 1) * held})
	}
	p.Send(wire.Stop{Reason: "closed", GraceMs: 5000})
	for {
		if _, ended := p.Receive().(wire.Exit); ended {
			return
		}
		// Fails once the bridge has left, which it does right after the exit.
		_ = p.Socket.WriteMessage(gws.OpcodeText, wire.AppendFrame(nil, wire.Ack{Seq: 1 << 40}))
	}
}

func TestLongLinesComeInPieces(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	cfg.MaxFrameBytes = 4 << 10
	cfg.AgentCommand = script(`head -c 10000 /dev/zero | tr "\0" 7; echo; echo 7`)
	p := start(t, cfg).begin(g)
	got := p.collect(4)
	var whole string
	for _, piece := range got[:3] {
		var s string
		if err := json.Unmarshal([]byte(piece), &s); err != nil {
			t.Fatalf("a piece is no string: %v", err)
		}
		whole += s
	}
	if whole != strings.Repeat("7", 10000) || got[3] != "7" {
		t.Errorf("%d bytes, then %s", len(whole), got[3])
	}
}
