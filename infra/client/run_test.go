package client

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/lxzan/gws"

	"hearth/messages/wire"
)

func TestBackoffGrowsWithFullJitter(t *testing.T) {
	for n, limit := range []time.Duration{
		100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond,
		1600 * time.Millisecond, 3200 * time.Millisecond, 5 * time.Second, 5 * time.Second,
	} {
		if low, high := backoff(n, 0), backoff(n, 0.999999); low != 0 || high >= limit || high < limit*99/100 {
			t.Errorf("attempt %d waits %v to %v, want up to %v", n, low, high, limit)
		}
	}
	if got := backoff(1<<40, 0.5); got != maxBackoff/2 {
		t.Errorf("attempt 2^40 waits %v", got)
	}
}

// TestEverySocketsEnd checks what each bye, close code and loss of a socket leads to.
func TestEverySocketsEnd(t *testing.T) {
	bye := func(r wire.ByeReason) func(*peer) {
		return func(p *peer) { p.send(wire.Bye{Reason: r}); p.close(wire.CloseNormal) }
	}
	code := func(c wire.CloseCode) func(*peer) { return func(p *peer) { p.close(c) } }
	for _, c := range []struct {
		name   string
		act    func(*peer)
		ends   EndReason // empty: dials again
		lives  bool
		atOnce bool
	}{
		{name: "bye closed", act: bye(wire.ByeClosed), ends: EndClosed},
		{name: "bye idle", act: bye(wire.ByeIdleTimeout), ends: EndIdle},
		{name: "bye start failed", act: bye(wire.ByeStartFailed), ends: EndStartFailed},
		{name: "bye task lost", act: bye(wire.ByeTaskLost), ends: EndTaskLost},
		{name: "bye replaced", act: bye(wire.ByeReplaced), ends: EndReplaced, lives: true},
		{name: "bye of a later version", act: bye("moon"), ends: "moon"},
		{name: "bye draining", act: bye(wire.ByeDraining), atOnce: true},
		{name: "1000 without bye", act: code(wire.CloseNormal)},
		{name: "1001", act: code(wire.CloseDraining), atOnce: true},
		{name: "1008", act: code(wire.CloseNotAllowed), ends: EndNotAllowed, lives: true},
		{name: "1009", act: code(wire.CloseTooLarge), ends: EndTooLarge, lives: true},
		{name: "1011", act: code(wire.CloseInternal)},
		{name: "1013", act: code(wire.CloseTryAgain)},
		{name: "4401", act: code(wire.CloseUnauthenticated), ends: EndUnauthenticated, lives: true},
		{name: "4404", act: code(wire.CloseNoSession), ends: EndNoSession},
		{name: "4999", act: code(4999)},
		{name: "session_not_found", act: func(p *peer) {
			p.send(wire.Error{Code: wire.CodeSessionNotFound, Message: "gone"})
			p.cut()
		}, ends: EndNoSession},
		{name: "session_not_found here", act: func(p *peer) {
			p.send(wire.Error{Code: wire.CodeSessionNotFound, Message: "elsewhere", Retryable: true})
			p.close(wire.CloseTryAgain)
		}},
		{name: "another error", act: func(p *peer) { p.send(wire.Error{Code: wire.CodeInternal}); p.cut() }},
		{name: "a cut", act: (*peer).cut},
		{name: "a bye without a close", act: func(p *peer) { p.send(wire.Bye{Reason: wire.ByeIdleTimeout}) }, ends: EndIdle},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, g *gateway) {
				s, p := g.begin(t, Config{})
				defer s.Detach()
				c.act(p)
				next := receive(t, s.Events())
				if _, ok := next.(wire.Error); ok {
					next = receive(t, s.Events())
				}
				switch e := next.(type) {
				case Ended:
					if e.Reason != c.ends || e.Lives != c.lives || e.Session != "s1" {
						t.Fatalf("ended with %+v", e)
					}
				case Reconnecting:
					if c.ends != "" || e.Cause == nil || e.Attempt != 1 || e.Delay >= minBackoff || c.atOnce && e.Delay != 0 {
						t.Fatalf("reconnecting with %+v", e)
					}
					before := time.Now()
					receive(t, g.peers).greet(t, 0)
					if waited := time.Since(before); waited != e.Delay {
						t.Fatalf("dialled after %v, want %v", waited, e.Delay)
					}
					event[wire.Session](t, s)
				default:
					t.Fatalf("event %#v", e)
				}
			})
		})
	}
}

