package pool

import (
	"testing"

	"hearth/messages"
)

// TestHeld: the tighter limit is named, and none while the policy may start all that it asks for.
func TestHeld(t *testing.T) {
	bounds := limits{minimum: 3, maximum: 10, threshold: 2, concurrency: 4}
	for _, test := range []struct {
		name   string
		pool   census
		bounds limits
		want   messages.Hold
	}{
		{"a full pool asks for nothing", census{ready: 3}, bounds, ""},
		{"what is asked for may be started", census{ready: 1}, bounds, ""},
		{"as many are starting as may", census{starting: 4, waiting: 2}, bounds, messages.HeldLaunchLimit},
		{"some of what is asked for", census{starting: 2, waiting: 3}, bounds, messages.HeldLaunchLimit},
		{"the pool is at its maximum", census{ready: 10, expired: 8}, bounds, messages.HeldMaximum},
		{"both, the maximum first", census{ready: 7, starting: 3, waiting: 12}, bounds, messages.HeldMaximum},
		{"starts in batches ask for nothing above the threshold", census{ready: 2}, limits{3, 10, 1, 0}, ""},
	} {
		if got := (refill{}).held(test.pool, test.bounds); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	if got := (census{starting: 4, waiting: 5}).dedicatedHeld(bounds); got != messages.HeldLaunchLimit {
		t.Errorf("without a pool: %q", got)
	}
	if got := (census{starting: 3, waiting: 3}).dedicatedHeld(bounds); got != "" {
		t.Errorf("without a pool, when every waiter has its start: %q", got)
	}
}
