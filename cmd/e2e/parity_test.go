package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hearth/infra/gateway"
	"hearth/messages"
	"hearth/messages/wire"
	"hearth/sim/model"
)

// stage is one of the two worlds that the same script is played in.
type stage interface {
	// arrive has a client come, leave has it end its visit.
	arrive(name string)
	leave(name string)
	resize(minimum, maximum int)
	// until goes on until the decisions so far satisfy so.
	until(what string, so func(decisions) bool)
}

// decisions is what the pool has decided, in order, and how the pool stands after the last of it. Tasks are left
// out, because which of two that start together is up first is luck; sessions are numbered as they came.
type decisions struct {
	lines    []string
	sessions map[wire.SessionID]int
	pool     messages.Census
}

// decided are the facts that are decisions.
var decided = []messages.EventKind{
	messages.EventStarting, messages.EventReady, messages.EventSessionBegun, messages.EventWaiting, messages.EventClaimed,
	messages.EventLeft, messages.EventEvicted, messages.EventReleased, messages.EventResized,
}

func (d *decisions) note(e messages.Event) {
	if e.Census != nil {
		d.pool = *e.Census
	}
	if !slices.Contains(decided, e.Kind) {
		return
	}
	line := string(e.Kind)
	if e.Session != "" {
		if d.sessions == nil {
			d.sessions = map[wire.SessionID]int{}
		}
		if d.sessions[e.Session] == 0 {
			d.sessions[e.Session] = len(d.sessions) + 1
		}
		line += fmt.Sprintf(" session %d", d.sessions[e.Session])
	}
	c := e.Census
	d.lines = append(d.lines, strings.TrimSpace(fmt.Sprintf("%s %s %s [%d ready %d starting %d assigned %d waiting]",
		line, e.Path, e.Why, c.Ready, c.Starting, c.Assigned, c.Waiting)))
}

func (d *decisions) count(kind messages.EventKind) (n int) {
	for _, line := range d.lines {
		if strings.HasPrefix(line, string(kind)+" ") {
			n++
		}
	}
	return n
}

// play is the script: warm claims, a drained pool with a queue, late binding, a leave, an eviction, one who gives up.
func play(s stage) {
	claims := func(n int) func(decisions) bool {
		return func(d decisions) bool { return d.count(messages.EventClaimed) == n }
	}
	s.until("the pool is filled", func(d decisions) bool { return d.pool.Ready == 2 })
	s.arrive("ann")
	s.until("ann has a task", claims(1))
	s.arrive("bob")
	s.until("bob has a task", claims(2))
	for i, name := range []string{"cid", "dan", "eve"} {
		s.arrive(name)
		s.until(name+" waits", func(d decisions) bool { return d.count(messages.EventWaiting) == i+1 })
	}
	s.until("all have tasks and the pool is filled", func(d decisions) bool {
		return d.pool.Assigned == 5 && d.pool.Ready == 2 && d.pool.Starting == 0
	})
	s.leave("dan")
	s.until("dan's task is released", func(d decisions) bool { return d.count(messages.EventReleased) == 1 })
	s.resize(0, 1)
	s.until("a task too many is gone", func(d decisions) bool { return d.count(messages.EventEvicted) == 1 })
	s.arrive("fay")
	s.until("fay has a task", claims(6))
	s.arrive("gus")
	s.until("gus waits", func(d decisions) bool { return d.count(messages.EventWaiting) == 4 })
	s.leave("gus")
	s.until("gus has left", func(d decisions) bool { return d.count(messages.EventLeft) == 1 })
}

// startTime is how long a task takes to start in both worlds: long against everything that the script does meanwhile.
const startTime = 3 * time.Second

// realStage is the gateway with the local backend, real bridges and real sockets.
type realStage struct {
	site  *site
	users map[string]*user

	mu      sync.Mutex
	decided decisions
}

func (r *realStage) watch(e messages.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.decided.note(e)
}

func (r *realStage) arrive(name string) { r.users[name] = r.site.visit(name) }
func (r *realStage) leave(name string)  { r.users[name].leaves() }

func (r *realStage) resize(minimum, maximum int) {
	r.site.must("POST", "/api/pool", fmt.Sprintf(`{"min":%d,"max":%d}`, minimum, maximum))
}

func (r *realStage) until(what string, so func(decisions) bool) {
	r.site.t.Helper()
	eventuallyWithin(r.site.t, time.Minute, what, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return so(r.decided)
	})
}

// simulatedStage is the same actors in the simulated world.
type simulatedStage struct {
	t       testing.TB
	model   *model.Model
	clients map[string]*model.Client
	decided *decisions
}

func (s *simulatedStage) arrive(name string) {
	s.clients[name] = s.model.Arrive(model.Visit{User: wire.UserID(name), Acks: true, Numbers: true})
}

func (s *simulatedStage) leave(name string) { s.clients[name].Send(wire.Close{}) }

func (s *simulatedStage) resize(minimum, maximum int) {
	s.model.Ask(&messages.Resize{Min: minimum, Max: maximum}, func(any) {})
}

func (s *simulatedStage) until(what string, so func(decisions) bool) {
	s.t.Helper()
	for range 100_000 {
		if so(*s.decided) {
			return
		}
		s.model.World.Advance(time.Millisecond)
	}
	s.t.Fatalf("simulated: not within 100 s: %s", what)
}

// The same script, played to the real gateway and to the simulator, leads to the same decisions in the same order.
func TestParity(t *testing.T) {
	live := &realStage{users: map[string]*user{}}
	options := model.DefaultOptions()
	live.site = openSite(t, func(c *gateway.Config) {
		c.Actors.Min, c.Actors.Max, c.Actors.Threshold = 2, 3, 1
		c.Local.StartDelay = startTime
		c.Watch = live.watch
		options.Settings = c.Actors
	})
	play(live)

	simulated := &simulatedStage{t: t, clients: map[string]*model.Client{}, decided: &decisions{}}
	options.Settings.WorkspaceRoot = "/workspaces"
	options.StartTakes(model.Fixed(startTime))
	options.Hooks.Event = simulated.decided.note
	simulated.model = model.New(options)
	defer simulated.model.Close()
	play(simulated)

	live.mu.Lock()
	defer live.mu.Unlock()
	if got, want := live.decided.lines, simulated.decided.lines; !slices.Equal(got, want) {
		t.Errorf("the gateway decided\n  %s\nthe simulator\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}
