package run

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"hearth/actors"
	"hearth/messages/wire"
	"hearth/sim/model"
)

// Crowd is a great many users who come within moments to several gateways. DefaultCrowd makes one that RunCrowd takes as it is.
type Crowd struct {
	Seed uint64
	// Sessions is how many users come, within a time, each once and for good.
	Sessions int
	Within   time.Duration
	// Gateways share them out. Ready is how many tasks stand ready before, at all gateways together.
	Gateways, Ready int
	// Rates are ECS's, and what each gateway holds itself to.
	Rates model.Rates
	// LaunchConcurrency is how many tasks each gateway has starting at once.
	LaunchConcurrency int
	Prices            Prices
}

// DefaultCrowd is ten thousand users for ten gateways as they are delivered, on an account as AWS makes it.
func DefaultCrowd() Crowd {
	return Crowd{
		Seed: 1, Sessions: 10_000, Within: time.Second, Gateways: 10, Rates: model.AWSRates,
		LaunchConcurrency: actors.DefaultSettings().LaunchConcurrency, Prices: DefaultPrices(),
	}
}

// Bound is what bounds how fast a crowd is served.
type Bound string

// The bounds.
const (
	// BoundNone: everyone found a task ready.
	BoundNone Bound = "nothing: all found a task ready"
	// BoundAccount: the account's rate of starts.
	BoundAccount Bound = "ECS's rate of starts and stops for the account"
	// BoundGateway: the rate of starts that each gateway holds itself to.
	BoundGateway Bound = "the rate of starts that each gateway holds itself to"
	// BoundConcurrency: how many tasks each gateway has starting at once.
	BoundConcurrency Bound = "LAUNCH_CONCURRENCY"
)

// CrowdResult is what came of a crowd. Times are in seconds, from a user's connect to ready.
type CrowdResult struct {
	Sessions int `json:"sessions"`
	Gateways int `json:"gateways"`
	Ready    int `json:"readyBefore"`
	// FillSeconds is how long it took to have these tasks ready.
	FillSeconds float64 `json:"fillSeconds"`
	// Warm is how many were given one of them.
	Warm int     `json:"warm"`
	P50  float64 `json:"p50Seconds"`
	P99  float64 `json:"p99Seconds"`
	// All is from the first connect until the last was ready.
	All float64 `json:"allServedSeconds"`
	// InTime is the share of those who were served within the gateway's own start timeout, which a crowd is not held to.
	InTime float64 `json:"servedWithinStartTimeout"`
	Bound  Bound   `json:"bound"`
	// Starts is how many tasks a second the bound allows, 0 for any number; Throttled how many calls ECS refused.
	Starts    float64 `json:"startsPerSecond"`
	Throttled int     `json:"callsThrottled"`
	// Cost is that of all tasks from the first connect until all were served, Hourly that of an hour with all sessions, and
	// Standby that of an hour of the tasks that stood ready.
	Cost    float64 `json:"cost"`
	Hourly  float64 `json:"costOfAnHourOfAll"`
	Standby float64 `json:"costOfAnHourOfReady"`
}

// Validate says what makes no sense.
func (c Crowd) Validate() error {
	switch {
	case c.Sessions < 1 || c.Gateways < 1 || c.LaunchConcurrency < 1:
		return errors.New("sessions, gateways and launch concurrency must be at least 1")
	case c.Ready < 0 || c.Within < 0:
		return errors.New("ready tasks and the time within which users come must not be negative")
	case c.Rates.Account.PerSecond < 0 || c.Rates.Gateway.PerSecond < 0:
		return errors.New("rates must not be negative")
	}
	return c.Prices.validate()
}

// RunCrowd fills the pools, has the users come, and goes on until all are served. The same Crowd gives the same result.
func RunCrowd(c Crowd) (CrowdResult, error) {
	if err := c.Validate(); err != nil {
		return CrowdResult{}, err
	}
	o := c.options()
	m := model.New(o)
	defer m.Close()
	r := CrowdResult{Sessions: c.Sessions, Gateways: c.Gateways, Ready: o.Settings.Min * c.Gateways}
	if err := c.fill(m, r.Ready); err != nil {
		return r, err
	}
	r.FillSeconds = rounded(m.World.Elapsed().Seconds(), 10)
	throttled := m.Cloud.Throttled()
	clients := c.come(m)
	began := m.World.Now()
	taskSeconds, err := c.serve(m, clients)
	if err != nil {
		return r, err
	}
	r.Throttled = m.Cloud.Throttled() - throttled
	c.summarise(&r, clients, began)
	r.Cost = c.cost(taskSeconds)
	r.Hourly, r.Standby = c.cost(float64(c.Sessions)*3600), c.cost(float64(r.Ready)*3600)
	return r, nil
}

