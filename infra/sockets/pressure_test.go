package sockets

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"hearth/messages"
	"hearth/messages/wire"
)

// TestReaderStopsWithoutCredit floods an owner that credits nothing.
func TestReaderStopsWithoutCredit(t *testing.T) {
	const window = 16 << 10
	g := newGateway(t, func(c *Config) { c.WindowBytes, c.FramesPerSecond = window, 1<<20 })
	p, link := g.client("ann")
	o := g.newOwner("session")
	g.sockets.Bind(link, o.pid)

	payload := `"` + strings.Repeat("x", 1000) + `"`
	const flood = 6_000 // more than the kernel's buffers take
	flooded := make(chan error, 1)
	go func() {
		for seq := range uint64(flood) {
			if err := p.Socket.WriteMessage(1, wire.AppendFrame(nil, data(seq+1, payload))); err != nil {
				flooded <- err
				return
			}
		}
		flooded <- nil
	}()
	uncredited, taken := 0, uint64(0)
	take := func() {
		f := next[*messages.LinkFrame](o)
		if taken++; f.Frame.(wire.Data).Seq != taken {
			t.Fatalf("got %d, want %d", f.Frame.(wire.Data).Seq, taken)
		}
		uncredited += f.Bytes
	}
	for uncredited <= window {
		take()
	}
	select {
	case <-flooded:
		t.Fatal("everything was read")
	case <-time.After(50 * time.Millisecond):
	}
	o.nothing()
	// As soon as there is room for anything, the next frame comes.
	g.sockets.Credit(link, uncredited-window)
	uncredited = window
	take()
	o.nothing()
	for taken < flood {
		g.sockets.Credit(link, uncredited)
		uncredited = 0
		take()
	}
	if err := <-flooded; err != nil {
		t.Error(err)
	}
}

func TestFrameLargerThanTheWindowPasses(t *testing.T) {
	g := newGateway(t, func(c *Config) { c.WindowBytes = 1 })
	p, link := g.client("ann")
	o := g.newOwner("session")
	g.sockets.Bind(link, o.pid)
	large := `"` + strings.Repeat("x", 1<<20-2) + `"`
	for seq := range uint64(3) {
		p.Send(data(seq+1, large))
	}
	for range 3 {
		g.sockets.Credit(link, next[*messages.LinkFrame](o).Bytes)
	}
}

func TestUncreditedForTooLong(t *testing.T) {
	g := newGateway(t, func(c *Config) {
		c.WindowBytes, c.BlockedTimeout, c.PingInterval = 1, 10*time.Millisecond, 5*time.Millisecond
	})
	p, link := g.client("ann")
	o := g.newOwner("session")
	g.sockets.Bind(link, o.pid)
	p.Send(data(1, `1`))
	next[*messages.LinkFrame](o)
	p.AwaitClose(wire.CloseTryAgain)
	if c := next[*messages.LinkClosed](o); c.Cause != string(CauseBlocked) {
		t.Errorf("cause %q", c.Cause)
	}
}

// rawClient connects without a WebSocket library, so that it can refuse to read. It has said hello and is bound.
func (g *gateway) rawClient(o *owner) (net.Conn, messages.LinkID) {
	g.t.Helper()
	conn := g.rawUpgrade()
	if _, err := conn.Write(masked(0x81, []byte(`{"type":"hello"}`))); err != nil {
		g.t.Fatal(err)
	}
	link := arrival[*messages.ClientArrived](g).Link
	g.sockets.Bind(link, o.pid)
	return conn, link
}

// TestFloodOfOneWhoDoesNotRead sends without end to a peer that takes nothing.
func TestFloodOfOneWhoDoesNotRead(t *testing.T) {
	const outbox = 256 << 10
	g := newGateway(t, func(c *Config) {
		c.OutboxBytes, c.MaxFrameBytes, c.CloseTimeout = outbox, 16<<10, 50*time.Millisecond
	})
	o := g.newOwner("session")
	_, link := g.rawClient(o)
	l := g.sockets.find(link)
	payload := `"` + strings.Repeat("x", 8000) + `"`
	limit := g.sockets.cfg.maxQueued()
	sent := 0
	for seq := uint64(1); g.sockets.find(link) != nil && sent < 64<<20; seq++ {
		g.sockets.Send(link, data(seq, payload))
		sent += len(payload)
		l.mu.Lock()
		size := l.out.size
		l.mu.Unlock()
		if size > limit {
			t.Fatalf("%d bytes are queued, the bound is %d", size, limit)
		}
		if l.closing() {
			break
		}
	}
	if sent > outbox+8<<20 {
		t.Errorf("took %d bytes for one that does not read", sent)
	}
	for {
		event := <-o.events
		if _, ok := event.(*messages.LinkWritten); ok {
			continue
		}
		if c := event.(*messages.LinkClosed); c.Cause != string(CauseOverflow) {
			t.Errorf("cause %q", c.Cause)
		}
		break
	}
	if s := g.sockets.Stats(Client); s.Overflows != 1 {
		t.Errorf("%d overflows counted", s.Overflows)
	}
}

