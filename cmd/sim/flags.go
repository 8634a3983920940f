package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"hearth/actors"
	"hearth/actors/demand"
	"hearth/sim/run"
	"hearth/sim/traffic"
)

// syntheticFlags describe traffic that is made up.
type syntheticFlags struct {
	Rate       rate     `default:"5/m" group:"Traffic" help:"Mean requests: 0.1/s, 5/m, 300/h, 7200/d; of diurnal traffic over its week, of flash without the crowd."`
	Traffic    string   `default:"poisson" enum:"poisson,diurnal,flash,bursts" group:"Traffic" help:"Shape: poisson, diurnal (an office's week), flash (one crowd), bursts (on and off)."`
	From       weekTime `default:"mon00:00" group:"Traffic" help:"When in the week diurnal traffic begins, such as mon09:00."`
	Peak       float64  `default:"10" group:"Traffic" help:"How many times the rate the crowd of flash comes at first."`
	PeakAt     span     `default:"1h" group:"Traffic" help:"When the crowd of flash comes."`
	PeakLength span     `default:"10m" group:"Traffic" help:"How long the crowd of flash lasts: it dwindles exponentially with this mean."`
	BurstOn    span     `default:"1m" group:"Traffic" help:"Mean length of the bursts."`
	BurstOff   span     `default:"4m" group:"Traffic" help:"Mean pause between bursts."`
}

// recordingFlags say how a file of arrivals is read.
type recordingFlags struct {
	Column        string  `placeholder:"NAME" group:"Recorded traffic" help:"The file's time column; without it, the one called timestamp or time, in any case, with or without a unit."`
	TimeUnit      string  `enum:",s,ms,us,ns" default:"" placeholder:"UNIT" group:"Recorded traffic" help:"What numbers in that column count: s, ms, us or ns; without it what its name says, or the only one that makes sense."`
	SessionColumn string  `placeholder:"NAME" group:"Recorded traffic" help:"The file's column with the sessions' lengths, such as 30m or numbers; without it they are drawn from --session."`
	SessionUnit   string  `enum:",s,ms,us,ns" default:"" placeholder:"UNIT" group:"Recorded traffic" help:"What numbers in that column count; without it what its name says."`
	Every         int     `default:"1" placeholder:"K" group:"Recorded traffic" help:"Keep only each K-th arrival."`
	TimeScale     float64 `default:"1" placeholder:"X" group:"Recorded traffic" help:"Stretch time: 2 makes the traffic half as dense."`
}

func (f recordingFlags) recording() (traffic.Recording, error) {
	switch {
	case f.Every < 1:
		return traffic.Recording{}, fmt.Errorf("--every %d must be at least 1", f.Every)
	case !(f.TimeScale > 0 && f.TimeScale <= 1e6):
		return traffic.Recording{}, fmt.Errorf("--time-scale %g must be more than 0 and at most a million", f.TimeScale)
	}
	return traffic.Recording{
		Column: f.Column, Unit: f.TimeUnit, Every: f.Every, Stretch: f.TimeScale,
		Sessions: f.SessionColumn, SessionUnit: f.SessionUnit,
	}, nil
}

// sessionFlags describe what is common to all traffic.
type sessionFlags struct {
	Session  sessionLength `default:"30m" placeholder:"DIST" group:"Traffic" help:"How long sessions last: 30m is the mean of an exponential distribution; also fixed:30m, lognormal:MEAN,SIGMA."`
	Duration length        `placeholder:"8h" group:"Traffic" help:"How long the traffic lasts, such as 8h, 7d, 1y. Without it 8h, diurnal traffic a week, and recorded traffic to its end."`
	Users    int           `default:"1000" group:"Traffic" help:"How many users there are; a request is from any of them alike."`
}

// loadFlags are traffic of either kind.
type loadFlags struct {
	syntheticFlags
	Arrivals string `placeholder:"FILE" group:"Recorded traffic" help:"Play the arrivals recorded in this CSV or these JSON lines, plain or gzipped, instead; - for standard input."`
	recordingFlags
	sessionFlags
}

// made is the traffic that the flags describe.
func (f syntheticFlags) made() (traffic.Synthetic, error) {
	made := traffic.Synthetic{
		Shape: traffic.Shape(f.Traffic), Rate: float64(f.Rate), From: time.Duration(f.From),
		Peak: f.Peak, PeakAt: time.Duration(f.PeakAt), PeakLength: time.Duration(f.PeakLength),
		On: time.Duration(f.BurstOn), Off: time.Duration(f.BurstOff),
	}
	if err := made.Validate(); err != nil {
		return made, fmt.Errorf("--traffic %s: %w", f.Traffic, err)
	}
	return made, nil
}

// defaultDuration is how long made-up traffic without a period lasts: the planning figure.
const defaultDuration = 8 * time.Hour

func (f loadFlags) apply(c *run.Config) error {
	if f.Arrivals != "" {
		return f.sessionFlags.recorded(c, f.Arrivals, f.recordingFlags)
	}
	made, err := f.made()
	if err != nil {
		return err
	}
	c.Traffic = made
	f.sessionFlags.apply(c)
	c.Duration = cmp.Or(c.Duration, made.Period(), defaultDuration)
	return nil
}

