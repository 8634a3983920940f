package session

import (
	"testing"
	"time"

	"hearth/messages/wire"
)

func TestWhenAcknowledgementsArePassedOn(t *testing.T) {
	then := time.Unix(1_000_000, 0)
	const soon = wire.AckDelay / 4
	for _, test := range []struct {
		name string
		last passedOn
		seq  uint64
		now  time.Time
		wait time.Duration
	}{
		{"the first", passedOn{}, 1, then, 0},
		{"after a pause", passedOn{1, then}, 2, then.Add(wire.AckDelay), 0},
		{"right after another", passedOn{1, then}, 2, then, wire.AckDelay},
		{"soon after another", passedOn{1, then}, 2, then.Add(soon), wire.AckDelay - soon},
		{"almost enough", passedOn{1, then}, wire.AckLines, then.Add(soon), wire.AckDelay - soon},
		{"enough", passedOn{1, then}, 1 + wire.AckLines, then.Add(soon), 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.last.wait(test.seq, test.now); got != test.wait {
				t.Errorf("waits %v, want %v", got, test.wait)
			}
		})
	}
}
