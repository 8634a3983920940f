package bridge

import (
	"strings"
	"testing"
	"time"

	"hearth/messages/wire"
)

// TestOutputsHoldToTheGatewaysLimit: a line longer than the gateway takes comes in pieces, and one that waits already is a gap.
func TestOutputsHoldToTheGatewaysLimit(t *testing.T) {
	o := newOutbox(0, 1<<20, OverflowPause)
	small, large := []byte(`"small"`), []byte(`"`+strings.Repeat("x", 100)+`"`)
	for _, payload := range [][]byte{small, large, large, small} {
		o.put(wire.Data{Payload: payload})
	}
	at := o.attach(newBell(), 0)
	at.max = 50
	want := []wire.Frame{
		wire.Data{Seq: 1, Payload: small}, wire.Gap{From: 2, To: 2}, wire.Gap{From: 3, To: 3}, wire.Data{Seq: 4, Payload: small}, nil,
	}
	for _, w := range want {
		got := o.next(&at)
		if text := wire.AppendFrame(nil, orUnknown(got)); string(text) != string(wire.AppendFrame(nil, orUnknown(w))) {
			t.Errorf("%s, want %#v", text, w)
		}
	}
	if got := (lineCodec{mode: LinesJSON, max: 50}).payloads(large, true); len(got) < 2 {
		t.Errorf("a line of %d bytes becomes %d payloads", len(large), len(got))
	}
}

func orUnknown(f wire.Frame) wire.Frame {
	if f == nil {
		return wire.Unknown{Type: "none"}
	}
	return f
}

// TestAnAnsweredHelloAloneIsNoHealthyGateway: what comes after it may be what the gateway cannot take, again and again.
func TestAnAnsweredHelloAloneIsNoHealthyGateway(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		answered bool
		lived    time.Duration
		healthy  bool
	}{
		{true, 0, false}, {true, provenAfter / 2, false}, {true, 2 * provenAfter, true}, {false, 2 * provenAfter, false}, {false, 2 * backoffMax, true},
	} {
		s := socket{answered: test.answered, since: now.Add(-test.lived)}
		if s.healthy() != test.healthy {
			t.Errorf("%+v", test)
		}
	}
}