func (f sessionFlags) apply(c *run.Config) {
	c.Session, c.Duration, c.Users = f.Session.Distribution, time.Duration(f.Duration), f.Users
}

// recorded has the configuration play a file.
func (f sessionFlags) recorded(c *run.Config, path string, flags recordingFlags) error {
	recording, err := flags.recording()
	if err != nil {
		return err
	}
	trace, err := traffic.OpenTrace(path, recording, os.Stdin)
	if err != nil {
		return err
	}
	c.Traffic = trace
	f.apply(c)
	return nil
}

// poolFlags are the pool's policy.
type poolFlags struct {
	PoolMin            int          `default:"${WARM_POOL_MIN_SIZE}" group:"Pool" help:"The pool's minimum size, to which it is refilled."`
	PoolMax            limit        `default:"${WARM_POOL_MAX_SIZE}" group:"Pool" help:"The most tasks that are ready or starting at once; inf for no maximum."`
	ReplenishThreshold *int         `group:"Pool" placeholder:"N" help:"Refill when ready + starting - waiting is at or below this; without it the minimum less one."`
	PoolSchedule       poolSchedule `placeholder:"FILE" group:"Pool" help:"The target follows this schedule, a JSON array of periods as size --schedule writes it and WARM_POOL_SCHEDULE takes it; --pool-min is a floor under it."`
	PoolSLO            poolShare    `name:"pool-slo" placeholder:"SHARE" group:"Pool" help:"The target follows the demand, as with WARM_POOL_POLICY=slo, so that such a share of sessions finds a task ready: 99.9%; --pool-min is a floor under it."`
	PoolTrace          string       `placeholder:"FILE" group:"Pool" help:"Recorded arrivals from which that demand is learned beforehand, as WARM_POOL_TRACE; without it nothing is known at first. sim arrivals makes them up."`
	WarmPool           bool         `default:"true" negatable:"" group:"Pool" help:"Keep a pool at all; --no-warm-pool starts a task for each session."`
}

func (f poolFlags) apply(c *run.Config) error {
	c.Settings.WarmPool = f.WarmPool
	if !f.WarmPool {
		return nil
	}
	c.Settings.Min, c.Settings.Max, c.Settings.Threshold = f.PoolMin, int(f.PoolMax), actors.DefaultThreshold(f.PoolMin)
	if f.ReplenishThreshold != nil {
		c.Settings.Threshold = *f.ReplenishThreshold
	}
	if s := f.PoolSchedule.Schedule; s != nil {
		c.Settings.Policy, c.Settings.Schedule = actors.PolicySchedule, s
	}
	if f.PoolSLO > 0 {
		return f.follow(c)
	}
	return nil
}

// follow has the pool's target follow the demand.
func (f poolFlags) follow(c *run.Config) error {
	objective := cmp.Or(float64(f.PoolSLO), actors.DefaultObjective)
	forecast, err := f.forecast(objective, c)
	if err == nil {
		c.Follows(objective, forecast)
	}
	return err
}

// forecast is one for an objective, which begins with what the recording teaches, if there is one.
func (f poolFlags) forecast(objective float64, c *run.Config) (func(time.Time) actors.Forecast, error) {
	if f.PoolTrace == "" {
		return demand.Policy(objective, c.Settings.StartEstimate, nil), nil
	}
	recorded, err := traffic.OpenTrace(f.PoolTrace, traffic.Recording{Every: 1, Stretch: 1}, os.Stdin)
	if err != nil {
		return nil, fmt.Errorf("--pool-trace: %w", err)
	}
	prior, err := recorded.Teach(objective, c.Settings.StartEstimate)
	if err != nil {
		return nil, fmt.Errorf("--pool-trace: %w", err)
	}
	return demand.Policy(objective, c.Settings.StartEstimate, prior), nil
}

// settingFlags has the settings' own checks, which name them as the gateway does, speak of the simulator's flags.
var settingFlags = strings.NewReplacer(
	"WARM_POOL_MIN_SIZE", "--pool-min", "WARM_POOL_MAX_SIZE", "--pool-max", "WARM_POOL_REPLENISH_THRESHOLD", "--replenish-threshold",
	"WARM_POOL_READY_TTL", "--ready-ttl", "LAUNCH_CONCURRENCY", "--launch-concurrency", "TASK_START_TIMEOUT", "--task-start-timeout",
	"SESSION_START_TIMEOUT", "--start-timeout", "WARM_POOL_SHADOW_MIN_SIZE", "--shadow-min", "WARM_POOL_SHADOW_MAX_SIZE", "--shadow-max",
	"WARM_POOL_SHADOW_SCHEDULE", "--shadow-schedule", "WARM_POOL_SHADOW", "--shadow",
)

