package ends

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/lxzan/gws"
)

// Far is the far end: what Serve prints, and where the gateway and the other relays find it.
type Far struct {
	// ECS is the endpoint for AWS_ENDPOINT_URL_ECS, Echo the WebSocket server's URL.
	ECS, Echo string
}

// The line in which Serve tells where it is.
const farFormat = "far end: %s %s\n"

// FarText is what comes before the rest of that line.
const FarText = "far end: "

// ParseFar reads the rest of that line.
func ParseFar(rest string) (f Far, err error) {
	_, err = fmt.Sscan(rest, &f.ECS, &f.Echo)
	return f, err
}

// ServeOptions say how the far end behaves.
type ServeOptions struct {
	// Start is how long a task takes from RunTask until its bridge dials.
	Start time.Duration
}

// Serve is the far end's whole life: it says where it is, and ends with its input.
func Serve(input io.Reader, output io.Writer, options ServeOptions) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &standin{options: options, acks: newAcks(), pacer: newPacer(), tasks: map[string]*task{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	mux := http.NewServeMux()
	mux.HandleFunc("POST /", s.serveECS)
	mux.HandleFunc("GET /ws", s.serveEcho)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	fmt.Fprintf(output, farFormat, "http://"+listener.Addr().String(), "ws://"+listener.Addr().String()+"/ws")
	_, err = io.Copy(io.Discard, input)
	_ = server.Close()
	<-served
	s.cancel()
	s.starting.Wait()
	s.pacer.close()
	s.acks.close()
	return err
}

// standin is the far end.
type standin struct {
	options ServeOptions
	acks    *acks
	pacer   *pacer
	// ctx ends with the process: starts that are under way are given up.
	ctx      context.Context
	cancel   context.CancelFunc
	starting sync.WaitGroup

	mu    sync.Mutex
	tasks map[string]*task // by ARN, that have not stopped
}

// speaker answers what a client says, on a bridge's socket or an upstream's. It echoes every line, but for one that asks for a
// stream: that many lines a second, of so many bytes, until it asks again.
type speaker struct {
	conn *gws.Conn
	// owed is nil where nothing is acknowledged.
	owed *owed

	mu     sync.Mutex // orders lines of the echo and of the stream
	seq    uint64     // the last line's
	buffer []byte
}

// hear answers a line. An error means that the socket is gone.
func (s *speaker) hear(p *pacer, payload []byte) {
	if order, ok := bytes.CutPrefix(payload, []byte(streamHead)); ok {
		var perSecond, size int
		if _, err := fmt.Sscan(string(bytes.TrimSuffix(order, []byte{'"'})), &perSecond, &size); err == nil {
			p.set(s, perSecond, line(size))
			return
		}
	}
	_ = s.say(payload)
}

// say sends a line.
func (s *speaker) say(payload []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	s.buffer = appendData(s.buffer[:0], s.seq, s.owed.along(), payload)
	return s.conn.WriteMessage(gws.OpcodeText, s.buffer)
}

// due sends a line of the stream.
func (s *speaker) due(now time.Time, payload []byte) bool {
	stamp(payload, now)
	return s.say(payload) == nil
}

// streamHead begins the payload that asks for a stream.
const streamHead = `"stream `

// echo is the upstream's end of a socket.
type echo struct {
	gws.BuiltinEventHandler
	speaker *speaker
	pacer   *pacer
}

// OnPing answers.
func (e *echo) OnPing(conn *gws.Conn, payload []byte) { _ = conn.WritePong(payload) }

// OnMessage answers.
func (e *echo) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer func() { _ = m.Close() }()
	if _, payload, ok := cutData(m.Bytes()); ok {
		e.speaker.hear(e.pacer, payload)
	}
}

// OnClose ends its stream.
func (e *echo) OnClose(*gws.Conn, error) { e.pacer.set(e.speaker, 0, nil) }

func (s *standin) serveEcho(w http.ResponseWriter, r *http.Request) {
	e := &echo{pacer: s.pacer, speaker: &speaker{}}
	conn, err := gws.NewUpgrader(e, &gws.ServerOption{}).Upgrade(w, r)
	if err != nil {
		return // the relay is told by the answer
	}
	e.speaker.conn = conn
	conn.ReadLoop()
}
