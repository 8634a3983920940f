package client

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hearth/messages/wire"
)

// model is a gateway, bridge and agent in one that keeps the contract while its sockets are cut at any byte. For every
// input the agent says echoes outputs.
type model struct {
	echoes int
	lag    int  // how many inputs are under way to the agent before it is given the first
	rewind int  // after so many inputs, those under way are lost and a second session frame says so; five times
	slack  int  // one ack is sent for so many inputs given
	again  int  // how many outputs are replayed although the client has them
	along  bool // acks go with data

	mu      sync.Mutex
	newest  *peer
	arrived uint64   // the last input under way to the agent
	queue   []string // under way
	given   []string
	outputs int // how many the agent has said
	acked   int // the last output that the client has acknowledged
	inputs  int // that came, repeated ones too
	rewinds int
	behind  bool   // the client may not have seen the last rewind yet
	wrong   string // how the client broke the contract
}

func (m *model) outputAt(seq int) wire.Data {
	return wire.Data{Seq: uint64(seq), Payload: fmt.Appendf(nil, `"out %d"`, seq)}
}

// serve answers one socket's frames until it is gone.
func (m *model) serve(p *peer) {
	for {
		select {
		case <-p.over:
			return
		case frame := <-p.frames:
			m.mu.Lock()
			if hello, ok := frame.(wire.Hello); ok {
				m.greet(p, hello)
			} else if m.newest == p {
				m.take(p, frame)
			}
			m.mu.Unlock()
		}
	}
}

func (m *model) greet(p *peer, hello wire.Hello) {
	m.newest = p
	m.lose()
	m.behind = false
	m.ack(hello.LastSeq)
	p.send(wire.Session{SessionID: "s1", UserID: "ann", LastSeq: uint64(len(m.given)), AcksInData: m.along})
	for seq := max(int(hello.LastSeq)-m.again, 0) + 1; seq <= m.outputs; seq++ {
		p.send(m.outputAt(seq))
	}
	m.give(p)
}

func (m *model) ack(seq uint64) {
	if seq > uint64(m.outputs) {
		m.wrong = fmt.Sprintf("output %d is acknowledged, but there are %d", seq, m.outputs)
	}
	m.acked = max(m.acked, int(seq))
}

// lose forgets the inputs that the agent has not been given yet.
func (m *model) lose() { m.queue, m.arrived = nil, uint64(len(m.given)) }

func (m *model) take(p *peer, frame wire.Frame) {
	switch f := frame.(type) {
	case wire.Ack:
		m.ack(f.Seq)
		m.give(p)
	case wire.Data:
		m.inputs++
		if f.Ack > 0 && !m.along {
			m.wrong = fmt.Sprintf("input %d acknowledges output %d, which is not read there", f.Seq, f.Ack)
		}
		m.ack(f.Ack)
		switch {
		case f.Seq == m.arrived+1:
			m.behind = false
			m.arrived = f.Seq
			m.queue = append(m.queue, string(f.Payload))
		case f.Seq > m.arrived && !m.behind:
			m.wrong = fmt.Sprintf("input %d follows input %d", f.Seq, m.arrived)
		}
		if m.rewind > 0 && m.inputs%m.rewind == 0 && m.rewinds < 5 {
			m.rewinds++
			m.behind = true
			m.lose()
			p.send(wire.Session{SessionID: "s1", UserID: "ann", LastSeq: m.arrived, AcksInData: m.along})
			return
		}
		m.give(p)
	case wire.Close:
		p.send(wire.Bye{Reason: wire.ByeClosed})
		p.close(wire.CloseNormal)
	}
}

// give gives the agent what is due, unless too many of its outputs are not acknowledged. The last inputs are always due,
// or they would never be given.
func (m *model) give(p *peer) {
	for len(m.queue) > 0 && m.outputs-m.acked < stormKept && (len(m.queue) > m.lag || len(m.given)+len(m.queue) == stormInputs) {
		m.given = append(m.given, m.queue[0])
		m.queue = m.queue[1:]
		var ack uint64
		if len(m.given)%m.slack == 0 || len(m.given) == stormInputs {
			ack = uint64(len(m.given))
		}
		if ack > 0 && (!m.along || m.echoes == 0) {
			p.send(wire.Ack{Seq: ack})
			ack = 0
		}
		for range m.echoes {
			m.outputs++
			output := m.outputAt(m.outputs)
			output.Ack, ack = ack, 0
			p.send(output)
		}
	}
}

