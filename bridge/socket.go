package bridge

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lxzan/gws"
	"github.com/rs/zerolog"

	"hearth/messages/wire"
)

const (
	// writeTimeout bounds one write to the socket.
	writeTimeout = 10 * time.Second
	// closeTimeout bounds the end of a socket: the last frames, the close frame, and the gateway's answer to it.
	closeTimeout = time.Second
	// maxControl bounds the control frames that wait to be written. They answer the gateway's own, one for one.
	maxControl = 64
)

// keepalive is how a socket knows that its peer is there, and lets load balancers know that it is in use.
type keepalive struct {
	// ping is the time between our pings.
	ping time.Duration
	// silence is how long the gateway may send nothing, pongs included, before it is taken for dead.
	silence time.Duration
}

// socketOwner is told what happens on a socket, on the socket's own goroutines.
type socketOwner struct {
	frame    func(*socket, wire.Frame)
	pong     func(s *socket, sent time.Time) // an answer to what was sent then
	exitSent func(*socket)
	down     func(*socket, error)
}

// outgoing is one WebSocket frame to be written.
type outgoing struct {
	opcode  gws.Opcode
	payload []byte
	isExit  bool
}

// closeNormal is the payload of a close frame with code 1000.
var closeNormal = []byte{1000 >> 8, 1000 & 0xff}

// socket is one WebSocket to the gateway. One goroutine reads, one writes: control frames first, then the newest ack, then
// outputs, pulled from the outbox at the socket's own cursor.
type socket struct {
	url   string
	log   zerolog.Logger
	owner socketOwner
	alive keepalive
	ws    *gws.Conn
	since time.Time

	// Of the loop.
	answered   bool      // a frame has come in
	greeted    time.Time // when it was said on it whose task this is, zero before
	confirmed  bool      // and the gateway has answered that it is so
	resumeFrom *uint64   // outputs above it may flow; nil: the gateway has not asked yet
	exitSent   bool

	wake bell
	done chan struct{} // closed once reading has ended

	mu      sync.Mutex
	control []outgoing
	// owed is the last input that the agent was given. It is acknowledged once ackDue, which ackTimer sees to.
	owed     uint64
	unacked  wire.Unacked
	ackDue   bool
	ackTimer *time.Timer
	// ackedAt is when inputs were last acknowledged.
	ackedAt time.Time
	outputs *outbox // nil until they may flow
	inputs  *inbox  // what outputs may come from; nil as long as they are
	held    bool    // neither acks nor outputs may flow
	max     int     // the largest payload that the gateway takes, 0 until it has said
	// acksInData says that the gateway reads acknowledgements that come with data.
	acksInData bool
	cursor     cursor
	closing    bool
	reason     error // the first reason given for the end
}

func newSocket(url string, owner socketOwner, alive keepalive, log zerolog.Logger) *socket {
	return &socket{
		url: url, owner: owner, alive: alive, since: time.Now(), wake: newBell(), done: make(chan struct{}),
		log: log.Sample(&zerolog.BurstSampler{Burst: 20, Period: 10 * time.Second}),
	}
}

// read reads until the socket ends, by whichever side, or because ctx does.
func (s *socket) read(ctx context.Context) {
	stop := context.AfterFunc(ctx, s.kill)
	defer stop()
	s.readLoop()
	s.kill()
	close(s.done)
	s.mu.Lock()
	reason := s.reason
	s.mu.Unlock()
	s.owner.down(s, reason)
}

// readLoop guards gws' loop: a frame header with a negative length makes it panic, outside of what its own recovery
// covers. One broken peer must not end the task.
func (s *socket) readLoop() {
	defer func() {
		if p := recover(); p != nil {
			s.because(fmt.Errorf("the WebSocket's reader failed: %v", p))
		}
	}()
	s.ws.ReadLoop()
}

// write sends what there is to send until the socket ends or is closed.
func (s *socket) write() {
	ping := time.NewTicker(s.alive.ping)
	defer ping.Stop()
	for {
		s.settleInputs()
		out, ok := s.next()
		if !ok {
			select {
			case <-s.wake:
			case <-ping.C:
				s.ping()
			case <-s.done:
				return
			}
			continue
		}
		if err := s.put(out); err != nil {
			s.because(err)
			s.kill()
			return
		}
		if out.isExit {
			s.owner.exitSent(s)
		}
		if out.opcode == gws.OpcodeCloseConnection {
			return
		}
		select {
		case <-ping.C: // also while outputs leave no pause
			s.ping()
		default:
		}
	}
}

// settleInputs has it known which inputs the agent was given before an output of its is sent.
func (s *socket) settleInputs() {
	s.mu.Lock()
	var inputs *inbox
	if s.upcoming() != nil {
		inputs = s.inputs
	}
	s.mu.Unlock()
	if inputs != nil {
		inputs.settle()
	}
}

