package client

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"hearth/messages/wire"
)

// Event is what a session tells its consumer, in order. It is one of
//
//   - wire.Session: a socket's hello was answered; first, and again after each reconnect,
//   - wire.Status, wire.Ready, wire.Exit and wire.Error, as the gateway sent them: after a reconnect it may
//     send a Ready or an Exit again,
//   - wire.Data: the next output; seqs grow by 1 except across a gap, and none comes twice,
//   - wire.Gap: outputs that are gone for good,
//   - Violation, Reconnecting, and, as the last, Ended.
type Event any

// Violation says that the gateway broke the contract. The socket is given up and the session resumed on another, which
// also fetches an output that was skipped.
type Violation struct{ Err error }

// Reconnecting says that there is no socket: the next attempt to dial is made after Delay.
type Reconnecting struct {
	// Cause is why the last socket or attempt failed.
	Cause error
	// Attempt counts from 1 since the session last made progress.
	Attempt int
	Delay   time.Duration
}

// Ended is a session handle's last event.
type Ended struct {
	Reason EndReason
	// Session is empty if no hello was ever answered.
	Session wire.SessionID
	// Lives says that, for all the client knows, the session goes on at the gateway and can be resumed.
	Lives bool
	// Err says more: a Refusal if the gateway said why, otherwise what happened to the last socket. It may be nil.
	Err error
}

// EndReason says why a handle ended. A bye's reason is taken over as it came, so there can be others than those here.
type EndReason string

// The reasons of a bye that end a handle.
const (
	EndClosed      = EndReason(wire.ByeClosed)
	EndIdle        = EndReason(wire.ByeIdleTimeout)
	EndReplaced    = EndReason(wire.ByeReplaced)
	EndTaskLost    = EndReason(wire.ByeTaskLost)
	EndStartFailed = EndReason(wire.ByeStartFailed)
)

// The other reasons.
const (
	// EndNoSession: the gateway does not know the session, or it is another user's.
	EndNoSession EndReason = "session_not_found"
	// EndUnauthenticated and EndNotAllowed: the gateway refuses this client.
	EndUnauthenticated EndReason = "unauthenticated"
	EndNotAllowed      EndReason = "not_allowed"
	// EndTooLarge: an input is larger than the gateway takes; it would be refused again on every socket.
	EndTooLarge EndReason = "frame_too_large"
	// EndUnreachable: no hello was answered for Config.GiveUp.
	EndUnreachable EndReason = "unreachable"
	// EndViolation: socket after socket broke the contract.
	EndViolation EndReason = "violation"
	// EndDetached: Detach was called, or Close gave up waiting.
	EndDetached EndReason = "detached"
)

// lives reports whether a session goes on at the gateway after its handle has ended for this reason.
func (r EndReason) lives() bool {
	switch r {
	case EndReplaced, EndUnauthenticated, EndNotAllowed, EndTooLarge, EndUnreachable, EndViolation, EndDetached:
		return true
	}
	return false
}

// EndError is what Send, Flush and Close return once the handle has ended.
type EndError struct{ Ended }

// Error tells the reason and what is known beyond it.
func (e *EndError) Error() string {
	if e.Err == nil {
		return "session ended: " + string(e.Reason)
	}
	return fmt.Sprintf("session ended: %s: %v", e.Reason, e.Err)
}

// Unwrap gives the cause.
func (e *EndError) Unwrap() error { return e.Err }

// Refusal is an error frame of the gateway's.
type Refusal wire.Error

// Error tells the code and the message.
func (r Refusal) Error() string { return fmt.Sprintf("%s: %s", r.Code, r.Message) }

// HandshakeError is a gateway's HTTP answer that did not open a socket.
type HandshakeError struct {
	Status int
	// Problem is the first line of what the gateway says, such as that it drains; it may be empty.
	Problem string
	// RetryAfter is how long the gateway wants to be left alone, 0 where it does not say.
	RetryAfter time.Duration
}

// Error tells the problem and the status.
func (e *HandshakeError) Error() string {
	if e.Problem == "" {
		return fmt.Sprintf("the gateway answered HTTP %d", e.Status)
	}
	return fmt.Sprintf("%s (HTTP %d)", e.Problem, e.Status)
}

// maxProblem bounds what is read of a problem, maxRetryAfter what is believed of a pause.
const (
	maxProblem    = 200
	maxRetryAfter = time.Minute
)

// newHandshakeError reads an answer. Its body may be lost with the connection.
func newHandshakeError(answer *http.Response) *HandshakeError {
	e := &HandshakeError{Status: answer.StatusCode}
	body, _ := io.ReadAll(io.LimitReader(answer.Body, maxProblem))
	line, _, _ := strings.Cut(string(body), "\n")
	e.Problem = strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, line))
	if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.RetryAfter = min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	return e
}

// retryAfter is the pause that an error asks for, 0 for most.
func retryAfter(err error) time.Duration {
	var answer *HandshakeError
	if errors.As(err, &answer) {
		return answer.RetryAfter
	}
	return 0
}
