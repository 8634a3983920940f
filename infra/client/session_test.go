package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"hearth/messages/wire"
)

func send(t tester, s *Session, payloads ...string) {
	t.Helper()
	for _, payload := range payloads {
		if err := s.Send(t.Context(), []byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestInputsAreNumberedAndResentAfterACut(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		s := g.dial(t, Config{})
		defer s.Detach()
		first := receive(t, g.peers)
		send(t, s, `"a"`, `"b"`, `"c"`)
		if hello := first.greet(t, 0); hello != (wire.Hello{Acks: true, AcksInData: true}) {
			t.Fatalf("hello is %#v", hello)
		}
		event[wire.Session](t, s)
		first.expect(t, output(1, `"a"`), output(2, `"b"`), output(3, `"c"`))
		first.send(wire.Ack{Seq: 1}, output(1, `"A"`))
		event[wire.Data](t, s)
		first.expect(t, wire.Ack{Seq: 1})
		first.cut()

		event[Reconnecting](t, s)
		second := receive(t, g.peers)
		if hello := second.greet(t, 2); hello != (wire.Hello{SessionID: "s1", LastSeq: 1, Acks: true, AcksInData: true}) {
			t.Fatalf("hello is %#v", hello)
		}
		event[wire.Session](t, s)
		second.expect(t, output(3, `"c"`))
		second.send(wire.Ack{Seq: 3})
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		second.silent(t)
	})
}

// A load balancer's cookie leads back to the gateway that has the session, whatever the scheme.
func TestCookiesAreKeptFromSocketToSocket(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		g.cookie = "AWSALB=first; Path=/"
		s, p := g.begin(t, Config{})
		defer s.Detach()
		if got := p.request.Header.Get("Cookie"); got != "" {
			t.Errorf("the first handshake has the cookie %q", got)
		}
		g.cookie = "AWSALB=second; Path=/"
		for _, want := range []string{"AWSALB=first", "AWSALB=second"} {
			p.cut()
			event[Reconnecting](t, s)
			p = receive(t, g.peers)
			if got := p.request.Header.Get("Cookie"); got != want {
				t.Errorf("the next handshake has the cookie %q, not %q", got, want)
			}
			p.greet(t, 0)
			event[wire.Session](t, s)
		}
	})
}

func TestASecondSessionFrameMakesInputsBeResent(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		s, p := g.begin(t, Config{})
		defer s.Detach()
		send(t, s, `1`, `2`, `3`)
		p.expect(t, output(1, `1`), output(2, `2`), output(3, `3`))
		p.send(wire.Session{SessionID: "s1", LastSeq: 1})
		event[wire.Session](t, s)
		p.expect(t, output(2, `2`), output(3, `3`))
		// The agent can have been given an input that was not resent yet.
		p.send(wire.Session{SessionID: "s1", LastSeq: 2}, wire.Ack{Seq: 3})
		event[wire.Session](t, s)
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAResumingHandleNumbersOn(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		s := g.dial(t, Config{Resume: "s1", LastSeq: 7})
		defer s.Detach()
		send(t, s, `"next"`)
		p := receive(t, g.peers)
		if hello := p.greet(t, 41); hello != (wire.Hello{SessionID: "s1", LastSeq: 7, Acks: true, AcksInData: true}) {
			t.Fatalf("hello is %#v", hello)
		}
		event[wire.Session](t, s)
		p.expect(t, output(42, `"next"`))
		p.send(output(7, `"old"`), output(8, `"new"`))
		if got := event[wire.Data](t, s); got.Seq != 8 {
			t.Fatalf("output %d, want 8", got.Seq)
		}
	})
}

func TestEventsComeInOrder(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		s, p := g.begin(t, Config{})
		ready := wire.Ready{Path: wire.PathCold, ElapsedMs: 3000, Why: wire.WhyPoolEmpty, Timings: wire.Timings{AgentMs: 240}}
		sent := []wire.Frame{
			wire.Status{State: wire.StateWaiting, Reason: wire.ReasonQueued, EtaMs: 9},
			ready, output(1, `1`), output(2, `2`), wire.Gap{From: 3, To: 5}, output(6, `6`),
			wire.Error{Code: wire.CodeRateLimited, Retryable: true},
			wire.Exit{Code: 3, Stderr: "bad"},
		}
		p.send(sent...)
		p.raw(`{"type":"weather","sun":true}`)
		p.send(wire.Bye{Reason: wire.ByeClosed})
		for _, want := range sent {
			if got := receive(t, s.Events()); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("event %v, want %v", got, want)
			}
		}
		if got := event[Ended](t, s); got != (Ended{Reason: EndClosed, Session: "s1"}) {
			t.Fatalf("ended with %+v", got)
		}
		if _, open := <-s.Events(); open {
			t.Fatal("there are events after Ended")
		}
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestRepeatedOutputsAreDroppedAndAcknowledgedAgain(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		s, p := g.begin(t, Config{})
		defer s.Detach()
		p.send(output(1, `1`), output(2, `2`))
		event[wire.Data](t, s)
		event[wire.Data](t, s)
		p.expect(t, wire.Ack{Seq: 2})
		p.send(output(1, `1`), wire.Gap{From: 1, To: 2}, wire.Gap{From: 2, To: 4})
		if got := event[wire.Gap](t, s); got != (wire.Gap{From: 3, To: 4}) {
			t.Fatalf("gap %v", got)
		}
		p.expect(t, wire.Ack{Seq: 4})
	})
}