func TestAnEndSaysWhatTheGatewaySaid(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		s, p := g.begin(t, Config{})
		// An error that the socket survives is not why it ends.
		p.send(wire.Error{Code: wire.CodeRateLimited}, wire.Status{State: wire.StateWaiting})
		event[wire.Error](t, s)
		event[wire.Status](t, s)
		p.send(wire.Error{Code: wire.CodeStartFailed, Message: "no room"}, wire.Bye{Reason: wire.ByeStartFailed})
		event[wire.Error](t, s)
		end := event[Ended](t, s)
		var refusal Refusal
		if !errors.As(end.Err, &refusal) || refusal.Error() != "start_failed: no room" {
			t.Fatalf("ended with %+v", end)
		}
		if got := (&EndError{end}).Error(); got != "session ended: start_failed: start_failed: no room" {
			t.Fatal(got)
		}
	})
}

func TestDrainingEverywhereIsNotAHotLoop(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		s, p := g.begin(t, Config{})
		defer s.Detach()
		limit := time.Duration(0)
		for n := range 6 {
			p.close(wire.CloseDraining)
			e := event[Reconnecting](t, s)
			if e.Attempt != n+1 || e.Delay > limit {
				t.Fatalf("attempt %d: %+v, want at most %v", n+1, e, limit)
			}
			limit = minBackoff << (n + 1)
			p = receive(t, g.peers)
			p.greet(t, 0)
			event[wire.Session](t, s)
		}
		// Progress starts the count anew.
		p.send(output(1, `1`))
		event[wire.Data](t, s)
		p.cut()
		if e := event[Reconnecting](t, s); e.Attempt != 1 {
			t.Fatalf("%+v", e)
		}
		p = receive(t, g.peers)
		p.greet(t, 0)
		event[wire.Session](t, s)
		time.Sleep(maxBackoff + 1)
		p.cut()
		if e := event[Reconnecting](t, s); e.Attempt != 1 {
			t.Fatalf("%+v", e)
		}
	})
}

func TestUnreachableGateway(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		s, p := g.begin(t, Config{GiveUp: 30 * time.Second})
		g.down = func() error { return errors.New("no route") }
		start := time.Now()
		p.cut()
		attempts := 0
		for {
			next := receive(t, s.Events())
			if end, ok := next.(Ended); ok {
				if end.Reason != EndUnreachable || !end.Lives || fmt.Sprint(end.Err) != "no route" {
					t.Fatalf("ended with %+v", end)
				}
				break
			}
			attempts = next.(Reconnecting).Attempt
		}
		if took := time.Since(start); took < 30*time.Second || took > 30*time.Second+maxBackoff || attempts < 8 {
			t.Fatalf("gave up after %v and %d attempts", took, attempts)
		}
	})
}

// A consumer that takes its time to hear of a lost socket does not make the gateway unreachable.
func TestSlowConsumerIsNotAnUnreachableGateway(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		s, p := g.begin(t, Config{GiveUp: 30 * time.Second})
		defer s.Detach()
		p.cut()
		time.Sleep(time.Hour)
		event[Reconnecting](t, s)
		receive(t, g.peers).greet(t, 0)
		event[wire.Session](t, s)
	})
}

func TestUnansweredHello(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		s := g.dial(t, Config{GiveUp: 30 * time.Second})
		start := time.Now()
		end := event[Ended](t, s)
		if end.Reason != EndUnreachable || end.Lives || end.Err == nil || time.Since(start) != 30*time.Second {
			t.Fatalf("after %v: %+v", time.Since(start), end)
		}
	})
}

func TestHandshakeAnswers(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		g.refuse <- 503
		_, err := Dial(t.Context(), Config{URL: "http://gateway", DialNet: g.DialNet})
		var answer *HandshakeError
		if !errors.As(err, &answer) || answer.Status != 503 {
			t.Fatalf("Dial gives %v", err)
		}
		for status, want := range map[int]EndReason{401: EndUnauthenticated, 403: EndNotAllowed} {
			s, p := g.begin(t, Config{})
			g.refuse <- 503 // passes
			g.refuse <- status
			p.cut()
			event[Reconnecting](t, s)
			event[Reconnecting](t, s)
			if end := event[Ended](t, s); end.Reason != want {
				t.Fatalf("%d: %+v", status, end)
			}
		}
	})
}

func TestDialGivesUpOnAStuckHandshake(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		stuck := make(chan struct{})
		g.stuck = stuck
		start := time.Now()
		if _, err := Dial(t.Context(), Config{URL: "ws://gateway", DialNet: g.DialNet}); err == nil {
			t.Fatal("dialled")
		}
		if took := time.Since(start); took != handshakeTimeout {
			t.Fatalf("it took %v", took)
		}
		close(stuck)
	})
}

func TestKeepalive(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		s, p := g.begin(t, Config{})
		defer s.Detach()
		start := time.Now()
		for range 10 {
			if got := receive(t, p.pings); got != "hearth" {
				t.Fatalf("ping %q", got)
			}
		}
		if took := time.Since(start); took != 10*pingEvery {
			t.Fatalf("10 pings took %v", took)
		}
		p.ping("")
		if got := receive(t, p.pings); got != "pong " {
			t.Fatalf("answer %q", got)
		}
		p.ping("you?")
		if got := receive(t, p.pings); got != "pong you?" {
			t.Fatalf("answer %q", got)
		}
		p.send(wire.Ping{ID: "7"}, wire.Pong{ID: "?"})
		p.expect(t, wire.Pong{ID: "7"})
	})
}

