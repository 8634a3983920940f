package observe

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"hearth/messages"
	"hearth/messages/wire"
)

// A gateway is ready by the rule that the documents tell.
func TestReadiness(t *testing.T) {
	fact := func(kind messages.EventKind) func(*Observer) {
		return func(o *Observer) { o.Observe(messages.Event{Kind: kind, N: 1, Census: &messages.Census{}}) }
	}
	at := func(ago time.Duration, e messages.Event) func(*Observer) {
		return func(o *Observer) {
			e.At, e.N = time.Now().Add(-ago), max(1, e.N)
			o.Observe(e)
		}
	}
	failing := func(ago time.Duration) func(*Observer) {
		return at(ago, messages.Event{Kind: messages.EventAgentsFail, Reason: "exec: no such file", Census: &messages.Census{}})
	}
	ready := func(took time.Duration) func(*Observer) {
		return at(0, messages.Event{Kind: messages.EventReady, Took: took, Census: &messages.Census{}})
	}
	crash := func(user wire.UserID) func(*Observer) {
		return at(0, messages.Event{Kind: messages.EventAgentEnded, User: user, Exit: "3", Reason: "at once"})
	}
	rehearsed := func(row, ready int) func(*Observer) {
		return at(0, messages.Event{
			Kind: messages.EventStartFailed, Failure: messages.FailedAgent, Reason: "exec: permission denied", N: row, Census: &messages.Census{Ready: ready},
		})
	}
	answered, poolless := (*Observer).Answered, (*Observer).Poolless
	throttled := func(o *Observer) { o.Unanswered("throttled") }
	smaller := func(o *Observer) { o.Observe(messages.Event{Kind: messages.EventResized, N: 0, M: 3}) }
	for name, test := range map[string]struct {
		happens []func(*Observer)
		ready   bool
		says    string
	}{
		"nothing yet":                           {nil, false, "ECS has not answered yet"},
		"ECS is throttled":                      {[]func(*Observer){throttled}, false, "ECS has not answered yet: throttled"},
		"ECS has answered":                      {[]func(*Observer){throttled, answered}, false, "no task has been ready yet"},
		"tasks do not reach the gateway":        {[]func(*Observer){answered, fact(messages.EventNotDialled)}, false, "no task has been ready yet: task runs, but its bridge"},
		"a start fails later":                   {[]func(*Observer){answered, fact(messages.EventReady), fact(messages.EventStartFailed)}, true, "ready"},
		"a task is ready":                       {[]func(*Observer){answered, fact(messages.EventReady)}, true, "ready"},
		"ECS is throttled, a session came":      {[]func(*Observer){throttled, fact(messages.EventAdopted)}, true, "ready; ECS has not answered yet: throttled"},
		"no pool":                               {[]func(*Observer){poolless, answered}, true, "ready"},
		"no pool, and ECS is throttled":         {[]func(*Observer){poolless, throttled}, false, "throttled"},
		"the pool's minimum becomes 0":          {[]func(*Observer){answered, smaller}, true, "ready"},
		"tasks ran already":                     {[]func(*Observer){answered, fact(messages.EventListed)}, true, "ready"},
		"agents fail, one user after the other": {[]func(*Observer){answered, fact(messages.EventReady), failing(0)}, false, "agents cannot be started: exec: no such file"},
		"an agent has started again":            {[]func(*Observer){answered, fact(messages.EventReady), failing(0), fact(messages.EventAgentsStart)}, true, "ready"},
		"a task from before is ready":           {[]func(*Observer){answered, failing(0), ready(time.Hour)}, false, "agents cannot be started"},
		"a task that was started since is":      {[]func(*Observer){answered, failing(2 * time.Second), ready(time.Second)}, true, "ready; agents cannot be started: exec: no such file"},
		"the next one fails again":              {[]func(*Observer){answered, failing(2 * time.Second), ready(time.Second), failing(0)}, false, "agents cannot be started"},
		"agents failed a while ago":             {[]func(*Observer){answered, fact(messages.EventReady), failing(2 * failingFor)}, true, "ready; agents cannot be started"},
		"no bridge can start its agent":         {[]func(*Observer){answered, fact(messages.EventReady), rehearsed(failingRow, 0)}, false, "agents cannot be started: exec: permission denied"},
		"but there are tasks that could":        {[]func(*Observer){answered, fact(messages.EventReady), rehearsed(failingRow, 1)}, true, "ready"},
		"one bridge could not":                  {[]func(*Observer){answered, fact(messages.EventReady), rehearsed(1, 0)}, true, "ready"},
		"agents end at once":                    {[]func(*Observer){answered, fact(messages.EventReady), crash("al"), crash("bo"), crash("cy")}, true, "ready; agents end as soon as they have started: exit 3"},
		"agents of one user do":                 {[]func(*Observer){answered, fact(messages.EventReady), crash("al"), crash("al"), crash("al")}, true, "ready; agents of one user end as soon"},
		"draining":                              {[]func(*Observer){answered, fact(messages.EventReady), fact(messages.EventDraining)}, false, "draining"},
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
