package bridge

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// TestInboxAgainstModel sends inputs in any order and as often as it likes: the agent must be given 1, 2, 3 and so on.
func TestInboxAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		last := rapid.Uint64Range(0, 50).Draw(t, "last")
		in := newInbox(last)
		accepted, given := last, last
		t.Repeat(map[string]func(*rapid.T){
			"offer": func(t *rapid.T) {
				seq := rapid.Uint64Range(1, accepted+3).Draw(t, "seq")
				got, want := in.offer(seq, fmt.Append(nil, seq)), taken
				switch {
				case seq <= accepted:
					want = duplicate
				case seq > accepted+1:
					want = hole
				default:
					accepted++
				}
				if got != want {
					t.Fatalf("offer %d after %d: %v, want %v", seq, accepted, got, want)
				}
			},
			"give": func(t *rapid.T) {
				line := in.first()
				if line == nil {
					if given != accepted {
						t.Fatalf("nothing to give after %d of %d", given, accepted)
					}
					t.Skip("nothing to give")
				}
				given++
				if string(line) != fmt.Sprint(given) {
					t.Fatalf("gave %s, want %d", line, given)
				}
				in.advance()
			},
			"": func(t *rapid.T) {
				if in.given() != given {
					t.Fatalf("given %d, want %d", in.given(), given)
				}
			},
		})
	})
}

func TestFullInboxRefusesAndRecovers(t *testing.T) {
	in := newInbox(0)
	half := make([]byte, inputLimit/2)
	for seq, want := range []verdict{1: taken, 2: refused, 3: hole} {
		if seq > 0 {
			if got := in.offer(uint64(seq), half); got != want {
				t.Errorf("input %d: %v, want %v", seq, got, want)
			}
		}
	}
	if in.recovered() {
		t.Error("recovered while the queue is full")
	}
	in.advance()
	if !in.recovered() || in.recovered() {
		t.Error("an empty queue must recover, once")
	}
	if got := in.offer(2, make([]byte, 2*inputLimit)); got != taken {
		t.Errorf("a large input for an empty queue: %v", got)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestPumpEndsWithItsAgent(t *testing.T) {
	in := newInbox(0)
	in.offer(1, []byte("1\n"))
	if err := in.pump(brokenPipe{}, nil); err == nil {
		t.Error("no error")
	}
	if in.given() != 0 || in.offer(2, nil) != refused {
		t.Error("an input was acknowledged that the agent never got")
	}

	in = newInbox(0)
	in.offer(1, []byte("1\n"))
	in.offer(2, []byte("2\n"))
	var stdin bytes.Buffer
	ended := make(chan error)
	go func() { ended <- in.pump(&stdin, nil) }()
	eventually(t, "both are given", func() bool { return in.given() == 2 })
	in.close()
	if err := <-ended; err != nil || stdin.String() != "1\n2\n" {
		t.Errorf("wrote %q, error %v", stdin.String(), err)
	}
}
