package run

import (
	"math/rand/v2"
	"strconv"
	"time"

	"hearth/actors"
	"hearth/messages/wire"
	"hearth/sim/model"
)

const (
	// memory is how many mean session lengths before the traffic sessions may have begun that are under way when it begins.
	// Of exponential ones, one in 500 million is older.
	memory = 20
	// fillPatience is how long the pool may make no headway in filling before the traffic begins all the same.
	fillPatience = 10 * time.Minute
)

// standing is the sessions that are under way when the traffic begins, each as long as it still lasts: those of the time
// before it that are not over. Without them a run would begin on empty hosts, and be too cheap for the length of a session.
func (c Config) standing(random *rand.Rand) ([]time.Duration, error) {
	mean := c.Session.Mean()
	if recorded := c.Traffic.MeanStay(); recorded > 0 {
		mean = recorded
	}
	span := min(memory*mean, longestMemory)
	source, err := c.Traffic.Before(random, span)
	if err != nil {
		return nil, err
	}
	var rest []time.Duration
	for {
		arrival, err := source.Next()
		if err != nil || arrival.At >= span {
			return rest, nil // whatever it is, the traffic itself will say so
		}
		stay := arrival.Stay
		if stay == 0 {
			stay = c.Session.Draw(random)
		}
		if left := arrival.At + stay - span; left > 0 {
			rest = append(rest, left)
		}
	}
}

// longestMemory bounds the time before the traffic.
const longestMemory = 365 * 24 * time.Hour

// fill has the sessions begin that are under way when the traffic does, and waits until the pool is full, as a gateway does
// that takes no traffic before it is ready. Then it opens the traffic.
func (s *simulation) fill(standing []time.Duration) {
	world, levels := s.model.World, &s.collector.levels
	var clients []*model.Client
	most, moved := 0, time.Duration(0)
	for !s.full() || len(clients) < len(standing) {
		// Not more at once than can be started at once, so that none of them gives up.
		for range min(len(standing)-len(clients), s.config.Settings.LaunchConcurrency-levels.waiting) {
			user := wire.UserID("standing-" + strconv.Itoa(len(clients)+1))
			clients = append(clients, s.model.Arrive(model.Visit{User: user}))
			moved = world.Elapsed()
		}
		if progress := levels.ready + levels.tasks; progress > most {
			most, moved = progress, world.Elapsed()
		}
		at, ok := world.NextEvent()
		if !ok || world.Elapsed()-moved > fillPatience {
			break
		}
		world.RunUntil(at)
	}
	if open := world.Elapsed(); (s.config.moves() || s.config.shadowMoves()) && open < leadTime {
		world.Advance(leadTime - open) // so that the policy's hours are the traffic's
	}
	s.begin(clients, standing)
}

// leadTime is how long before its traffic the world of a pool begins whose target moves.
const leadTime = 10 * time.Minute

// moves reports whether the pool's target does.
func (c Config) moves() bool { return c.Settings.WarmPool && c.Settings.Policy != actors.PolicyFixed }

// calendarStart is when a world begins whose traffic begins at this time of the week, of the first whole week of 2025.
func (c Config) calendarStart() time.Time {
	begins, _ := c.Traffic.Describe().Week()
	return time.Date(2025, 1, 6, 0, 0, 0, 0, time.UTC).Add(begins - leadTime)
}

// begin opens the traffic. The sessions under way end when their time is over.
func (s *simulation) begin(clients []*model.Client, standing []time.Duration) {
	world := s.model.World
	r := &s.collector.result
	r.PoolWasFull = s.full()
	for i, client := range clients {
		if !client.Over() {
			r.SessionsAtBegin++
			world.Later(standing[i], client.Leave)
		}
	}
	r.Starts = max(0, r.Starts-len(clients))
	s.collector.begin(world.Elapsed())
}

// full reports whether nobody waits and the pool has its minimum.
func (s *simulation) full() bool {
	l := &s.collector.levels
	return l.waiting == 0 && (!s.config.Settings.WarmPool || l.ready >= s.collector.minimum)
}

// onHostsFor has as many hosts in service at first as the pool and the sessions under way need, within the group's bounds.
func (c *Config) onHostsFor(standing int) {
	if fleet := &c.Cloud.Fleet; fleet.Slots > 0 {
		needed := (c.Settings.Min + standing + fleet.Slots - 1) / fleet.Slots
		if fleet.Provider != nil {
			needed = fleet.Provider.With(needed)
		}
		fleet.Desired = min(max(fleet.Desired, needed), max(fleet.Max, fleet.Desired))
	}
}
