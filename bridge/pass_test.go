package bridge

import (
	"bytes"
	"path/filepath"
	"testing"

	"hearth/messages/wire"
)

// A warm bridge shows the newest pass on every dial. With its user it has none, and takes none any more.
func TestPassIsShownWhileWarm(t *testing.T) {
	g := newGateway(t)
	r := start(t, testConfig(t, g))
	p := g.next()
	if p.hello.Pass != "" {
		t.Errorf("the first hello has the pass %q", string(p.hello.Pass))
	}
	for _, pass := range []wire.Secret{testPass, testPass + "-2"} {
		p.Send(wire.Pass{Pass: pass})
		p.Send(wire.Redial{})
		if p = g.next(); p.hello.State != wire.BridgeWarm || p.hello.Pass != pass {
			t.Errorf("%s with the pass %q, want %q", p.hello.State, string(p.hello.Pass), string(pass))
		}
		p.Send(wire.Ack{})
	}
	p.Send(r.initUser())
	p.Send(wire.Pass{Pass: testPass})
	expect[wire.Accepted](p)
	expect[wire.BridgeReady](p)
	p.Cut()
	if p = g.next(); p.hello.State != wire.BridgeAssigned || p.hello.Pass != "" {
		t.Errorf("%s with the pass %q", p.hello.State, string(p.hello.Pass))
	}
}

// A user whom the bridge cannot serve has been its user all the same.
func TestPassIsGoneAfterAnInitThatFailed(t *testing.T) {
	g := newGateway(t)
	r := startWith(t, testConfig(t, g), func(b *bridge) { b.cfg.AgentCommand = filepath.Join(t.TempDir(), "missing") })
	p := g.next()
	p.Send(wire.Pass{Pass: testPass})
	p.Send(r.initUser())
	expect[wire.Accepted](p)
	expect[wire.InitFailed](p)
	p.Cut()
	if p = g.next(); p.hello.State != wire.BridgeAssigned || p.hello.Pass != "" {
		t.Errorf("%s with the pass %q", p.hello.State, string(p.hello.Pass))
	}
}

func TestForgottenPassIsCleared(t *testing.T) {
	b := &bridge{}
	b.onPass(wire.Pass{Pass: testPass})
	held := b.pass
	b.forgetPass()
	if b.pass != nil || !bytes.Equal(held, make([]byte, len(testPass))) {
		t.Errorf("%q and %q are left", held, b.pass)
	}
}
