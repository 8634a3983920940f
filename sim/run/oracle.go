package run

import (
	"errors"
	"io"
	"math/rand/v2"
	"time"

	"hearth/sim/traffic"
	"hearth/sim/world"
)

// foresight is how far ahead an oracle sees: starts that would take longer are thought to take as long.
const foresight = 10 * time.Minute

// foresee is a run of an oracle's, which knows the future and has each request's task ready just in time: the lower bound of what a pool
// can cost in which everybody finds a task ready. No actors play: it follows from the traffic, the sessions' lengths and the start
// times alone.
func (c Config) foresee() (Result, error) {
	if !c.hasCurve() {
		return Result{}, errors.New("an oracle needs starts that neither hosts nor failures hold back, and a pool")
	}
	standing, err := c.standing(rand.New(rand.NewPCG(c.Seed, standingStream)))
	if err != nil {
		return Result{}, err
	}
	w := world.New(world.Options{Seed: c.Seed})
	defer w.Close()
	source, done, err := c.open(w)
	if err != nil {
		return Result{}, err
	}
	defer done()
	o := &foreseen{config: c, collector: newCollector(c), sessions: w.Stream("sessions"), starts: w.Stream("curve")}
	o.collector.levels.tasks = len(standing)
	o.collector.begin(0)
	r := &o.collector.result
	r.PoolWasFull, r.SessionsAtBegin, r.PeakTasks = true, len(standing), len(standing)
	for _, left := range standing {
		o.changes.push(left, change{tasks: -1})
	}
	end := c.Duration
	for {
		arrival, err := source.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return Result{}, err
		}
		o.arrive(arrival)
		end = max(end, arrival.At)
	}
	o.until(end)
	o.collector.close(end)
	result := o.collector.finish()
	none := 0.0
	result.Name, result.Seed, result.Config, result.MonthlyRegret = c.Name, c.Seed, c.echo(), &none
	return result, nil
}

// change is one of how many tasks there are, and of how many of them start.
type change struct{ tasks, starting int }

// foreseen is an oracle's run.
type foreseen struct {
	config           Config
	collector        *collector
	sessions, starts *rand.Rand
	changes          soonest[change]
}

// arrive has a request come, and its task be ready.
func (o *foreseen) arrive(a traffic.Arrival) {
	stay := o.config.Session.Draw(o.sessions)
	if a.Stay > 0 {
		stay = a.Stay
	}
	bridge, start := &o.config.Bridge, min(foresight, o.config.drawStart(o.starts))
	ready := drawn(bridge.Workspace, o.starts) + drawn(bridge.Token, o.starts) + drawn(bridge.Agent, o.starts) +
		2*drawn(o.config.Network.BridgeDelay, o.starts)
	o.changes.push(max(0, a.At-start), change{tasks: 1, starting: 1})
	o.changes.push(a.At, change{starting: -1})
	o.changes.push(a.At+ready+stay, change{tasks: -1})
	r := &o.collector.result
	r.Requests, r.Hits, r.Paths.Instant, r.Starts = r.Requests+1, r.Hits+1, r.Paths.Instant+1, r.Starts+1
	o.collector.over(&request{at: a.At}, true)
	o.collector.ready.add(ready)
	o.until(a.At - foresight) // no later request changes what was before
}

// until has everything happen up to a time.
func (o *foreseen) until(end time.Duration) {
	for o.changes.first() <= end {
		at := o.changes.first()
		change := o.changes.pop()
		o.collector.tasks(at, change.tasks)
		o.collector.levels.starting += change.starting
	}
}
