package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"hearth/cmd/bench/ends"
	"hearth/cmd/bench/relays"
	"hearth/cmd/bench/rig"
)

const (
	// quickStart is that of tasks that are started for a thousand users a second: else twice as many would have to stand ready.
	quickStart = 250 * time.Millisecond
	// fillTimeout bounds the wait for a full pool.
	fillTimeout = 2 * time.Minute
	// stay is how long a session of a steady stream lasts.
	stay = time.Second
)

// claims are the shapes that this field publishes: from a client's connect to its ready. The bridges have no agents.
func (b *bench) claims(ctx context.Context) error {
	s := b.size
	burst := fmt.Sprintf("%d at once on %d ready, %v a start", s.burst, s.pool, s.taskStart)
	err := b.withPool(ctx, pool{ready: s.pool, start: s.taskStart, startsAtOnce: 10}, func(g relays.Running) error {
		for round := range s.rounds {
			if err := awaitPool(ctx, g, s.pool); err != nil {
				return err
			}
			if err := b.claimed(burst, ends.ClaimAtOnce(ctx, g.Relay, fmt.Sprint("burst-", round), s.burst)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	steady := fmt.Sprintf("%.0f/s at random for %v, %v a start", s.poisson, s.claimTime, s.taskStart)
	enough := int(3 * s.poisson * s.taskStart.Seconds()) // for the fluctuations of what comes while a task starts
	err = b.withPool(ctx, pool{ready: enough, start: s.taskStart, startsAtOnce: enough}, func(g relays.Running) error {
		return b.claimed(steady, ends.ClaimSteadily(ctx, g.Relay, "steady", s.poisson, s.claimTime, stay, 1))
	})
	if err != nil {
		return err
	}
	return b.drained(ctx)
}

// drained has more clients come than tasks stand ready. Those beyond wait for starts, of which each place in the queue is
// worth at most one.
func (b *bench) drained(ctx context.Context) error {
	s := b.size
	size := fmt.Sprintf("%d at once on %d ready, %v a start", s.burst, s.drained, s.taskStart)
	var alone time.Duration
	err := b.withPool(ctx, pool{start: s.taskStart, startsAtOnce: 1}, func(g relays.Running) error {
		c := ends.ClaimAtOnce(ctx, g.Relay, "alone", 1)
		if c.Failed > 0 {
			return c.Err
		}
		alone = c.Times[0]
		return nil
	})
	if err != nil {
		return err
	}
	b.Add(size, relays.Hearth, "a start, alone", "ms", rig.Milliseconds(alone))
	return b.withPool(ctx, pool{ready: s.drained, start: s.taskStart, startsAtOnce: 10}, func(g relays.Running) error {
		c := ends.ClaimAtOnce(ctx, g.Relay, "drained", s.burst)
		if err := b.claimed(size, c); err != nil {
			return err
		}
		worst := 0.0
		for i, took := range c.Times[s.drained:] {
			worst = max(worst, took.Seconds()/(float64(i+1)*alone.Seconds()))
		}
		b.Add(size, relays.Hearth, worstWait, "", worst)
		return nil
	})
}

// sustained has more and more clients a second come, each of whom leaves at once, so that as many tasks are started and stopped.
// A rate at which clients pile up is broken off, and those who would still have come have not been served.
func (b *bench) sustained(ctx context.Context) error {
	s := b.size
	for _, rate := range s.sustained {
		ready := int(rate) // a second's worth: starts take a quarter of that
		size := fmt.Sprintf("%s/s for %v, %v a start", thousands(int64(rate)), s.claimTime, quickStart)
		err := b.withPool(ctx, pool{ready: ready, start: quickStart, startsAtOnce: ready}, func(g relays.Running) error {
			before, err := g.Usage()
			if err != nil {
				return err
			}
			c := ends.ClaimSteadily(ctx, g.Relay, "sustained", rate, s.claimTime, 0, 1)
			after, err := g.Usage()
			if err != nil {
				return err
			}
			if c.Failed > 0 {
				b.say("  %d failed, the first: %v", c.Failed, c.Err)
			}
			if c.Missed > 0 {
				b.say("  broken off: clients piled up, and %d did not come any more", c.Missed)
			}
			b.Add(size, relays.Hearth, failedClaims, "", float64(c.Failed+c.Missed))
			b.Add(size, relays.Hearth, "CPU of the gateway a session", "µs", rig.Microseconds(after.CPU-before.CPU)/float64(len(c.Times)))
			c.Failed, c.Missed = 0, 0 // they are a figure here
			return b.claimed(size, c)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// The metrics of claims.
const (
	allTime      = "until all are ready"
	failedClaims = "not served"
	worstWait    = "longest wait, of place in the queue × start"
)

// claimed adds what came of clients.
func (b *bench) claimed(size string, c ends.Claimed) error {
	if c.Failed > 0 {
		return fmt.Errorf("%s: %d were not served: %w", size, c.Failed, c.Err)
	}
	if c.Missed > 0 {
		return fmt.Errorf("%s: broken off, for clients piled up", size)
	}
	if len(c.Times) == 0 {
		return errors.New("nobody came")
	}
	b.Add(size, relays.Hearth, medianTime, "ms", rig.Milliseconds(rig.Quantile(c.Times, 0.5)))
	b.Add(size, relays.Hearth, "p90", "ms", rig.Milliseconds(rig.Quantile(c.Times, 0.9)))
	b.Add(size, relays.Hearth, p99Time, "ms", rig.Milliseconds(rig.Quantile(c.Times, 0.99)))
	b.Add(size, relays.Hearth, "longest", "ms", rig.Milliseconds(c.Times[len(c.Times)-1]))
	if strings.Contains(size, "at once") {
		b.Add(size, relays.Hearth, allTime, "ms", rig.Milliseconds(c.All))
	}
	b.say("  %s: p50 %s, p99 %s ms", size, number(rig.Milliseconds(rig.Quantile(c.Times, 0.5))), number(rig.Milliseconds(rig.Quantile(c.Times, 0.99))))
	return nil
}

// pool is a gateway's, of stand-in tasks.
type pool struct {
	ready, startsAtOnce int
	start               time.Duration
}

// withPool has a gateway whose pool is full.
func (b *bench) withPool(ctx context.Context, p pool, do func(relays.Running) error) error {
	far, err := b.kit.StartFar(ctx, p.start)
	if err != nil {
		return err
	}
	defer far.Stop()
	g, err := b.kit.Start(ctx, relays.Hearth, far, "WARM_POOL_MIN_SIZE="+strconv.Itoa(p.ready),
		"WARM_POOL_MAX_SIZE="+strconv.Itoa(2*p.ready+1), "MAX_SESSIONS=100000",
		"LAUNCH_CONCURRENCY="+strconv.Itoa(p.startsAtOnce), "ECS_MODIFY_RATE=4000")
	if err != nil {
		return err
	}
	defer g.Stop()
	if err := awaitPool(ctx, g, p.ready); err != nil {
		return err
	}
	return do(g)
}

// awaitPool waits until so many tasks are ready and nothing else is going on.
func awaitPool(ctx context.Context, g relays.Running, ready int) error {
	ctx, cancel := context.WithTimeout(ctx, fillTimeout)
	defer cancel()
	url := "http" + strings.TrimSuffix(strings.TrimPrefix(g.URL, "ws"), "/ws") + "/api/status"
	for {
		var status struct {
			Pool struct{ Ready, Starting, Assigned, Waiting int }
		}
		if err := getJSON(ctx, url, &status); err != nil {
			return err
		}
		if p := status.Pool; p.Ready >= ready && p.Starting+p.Assigned+p.Waiting == 0 {
			return nil
		}
		if err := g.Alive(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("the pool stands at %+v: %w", status.Pool, err)
		}
	}
}

func getJSON(ctx context.Context, url string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", url, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(into)
}
