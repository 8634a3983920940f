package ends

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lxzan/gws"

	"hearth/messages/wire"
)

// Relay is what clients are connected through.
type Relay struct {
	// URL is where clients connect.
	URL string
	// Hearth: it speaks the wire contract. Else what is said on its sockets is heard upstream, and nothing more.
	Hearth bool
}

// Client is a user's end of a session.
type Client struct {
	gws.BuiltinEventHandler
	load *Load
	conn *gws.Conn
	// ready is closed once lines go through, gone once the socket is; err is why, and set before.
	ready, gone chan struct{}
	err         error
	// owed is nil where nothing is acknowledged.
	owed *owed
	line []byte

	mu     sync.Mutex // orders the lines that are sent
	seq    uint64
	buffer []byte

	// The reader's, but for heard.
	outSeq uint64 // the last output's number
	last   int64  // when the last line that came back was sent
	heard  struct {
		mu    sync.Mutex
		times []time.Duration
	}
}

// errGone is for a client whose socket was closed in good order.
var errGone = errors.New("the socket was closed")

// dial connects and, on Hearth, says hello. It does not wait for ready.
func dial(ctx context.Context, l *Load, relay Relay, user string, from net.IP) (*Client, error) {
	c := &Client{load: l, ready: make(chan struct{}), gone: make(chan struct{})}
	url := relay.URL
	if relay.Hearth {
		url += "?user=" + user
	}
	dialer := net.Dialer{Timeout: handshakeTimeout}
	if from != nil {
		dialer.LocalAddr = &net.TCPAddr{IP: from}
	}
	conn, _, err := gws.NewClient(c, &gws.ClientOption{
		Addr: url, HandshakeTimeout: handshakeTimeout, ReadBufferSize: readBuffer,
		NewDialer: func() (gws.Dialer, error) { return contextDialer{ctx, &dialer}, nil },
	})
	if err != nil {
		return nil, err
	}
	c.conn = conn
	if relay.Hearth {
		c.owed = &owed{all: l.acks, conn: conn, delay: wire.OutputAckDelay}
	} else {
		close(c.ready)
	}
	go func() {
		defer close(c.gone)
		conn.ReadLoop()
	}()
	if relay.Hearth {
		err = say(conn, wire.Hello{Acks: true, AcksInData: true})
	}
	return c, err
}

// contextDialer is a dialer whose dials end with a context.
type contextDialer struct {
	ctx context.Context
	*net.Dialer
}

// Dial is gws.Dialer's.
func (d contextDialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(d.ctx, network, address)
}

// await waits until lines go through.
func (c *Client) await(ctx context.Context) error {
	select {
	case <-c.ready:
		return nil
	case <-c.gone:
		return fmt.Errorf("a client's socket has ended before it was ready: %w", c.err)
	case <-ctx.Done():
		return fmt.Errorf("a client is not ready: %w", ctx.Err())
	}
}

// Close ends the socket, and waits for that.
func (c *Client) Close() {
	_ = c.conn.NetConn().Close() // it may be closed already
	<-c.gone
}

// Leave ends the session, and waits for the gateway to close the socket.
func (c *Client) Leave(ctx context.Context) error {
	if err := say(c.conn, wire.Close{}); err != nil {
		return err
	}
	select {
	case <-c.gone:
		return nil
	case <-ctx.Done():
		c.Close()
		return ctx.Err()
	}
}

// OnPing answers.
func (c *Client) OnPing(conn *gws.Conn, payload []byte) { _ = conn.WritePong(payload) }

// OnClose keeps why.
func (c *Client) OnClose(_ *gws.Conn, err error) {
	if c.err == nil {
		c.err = errors.Join(errGone, err)
	}
}

// OnMessage takes lines, and waits for ready.
func (c *Client) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer func() { _ = m.Close() }()
	if seq, payload, ok := cutData(m.Bytes()); ok {
		c.take(seq, payload)
		return
	}
	if isReady(c.ready) {
		return
	}
	frame, err := wire.DecodeToClient(m.Bytes())
	if err != nil {
		c.err = err
		return
	}
	switch f := frame.(type) {
	case wire.Ready:
		close(c.ready)
	case wire.Error:
		c.err = fmt.Errorf("%s: %s", f.Code, f.Message)
	}
}

