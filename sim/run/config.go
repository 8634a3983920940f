// Package run plays one configuration of the gateway in virtual time and draws up what came of it: how many requests found
// a task ready, how long the others waited, and what it cost. The actors are those of production, unchanged; everything
// around them is sim/model.
package run

import (
	"errors"
	"fmt"
	"io"
	"time"

	"hearth/actors"
	"hearth/sim/model"
	"hearth/sim/traffic"
)

// Config is one configuration. DefaultConfig makes one that Run takes as it is, but for the traffic.
type Config struct {
	// Name is shown where runs stand side by side.
	Name string
	Seed uint64
	// Traffic is the arrivals. A run opens it once with random numbers of its own, and closes what it can.
	Traffic traffic.Load
	// Duration ends the traffic; 0 leaves that to its source, which must end then.
	Duration time.Duration
	// Session is how long a session lasts from when it is ready.
	Session model.Distribution
	// Settings are the actors' own.
	Settings actors.Settings
	// SLO is the share of sessions for which the pool's target is to follow the demand, when Follows has set it; 0 when it does not.
	SLO float64
	// StartTime is the whole time from the decision to start a task until it is ready, when StartTakes has set it; nil when
	// it comes of Cloud's parts.
	StartTime model.Distribution
	// Cloud, Bridge and Network are the rest of the world.
	Cloud   model.CloudOptions
	Bridge  model.BridgeOptions
	Network model.NetworkOptions
	// OldWay has each start make a user's own access point and register a task definition first; see oldWay.
	OldWay bool
	// Oracle has no actors play, but somebody who knows the future: the lower bound of what a pool costs.
	Oracle bool
	// Users is how many there are; a request is from any of them alike.
	Users int
	// HostSlots is how many tasks a host takes; 0 is without bound. It only counts host-hours: Cloud.Fleet has hosts that
	// run out of room, and counts their hours itself.
	HostSlots int
	Prices    Prices
	// Objective is what the share of requests in time is counted for; the zero Objective is that they find a task ready.
	Objective Objective

	// Trace gets the log as JSON lines; nil for none.
	Trace io.Writer
	// Missed is told of each request that found no task ready, once it is over; nil for nobody.
	Missed func(Miss)
	// Progress is told now and then which share of the run is done; nil for nobody. It may be called from any goroutine.
	Progress func(share float64)
}

// unlimited is more than any simulation reaches: the maximum and the launch concurrency where there is none.
const unlimited = 1 << 30

// Unlimited is the pool's maximum that stands for none.
const Unlimited = unlimited

// patience is the start timeout where failures play no part. It is finite because the actors want it to be.
const patience = 365 * 24 * time.Hour

// DefaultConfig is the product's settings in the measured world, without traffic. What bounds sessions is lifted: it is
// tasks that are being counted.
func DefaultConfig() Config {
	o := model.DefaultOptions()
	settings := actors.DefaultSettings()
	settings.MaxSessions, settings.MaxSessionsPerUser, settings.MaxSessionStartsPerSecond = unlimited, unlimited, 0
	return Config{
		Session: model.Exponential(30 * time.Minute), Settings: settings,
		Cloud: o.Cloud, Bridge: o.Bridge, Network: o.Network, Users: 1000, Prices: DefaultPrices(),
	}
}

// StartTakes has a start take d and nothing else matter: calls and sockets take no time and do not fail, and neither
// launches nor patience run out. What is changed after it counts again. Stopping a task takes a moment, which nobody
// waits for, so that its bridge ends before its record does.
func (c *Config) StartTakes(d model.Distribution) {
	c.StartTime = d
	c.Cloud, c.Network = model.CloudOptions{Boot: d, Stop: model.Fixed(100 * time.Millisecond)}, model.NetworkOptions{}
	c.Settings.LaunchConcurrency = unlimited
	c.Settings.StartTimeout, c.Settings.TaskStartTimeout = patience, patience
}

// Follows has the pool's target follow the demand as a forecast sees it, so that a share of sessions finds a task ready.
func (c *Config) Follows(slo float64, forecast func(time.Time) actors.Forecast) {
	c.SLO, c.Settings.Policy, c.Settings.Schedule, c.Settings.Forecast = slo, actors.PolicySLO, nil, forecast
}

// Fixes has the pool's target be its minimum.
func (c *Config) Fixes() {
	c.SLO, c.Settings.Policy, c.Settings.Schedule, c.Settings.Forecast = 0, actors.PolicyFixed, nil, nil
}