// fragile is a connection that breaks after so many bytes in either direction, in the middle of whatever they are.
type fragile struct {
	net.Conn
	reads, writes int
}

func (f *fragile) Read(b []byte) (int, error) {
	n, err := f.Conn.Read(b[:min(len(b), max(f.reads, 1))])
	if f.reads -= n; f.reads <= 0 {
		_ = f.Close()
	}
	return n, err
}

func (f *fragile) Write(b []byte) (int, error) {
	if f.writes -= len(b); f.writes > 0 {
		return f.Conn.Write(b)
	}
	n, _ := f.Conn.Write(b[:max(0, len(b)+f.writes)])
	_ = f.Close()
	return n, net.ErrClosed
}

const (
	stormInputs = 60
	stormKept   = 20
)

// TestNothingIsLostDoubledOrReordered cuts sockets at random bytes while inputs and outputs flow, and then lets them be.
func TestNothingIsLostDoubledOrReordered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { rapid.SyncTest(t, storm) })
}

func storm(t *rapid.T) {
	g := newGateway()
	cuts := rapid.SliceOfN(rapid.IntRange(0, 4000), 0, 24).Draw(t, "cuts") // even: the client's bytes, odd: the gateway's
	g.wrap = func(conn net.Conn) net.Conn {
		f := &fragile{Conn: conn, reads: 1 << 40, writes: 1 << 40}
		if len(cuts) > 0 {
			if cuts[0]%2 == 0 {
				f.reads = cuts[0]
			} else {
				f.writes = cuts[0]
			}
			cuts = cuts[1:]
		}
		return f
	}
	m := &model{
		echoes: rapid.IntRange(0, 4).Draw(t, "echoes"), lag: rapid.IntRange(0, 5).Draw(t, "lag"),
		rewind: rapid.IntRange(0, 40).Draw(t, "rewind"), slack: rapid.IntRange(1, 9).Draw(t, "slack"),
		again: rapid.IntRange(0, 3).Draw(t, "again"), along: rapid.Bool().Draw(t, "along"),
	}
	pause := time.Duration(rapid.IntRange(0, 100).Draw(t, "pause")) * time.Millisecond

	served, finish := context.WithCancel(context.Background())
	defer finish()
	go func() {
		for {
			select {
			case p := <-g.peers:
				go m.serve(p)
			case <-served.Done():
				return
			}
		}
	}()
	s := dialStubbornly(t, g)
	defer s.Detach()
	go func() {
		for i := range stormInputs {
			if err := s.Send(served, fmt.Appendf(nil, `"in %d"`, i+1)); err != nil {
				return
			}
		}
	}()
	consume(t, s, m, pause)
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	for i, got := range m.given {
		if want := fmt.Sprintf(`"in %d"`, i+1); got != want {
			t.Fatalf("input %d is %s", i+1, got)
		}
	}
}

// dialStubbornly dials until the first handshake survives.
func dialStubbornly(t *rapid.T, g *gateway) *Session {
	for range 100 {
		s, err := Dial(context.Background(), Config{URL: "ws://gateway", DialNet: g.DialNet})
		if err == nil {
			return s
		}
	}
	t.Fatal("no handshake in 100 attempts")
	return nil
}

// consume takes events until every input was given and every output came.
func consume(t *rapid.T, s *Session, m *model, pause time.Duration) {
	flushed := make(chan error, 1)
	var last uint64
	deadline := time.After(10 * time.Minute)
	waiting := false
	for {
		m.mu.Lock()
		all := len(m.given) == stormInputs
		outputs, wrong := uint64(m.outputs), m.wrong
		m.mu.Unlock()
		if wrong != "" {
			t.Fatal(wrong)
		}
		if all && !waiting {
			waiting = true
			go func() { flushed <- s.Flush(context.Background()) }()
		}
		if all && last == outputs {
			select {
			case err := <-flushed:
				if err != nil {
					t.Fatal(err)
				}
				return
			default:
			}
		}
		select {
		case e := <-s.Events():
			switch e := e.(type) {
			case wire.Data:
				if e.Seq != last+1 || string(e.Payload) != string(m.outputAt(int(e.Seq)).Payload) {
					t.Fatalf("output %d is %s after %d", e.Seq, e.Payload, last)
				}
				last = e.Seq
				time.Sleep(pause)
			case wire.Session, Reconnecting:
			default:
				t.Fatalf("event %#v", e)
			}
		case <-time.After(time.Second):
		case <-deadline:
			t.Fatalf("%d inputs given, output %d of %d came", len(m.given), last, outputs)
		}
	}
}
