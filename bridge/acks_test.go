package bridge

import (
	"strings"
	"testing"
	"time"

	"hearth/messages/wire"
)

// awaitAcks takes acks until the input was acknowledged, and says how many that were.
func (p *peer) awaitAcks(seq uint64) (count int) {
	for last := uint64(0); last < seq; count++ {
		ack := expect[wire.Ack](p)
		if ack.Seq <= last {
			p.t.Fatalf("ack %d after %d", ack.Seq, last)
		}
		last = ack.Seq
	}
	return count
}

func TestAnAckGoesWithTheAnswer(t *testing.T) {
	g := newGateway(t)
	r := start(t, testConfig(t, g)) // its agent echoes
	p := g.next()
	p.Send(wire.Limits{MaxFrameBytes: 1 << 20, AcksInData: true})
	r.becomeReady(p)

	for seq := uint64(1); seq <= 3; seq++ {
		p.Send(wire.Data{Seq: seq, Ack: seq - 1, Payload: []byte(`"x"`)})
		if got := expect[wire.Data](p); got.Seq != seq || got.Ack != seq {
			t.Errorf("input %d is answered by output %d, which acknowledges %d", seq, got.Seq, got.Ack)
		}
	}
	p.Send(wire.Resume{}) // what was acknowledged is forgotten
	if got := expect[wire.Gap](p); got != (wire.Gap{From: 1, To: 2}) {
		t.Errorf("%+v, want the first two gone", got)
	}
	if got := expect[wire.Data](p); got.Seq != 3 || got.Ack != 0 {
		t.Errorf("then comes %+v", got)
	}
	p.Send(wire.Stop{GraceMs: 5000})
	skipTo[wire.Exit](p)
}

func TestAnAckGoesAloneWithoutAnAnswer(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	cfg.AgentCommand = script("cat >/dev/null")
	r := start(t, cfg)
	p := g.next()
	p.Send(wire.Limits{MaxFrameBytes: 1 << 20, AcksInData: true})
	r.becomeReady(p)

	p.SendData(1, `1`)
	if n := p.awaitAcks(1); n != 1 {
		t.Errorf("one input was acknowledged by %d acks", n)
	}
	p.Send(wire.Stop{GraceMs: 5000})
	expect[wire.Exit](p)
}

func TestInputsAreAcknowledgedTogether(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	cfg.AgentCommand = script("cat >/dev/null")
	r := start(t, cfg)
	p := r.begin(g)

	p.SendData(1, `1`) // after a pause: at once
	if n := p.awaitAcks(1); n != 1 {
		t.Errorf("one input was acknowledged by %d acks", n)
	}

	const many = 20 * wire.AckLines
	began := time.Now()
	for seq := range uint64(many) {
		p.SendData(2+seq, `1`)
	}
	acks := p.awaitAcks(1 + many)
	if most := many/wire.AckLines + int(time.Since(began)/wire.AckDelay) + 2; acks > most {
		t.Errorf("%d inputs were acknowledged by %d acks, want %d at most", many, acks, most)
	}

	// A large one does not wait: its sender may have no room for more.
	p.SendData(2+many, `"`+strings.Repeat("x", wire.AckBytes)+`"`)
	if n := p.awaitAcks(2 + many); n != 1 {
		t.Errorf("a large input was acknowledged by %d acks", n)
	}
	p.Send(wire.Stop{GraceMs: 5000})
	expect[wire.Exit](p)
}