func TestSilentGatewayIsLeft(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		g.mute = true
		s, _ := g.begin(t, Config{})
		defer s.Detach()
		start := time.Now()
		event[Reconnecting](t, s)
		if took := time.Since(start); took != silenceLimit {
			t.Fatalf("it took %v", took)
		}
	})
}

// A gateway that neither reads nor writes any more is left, although the writer is stuck in the middle of an input.
func TestDeadGatewayIsLeft(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		wake := make(chan struct{})
		g.deaf = wake
		defer close(wake)
		s, _ := g.begin(t, Config{})
		defer s.Detach()
		start := time.Now()
		time.Sleep(pingEvery / 2)
		send(t, s, `"in"`)
		event[Reconnecting](t, s)
		if took := time.Since(start); took != silenceLimit {
			t.Fatalf("it took %v", took)
		}
	})
}

func TestBrokenContracts(t *testing.T) {
	for name, act := range map[string]func(*peer){
		"not JSON":            func(p *peer) { p.raw("{") },
		"no type":             func(p *peer) { p.raw("{}") },
		"a bad field":         func(p *peer) { p.raw(`{"type":"ready","elapsedMs":"soon"}`) },
		"output without seq":  func(p *peer) { p.raw(`{"type":"data","payload":1}`) },
		"a skipped output":    func(p *peer) { p.send(output(3, `3`)) },
		"a skipping gap":      func(p *peer) { p.send(wire.Gap{From: 3, To: 4}) },
		"ack of the unsent":   func(p *peer) { p.send(wire.Ack{Seq: 2}) },
		"inputs never sent":   func(p *peer) { p.send(wire.Session{SessionID: "s1", LastSeq: 9}) },
		"another session":     func(p *peer) { p.send(wire.Session{SessionID: "s2"}) },
		"a negative length":   func(p *peer) { p.bytes(0x81, 127, 0x80, 0, 0, 0, 0, 0, 0, 1) },
		"a masked frame":      func(p *peer) { p.bytes(0x81, 0x80, 0, 0, 0, 0) },
		"not UTF-8":           func(p *peer) { p.raw("{\"type\":\"bye\",\"reason\":\"\xff\"}") },
		"a frame of 16 MiB":   func(p *peer) { p.bytes(0x81, 127, 0, 0, 0, 0, 1, 0, 0, 1) },
		"a reserved bit":      func(p *peer) { p.bytes(0xf1, 0) },
		"a fragmented ping":   func(p *peer) { p.bytes(0x09, 0) },
		"an unasked fragment": func(p *peer) { p.bytes(0x80, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, g *gateway) {
				s, p := g.begin(t, Config{})
				defer s.Detach()
				p.send(output(1, `1`))
				event[wire.Data](t, s)
				send(t, s, `"in"`)
				for n := range maxViolations {
					p.expect(t, output(1, `"in"`))
					act(p)
					if v := event[Violation](t, s); v.Err == nil {
						t.Fatal("no reason")
					}
					if n == maxViolations-1 {
						break
					}
					event[Reconnecting](t, s)
					p = receive(t, g.peers)
					if hello := p.greet(t, 0); hello.LastSeq != 1 {
						t.Fatalf("%+v", hello)
					}
					event[wire.Session](t, s)
				}
			})
		})
	}
}

func TestViolationsWithoutEndEndTheHandle(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		s := g.dial(t, Config{})
		for n := range maxViolations {
			receive(t, g.peers).send(output(1, `1`)) // before session
			event[Violation](t, s)
			if n < maxViolations-1 {
				event[Reconnecting](t, s)
			}
		}
		if end := event[Ended](t, s); end.Reason != EndViolation || end.Err == nil {
			t.Fatalf("%+v", end)
		}
	})
}

func TestGoingBackBehindAnAckIsAViolation(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		s, p := g.begin(t, Config{})
		defer s.Detach()
		send(t, s, `1`, `2`)
		p.expect(t, output(1, `1`), output(2, `2`))
		p.send(wire.Ack{Seq: 2}, wire.Session{SessionID: "s1", LastSeq: 1})
		event[Violation](t, s)
	})
}

func TestVerdictOfAnUnknownError(t *testing.T) {
	e := ending{err: io.EOF}
	if reason, atOnce := e.verdict(); reason != "" || atOnce {
		t.Fatal(reason, atOnce)
	}
	e.err = &gws.CloseError{Code: 1013, Reason: []byte("full")}
	if got := e.cause().Error(); got != `the gateway closed the socket with 1013 "full"` {
		t.Fatal(got)
	}
}
