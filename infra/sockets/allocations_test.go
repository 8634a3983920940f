//go:build !race

package sockets

import "testing"

// allocationsOfAFrame bounds what a line takes on its way from one socket to the other, without actors, as the race detector's build does
// not have it: its payload, the frame, the message to the owner, and the owner's news that it was written.
const allocationsOfAFrame = 4

func TestAllocationsOfARelayedFrame(t *testing.T) {
	result := testing.Benchmark(func(b *testing.B) { benchmarkRelay(b, 200) })
	if result.N < 100 || result.AllocsPerOp() > allocationsOfAFrame {
		t.Errorf("%d frames, of which each allocates %d times, want %d at most", result.N, result.AllocsPerOp(), allocationsOfAFrame)
	}
}
