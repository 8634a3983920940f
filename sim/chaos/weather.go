package chaos

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"hearth/actors"
	"hearth/messages/wire"
	"hearth/sim/model"
)

// dice are where a storm's choices come from: a seeded generator, or a property test that shrinks them.
type dice interface {
	// IntN is from 0 to n-1; 0 is the simplest choice.
	IntN(n int) int
}

// weather is what the swarm drew for one storm.
type weather struct {
	options model.Options
	steps   int
	// weights are how often each action is chosen, by its place in actions; 0 is never.
	weights []int
	// pause is how much time goes by between actions, from 0, hardly any, to 3, much.
	pause int
	// crashes is one in how many facts of a task or a session crashes its actor; 0 is none.
	crashes int
}

// some is one of the values.
func some[T any](d dice, values ...T) T { return values[d.IntN(len(values))] }

// often is true once in n.
func often(d dice, n int) bool { return d.IntN(n) == n-1 }

// maybe is the distribution once in n, and nil else.
func maybe(d dice, n int, distribution model.Distribution) model.Distribution {
	if often(d, n) {
		return distribution
	}
	return nil
}

const (
	ms     = time.Millisecond
	second = time.Second
	minute = time.Minute
)

// draw is the swarm: every parameter of a storm, from the dice.
func draw(seed uint64, d dice) weather {
	o := model.Options{Seed: seed, Settings: drawSettings(d)}
	policy := rand.New(rand.NewPCG(seed, policyStream))
	drawPolicy(&o.Settings, policy)
	drawShadow(&o.Settings, policy)
	drawLease(&o.Settings, seed)
	o.Cloud = model.CloudOptions{
		Run:      model.Uniform{Max: some(d, 200*ms, 2*second)},
		Stop:     model.Uniform{Max: some(d, 100*ms, second)},
		Describe: model.Uniform{Max: some(d, 100*ms, second)},
		Boot:     some[model.Distribution](d, model.Fixed(second), model.Exponential(3*second), model.Fixed(0), model.MeasuredRun),
		Dial:     model.Uniform{Max: some(d, 100*ms, second)},
		Visible:  maybe(d, 3, model.Uniform{Max: 3 * second}),
		Pull:     maybe(d, 3, model.Fixed(10*second)),
		Fleet:    drawFleet(d),
		Life:     maybe(d, 4, model.Exponential(some(d, minute, 10*minute))),
		Faults:   drawFaults(d),
	}
	o.Bridge = model.BridgeOptions{
		Workspace: model.Uniform{Max: 20 * ms}, Token: model.Uniform{Max: 10 * ms},
		Agent:        model.Uniform{Max: some(d, 300*ms, 300*ms, 20*second)},
		WrongAddress: some(d, 0, 0, 0.1), Deaf: some(d, 0, 0, 0.1), Stuck: some(d, 0, 0, 0.1), Failing: some(d, 0, 0, 0.2),
		FailCode: some(d, "", wire.InitCodeAgent),
		Buffer:   some(d, 1000, 20, 3), Forget: often(d, 3),
	}
	o.Bridge.Outage = drawOutage(rand.New(rand.NewPCG(seed, outageStream)))
	o.Agent = model.AgentOptions{
		Think:    model.Uniform{Max: some(d, 10*ms, second)},
		Chatter:  maybe(d, 3, model.Exponential(some(d, 300*ms, 5*second))),
		Life:     maybe(d, 4, model.Exponential(minute)),
		Farewell: model.Uniform{Max: some(d, 100*ms, 8*second)},
	}
	o.Network = model.NetworkOptions{
		ClientDelay: model.Uniform{Max: some(d, 5*ms, 300*ms)},
		BridgeDelay: model.Uniform{Max: some(d, ms, 200*ms)},
		Write:       model.Uniform{Max: some(d, ms, 100*ms)},
		ClientDrop:  maybe(d, 3, model.Exponential(20*second)),
		BridgeDrop:  maybe(d, 3, model.Exponential(20*second)),
		Notice:      model.Uniform{Max: some(d, 10*ms, 3*second, 40*second)},
		Twice:       some(d, 0, 0, 0.1),
		Window:      some(d, 0, 200), Outbox: some(d, 0, 2000),
	}
	w := weather{options: o, steps: 20 + d.IntN(100), pause: d.IntN(4), crashes: some(d, 0, 0, 0, 200)}
	for _, a := range actions {
		w.weights = append(w.weights, a.weight*some(d, 1, 1, 0, 3))
	}
	if often(d, 6) {
		w.weights[len(w.weights)-1]++ // this storm drains
	}
	if often(d, 4) {
		w.weights[len(w.weights)-2] += 2 // in this one the gateway is killed now and then
	}
	if often(d, 4) {
		w.weights[len(w.weights)-3] += 2 // and in this one replaced
	}
	w.weights[0] += 2 // without clients there is no storm
	return w
}

func drawFaults(d dice) model.CloudFaults {
	f := model.CloudFaults{CallTimeout: some(d, 3*second, 15*second)}
	if often(d, 2) {
		// Together at most a half: a stop that fails 25 times in a row is given up.
		f.Throttled, f.Unavailable = some(d, 0, 0.1, 0.2), some(d, 0, 0.1, 0.2)
		f.Lost, f.DeadOnArrival = some(d, 0, 0.05, 0.1), some(d, 0, 0.1)
	}
	return f
}

func drawSettings(d dice) actors.Settings {
	s := actors.DefaultSettings()
	s.WarmPool = !often(d, 5)
	s.Min = d.IntN(5)
	s.Max = max(1, s.Min+some(d, 0, 2, 6))
	s.Threshold = max(0, s.Min-1-some(d, 0, 0, 1, 2))
	s.LaunchConcurrency = some(d, 10, 3, 1)
	s.Placement = some(d, actors.PlaceOldest, actors.PlacePack, actors.PlaceSpread)
	s.SweepInterval = some(d, 10*second, 2*second)
	s.ReadyTTL = some(d, 0, time.Hour, minute)
	s.StartTimeout = some(d, 2*minute, 20*second)
	s.IdleTimeout = some(d, 15*minute, minute)
	s.MaxSessions = some(d, 10_000, 10)
	s.MaxSessionsPerUser = some(d, 100, 3)
	s.TaskStartTimeout = some(d, 4*minute, 30*second)
	s.RedialGrace = some(d, 15*second, 3*second)
	return s
}

// String tells the parameters in one line.
func (w *weather) String() string {
	s, c, b := &w.options.Settings, &w.options.Cloud, &w.options.Bridge
	text := fmt.Sprintf("pool=%t %d..%d threshold=%d concurrency=%d policy=%s%v shadow=%v ttl=%v start=%v idle=%v steps=%d pause=%d crashes=%d"+
		" boot=%v fleet={%v} life=%v faults=%+v bridge=%+v agent=%+v network=%+v",
		s.WarmPool, s.Min, s.Max, s.Threshold, s.LaunchConcurrency, s.Policy, s.Schedule, shadowOf(s), s.ReadyTTL,
		s.StartTimeout, s.IdleTimeout, w.steps, w.pause, w.crashes, c.Boot, c.Fleet, c.Life, c.Faults, *b, w.options.Agent, w.options.Network)
	var plays []string
	for i, a := range actions {
		if w.weights[i] > 0 {
			plays = append(plays, fmt.Sprintf("%s*%d", a.name, w.weights[i]))
		}
	}
	return text + " actions=" + strings.Join(plays, ",")
}
