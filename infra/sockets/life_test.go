package sockets

import (
	"strings"
	"testing"
	"time"

	"hearth/infra/testkit"
	"hearth/messages"
	"hearth/messages/wire"
)

func TestCloseFlushes(t *testing.T) {
	g := newGateway(t, nil)
	p, link := g.client("ann")
	o := g.newOwner("session")
	g.sockets.Bind(link, o.pid)
	const frames = 40
	payload := `"` + strings.Repeat("x", 20_000) + `"`
	for seq := range uint64(frames) {
		o.send(link, data(seq+1, payload))
	}
	g.sockets.Send(link, wire.Bye{Reason: wire.ByeReplaced})
	g.sockets.Close(link, wire.CloseNormal)
	g.sockets.Send(link, wire.Status{}) // nothing comes after the close
	g.sockets.Close(link, wire.CloseInternal)
	for seq := range uint64(frames) {
		if d := testkit.Next[wire.Data](p); d.Seq != seq+1 {
			t.Fatalf("got %d, want %d", d.Seq, seq+1)
		}
	}
	testkit.Next[wire.Bye](p)
	p.AwaitClose(wire.CloseNormal)
	for written := uint64(0); written < frames; {
		written = next[*messages.LinkWritten](o).Seq
	}
	next[*messages.LinkClosed](o)
	o.nothing()
}

// TestCloseOfOneWhoDoesNotAnswer has a peer that reads nothing and closes nothing.
func TestCloseOfOneWhoDoesNotAnswer(t *testing.T) {
	g := newGateway(t, func(c *Config) { c.CloseTimeout = 30 * time.Millisecond })
	o := g.newOwner("session")
	_, link := g.rawClient(o)
	g.sockets.Close(link, wire.CloseNormal)
	if c := next[*messages.LinkClosed](o); c.Cause != string(CauseOwner) {
		t.Errorf("cause %q", c.Cause)
	}
}

func TestAfterItsCloseALinkDeliversNothing(t *testing.T) {
	g := newGateway(t, func(c *Config) { c.CloseTimeout = 100 * time.Millisecond })
	o := g.newOwner("session")
	conn, link := g.rawClient(o)
	g.sockets.Close(link, wire.CloseNormal)
	if _, err := conn.Write(masked(0x81, wire.AppendFrame(nil, data(1, `1`)))); err != nil {
		t.Fatal(err)
	}
	next[*messages.LinkClosed](o)
	o.nothing()
}

func TestPeersEnd(t *testing.T) {
	g := newGateway(t, nil)
	for name, test := range map[string]struct {
		end   func(*testkit.Peer)
		cause string
	}{
		"in good order": {func(p *testkit.Peer) { _ = p.Socket.WriteClose(4001, []byte("secret reason")) }, string(CausePeer) + ": 4001"},
		"in a hurry":    {func(p *testkit.Peer) { _ = p.Socket.NetConn().Close() }, string(CauseLost)},
	} {
		p, link := g.client("ann")
		o := g.newOwner(name)
		g.sockets.Bind(link, o.pid)
		test.end(p)
		if c := next[*messages.LinkClosed](o); !strings.HasPrefix(c.Cause, test.cause) || strings.Contains(c.Cause, "secret") {
			t.Errorf("%s: cause %q", name, c.Cause)
		}
		o.nothing()
	}
}

func TestNobodyTakesALink(t *testing.T) {
	g := newGateway(t, func(c *Config) { c.BindTimeout = 20 * time.Millisecond })
	p, link := g.client("ann")
	p.AwaitClose(wire.CloseTryAgain)
	eventually(t, "it is gone", func() bool { return g.sockets.find(link) == nil })
	o := g.newOwner("session")
	g.sockets.Bind(link, o.pid)
	if c := next[*messages.LinkClosed](o); c.Link != link || c.Cause == "" {
		t.Errorf("told %+v", c)
	}
	b, _ := g.bridge("task-1")
	b.AwaitClose(wire.CloseInternal)
	// What there is no link for does nothing.
	g.sockets.Send(link, wire.Status{})
	g.sockets.Credit(link, 1)
	g.sockets.Close(link, wire.CloseNormal)
	o.nothing()
}

// TestRefusedByPool closes a link that no actor takes.
func TestRefusedByPool(t *testing.T) {
	g := newGateway(t, nil)
	p, link := g.client("ann")
	g.sockets.Send(link, wire.Error{Code: wire.CodeSessionNotFound})
	g.sockets.Close(link, wire.CloseNoSession)
	testkit.Next[wire.Error](p)
	p.AwaitClose(wire.CloseNoSession)
}

