package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/lxzan/gws"
	"go.uber.org/goleak"

	"hearth/messages/wire"
)

// binary is the shell as it is shipped.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "shell")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "shell")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		panic(string(out))
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	if err := goleak.Find(); code == 0 && err != nil {
		panic(err)
	}
	os.Exit(code)
}

// gateway is one session at a gateway whose agent is a function.
type gateway struct {
	*httptest.Server
	// greet says what follows the session frame of each socket, counted from 1.
	greet func(p *peer, socket int)
	// agent takes an input line's payload.
	agent func(p *peer, payload string)

	// refuse, if it is set, may answer a handshake instead.
	refuse func(http.ResponseWriter) bool

	// ignoreClose leaves a close unanswered.
	ignoreClose bool

	mu      sync.Mutex
	sockets int
	given   uint64
	outputs []string // all of them, to be replayed
	sight
}

// peer is one socket. Frames go out in the order of the calls.
type peer struct {
	gws.BuiltinEventHandler
	g    *gateway
	conn *gws.Conn
	dead bool
}

// newGateway is configured before it starts, because whatever a shell does is not synchronised with the test.
func newGateway(t *testing.T, configure ...func(*gateway)) *gateway {
	g := &gateway{greet: func(p *peer, _ int) { p.send(warm) }, agent: func(*peer, string) {}}
	for _, c := range configure {
		c(g)
	}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.refuse != nil && g.refuse(w) {
			return
		}
		p := &peer{g: g}
		conn, err := gws.NewUpgrader(p, nil).Upgrade(w, r)
		if err != nil {
			return
		}
		p.conn = conn
		g.mu.Lock()
		g.request = r
		g.mu.Unlock()
		go conn.ReadLoop()
	}))
	t.Cleanup(g.Server.Close)
	return g
}

var warm = wire.Ready{Path: wire.PathWarm, ElapsedMs: 12}

func (p *peer) send(frames ...wire.Frame) {
	for _, f := range frames {
		_ = p.conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
		_ = p.conn.WriteMessage(gws.OpcodeText, wire.AppendFrame(nil, f))
	}
}

// say is output of the agent's. It is called by OnMessage's goroutine only, with mu held.
func (p *peer) say(payloads ...string) {
	last := len(p.g.outputs)
	p.g.outputs = append(p.g.outputs, payloads...)
	p.replay(uint64(last))
}

// replay sends the outputs above seq.
func (p *peer) replay(seq uint64) {
	for i, payload := range p.g.outputs[seq:] {
		p.send(wire.Data{Seq: seq + uint64(i) + 1, Payload: []byte(payload)})
	}
}

// cut drops the socket, with everything that has come in and was not looked at.
func (p *peer) cut() {
	p.dead = true
	_ = p.conn.NetConn().Close()
}

func (p *peer) end(reason wire.ByeReason) {
	p.send(wire.Bye{Reason: reason})
	_ = p.conn.WriteClose(1000, nil)
}

func (p *peer) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer func() { _ = m.Close() }()
	if p.dead {
		return
	}
	frame, err := wire.DecodeFromClient(m.Bytes())
	if err != nil {
		panic(err)
	}
	g := p.g
	g.mu.Lock()
	defer g.mu.Unlock()
	switch f := frame.(type) {
	case wire.Hello:
		g.sockets++
		if g.sockets == 1 {
			g.hello = f
		}
		p.send(wire.Session{SessionID: "s1", UserID: "ann", Resumed: f.SessionID != "", LastSeq: g.given})
		g.greet(p, g.sockets)
		p.replay(f.LastSeq)
	case wire.Data:
		if f.Seq != g.given+1 {
			panic("an input was skipped or doubled")
		}
		g.given = f.Seq
		p.send(wire.Ack{Seq: f.Seq})
		g.agent(p, string(f.Payload))
	case wire.Close:
		g.closed = true
		if !g.ignoreClose {
			p.end(wire.ByeClosed)
		}
	}
}

// sh answers as a small shell would.
func sh(p *peer, payload string) {
	switch payload {
	case `"echo $((6*7))"`:
		p.say(`"42"`)
	case `"exit 3"`, `"exit"`:
		code := map[string]int{`"exit 3"`: 3}[payload]
		p.send(wire.Exit{Code: code})
		p.end(wire.ByeClosed)
	}
}

// sight is what a gateway has seen of its clients.
type sight struct {
	request *http.Request // the last
	hello   wire.Hello    // the first
	closed  bool          // a close came
}

func (g *gateway) saw() sight {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sight
}

// answering is the option of an agent.
func answering(agent func(*peer, string)) func(*gateway) {
	return func(g *gateway) { g.agent = agent }
}
