package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"sync"
	"time"

	"hearth/cmd/bench/relays"
)

// theSimulator is the subject of its own figures.
const theSimulator = "Hearth's simulator"

// The metrics of the simulator.
const (
	oneCore  = "sessions, one core"
	twoCores = "sessions, two cores"
	twoOfOne = "two cores, of one"
)

// simulator plays the planning load on one core, and then one such run on each of two.
func (b *bench) simulator(ctx context.Context) error {
	size := fmt.Sprintf("5 a minute for %.0f days", b.size.simulated.Hours()/24)
	for range b.size.rounds {
		one, err := b.simulate(ctx, 1)
		if err != nil {
			return err
		}
		two, err := b.simulate(ctx, 2)
		if err != nil {
			return err
		}
		b.Add(size, theSimulator, oneCore, "/s", one)
		b.Add(size, theSimulator, twoCores, "/s", two)
		b.Add(size, theSimulator, twoOfOne, "×", two/one)
		b.say("  %s: %s sessions a second on one core, %s on two", size, number(one), number(two))
	}
	return nil
}

// simulate plays the same load with so many seeds at once, each on a core of its own, and gives the sessions a second.
func (b *bench) simulate(ctx context.Context, seeds int) (float64, error) {
	var (
		mu       sync.Mutex
		sessions int
		failed   error
		all      sync.WaitGroup
	)
	began := time.Now()
	for seed := range seeds {
		all.Go(func() {
			cmd := exec.CommandContext(ctx, b.kit.Program("sim"), "run", "--rate", "5/m", "--session", "30m",
				"--duration", b.size.simulated.String(), "--seed", strconv.Itoa(seed+1), "--format", "json")
			cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
			output, err := cmd.Output()
			var result struct{ Requests int }
			if err == nil {
				err = json.Unmarshal(output, &result)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = fmt.Errorf("sim run: %w", err)
			}
			sessions += result.Requests
		})
	}
	all.Wait()
	return float64(sessions) / time.Since(began).Seconds(), failed
}

// idleCase is what memory is measured of.
const idleCase = "idle sessions"

// aMetric is a metric as the go command prints it.
var aMetric = regexp.MustCompile(`([0-9.e+]+) ([A-Za-z-]+)/session`)

// memory is what an idle session takes of the gateway, both sockets and all actors included. It is a benchmark of the
// gateway's own, which can have its garbage collected first.
func (b *bench) memory(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^BenchmarkIdleSessions$", "-benchtime", "1x", "hearth/infra/gateway")
	output, err := cmd.CombinedOutput()
	found := aMetric.FindAllStringSubmatch(string(output), -1)
	if len(found) == 0 {
		return fmt.Errorf("BenchmarkIdleSessions: %w: %s", err, output)
	}
	for _, each := range found {
		value, err := strconv.ParseFloat(each[1], 64)
		if err != nil {
			return err
		}
		b.Add(idleCase, relays.Hearth, each[2], "/session", value)
	}
	return nil
}
