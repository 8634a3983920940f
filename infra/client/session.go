package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"sync"
	"time"
	"unicode/utf8"

	"hearth/messages/wire"
)

// ErrClosing is what Send returns after Close was called.
var ErrClosing = errors.New("session is being closed")

// ErrPayload is what Send returns for a payload that is not a JSON value in UTF-8, or is too large for any gateway.
var ErrPayload = errors.New("payload is not JSON in UTF-8, or too large")

// Session is a handle on one user's session at a gateway; it survives dropped sockets. Its methods may be called from any
// goroutine. Whoever dialled must call Close or Detach in the end, and receive from Events until then.
type Session struct {
	config Config
	target *url.URL
	// cookies are a load balancer's, by which it leads the next socket to the gateway that has the session.
	cookies http.CookieJar

	ctx    context.Context // ends with Detach
	cancel context.CancelFunc
	events chan Event
	muted  chan struct{} // closed: nobody wants events any more
	done   chan struct{} // closed: the runner has ended and result is set

	mu      sync.Mutex
	id      wire.SessionID
	token   wire.Secret
	fresh   bool // token is to be sent, beyond being used for dialling
	in      inputs
	signals []wire.Signal // to be sent
	window  wire.Resize   // the last that was told, zero while none was
	ended   bool          // the input has an end, after all that was sent
	changed chan struct{} // closed and replaced when in shrinks; see wait
	outLast uint64        // the last output that the consumer has taken or that a gap covers
	closing bool
	socket  *socket // nil between sockets
	over    bool
	result  Ended // once over; it does not change any more

	// The runner's own.
	attempts   int       // to dial, since the session last made progress
	violations int       // likewise
	answerBy   time.Time // when to give up, unless a hello was answered
}

// Dial opens the first socket and begins, or resumes, a session. ctx bounds the dialling only. A gateway that cannot be
// reached or refuses the handshake is an error (a *HandshakeError for the latter); everything later is an event.
func Dial(ctx context.Context, config Config) (*Session, error) {
	target, err := config.endpoint()
	if err != nil {
		return nil, err
	}
	if config.GiveUp == 0 {
		config.GiveUp = defaultGiveUp
	}
	cookies, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	s := &Session{
		config: config, target: target, cookies: cookies,
		events: make(chan Event), muted: make(chan struct{}), done: make(chan struct{}),
		id: config.Resume, token: config.Token, outLast: config.LastSeq, window: config.Window, changed: make(chan struct{}),
		answerBy: time.Now().Add(config.GiveUp),
	}
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	first, err := s.open(ctx)
	if err != nil {
		s.cancel()
		return nil, err
	}
	go s.run(first)
	return s, nil
}

// Events delivers what happens, one by one, and is closed after Ended. An output counts as processed, and is
// acknowledged, once it was received; while nobody receives, nothing is read from the socket. After Close or Detach
// nothing more is delivered, not even Ended, before it is closed.
func (s *Session) Events() <-chan Event { return s.events }

// ID is the session's id, or empty before the first hello was answered.
func (s *Session) ID() wire.SessionID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id
}

// Send numbers an input and keeps it until the agent has been given it. It waits while the window is full. The payload
// must not be changed afterwards.
func (s *Session) Send(ctx context.Context, payload json.RawMessage) error {
	if len(payload) > maxFrameBytes-inputOverhead || !utf8.Valid(payload) || !json.Valid(payload) {
		return ErrPayload
	}
	return s.wait(ctx, func() (bool, error) {
		if s.closing {
			return false, ErrClosing
		}
		if s.over {
			return false, &EndError{s.result}
		}
		if !s.in.fits(len(payload)) {
			return false, nil
		}
		s.in.add(payload)
		s.wakeWriter()
		return true, nil
	})
}

// Flush waits until the agent has been given every input that was sent.
func (s *Session) Flush(ctx context.Context) error {
	return s.wait(ctx, func() (bool, error) { return len(s.in.kept) == 0, nil })
}

// wait tries, under mu, again after each change of the inputs until try is done, ctx ends, or the handle does.
func (s *Session) wait(ctx context.Context, try func() (bool, error)) error {
	for {
		s.mu.Lock()
		ok, err := try()
		changed := s.changed
		s.mu.Unlock()
		if ok || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.done:
			return &EndError{s.result}
		}
	}
}

// Refresh replaces the user's token, at the gateway as well as for dialling again.
func (s *Session) Refresh(token wire.Secret) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token, s.fresh = token, true
	s.wakeWriter()
}

// Signal sends the agent's processes a signal, such as INT: those in its terminal's foreground, where it has one. While there is no
// socket it waits for one.
func (s *Session) Signal(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.signals) < maxSignals {
		s.signals = append(s.signals, wire.Signal{Name: name})
	}
	s.wakeWriter()
}

// Resize tells the agent's terminal the size of the window, in characters, now and on every later socket.
func (s *Session) Resize(cols, rows int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.window = wire.Resize{Cols: cols, Rows: rows}
	s.wakeWriter()
}

// EOF ends the agent's input after everything that was sent. A terminal's input ends once, and may go on.
func (s *Session) EOF() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.wakeWriter()
}

// Close ends the session: it sends close, ahead of inputs that were not sent yet, dialling for that if need be, and waits
// for the gateway's bye, until ctx ends and for 30 s at most. It is nil if the session is over, an *EndError if it may
// live on. Close and Detach may be called more than once, and leave no goroutine behind.
func (s *Session) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, closeLimit)
	defer cancel()
	s.mute(true)
	select {
	case <-s.done:
	case <-ctx.Done():
		s.Detach()
	}
	if s.result.Lives {
		return &EndError{s.result}
	}
	return nil
}

// Detach lets go of the session without ending it: the socket is dropped, and the session lives on at the gateway until
// it is resumed or idle for too long. Outputs that were received but not acknowledged yet will be replayed.
func (s *Session) Detach() {
	s.mute(false)
	s.cancel()
	<-s.done
}

// mute stops the delivery of events, so that neither reader nor runner waits for a consumer that has left.
func (s *Session) mute(closing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = s.closing || closing
	if !s.isMuted() {
		close(s.muted)
	}
	s.wakeWriter()
}

// deliver hands an event to the consumer, and reports false if nobody wants it any more.
func (s *Session) deliver(event Event) bool {
	if s.isMuted() {
		return false
	}
	select {
	case s.events <- event:
		return true
	case <-s.muted:
		return false
	}
}

// wakeWriter is called with mu held.
func (s *Session) wakeWriter() {
	if s.socket != nil {
		s.socket.wake()
	}
}

// inputsChanged is called with mu held.
func (s *Session) inputsChanged() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Session) isMuted() bool {
	select {
	case <-s.muted:
		return true
	default:
		return false
	}
}
