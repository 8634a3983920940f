package main

import "time"

// sizes are how much is measured, and for how long.
type sizes struct {
	name string
	// rounds is how often what stands side by side is measured, in turn; warmup and length are of each.
	rounds         int
	warmup, length time.Duration
	relays         []crowd
	streams        []crowd
	// latency is the sessions at a fifth of the load.
	latency crowd
	// burst is how many clients come at once, pool how many tasks stand ready for them, drained how many where there are too few.
	burst, pool, drained int
	// poisson is clients a second at random, sustained the rates of a steady stream up to the highest; each for claimTime.
	poisson   float64
	sustained []float64
	claimTime time.Duration
	// taskStart is how long the stand-in tasks of the claims take to start.
	taskStart time.Duration
	// interactive is how many sandboxes are created one after the other, in steps, and at once.
	interactive int
	// soak is sessions with 10 lines a second each, for soakTime.
	soak     crowd
	soakTime time.Duration
	// starts is how many tasks of the local backend are started, bridges how many bridges one after the other.
	starts, bridges int
	// simulated is how long the simulated traffic lasts, crowds how many sessions come at once to simulated gateways.
	simulated time.Duration
	crowds    []int
}

// crowd is sessions with lines of so many bytes.
type crowd struct{ sessions, bytes int }

var (
	full = sizes{
		name: "full", rounds: 4, warmup: 500 * time.Millisecond, length: 2500 * time.Millisecond,
		relays:  []crowd{{50, 200}, {50, 16 << 10}, {1000, 200}, {1000, 16 << 10}},
		streams: []crowd{{500, 200}}, latency: crowd{50, 200},
		burst: 300, pool: 300, drained: 100, poisson: 45, sustained: []float64{500, 1000}, claimTime: time.Minute, taskStart: 500 * time.Millisecond, interactive: 100,
		soak: crowd{1000, 200}, soakTime: 5 * time.Minute,
		starts: 300, bridges: 20, simulated: 30 * 24 * time.Hour, crowds: []int{10_000, 100_000},
	}
	quick = sizes{
		name: "quick", rounds: 2, warmup: 300 * time.Millisecond, length: time.Second,
		relays:  []crowd{{50, 200}, {50, 16 << 10}},
		streams: []crowd{{100, 200}}, latency: crowd{50, 200},
		burst: 100, pool: 100, drained: 30, poisson: 45, sustained: []float64{200}, claimTime: 5 * time.Second, taskStart: 500 * time.Millisecond, interactive: 10,
		soak: crowd{200, 200}, soakTime: 10 * time.Second,
		starts: 50, bridges: 5, simulated: 10 * 24 * time.Hour, crowds: []int{1000},
	}
)