// worldFlags describe what is around the gateway. Those without a default keep the measured figures or, with a start time
// given, play no part.
type worldFlags struct {
	StartTime         startTime `placeholder:"DIST" group:"World" help:"The whole time from the decision to start a task until it is ready: 3s, exp:3s, lognormal:MEAN,SIGMA, measured, or file:FILE with a column of them, took_ms or the like. Launch concurrency, API latency, time-outs and failures play no part then unless their own flags say so. Without it a start takes what its measured parts take."`
	LaunchConcurrency *limit    `placeholder:"N" group:"World" help:"The most tasks that are starting at once; inf for any number (${LAUNCH_CONCURRENCY})."`
	APILatency        startTime `name:"api-latency" placeholder:"DIST" group:"World" help:"How long a call to ECS takes (uniform from 150 to 250 ms for RunTask)."`
	APIErrors         float64   `name:"api-errors" placeholder:"P" group:"World" help:"The probability that a call to ECS is throttled (0)."`
	StartFailures     float64   `placeholder:"P" group:"World" help:"The probability that a task stops instead of running (0)."`
	StartTimeout      *span     `placeholder:"${SESSION_START_TIMEOUT}" group:"World" help:"How long a client waits at most for ready (${SESSION_START_TIMEOUT})."`
	TaskStartTimeout  *span     `placeholder:"${TASK_START_TIMEOUT}" group:"World" help:"How long a task may take to start (${TASK_START_TIMEOUT})."`
	ReadyTTL          *span     `name:"ready-ttl" placeholder:"${WARM_POOL_READY_TTL}" group:"World" help:"How long a task may wait to be claimed before it is replaced (${WARM_POOL_READY_TTL}); 0 for ever."`
	HostSlots         limit     `default:"inf" group:"World" help:"How many tasks a host takes; inf has no hosts, and counts host-hours for the prices' tasksPerHost."`
	hostFlags
	Prices string `placeholder:"NAME|FILE" group:"World" help:"A price list that comes with sim (t3.small, t3.large, t3.large-spot, fargate, fargate-spot), or a file: JSON with the prices that differ from t3.small's: hostHour, pausedHostHour, taskHour, tasksPerHost, hoursPerMonth."`
}

func (f worldFlags) apply(c *run.Config) error {
	if f.StartTime.Distribution != nil {
		c.StartTakes(f.StartTime.Distribution)
	}
	if f.LaunchConcurrency != nil {
		c.Settings.LaunchConcurrency = int(*f.LaunchConcurrency)
	}
	if d := f.APILatency.Distribution; d != nil {
		c.Cloud.Run, c.Cloud.Stop, c.Cloud.Describe = d, d, d
	}
	for _, p := range []struct {
		flag  string
		value float64
		to    *float64
	}{
		{"--api-errors", f.APIErrors, &c.Cloud.Faults.Throttled},
		{"--start-failures", f.StartFailures, &c.Cloud.Faults.DeadOnArrival},
	} {
		if !(p.value >= 0 && p.value <= 1) {
			return fmt.Errorf("%s %g must be a probability from 0 to 1", p.flag, p.value)
		}
		*p.to = p.value
	}
	for _, d := range []struct {
		flag  *span
		value *time.Duration
	}{
		{f.StartTimeout, &c.Settings.StartTimeout}, {f.TaskStartTimeout, &c.Settings.TaskStartTimeout},
		{f.ReadyTTL, &c.Settings.ReadyTTL},
	} {
		if d.flag != nil {
			*d.value = time.Duration(*d.flag)
		}
	}
	if f.HostSlots < run.Unlimited {
		c.HostSlots = int(f.HostSlots)
	}
	if err := f.hostFlags.apply(c); err != nil {
		return err
	}
	if f.Prices != "" {
		prices, err := run.LoadPrices(f.Prices)
		if err != nil {
			return fmt.Errorf("--prices: %w", err)
		}
		c.Prices = prices
	}
	return nil
}

// seedFlag is the seed of one run, or the first of several.
type seedFlag struct {
	Seed uint64 `default:"1" help:"The same seed gives the same result, byte for byte."`
}

// seedsFlag is the number of runs that are averaged.
type seedsFlag struct {
	Seeds int `default:"5" help:"How many runs there are, with seeds from --seed on: counts and hours are their sums, times and costs averages."`
}

// maxSeeds bounds a number of seeds.
const maxSeeds = 10_000

func (f seedsFlag) check() error {
	if f.Seeds < 1 || f.Seeds > maxSeeds {
		return fmt.Errorf("--seeds %d must be from 1 to %d", f.Seeds, maxSeeds)
	}
	return nil
}

// applier is a group of flags that has a say in the configuration.
type applier interface{ apply(*run.Config) error }

// configure makes a configuration of flags.
func configure(seed uint64, flags ...applier) (run.Config, error) {
	c := run.DefaultConfig()
	c.Seed = seed
	for _, f := range flags {
		if err := f.apply(&c); err != nil {
			return c, err
		}
	}
	if c.Users < 1 {
		return c, fmt.Errorf("--users %d must be at least 1", c.Users)
	}
	if c.Session == nil || c.Session.Mean() == 0 {
		return c, errors.New("--session must be more than 0")
	}
	if err := c.Validate(); err != nil {
		return c, errors.New(settingFlags.Replace(err.Error()))
	}
	return c, nil
}