func TestAcksAreCoalesced(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		s, p := g.begin(t, Config{})
		defer s.Detach()
		start := time.Now()
		for i := range uint64(200) {
			p.send(output(i+1, `0`))
		}
		for range 200 {
			event[wire.Data](t, s)
		}
		for acks, last := 0, uint64(0); last < 200; acks++ {
			ack, ok := receive(t, p.frames).(wire.Ack)
			if !ok || ack.Seq <= last || acks > 200/wire.AckLines {
				t.Fatalf("ack %d is %+v after %d", acks+1, ack, last)
			}
			last = ack.Seq
		}
		if took := time.Since(start); took > wire.OutputAckDelay {
			t.Fatalf("the last output was acknowledged after %v, want %v at most", took, wire.OutputAckDelay)
		}
		p.silent(t)
	})
}

func TestAnAckGoesWithTheNextInput(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		s, p := g.begin(t, Config{})
		defer s.Detach()
		p.send(output(1, `1`))
		event[wire.Data](t, s)
		send(t, s, `"to one that does not read it there"`)
		p.expect(t, wire.Data{Seq: 1, Payload: []byte(`"to one that does not read it there"`)})
		p.expect(t, wire.Ack{Seq: 1})

		p.send(wire.Session{SessionID: "s1", LastSeq: 1, AcksInData: true}, output(2, `2`))
		event[wire.Session](t, s)
		event[wire.Data](t, s)
		send(t, s, `"a"`)
		send(t, s, `"b"`)
		p.expect(t, wire.Data{Seq: 2, Ack: 2, Payload: []byte(`"a"`)}, wire.Data{Seq: 3, Payload: []byte(`"b"`)})
		time.Sleep(2 * wire.OutputAckDelay)
		p.silent(t) // it was acknowledged by then
	})
}

func TestAnAckThatComesWithAnOutputIsOne(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		s, p := g.begin(t, Config{})
		defer s.Detach()
		send(t, s, `1`)
		p.expect(t, wire.Data{Seq: 1, Payload: []byte(`1`)})
		p.send(wire.Data{Seq: 1, Ack: 1, Payload: []byte(`1`)})
		event[wire.Data](t, s)
		if err := s.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		p.send(wire.Data{Seq: 2, Ack: 9, Payload: []byte(`1`)})
		event[Violation](t, s)
	})
}

func TestAnExitHurriesTheAck(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		s, p := g.begin(t, Config{})
		defer s.Detach()
		start := time.Now()
		p.send(output(1, `1`), wire.Exit{})
		event[wire.Data](t, s)
		event[wire.Exit](t, s)
		p.expect(t, wire.Ack{Seq: 1})
		if took := time.Since(start); took != 0 {
			t.Fatalf("it took %v", took)
		}
	})
}

func TestASlowConsumerSlowsTheGateway(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		s, p := g.begin(t, Config{})
		defer s.Detach()
		for i := range uint64(100) {
			p.send(output(i+1, `"`+string(bytes.Repeat([]byte("x"), 8192))+`"`))
		}
		time.Sleep(3 * silenceLimit)
		if left := len(p.work); left < 97 {
			t.Fatalf("%d of 100 outputs were read for a consumer that takes none", 100-left)
		}
		for i := range uint64(100) {
			if got := event[wire.Data](t, s); got.Seq != i+1 {
				t.Fatalf("output %d, want %d", got.Seq, i+1)
			}
		}
	})
}

func TestSendWaitsForTheWindow(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		s, p := g.begin(t, Config{})
		big := []byte(`"` + string(bytes.Repeat([]byte("x"), inputWindow)) + `"`)
		send(t, s, string(big)) // larger than the window, but alone
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Send(ctx, []byte(`2`)); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("a full window gives %v", err)
		}
		if err := s.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("flushing gives %v", err)
		}
		sent := make(chan error, 1)
		go func() { sent <- s.Send(t.Context(), []byte(`2`)) }()
		synctest.Wait()
		p.send(wire.Ack{Seq: 1})
		if err := receive(t, sent); err != nil {
			t.Fatal(err)
		}
		p.expect(t, output(1, string(big)), output(2, `2`))

		p.send(wire.Ack{Seq: 2})
		synctest.Wait()
		send(t, s, string(big))
		go func() { sent <- s.Send(t.Context(), []byte(`4`)) }()
		synctest.Wait()
		p.send(wire.Bye{Reason: wire.ByeIdleTimeout})
		event[Ended](t, s)
		var end *EndError
		if err := receive(t, sent); !errors.As(err, &end) || end.Reason != EndIdle {
			t.Fatalf("a blocked Send gives %v at the end", err)
		}
		if err := s.Send(t.Context(), []byte(`5`)); !errors.As(err, &end) {
			t.Fatalf("Send after the end gives %v", err)
		}
		if err := s.Flush(t.Context()); !errors.As(err, &end) {
			t.Fatalf("Flush after the end gives %v", err)
		}
		s.Detach()
	})
}