// startsAlwaysSucceed reports that no start can fail or be lost, so that asking ECS about one tells nothing.
func (c Config) startsAlwaysSucceed() bool {
	f := &c.Cloud.Faults
	return f.Throttled+f.Unavailable+f.Lost+f.DeadOnArrival+c.Bridge.WrongAddress == 0 && len(f.DeniedOps) == 0 &&
		c.Cloud.Life == nil && c.Cloud.Fleet.Slots == 0
}

// Validate says what makes no sense.
func (c Config) Validate() error {
	switch {
	case c.Traffic == nil:
		return errors.New("there is no traffic")
	case c.Duration < 0:
		return fmt.Errorf("duration %v must not be negative", c.Duration)
	case c.Users < 1:
		return fmt.Errorf("%d users must be at least 1", c.Users)
	case c.HostSlots < 0:
		return fmt.Errorf("%d slots a host must be at least 1", c.HostSlots)
	}
	return errors.Join(c.Settings.Validate(), c.Prices.validate())
}

// slots is how many tasks share a host for the count of host-hours.
func (c Config) slots() int {
	if c.HostSlots > 0 {
		return c.HostSlots
	}
	return c.Prices.TasksPerHost
}

// Echo is a configuration as a result shows it: what the result is of.
type Echo struct {
	Traffic traffic.Description `json:"traffic"`
	// OfPeriod is the mean rate in the time that was played as a share of the traffic's over its whole period; 1 for traffic
	// that has no period.
	OfPeriod           float64 `json:"rateOfPeriod"`
	PoolMin            int     `json:"poolMin"`
	PoolMax            *int    `json:"poolMax"`
	ReplenishThreshold int     `json:"replenishThreshold"`
	// LaunchConcurrency is null where there is no launch limit.
	LaunchConcurrency *int `json:"launchConcurrency"`
	WarmPool          bool `json:"warmPool"`
	// Policy is what the pool's target follows; PoolMin is a floor under it. SLO is what the policy slo is to keep.
	Policy    actors.Policy `json:"policy"`
	SLO       float64       `json:"slo,omitempty"`
	StartTime string        `json:"startTime"`
	Session   string        `json:"session"`
	HostSlots *int          `json:"hostSlots"`
	// Hosts and HostsMax are null where the world has none.
	Hosts    *int `json:"hosts"`
	HostsMax *int `json:"hostsMax"`
	// The time-outs are in seconds.
	ReadyTTL         float64 `json:"readyTtlSeconds"`
	StartTimeout     float64 `json:"startTimeoutSeconds"`
	TaskStartTimeout float64 `json:"taskStartTimeoutSeconds"`
	Users            int     `json:"users"`
	Prices           Prices  `json:"prices"`
}

func (c Config) echo() Echo {
	s := &c.Settings
	echo := Echo{
		Traffic: c.Traffic.Describe(), PoolMin: s.Min, ReplenishThreshold: s.Threshold, WarmPool: s.WarmPool,
		Policy: s.Policy, SLO: c.SLO,
		StartTime: "modelled", Session: c.Session.String(), Users: c.Users, Prices: c.Prices,
		ReadyTTL: s.ReadyTTL.Seconds(), StartTimeout: s.StartTimeout.Seconds(), TaskStartTimeout: s.TaskStartTimeout.Seconds(),
	}
	if echo.OfPeriod = 1; c.Duration > 0 {
		if made, ok := c.Traffic.(traffic.Synthetic); ok {
			echo.OfPeriod = rounded(made.Share(c.Duration), 1e3)
		}
	}
	if column := echo.Traffic.SessionColumn; column != "" {
		echo.Session = "recorded in " + column
	}
	if s.Max < unlimited {
		echo.PoolMax = &s.Max
	}
	if s.LaunchConcurrency < unlimited {
		echo.LaunchConcurrency = &s.LaunchConcurrency
	}
	if c.HostSlots > 0 {
		echo.HostSlots = &c.HostSlots
	}
	if fleet := &c.Cloud.Fleet; fleet.Slots > 0 {
		echo.Hosts, echo.HostsMax = &fleet.Min, &fleet.Max
	}
	if c.StartTime != nil {
		echo.StartTime = c.StartTime.String()
	}
	return echo
}

// minimum is the pool's, which is none when it is off.
func (e Echo) minimum() int {
	if !e.WarmPool {
		return 0
	}
	return e.PoolMin
}
