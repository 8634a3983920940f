package e2e

import (
	"io"
	"net"
	"sync"
	"testing"
)

// proxy is a TCP connection's middle, for cutting it.
type proxy struct {
	listener net.Listener
	running  sync.WaitGroup

	mu     sync.Mutex
	target string
	open   map[net.Conn]bool
	// fromTarget is what came from the target on each connection, in the order in which they were opened.
	fromTarget []*journal
}

// openProxy listens on a free port. Connections are refused until aim says where they go.
func openProxy(t testing.TB) *proxy {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, open: map[net.Conn]bool{}}
	p.running.Go(p.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		p.cut()
		p.running.Wait()
	})
	return p
}

// ws is what to dial instead of the target.
func (p *proxy) ws() string { return "ws://" + p.listener.Addr().String() }

// aim says where new connections go.
func (p *proxy) aim(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = address
}

// cut ends all connections without a word. New ones are taken.
func (p *proxy) cut() { p.cutIf(func() bool { return true }) }

// cutIf ends those connections for which it is told to.
func (p *proxy) cutIf(chosen func() bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.open {
		if chosen() {
			_ = conn.Close()
		}
	}
}

func (p *proxy) accept() {
	for {
		peer, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		target := p.target
		p.mu.Unlock()
		upstream, err := net.Dial("tcp", target)
		if err != nil {
			_ = peer.Close()
			continue
		}
		p.join(peer, upstream)
	}
}

func (p *proxy) join(peer, target net.Conn) {
	record := &journal{}
	p.mu.Lock()
	p.open[peer], p.open[target] = true, true
	p.fromTarget = append(p.fromTarget, record)
	p.mu.Unlock()
	carry := func(to, from net.Conn, through io.Reader) {
		_, _ = io.Copy(to, through) // ends when either connection does
		_ = to.Close()
		_ = from.Close()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.open, from)
	}
	p.running.Go(func() { carry(target, peer, peer) })
	p.running.Go(func() { carry(peer, target, io.TeeReader(target, record)) })
}

// received is what came from the target on each connection.
func (p *proxy) received() (all []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, record := range p.fromTarget {
		all = append(all, record.String())
	}
	return all
}