func isReady(ready <-chan struct{}) bool {
	select {
	case <-ready:
		return true
	default:
		return false
	}
}

// take notes how long a line took, and answers it if it is to.
func (c *Client) take(seq uint64, payload []byte) {
	now := time.Now()
	if seq != c.outSeq+1 {
		c.load.breach(fmt.Errorf("line %d came after line %d", seq, c.outSeq))
	}
	c.outSeq = seq
	if c.owed != nil {
		c.owed.take(seq, len(payload), now)
	}
	at, ok := stamped(payload)
	if !ok {
		return
	}
	if at < c.last {
		c.load.breach(errors.New("lines came back in another order"))
	}
	c.last = at
	c.load.came.Add(1)
	if c.load.recording.Load() {
		c.heard.mu.Lock()
		c.heard.times = append(c.heard.times, time.Duration(now.UnixNano()-at))
		c.heard.mu.Unlock()
	}
	if c.load.looping.Load() {
		c.due(time.Now(), c.line)
	}
}

// due sends a line.
func (c *Client) due(now time.Time, line []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	stamp(line, now)
	c.load.sent.Add(1)
	return c.say(line) == nil
}

// say sends a payload. c.mu is held.
func (c *Client) say(payload []byte) error {
	c.seq++
	c.buffer = appendData(c.buffer[:0], c.seq, c.owed.along(), payload)
	return c.conn.WriteMessage(gws.OpcodeText, c.buffer)
}

// harvest gives the times since the last harvest.
func (c *Client) harvest(into []time.Duration) []time.Duration {
	c.heard.mu.Lock()
	defer c.heard.mu.Unlock()
	into = append(into, c.heard.times...)
	c.heard.times = c.heard.times[:0]
	return into
}

// Load is a number of clients of one relay, all connected, that are quiet until they are told to speak.
type Load struct {
	clients []*Client
	acks    *acks
	pacer   *pacer

	// looping: whoever gets a line back sends the next. recording: times are kept.
	looping, recording atomic.Bool
	sent, came         atomic.Int64

	mu     sync.Mutex
	broken error // the first rule that was broken
}

func (l *Load) breach(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken == nil {
		l.broken = err
	}
}

// failure is the first rule that was broken, or why a client is gone.
func (l *Load) failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken != nil {
		return l.broken
	}
	for _, c := range l.clients {
		if isReady(c.gone) {
			return fmt.Errorf("a client's socket has ended: %w", c.err)
		}
	}
	return nil
}

func newLoad(count int) *Load {
	return &Load{clients: make([]*Client, count), acks: newAcks(), pacer: newPacer()}
}

// dialers is how many clients connect at once where their number is what matters.
const dialers = 32

// Connect connects that many clients, and waits until lines go through for all.
func Connect(ctx context.Context, relay Relay, count int) (*Load, error) {
	l := newLoad(count)
	next, failed := make(chan int), make(chan error, dialers)
	var dialing sync.WaitGroup
	for range dialers {
		dialing.Go(func() {
			for i := range next {
				c, err := dial(ctx, l, relay, fmt.Sprintf("user-%d", i), nil)
				if err == nil {
					l.clients[i] = c
					err = c.await(ctx)
				}
				if err != nil {
					failed <- err
					return
				}
			}
		})
	}
	var err error
	for i := 0; i < count && err == nil; i++ {
		select {
		case next <- i:
		case err = <-failed:
		}
	}
	close(next)
	dialing.Wait()
	close(failed)
	for e := range failed {
		err = errors.Join(err, e)
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Close ends all sockets.
func (l *Load) Close() {
	l.clients = slices.DeleteFunc(l.clients, func(c *Client) bool { return c == nil })
	for _, c := range l.clients {
		c.Close()
	}
	l.pacer.close()
	l.acks.close()
}