// options are the measured world with bounds lifted that are not what is asked about: nobody gives up, and there is room for all.
func (c Crowd) options() model.Options {
	o := model.DefaultOptions()
	o.Seed, o.Gateways, o.Cloud.Rates = c.Seed, c.Gateways, c.Rates
	s := &o.Settings
	s.Min = (c.Ready + c.Gateways - 1) / c.Gateways
	s.Max, s.Threshold, s.LaunchConcurrency = unlimited, max(0, s.Min-1), c.LaunchConcurrency
	s.MaxSessions, s.MaxSessionsPerUser, s.MaxSessionStartsPerSecond = unlimited, unlimited, 0
	s.IdleTimeout, s.HintInterval, s.ReadyTTL = never, never, 0
	s.StartTimeout, s.TaskStartTimeout = patience, patience
	s.PollInterval = startPoll
	return o
}

// crowdStep is how often a run looks whether it is over; crowdBound is how long it may last.
const (
	crowdStep  = 100 * time.Millisecond
	crowdBound = 30 * 24 * time.Hour
)

// fill lets time pass until so many tasks run with their bridges ready.
func (c Crowd) fill(m *model.Model, ready int) error {
	for m.Links() < ready {
		if m.World.Elapsed() > crowdBound {
			return fmt.Errorf("the pools are not full after %v", crowdBound)
		}
		m.World.Advance(crowdStep)
	}
	m.World.Advance(crowdStep)
	return nil
}

// come has the users come evenly within their time, from now on. They are in the order in which they come.
func (c Crowd) come(m *model.Model) []*model.Client {
	clients := make([]*model.Client, 0, c.Sessions)
	for i := range c.Sessions {
		m.World.Advance(c.Within*time.Duration(i+1)/time.Duration(c.Sessions) - c.Within*time.Duration(i)/time.Duration(c.Sessions))
		clients = append(clients, m.Arrive(model.Visit{User: wire.UserID("user-" + strconv.Itoa(i+1))}))
	}
	return clients
}

// serve lets time pass until all are ready, and gives the time that tasks were there meanwhile, in seconds, added up.
func (c Crowd) serve(m *model.Model, clients []*model.Client) (taskSeconds float64, err error) {
	began := m.World.Elapsed()
	for left := clients; len(left) > 0; {
		if m.World.Elapsed()-began > crowdBound {
			return 0, fmt.Errorf("%d of %d are not served after %v", len(left), len(clients), crowdBound)
		}
		m.World.Advance(crowdStep)
		taskSeconds += float64(m.Cloud.Live()) * crowdStep.Seconds()
		for len(left) > 0 && !left[0].ReadyAt.IsZero() {
			left = left[1:]
		}
	}
	return taskSeconds, nil
}

// summarise draws up the times, and which bound they come of.
func (c Crowd) summarise(r *CrowdResult, clients []*model.Client, began time.Time) {
	var waits []time.Duration
	first, last := clients[0].Arrived, began
	inTime, bound := 0, actors.DefaultSettings().StartTimeout
	for _, each := range clients {
		wait := each.ReadyAt.Sub(each.Arrived)
		waits = append(waits, wait)
		if wait <= bound {
			inTime++
		}
		if each.Ready.Path == wire.PathWarm && each.Ready.Why == "" {
			r.Warm++
		}
		if each.ReadyAt.After(last) {
			last = each.ReadyAt
		}
	}
	slices.Sort(waits)
	at := func(share float64) float64 {
		return rounded(waits[min(len(waits)-1, int(share*float64(len(waits))))].Seconds(), 1e3)
	}
	r.P50, r.P99, r.All = at(0.5), at(0.99), rounded(last.Sub(first).Seconds(), 10)
	r.InTime = rounded(float64(inTime)/float64(len(clients)), 1e4)
	r.Bound, r.Starts = c.bound(r)
}

// bound is the least of what bounds starts, and how many a second it allows.
func (c Crowd) bound(r *CrowdResult) (Bound, float64) {
	if r.Warm == r.Sessions {
		return BoundNone, 0
	}
	start := (model.MeasuredRunCall.Mean() + model.MeasuredRun.Mean() + model.MeasuredDial.Mean()).Seconds()
	bound, least := BoundConcurrency, float64(c.Gateways*c.LaunchConcurrency)/start
	for _, each := range []struct {
		bound Bound
		rate  float64
	}{{BoundAccount, c.Rates.Account.PerSecond}, {BoundGateway, c.Rates.Gateway.PerSecond * float64(c.Gateways)}} {
		if each.rate > 0 && each.rate < least {
			bound, least = each.bound, each.rate
		}
	}
	return bound, rounded(least, 10)
}

// cost is that of tasks, on hosts that are full.
func (c Crowd) cost(taskSeconds float64) float64 {
	hours := taskSeconds / 3600
	return rounded(c.Prices.cost(hours, hours/float64(c.Prices.TasksPerHost), 0), 1e2)
}
