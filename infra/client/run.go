package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/lxzan/gws"

	"hearth/messages/wire"
)

// The bounds of the backoff between attempts to dial.
const (
	minBackoff = 100 * time.Millisecond
	maxBackoff = 5 * time.Second
)

// backoff is how long to wait before attempt n, counted from 0: exponential with full jitter, for which the caller draws
// from [0, 1).
func backoff(n int, draw float64) time.Duration {
	limit := maxBackoff
	if n < 6 { // 100 ms << 6 is above the maximum
		limit = min(limit, minBackoff<<n)
	}
	return time.Duration(draw * float64(limit))
}

// run is the runner's goroutine.
func (s *Session) run(k *socket) {
	for {
		s.serve(k)
		reason, cause, atOnce := s.judge(k)
		if reason == "" {
			k, reason, cause = s.redial(cause, atOnce)
		}
		if reason != "" {
			s.finish(reason, cause)
			return
		}
	}
}

// serve uses a socket until it is gone.
func (s *Session) serve(k *socket) {
	k.answer = time.AfterFunc(time.Until(s.answerBy), k.drop)
	defer k.answer.Stop()
	stop := context.AfterFunc(s.ctx, k.drop)
	defer stop()
	s.use(k)
	defer s.use(nil)
	go k.read()
	k.writeLoop()
	k.drop()
	<-k.gone
}

// use makes k the socket whose writer is woken; nil between sockets.
func (s *Session) use(k *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.socket = k
}

// judge decides what the end of a socket means: the end of the handle, for a reason, or dialling again, perhaps at once.
func (s *Session) judge(k *socket) (reason EndReason, cause error, atOnce bool) {
	now := time.Now()
	if k.end.progress || now.Sub(k.opened) > maxBackoff {
		s.attempts, s.violations = 0, 0
	}
	if k.end.answered {
		s.answerBy = now.Add(s.config.GiveUp)
	}
	if k.end.violation != nil {
		s.violations++
	}
	reason, atOnce = k.end.verdict()
	cause = k.end.cause()
	switch {
	case reason != "":
	case s.ctx.Err() != nil:
		reason = EndDetached
	case s.violations >= maxViolations:
		reason = EndViolation
	case !now.Before(s.answerBy):
		reason, cause = EndUnreachable, fmt.Errorf("hello was not answered: %w", cause)
	}
	return reason, cause, atOnce
}

// verdict is what the gateway said of the future of this client, if anything.
func (e *ending) verdict() (reason EndReason, atOnce bool) {
	switch {
	case e.violation != nil:
		return "", false
	case e.bye == wire.ByeDraining:
		return "", true
	case e.bye != "":
		return EndReason(e.bye), false
	case e.refusal != nil && e.refusal.Code == wire.CodeSessionNotFound && !e.refusal.Retryable: // else another gateway may have it
		return EndNoSession, false
	}
	var closed *gws.CloseError
	if !errors.As(e.err, &closed) {
		return "", false
	}
	switch wire.CloseCode(closed.Code) {
	case wire.CloseDraining:
		return "", true
	case wire.CloseNotAllowed:
		return EndNotAllowed, false
	case wire.CloseTooLarge:
		return EndTooLarge, false
	case wire.CloseUnauthenticated:
		return EndUnauthenticated, false
	case wire.CloseNoSession:
		return EndNoSession, false
	}
	return "", false
}

// cause is the most telling of what is known; nil after a final bye without an error.
func (e *ending) cause() error {
	switch {
	case e.violation != nil:
		return e.violation
	case e.refusal != nil:
		return *e.refusal
	case e.bye == wire.ByeDraining:
		return errors.New("the gateway is draining")
	case e.bye != "":
		return nil
	}
	var closed *gws.CloseError
	if errors.As(e.err, &closed) {
		return fmt.Errorf("the gateway closed the socket with %d %q", closed.Code, closed.Reason)
	}
	return fmt.Errorf("the connection was lost: %w", e.err)
}

// redial gives the next socket, or the reason why there will be none.
func (s *Session) redial(cause error, atOnce bool) (*socket, EndReason, error) {
	for {
		delay := backoff(s.attempts, rand.Float64())
		if atOnce && s.attempts == 0 {
			delay = 0
		}
		delay = max(delay, retryAfter(cause))
		s.attempts++
		asked := time.Now()
		s.deliver(Reconnecting{Cause: cause, Attempt: s.attempts, Delay: delay})
		s.answerBy = s.answerBy.Add(time.Since(asked)) // a slow consumer's time is not the gateway's
		if s.nothingToClose() {
			return nil, EndClosed, nil
		}
		select {
		case <-time.After(delay):
		case <-s.ctx.Done():
			return nil, EndDetached, cause
		}
		k, err := s.open(s.ctx)
		if err == nil {
			return k, "", nil
		}
		cause = err
		if reason := refused(err); reason != "" {
			return nil, reason, err
		}
		if s.ctx.Err() == nil && !time.Now().Before(s.answerBy) {
			return nil, EndUnreachable, err
		}
	}
}

// nothingToClose reports that the session is to be closed and was never begun.
func (s *Session) nothingToClose() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing && s.id == ""
}

// refused tells a handshake's final answers from those that may pass.
func refused(err error) EndReason {
	var answer *HandshakeError
	if !errors.As(err, &answer) {
		return ""
	}
	switch answer.Status {
	case http.StatusUnauthorized:
		return EndUnauthenticated
	case http.StatusForbidden:
		return EndNotAllowed
	}
	return ""
}

// finish ends the handle.
func (s *Session) finish(reason EndReason, cause error) {
	s.mu.Lock()
	s.over = true
	s.result = Ended{Reason: reason, Session: s.id, Lives: s.id != "" && reason.lives(), Err: cause}
	s.mu.Unlock()
	s.cancel()
	close(s.done)
	s.deliver(s.result)
	close(s.events)
}