func TestTinyInputsFillTheWindowToo(t *testing.T) {
	var q inputs
	n := 0
	for ; q.fits(1); n++ {
		q.add([]byte(`1`))
	}
	if n < 1000 || n > inputWindow/inputOverhead {
		t.Fatalf("the window takes %d tiny inputs", n)
	}
}

func TestSendRefusesWhatIsNotJSON(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		s, p := g.begin(t, Config{})
		defer s.Detach()
		for _, payload := range []string{``, `{`, `1 2`, "\"\xff\"", `"` + string(bytes.Repeat([]byte("x"), maxFrameBytes)) + `"`} {
			if err := s.Send(t.Context(), []byte(payload)); !errors.Is(err, ErrPayload) {
				t.Errorf("%.10q gives %v", payload, err)
			}
		}
		p.silent(t)
	})
}

func TestRefreshReplacesTheToken(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		s, p := g.begin(t, Config{Token: "old"})
		defer s.Detach()
		if got := p.request.Header.Get("Authorization"); got != "Bearer old" {
			t.Fatalf("Authorization is %q", got)
		}
		s.Refresh("new")
		p.expect(t, wire.Token{Token: "new"})
		p.cut()
		event[Reconnecting](t, s)
		p = receive(t, g.peers)
		if got := p.request.Header.Get("Authorization"); got != "Bearer new" {
			t.Fatalf("Authorization is %q", got)
		}
		p.greet(t, 0)
		event[wire.Session](t, s)
		p.silent(t)
	})
}

func TestCloseEndsTheSession(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		s, p := g.begin(t, Config{})
		closed := make(chan error, 1)
		go func() { closed <- s.Close(t.Context()) }()
		p.expect(t, wire.Close{})
		if err := s.Send(t.Context(), []byte(`1`)); !errors.Is(err, ErrClosing) {
			t.Fatalf("Send gives %v", err)
		}
		// Whatever still comes is nobody's business, and holds nothing up.
		p.send(output(1, `1`), output(9, `9`), wire.Exit{Code: 143}, wire.Bye{Reason: wire.ByeClosed})
		if err := receive(t, closed); err != nil {
			t.Fatal(err)
		}
		if e, open := <-s.Events(); open {
			t.Fatalf("there was another event: %#v", e)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.Detach()
	})
}

func TestCloseDialsToSayIt(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		s, p := g.begin(t, Config{})
		send(t, s, `"never given"`)
		p.cut()
		event[Reconnecting](t, s)
		closed := make(chan error, 1)
		go func() { closed <- s.Close(t.Context()) }()
		p = receive(t, g.peers)
		p.greet(t, 0)
		p.expect(t, wire.Close{})
		p.silent(t)
		p.send(wire.Error{Code: wire.CodeSessionNotFound})
		if err := receive(t, closed); err != nil {
			t.Fatal(err)
		}
	})
}

func TestCloseOfASessionThatWasNeverBegun(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		s := g.dial(t, Config{})
		p := receive(t, g.peers)
		p.expect(t, wire.Hello{Acks: true, AcksInData: true})
		closed := make(chan error, 1)
		go func() { closed <- s.Close(t.Context()) }()
		p.expect(t, wire.Close{})
		p.cut()
		if err := receive(t, closed); err != nil {
			t.Fatal(err)
		}
	})
}

func TestCloseGivesUpAndSaysWhatLivesOn(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		s, _ := g.begin(t, Config{})
		start := time.Now()
		err := s.Close(context.Background())
		var end *EndError
		if !errors.As(err, &end) || end.Reason != EndDetached || !end.Lives || end.Session != "s1" {
			t.Fatalf("Close gives %v", err)
		}
		if took := time.Since(start); took != closeLimit {
			t.Fatalf("it took %v", took)
		}
	})
}

func TestDetachFreesAnAbandonedHandle(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		s, p := g.begin(t, Config{})
		p.send(output(1, `1`)) // the reader waits for a consumer that never comes
		synctest.Wait()
		s.Detach()
		s.Detach()
		receive(t, p.gone)
		if _, open := <-s.Events(); open {
			t.Fatal("an event was delivered")
		}

		s, p = g.begin(t, Config{})
		p.cut()
		event[Reconnecting](t, s) // and here the runner waits to dial
		s.Detach()
	})
}