func (s *socket) put(out outgoing) error {
	if err := s.ws.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	return s.ws.WriteMessage(out.opcode, out.payload)
}

// next is what to write next, if anything.
func (s *socket) next() (outgoing, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.control) > 0 {
		out := s.control[0]
		s.control = s.control[1:]
		return out, true
	}
	if s.closing {
		return outgoing{opcode: gws.OpcodeCloseConnection, payload: closeNormal}, true
	}
	if s.held {
		return outgoing{}, false
	}
	frame := s.nextFrame()
	if frame == nil {
		return outgoing{}, false
	}
	return textFrame(frame), true
}

func textFrame(f wire.Frame) outgoing {
	_, isExit := f.(wire.Exit)
	return outgoing{opcode: gws.OpcodeText, payload: wire.AppendFrame(nil, f), isExit: isExit}
}

// send queues a control frame.
func (s *socket) send(f wire.Frame) { s.enqueue(textFrame(f)) }

func (s *socket) enqueue(out outgoing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.control) >= maxControl {
		s.kill() // the peer asks and does not read the answers
		return
	}
	s.control = append(s.control, out)
	s.wake.ring()
}

// ping asks the gateway for an answer, which brings back when it was asked.
func (s *socket) ping() {
	sent := binary.BigEndian.AppendUint64(nil, uint64(time.Since(s.since)))
	s.enqueue(outgoing{opcode: gws.OpcodePing, payload: sent})
}

// hold keeps acks and outputs back, or lets them go on.
func (s *socket) hold(held bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = held
	s.wake.ring()
}

// carry lets outputs above seq flow on this socket from now on, which may come from inputs of those.
func (s *socket) carry(o *outbox, seq uint64, in *inbox) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outputs, s.cursor, s.inputs = o, o.attach(s.wake, seq), in
	s.cursor.max = s.max
}

// agree holds to what the gateway takes: an output larger than that would close the socket, again on every replay. A string's quotes
// come on top.
func (s *socket) agree(with wire.Limits) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.max = with.MaxFrameBytes + len(`""`)
	s.cursor.max = s.max
	s.acksInData = with.AcksInData
}

// close ends the socket in good order: what control frames wait are still written, outputs are not.
func (s *socket) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	s.wake.ring()
	time.AfterFunc(closeTimeout, s.kill)
}

// kill ends the socket now. It may be called more than once.
func (s *socket) kill() {
	_ = s.ws.NetConn().Close() // closing twice is the only way for it to fail
}

// because notes why the socket ends; the first reason stands.
func (s *socket) because(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reason == nil {
		s.reason = err
	}
}

// provenAfter is how long a socket must have lived for its gateway to count as one that keeps sockets. An answered hello alone
// proves nothing: what is sent next may be what it cannot take.
const provenAfter = time.Second

// healthy tells a gateway that keeps the socket from one that closes it soon, which is dialled less and less often.
func (s *socket) healthy() bool {
	lived := time.Since(s.since)
	return s.answered && lived > provenAfter || lived > backoffMax
}

// socketEvents is what gws calls, all on the reading goroutine.
type socketEvents struct{ s *socket }

func (e socketEvents) OnOpen(*gws.Conn) { e.alive() }

func (e socketEvents) OnClose(_ *gws.Conn, err error) {
	var closed *gws.CloseError
	if errors.As(err, &closed) {
		err = fmt.Errorf("the gateway closed it: %d %q", closed.Code, closed.Reason)
	}
	e.s.because(err)
}

func (e socketEvents) OnPing(_ *gws.Conn, payload []byte) {
	e.alive()
	e.s.enqueue(outgoing{opcode: gws.OpcodePong, payload: payload})
}

func (e socketEvents) OnPong(_ *gws.Conn, payload []byte) {
	e.alive()
	if len(payload) == 8 {
		if after := time.Duration(binary.BigEndian.Uint64(payload)); after >= 0 && after <= time.Since(e.s.since) {
			e.s.owner.pong(e.s, e.s.since.Add(after))
		}
	}
}

func (e socketEvents) OnMessage(_ *gws.Conn, message *gws.Message) {
	defer message.Close()
	e.alive()
	if message.Opcode != gws.OpcodeText {
		e.s.log.Warn().Msg("ignored a binary frame from the gateway")
		return
	}
	frame, err := wire.DecodeToBridge(message.Bytes())
	if err != nil {
		e.s.log.Warn().Err(err).Msg("ignored a bad frame from the gateway")
		return
	}
	e.s.owner.frame(e.s, frame)
}

// alive gives the peer another spell of silence.
func (e socketEvents) alive() {
	// Fails only on a closed socket, whose reading ends anyway.
	_ = e.s.ws.SetReadDeadline(time.Now().Add(e.s.alive.silence))
}
