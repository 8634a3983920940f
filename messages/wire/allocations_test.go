//go:build !race

package wire

import (
	"strings"
	"testing"
)

// What is allocated for a frame, as the race detector's build does not have it: reading data makes a copy of the payload and the frame;
// an ack only the frame; writing nothing where there is room.
func TestAllocationsOfAFrame(t *testing.T) {
	line, ack := Data{Seq: 123456, Payload: []byte(`"` + strings.Repeat("x", 200) + `"`)}, Ack{Seq: 123456}
	acking := line
	acking.Ack = 654321
	for _, test := range []struct {
		name          string
		frame         Frame
		reads, writes float64
	}{
		{"data", line, 2, 0},
		{"data with an ack", acking, 2, 0},
		{"ack", ack, 1, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := AppendFrame(nil, test.frame)
			var err error
			if got := testing.AllocsPerRun(1000, func() { _, err = DecodeFromClient(text) }); got > test.reads || err != nil {
				t.Errorf("reading allocates %v times, want %v at most; %v", got, test.reads, err)
			}
			room := make([]byte, 0, 2*len(text))
			if got := testing.AllocsPerRun(1000, func() { AppendFrame(room, test.frame) }); got > test.writes {
				t.Errorf("writing allocates %v times, want %v at most", got, test.writes)
			}
		})
	}
}
