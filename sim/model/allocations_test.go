//go:build !race

package model

import (
	"runtime"
	"testing"
)

// allocationsOfAnEvent bounds what a simulated event allocates: a message that is handled, or a timer that rings. The race detector's
// build has others.
const allocationsOfAnEvent = 1.7

func TestAllocationsOfAnEvent(t *testing.T) {
	day(1, Hooks{}) // what is made once
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m := day(2, Hooks{})
	runtime.ReadMemStats(&after)
	counts := m.World.Counts()
	each := float64(after.Mallocs-before.Mallocs) / float64(counts.Picks+counts.Events)
	t.Logf("an event allocates %.2f times, of %+v", each, counts)
	if each > allocationsOfAnEvent {
		t.Errorf("an event allocates %.2f times, want %.2f at most", each, allocationsOfAnEvent)
	}
}
