package chaos

import (
	"fmt"
	"io"
	"time"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
	"hearth/sim/model"
	"hearth/sim/world"
)

// storm is one run: a model, what happens to it, and who watches.
type storm struct {
	dice    dice
	weather weather
	model   *model.Model
	oracle  *oracle
	total   int

	// clients are those whose visit is not over; numbers are given to users.
	clients []*model.Client
	users   int

	story    io.Writer
	narrator model.Narrator
	draining bool
	drained  bool
	// kills and deploys count the gateways that were killed and replaced, captures the bridges that were taken over.
	kills, deploys, captures int
	// cuts counts the tasks that nobody reached for a while.
	cuts int
	// delays counts the claims that were put off for their users' failures, agentsFail how often agents failed for everybody.
	delays, agentsFail int
}

func newStorm(d dice, w weather, options Options) *storm {
	s := &storm{dice: d, weather: w, story: options.Story}
	s.oracle = newOracle(s, &w.options)
	o := w.options
	o.Hooks = model.Hooks{
		Event: s.event, Launched: s.oracle.launched, Init: s.oracle.init, Input: s.oracle.input, Agent: s.oracle.agent,
		Client: s.clientFrame, Done: s.oracle.clientDone, Broken: s.oracle.rule,
	}
	o.AfterPick = s.oracle.afterPick
	if w.crashes > 0 {
		o.Wrap = func(p *actors.Ports) { p.Observer = &saboteur{Observer: p.Observer, storm: s} }
	}
	if forecast := o.Settings.Forecast; forecast != nil {
		o.Settings.Forecast = s.oracle.witnessed(forecast)
	}
	if options.Break != nil {
		options.Break(&o)
	}
	for _, weight := range w.weights {
		s.total += weight
	}
	s.model = model.New(o)
	s.narrator.Since = s.model.World.Now()
	return s
}

// saboteur crashes a task's or a session's actor once in a while, in the middle of what it does.
type saboteur struct {
	actors.Observer
	storm *storm
}

// Observe passes the fact on, or panics.
func (s *saboteur) Observe(e messages.Event) {
	s.Observer.Observe(e)
	isPools := e.Census != nil || e.Phase == actors.PoolName
	if isPools || s.storm.oracle.calm || !often(s.storm.dice, s.storm.weather.crashes) {
		return
	}
	s.storm.oracle.sabotaged++
	panic("sabotage")
}

// step is one thing that happens, and some time.
func (s *storm) step() {
	n := s.dice.IntN(s.total)
	for i, weight := range s.weather.weights {
		if n -= weight; n < 0 {
			actions[i].play(s)
			break
		}
	}
	s.pass()
	s.oracle.afterStep()
}

// pass lets some time go by, or a few messages.
func (s *storm) pass() {
	w := s.model.World
	switch s.dice.IntN(8) + s.weather.pause {
	case 0, 1:
	case 2:
		w.Drain(1 + s.dice.IntN(10))
	case 3, 4:
		w.Advance(time.Duration(s.dice.IntN(50)) * ms)
	case 5, 6:
		w.Advance(time.Duration(s.dice.IntN(1000)) * ms)
	case 7, 8:
		w.Advance(time.Duration(s.dice.IntN(10_000)) * ms)
	case 9:
		w.Advance(time.Duration(s.dice.IntN(60)) * second)
	default:
		w.Advance(time.Duration(s.dice.IntN(5)) * minute)
	}
	s.forgetClients()
}

// forgetClients lets go of those whose visit is over.
func (s *storm) forgetClients() {
	present := s.clients[:0]
	for _, c := range s.clients {
		if !c.Over() {
			present = append(present, c)
		}
	}
	clear(s.clients[len(present):])
	s.clients = present
}

// numberOf is the process of the gateway whose actor was picked.
func (s *storm) numberOf(p world.Pick) int {
	if s.model == nil {
		return 1
	}
	return s.model.Number(p.Node)
}

// elapsed is the time since the storm began, also while the model is being made.
func (s *storm) elapsed() time.Duration {
	if s.model == nil {
		return 0
	}
	return s.model.World.Elapsed()
}

// tell adds a line of what was done to the story.
func (s *storm) tell(format string, arguments ...any) {
	if s.story != nil {
		s.print(s.narrator.Line(s.model.World.Now(), "***", "", fmt.Sprintf(format, arguments...)))
	}
}

func (s *storm) print(line string) {
	// The story is for a person or a test's log; a writer that fails has nobody to tell.
	_, _ = fmt.Fprintln(s.story, line)
}

func (s *storm) event(e messages.Event) {
	if s.story != nil {
		s.print(s.narrator.Event(&e))
	}
	s.oracle.event(&e)
}

func (s *storm) clientFrame(c *model.Client, frame wire.Frame) {
	if s.story != nil {
		s.print(s.narrator.Line(s.model.World.Now(), fmt.Sprintf("c%d", c.Number), "is told", s.narrator.Frame(frame)))
	}
	s.oracle.clientFrame(c, frame)
}

func (s *storm) result(seed uint64) Result {
	clients, bridges := s.model.Faults()
	return Result{
		Seed: seed, Steps: s.weather.steps, Broken: s.oracle.broken, Parameters: s.weather.String(), Digest: s.model.Log.Digest(),
		ClientFaults: clients, BridgeFaults: bridges, Kills: s.kills, Deploys: s.deploys, Captures: s.captures, Cuts: s.cuts, Delays: s.delays, AgentsFail: s.agentsFail,
		Clients: s.users, Tasks: s.model.Cloud.Made(), Events: s.model.Log.Count(),
	}
}
