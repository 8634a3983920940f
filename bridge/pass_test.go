package bridge

import (
	"bytes"
	"testing"

	"hearth/messages"
)

// A warm bridge shows the newest pass on every dial. With its user it has none, and takes none any more.
func TestPassIsShownWhileWarm(t *testing.T) {
	g := newGateway(t)
	r := start(t, testConfig(t, g))
	p := g.next()
	if p.hello.Pass != "" {
		t.Errorf("the first hello has the pass %q", string(p.hello.Pass))
	}
	for _, pass := range []messages.Secret{testPass, testPass + "-2"} {
		p.send(messages.Pass{Pass: pass})
		p.send(messages.Redial{})
		if p = g.next(); p.hello.State != messages.BridgeWarm || p.hello.Pass != pass {
			t.Errorf("%s with the pass %q, want %q", p.hello.State, string(p.hello.Pass), string(pass))
		}
		p.send(messages.Ack{})
	}
	p.send(r.initUser())
	p.send(messages.Pass{Pass: testPass})
	expect[messages.Accepted](p)
	expect[messages.BridgeReady](p)
	p.cut()
	if p = g.next(); p.hello.State != messages.BridgeAssigned || p.hello.Pass != "" {
		t.Errorf("%s with the pass %q", p.hello.State, string(p.hello.Pass))
	}
}

// A user whom the bridge cannot serve has been its user all the same.
func TestPassIsGoneAfterAnInitThatFailed(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	cfg.AgentCommand = "/nonexistent"
	r := start(t, cfg)
	p := g.next()
	p.send(messages.Pass{Pass: testPass})
	p.send(r.initUser())
	expect[messages.Accepted](p)
	expect[messages.InitFailed](p)
	p.cut()
	if p = g.next(); p.hello.State != messages.BridgeAssigned || p.hello.Pass != "" {
		t.Errorf("%s with the pass %q", p.hello.State, string(p.hello.Pass))
	}
}

func TestForgottenPassIsCleared(t *testing.T) {
	b := &bridge{}
	b.onPass(messages.Pass{Pass: testPass})
	held := b.pass
	b.forgetPass()
	if b.pass != nil || !bytes.Equal(held, make([]byte, len(testPass))) {
		t.Errorf("%q and %q are left", held, b.pass)
	}
}
