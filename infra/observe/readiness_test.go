package observe

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"hearth/messages"
)

// A gateway is ready by the rule that the documents tell.
func TestReadiness(t *testing.T) {
	fact := func(kind messages.EventKind) func(*Observer) {
		return func(o *Observer) { o.Observe(messages.Event{Kind: kind, N: 1, Census: &messages.Census{}}) }
	}
	answered, poolless := (*Observer).Answered, (*Observer).Poolless
	throttled := func(o *Observer) { o.Unanswered("throttled") }
	smaller := func(o *Observer) { o.Observe(messages.Event{Kind: messages.EventResized, N: 0, M: 3}) }
	for name, test := range map[string]struct {
		happens []func(*Observer)
		ready   bool
		says    string
	}{
		"nothing yet":                      {nil, false, "ECS has not answered yet"},
		"ECS is throttled":                 {[]func(*Observer){throttled}, false, "ECS has not answered yet: throttled"},
		"ECS has answered":                 {[]func(*Observer){throttled, answered}, false, "no task has been ready yet"},
		"tasks do not reach the gateway":   {[]func(*Observer){answered, fact(messages.EventNotDialled)}, false, "no task has been ready yet: task runs, but its bridge"},
		"a start fails later":              {[]func(*Observer){answered, fact(messages.EventReady), fact(messages.EventStartFailed)}, true, "ready"},
		"a task is ready":                  {[]func(*Observer){answered, fact(messages.EventReady)}, true, "ready"},
		"ECS is throttled, a session came": {[]func(*Observer){throttled, fact(messages.EventAdopted)}, true, "ready; ECS has not answered yet: throttled"},
		"no pool":                          {[]func(*Observer){poolless, answered}, true, "ready"},
		"no pool, and ECS is throttled":    {[]func(*Observer){poolless, throttled}, false, "throttled"},
		"the pool's minimum becomes 0":     {[]func(*Observer){answered, smaller}, true, "ready"},
		"tasks ran already":                {[]func(*Observer){answered, fact(messages.EventListed)}, true, "ready"},
		"draining":                         {[]func(*Observer){answered, fact(messages.EventReady), fact(messages.EventDraining)}, false, "draining"},
	} {
		o := New(zerolog.Nop(), prometheus.NewRegistry())
		for _, happens := range test.happens {
			happens(o)
		}
		if ready, says := o.Ready(); ready != test.ready || !strings.Contains(says, test.says) {
			t.Errorf("%s: %v, %q", name, ready, says)
		}
	}
}
