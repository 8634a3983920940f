package pool

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	type step struct {
		at            time.Duration
		asked, passed int
	}
	const ms = time.Millisecond
	for _, test := range []struct {
		name      string
		perSecond int
		steps     []step
	}{
		{"no limit", 0, []step{{0, 1000, 1000}}},
		{"one a second", 1, []step{{0, 2, 1}, {999 * ms, 1, 0}, {1000 * ms, 2, 1}}},
		{"a burst, then the rate", 10, []step{{0, 20, 10}, {99 * ms, 1, 0}, {100 * ms, 2, 1}, {350 * ms, 5, 2}}},
		{"a full bucket is not saved up", 10, []step{{time.Hour, 20, 10}, {2 * time.Hour, 20, 10}}},
		{"half a second gives half a burst", 10, []step{{0, 10, 10}, {500 * ms, 20, 5}}},
		{"those refused cost nothing", 10, []step{{0, 1000, 10}, {1000 * ms, 1000, 10}}},
		{"a rate that does not divide a second", 3, []step{{0, 5, 3}, {333 * ms, 2, 0}, {334 * ms, 2, 1}, {1334 * ms, 9, 3}}},
		{"more than any clock can tell apart", 2e9, []step{{0, 1000, 1000}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := pace{perSecond: test.perSecond}
			begin := time.Unix(1_000_000, 0)
			for _, s := range test.steps {
				passed := 0
				for range s.asked {
					if p.take(begin.Add(s.at)) {
						passed++
					}
				}
				if passed != s.passed {
					t.Errorf("at %v %d of %d may pass, want %d", s.at, passed, s.asked, s.passed)
				}
			}
		})
	}
}