func TestOwnersChange(t *testing.T) {
	g := newGateway(t, nil)
	p, link := g.client("ann")
	one, two := g.newOwner("one"), g.newOwner("two")
	g.sockets.Bind(link, one.pid)
	p.Send(data(1, `1`))
	next[*messages.LinkFrame](one)
	g.sockets.Bind(link, two.pid)
	p.Send(data(2, `2`))
	if d := next[*messages.LinkFrame](two).Frame.(wire.Data); d.Seq != 2 {
		t.Errorf("got %d", d.Seq)
	}
	two.send(link, data(1, `1`))
	next[*messages.LinkWritten](two)
	_ = p.Socket.NetConn().Close()
	next[*messages.LinkClosed](two)
	one.nothing()
	two.nothing()
}

// TestOwnersComeWhileLinksEnd binds and closes at once, again and again: there is exactly one LinkClosed, and it is the
// last event.
func TestOwnersComeWhileLinksEnd(t *testing.T) {
	g := newGateway(t, nil)
	for i := range 100 {
		p, link := g.client("ann")
		o := g.newOwner("session")
		go func() { _ = p.Socket.NetConn().Close() }()
		if i%2 == 0 {
			go g.sockets.Close(link, wire.CloseNormal)
		}
		g.sockets.Bind(link, o.pid)
		next[*messages.LinkClosed](o)
		eventually(t, "it is gone", func() bool { return g.sockets.find(link) == nil })
		o.nothing()
	}
}

func TestKeepalive(t *testing.T) {
	g := newGateway(t, func(c *Config) { c.PingInterval, c.SilenceTimeout = 10*time.Millisecond, 150*time.Millisecond })
	lively, link := g.client("ann")
	o := g.newOwner("lively")
	g.sockets.Bind(link, o.pid)

	silent, _, err := g.dial("/ws?user=bob", nil)
	if err != nil {
		t.Fatal(err)
	}
	silent.Mute.Store(true)
	silent.Send(wire.Hello{})
	dead := g.newOwner("silent")
	g.sockets.Bind(arrival[*messages.ClientArrived](g).Link, dead.pid)
	if c := next[*messages.LinkClosed](dead); c.Cause != string(CauseSilent) {
		t.Errorf("cause %q", c.Cause)
	}
	for range 30 { // 300 ms: twice the silence that would have ended it
		select {
		case <-lively.Pings:
		case <-time.After(patience):
			t.Fatal("no ping")
		}
	}
	o.nothing()
}

// TestBlockedReaderIsNotADeadPeer does not credit for longer than a peer may be silent.
func TestBlockedReaderIsNotADeadPeer(t *testing.T) {
	g := newGateway(t, func(c *Config) {
		c.PingInterval, c.SilenceTimeout, c.WindowBytes = 10*time.Millisecond, 50*time.Millisecond, 1
	})
	p, link := g.client("ann")
	o := g.newOwner("session")
	g.sockets.Bind(link, o.pid)
	p.Send(data(1, `1`))
	f := next[*messages.LinkFrame](o)
	for range 20 {
		<-p.Pings
	}
	o.nothing()
	g.sockets.Credit(link, f.Bytes)
	p.Send(data(2, `2`))
	next[*messages.LinkFrame](o)
}

func TestConfigIsChecked(t *testing.T) {
	if _, err := New(Config{}); err == nil {
		t.Error("nothing at all is accepted")
	}
	g := newGateway(t, nil)
	for _, change := range []func(*Config){
		func(c *Config) { c.WindowBytes = -1 }, func(c *Config) { c.PingInterval = -1 }, func(c *Config) { c.Deliver = nil },
	} {
		cfg := g.sockets.cfg
		change(&cfg)
		if _, err := New(cfg); err == nil {
			t.Errorf("accepted: %+v", cfg)
		}
	}
}

// TestALinkOfNobody is one whose owner wants to hear no more of it before it closes it.
func TestALinkOfNobody(t *testing.T) {
	g := newGateway(t, nil)
	p, link := g.client("ann")
	o := g.newOwner("session")
	g.sockets.Bind(link, o.pid)
	g.sockets.Send(link, wire.Bye{Reason: wire.ByeClosed})
	g.sockets.Bind(link, nil)
	g.sockets.Close(link, wire.CloseNormal)
	testkit.Next[wire.Bye](p)
	p.AwaitClose(wire.CloseNormal)
	eventually(t, "it is gone", func() bool { return g.sockets.Stats(Client).Open == 0 })
	g.sockets.Bind(link, nil)
	o.nothing()
}
