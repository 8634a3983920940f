package run

import (
	"io"
	"math/rand/v2"
	"time"

	"hearth/sim/model"
	"hearth/sim/world"
)

// curve is what every size of a pool would do with one run's traffic, as long as nothing holds its starts back. Then one
// request is one start, whatever the size, and a pool with d tasks more has d more ready, or d waiters fewer, at each moment.
// So it takes no actors to tell: a request that finds k - 1 starts under way finds a task ready in pools of k and more, and
// in one that is smaller by d it takes the d-th task that becomes ready from then on.
type curve struct {
	windows [windows]needs
	hours   *[hoursOfWeek]needs
}

// needs counts requests by the size that a pool must have for them to be in time.
type needs struct {
	requests int
	sizes    []int
}

func (n *needs) add(size int) {
	n.requests++
	for len(n.sizes) <= size {
		n.sizes = append(n.sizes, 0)
	}
	n.sizes[size]++
}

// at is how many requests are in time in a pool of a size.
func (n *needs) at(size int) tally {
	t := tally{all: n.requests}
	for _, count := range n.sizes[:min(size+1, len(n.sizes))] {
		t.good += count
	}
	return t
}

// largest is the size in which every request is in time.
func (c *curve) largest() int {
	largest := 0
	for i := range c.windows {
		largest = max(largest, len(c.windows[i].sizes)-1)
	}
	return largest
}

// hasCurve reports whether nothing but the pool's own limits can hold starts back.
func (c Config) hasCurve() bool { return c.startsAlwaysSucceed() && c.Settings.WarmPool && !c.OldWay }

// curve computes a seed's curve for an objective.
func (c Config) curve(o Objective) (*curve, error) {
	w := world.New(world.Options{Seed: c.Seed})
	defer w.Close()
	source, done, err := c.open(w)
	if err != nil {
		return nil, err
	}
	defer done()
	k := &kernel{
		config: c, objective: o, random: w.Stream("curve"), length: c.length(), hours: newHours(c.Traffic),
		curve: &curve{hours: new([hoursOfWeek]needs)},
	}
	for {
		arrival, err := source.Next()
		if err == io.EOF {
			k.until(endOfTime - 1)
			return k.curve, nil
		}
		if err != nil {
			return nil, err
		}
		k.arrive(arrival.At)
	}
}

// kernel plays the starts of a pool without limits.
type kernel struct {
	config    Config
	objective Objective
	random    *rand.Rand
	length    time.Duration
	hours     *hours
	curve     *curve
	// starts are those under way by when they are ready, of which there have been so many so far. asked are requests by when
	// they have waited for as long as they may.
	starts soonest[struct{}]
	ready  int
	asked  soonest[asking]
}

// asking is a request of which it is not clear yet which size it needed.
type asking struct {
	at time.Duration
	// before is the number of starts under way with its own, ready how many had come to an end.
	before, ready int
}

// arrive has a request come.
func (k *kernel) arrive(at time.Duration) {
	k.until(at)
	r := asking{at: at, before: k.starts.len() + 1, ready: k.ready}
	k.starts.push(at+k.config.drawStart(k.random), struct{}{})
	switch wait := k.objective.allowance(k.config.Bridge, k.random); {
	case wait > 0:
		k.asked.push(at+wait, r)
	case wait < 0:
		k.curve.windows[windowOf(at, k.length)].requests++ // too late in a pool of any size
		k.curve.hours[k.hours.hourOf(at)].requests++
	default:
		k.decide(r)
	}
}

// until has everything happen up to a time.
func (k *kernel) until(end time.Duration) {
	for {
		ready, due := k.starts.first(), k.asked.first()
		switch {
		case ready <= min(due, end):
			k.starts.pop()
			k.ready++
		case due <= end:
			k.decide(k.asked.pop())
		default:
			return
		}
	}
}

// decide counts a request by the size with which it would have had its task by now.
func (k *kernel) decide(r asking) {
	size := max(0, r.before-(k.ready-r.ready))
	k.curve.windows[windowOf(r.at, k.length)].add(size)
	k.curve.hours[k.hours.hourOf(r.at)].add(size)
}

// windowOf is the window of a time within traffic of a length.
func windowOf(at, length time.Duration) int {
	if length <= 0 {
		return 0
	}
	return max(0, min(windows-1, int(float64(at)/float64(length)*windows)))
}

// length is how long the traffic lasts, as far as that is known before.
func (c Config) length() time.Duration {
	if c.Duration > 0 {
		return c.Duration
	}
	return c.Traffic.Length()
}

// drawStart draws the time from the decision to start a task until it is ready. A start is carried out in the middle of its
// call.
func (c Config) drawStart(random *rand.Rand) time.Duration {
	return drawn(c.Cloud.Run, random)/2 + drawn(c.Cloud.Boot, random) + drawn(c.Cloud.Dial, random) +
		drawn(c.Network.BridgeDelay, random)
}

// meanStart is the mean of drawStart.
func (c Config) meanStart() time.Duration {
	mean := func(d model.Distribution) time.Duration {
		if d == nil {
			return 0
		}
		return d.Mean()
	}
	return mean(c.Cloud.Run)/2 + mean(c.Cloud.Boot) + mean(c.Cloud.Dial) + mean(c.Network.BridgeDelay)
}

func drawn(d model.Distribution, random *rand.Rand) time.Duration {
	if d == nil {
		return 0
	}
	return d.Draw(random)
}

// soonest is things in the order of their times: a binary heap.
type soonest[T any] struct{ items []timed[T] }

type timed[T any] struct {
	at   time.Duration
	what T
}

func (s *soonest[T]) len() int { return len(s.items) }

// first is the time of the first, later than all times when there is none.
func (s *soonest[T]) first() time.Duration {
	if len(s.items) == 0 {
		return endOfTime
	}
	return s.items[0].at
}

func (s *soonest[T]) push(at time.Duration, what T) {
	s.items = append(s.items, timed[T]{at, what})
	for i := len(s.items) - 1; i > 0; {
		parent := (i - 1) / 2
		if s.items[parent].at <= s.items[i].at {
			return
		}
		s.items[parent], s.items[i] = s.items[i], s.items[parent]
		i = parent
	}
}

func (s *soonest[T]) pop() T {
	first, last := s.items[0].what, len(s.items)-1
	s.items[0] = s.items[last]
	s.items = s.items[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			return first
		}
		if child+1 < last && s.items[child+1].at < s.items[child].at {
			child++
		}
		if s.items[i].at <= s.items[child].at {
			return first
		}
		s.items[i], s.items[child] = s.items[child], s.items[i]
		i = child
	}
}

// endOfTime is after everything.
const endOfTime = time.Duration(1<<63 - 1)
