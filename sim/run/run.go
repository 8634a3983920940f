package run

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"time"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
	"hearth/sim/model"
	"hearth/sim/traffic"
	"hearth/sim/world"
)

const (
	// never is an idle timeout that no session reaches: the clients of a capacity run send no data.
	never = 10 * 365 * 24 * time.Hour
	// startPoll is how often a start is looked after whose time is given, or that cannot fail: nothing would come of asking
	// more often.
	startPoll = 30 * time.Second
	// rareSweep is how often the hosts are looked at.
	rareSweep = time.Minute
	// standingStream sets the random numbers of the time before the traffic apart.
	standingStream = 0x7374616e64
	// stretch is how much of the virtual time is played between two looks at how far the run is.
	stretch = 10 * time.Minute
)

// Run plays one configuration. It is deterministic: the same Config gives the same Result on any machine. Its errors are
// the configuration's, the traffic's and the trace's.
func Run(c Config) (Result, error) {
	if err := c.Validate(); err != nil {
		return Result{}, err
	}
	if c.Oracle {
		return c.foresee()
	}
	standing, err := c.standing(rand.New(rand.NewPCG(c.Seed, standingStream)))
	if err != nil {
		return Result{}, err
	}
	c.onHostsFor(len(standing))
	s := newSimulation(c)
	defer s.model.Close()
	source, closeSource, err := c.open(s.model.World)
	if err != nil {
		return Result{}, err
	}
	defer closeSource()
	s.source = source
	s.fill(standing)
	s.play()
	if s.err != nil {
		return Result{}, s.err
	}
	if err := s.model.Log.Flush(); err != nil {
		return Result{}, fmt.Errorf("trace: %w", err)
	}
	result := s.collector.finish()
	result.Name, result.Seed, result.Config = c.Name, c.Seed, c.echo()
	result.Events, result.Digest = s.model.Log.Count(), s.model.Log.Digest()
	return result, nil
}

// open begins the traffic. What it returns second is to be called when it is over.
func (c Config) open(w *world.World) (traffic.Source, func(), error) {
	source, err := c.Traffic.Open(w.Stream("traffic"))
	if err != nil {
		return nil, nil, err
	}
	done := func() {}
	if file, ok := source.(io.Closer); ok {
		done = func() { file.Close() } // it was only read
	}
	if c.Duration > 0 {
		source = traffic.Until(source, c.Duration)
	}
	return source, done, nil
}

// count reads through the traffic: how many requests there are, and how long it lasts.
func (c Config) count() (requests int, length time.Duration, err error) {
	w := world.New(world.Options{Seed: c.Seed})
	defer w.Close()
	source, done, err := c.open(w)
	if err != nil {
		return 0, 0, err
	}
	defer done()
	for {
		arrival, err := source.Next()
		if err == io.EOF {
			return requests, max(length, c.Duration), nil
		}
		if err != nil {
			return 0, 0, err
		}
		requests++
		length = arrival.At
	}
}

// simulation is one run.
type simulation struct {
	config    Config
	model     *model.Model
	collector *collector
	source    traffic.Source
	// sessions and users are the random numbers of the visits.
	sessions, users *rand.Rand
	// last is when the latest request came; err is why the traffic broke off.
	last time.Duration
	err  error
}

func newSimulation(c Config) *simulation {
	s := &simulation{config: c, collector: newCollector(c)}
	options := model.DefaultOptions()
	options.Seed, options.Settings, options.Trace = c.Seed, c.Settings, c.Trace
	options.Settings.IdleTimeout = never
	if c.moves() || c.shadowMoves() {
		options.Start = c.calendarStart()
	}
	if forecast := c.Settings.Forecast; forecast != nil {
		options.Settings.Forecast = newOpened(forecast, s.collector)
	}
	if shadow := c.Settings.Shadow; shadow != nil && shadow.Forecast != nil {
		opened := *shadow
		opened.Forecast = newOpened(shadow.Forecast, s.collector)
		options.Settings.Shadow = &opened
	}
	options.Cloud, options.Bridge, options.Network = c.Cloud, c.Bridge, c.Network
	if c.StartTime != nil {
		options.Settings.HintInterval = never
	}
	if c.StartTime != nil || c.startsAlwaysSucceed() {
		options.Settings.PollInterval = startPoll
	}
	if c.OldWay {
		options.Wrap = func(ports *actors.Ports) { ports.Launcher = newOldWay(ports.Launcher, s) }
	}
	now := func() time.Duration {
		if s.model == nil {
			return 0 // the pool starts while the model is being made
		}
		return s.model.World.Elapsed()
	}
	options.Hooks.Event = func(e messages.Event) { s.collector.observe(now(), &e) }
	options.Hooks.Launched = func(*model.Container) { s.collector.tasks(now(), 1) }
	options.Hooks.Stopped = func(*model.Container) { s.collector.tasks(now(), -1) }
	if fleet := &options.Cloud.Fleet; fleet.Slots > 0 && c.HostSlots > 0 {
		fleet.Slots = c.HostSlots // a grid may have changed it
	}
	// The hosts of a capacity run neither fail nor drain: looking at them as often as in production would only cost time.
	options.Settings.SweepInterval = max(options.Settings.SweepInterval, rareSweep)
	s.model = model.New(options)
	if c.Cloud.Fleet.Slots > 0 {
		s.collector.hosts.cloud = s.model.Cloud
	}
	s.sessions, s.users = s.model.World.Stream("sessions"), s.model.World.Stream("users")
	return s
}

// play has the requests come, and goes on until the traffic is over and the last request is ready or has failed.
func (s *simulation) play() {
	world := s.model.World
	s.model.Feed(s.next)
	for s.err == nil && (!s.collector.closed || len(s.collector.waiting) > 0) {
		if _, ok := world.NextEvent(); !ok {
			break
		}
		world.Advance(stretch)
		if s.config.Progress != nil && s.config.Duration > 0 {
			s.config.Progress(min(1, float64(world.Elapsed()-s.collector.began)/float64(s.config.Duration)))
		}
	}
}

// next is the next request, for the model. After the last it has the count of hours closed at the end of the traffic.
func (s *simulation) next() (model.Arrival, bool) {
	arrival, err := s.source.Next()
	if err != nil {
		if err != io.EOF {
			s.err = err
		}
		end := s.last
		if s.config.Duration > 0 {
			end = s.config.Duration
		}
		s.model.World.At(s.at(end), func() { s.collector.close(s.model.World.Elapsed()) })
		return model.Arrival{}, false
	}
	s.last = arrival.At
	s.collector.result.Requests++
	stay := s.config.Session.Draw(s.sessions)
	if arrival.Stay > 0 {
		stay = arrival.Stay
	}
	return model.Arrival{At: s.collector.began + arrival.At, Visit: model.Visit{
		User: wire.UserID("user-" + strconv.Itoa(1+s.users.IntN(s.config.Users))), Stay: max(1, stay),
	}}, true
}

// at is a time of the traffic in the world's calendar.
func (s *simulation) at(t time.Duration) time.Time {
	world := s.model.World
	return world.Now().Add(s.collector.began + t - world.Elapsed())
}