// TestSlowReaderIsToldToComeBack has a peer that begins to read only once it was given up: it still gets whole frames, and
// then 1013.
func TestSlowReaderIsToldToComeBack(t *testing.T) {
	g := newGateway(t, func(c *Config) { c.ClientWriteTimeout = 50 * time.Millisecond })
	o := g.newOwner("session")
	conn, link := g.rawClient(o)
	l := g.sockets.find(link)
	payload := `"` + strings.Repeat("x", 500_000) + `"`
	for seq := uint64(1); !l.closing(); seq++ {
		g.sockets.Send(link, data(seq, payload))
		eventually(t, "it is written or given up", func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.out.size == 0 || l.end != nil
		})
	}
	frames, last := readFrames(t, conn)
	if frames < 1 || !bytes.HasPrefix(last, []byte{1013 >> 8, 1013 & 0xff}) {
		t.Errorf("got %d frames, then %q", frames, last)
	}
	_ = conn.Close()
	for {
		if c, ok := (<-o.events).(*messages.LinkClosed); ok {
			if c.Cause != string(CauseSlow) {
				t.Errorf("cause %q", c.Cause)
			}
			break
		}
	}
}

// TestSmallFramesShareWrites checks the order and the accounts of a burst.
func TestSmallFramesShareWrites(t *testing.T) {
	g := newGateway(t, nil)
	p, link := g.client("ann")
	o := g.newOwner("session")
	g.sockets.Bind(link, o.pid)
	const burst = 2000
	bytes := 0
	for seq := range uint64(burst) {
		d := data(seq+1, `"small"`)
		bytes += len(wire.AppendFrame(nil, d))
		o.send(link, d)
		if seq%100 == 0 {
			g.sockets.Send(link, wire.Status{})
		}
	}
	for seq := uint64(1); seq <= burst; {
		switch f := (<-p.Frames).(type) {
		case wire.Data:
			if f.Seq != seq {
				t.Fatalf("got %d, want %d", f.Seq, seq)
			}
			seq++
		case wire.Status:
			if (seq-2)%100 != 0 {
				t.Errorf("a status came before %d", seq)
			}
		}
	}
	batches := 0
	for last := uint64(0); last < burst; batches++ {
		w := next[*messages.LinkWritten](o)
		if w.Seq <= last {
			t.Errorf("written %d after %d", w.Seq, last)
		}
		last = w.Seq
		bytes -= w.Bytes
	}
	if bytes != 0 {
		t.Errorf("%d bytes are unaccounted for", bytes)
	}
	t.Logf("%d frames in %d batches", burst, batches)
	o.nothing()
}

func TestFloodOfPings(t *testing.T) {
	g := newGateway(t, func(c *Config) {
		c.OutboxBytes, c.MaxFrameBytes, c.FramesPerSecond, c.CloseTimeout = 1<<10, 1<<10, 1<<20, 50*time.Millisecond
	})
	o := g.newOwner("session")
	conn, link := g.rawClient(o)
	l := g.sockets.find(link)
	_ = conn.SetWriteDeadline(time.Now().Add(patience))
	flood := bytes.Repeat(masked(0x89, bytes.Repeat([]byte("p"), 125)), 1000)
	for range 1000 { // 131 MB, if nothing stopped it
		if _, err := conn.Write(flood); err != nil || l.closing() {
			break
		}
	}
	if c := next[*messages.LinkClosed](o); c.Cause != string(CauseOverflow) && !strings.HasPrefix(c.Cause, string(CauseLost)) {
		t.Errorf("cause %q", c.Cause)
	}
}

func TestShutdownThatIsCutShort(t *testing.T) {
	g := newGateway(t, func(c *Config) { c.CloseTimeout = time.Minute })
	o := g.newOwner("session")
	_, link := g.rawClient(o)
	payload := `"` + strings.Repeat("x", 1<<19) + `"`
	l := g.sockets.find(link)
	for range 20 { // until more than the kernel takes is queued
		l.mu.Lock()
		full := l.out.size > 1<<19
		l.mu.Unlock()
		if full {
			break
		}
		g.sockets.Send(link, data(1, payload))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := g.sockets.Shutdown(ctx); err != context.DeadlineExceeded {
		t.Errorf("shutdown: %v", err)
	}
	for {
		if c, ok := (<-o.events).(*messages.LinkClosed); ok {
			if c.Cause != string(CauseShutdown) {
				t.Errorf("cause %q", c.Cause)
			}
			break
		}
	}
	if _, response, err := g.dial("/ws?user=late", nil); err == nil || response.StatusCode != 503 {
		t.Errorf("after the shutdown: %v", response)
	}
}
