package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"hearth/cmd/bench/ends"
	"hearth/cmd/bench/relays"
	"hearth/cmd/bench/rig"
)

// How sandboxes are created.
const (
	sequentially = "one after the other"
	together     = "at once"
)

// step is the time between two sandboxes of ComputeSDK's staggered mode.
const step = 200 * time.Millisecond

// bareAgent is what the agents take without anything around them.
const bareAgent = "bash alone"

// interactive is ComputeSDK's time to interactive: from the creation of a sandbox to the first of a command's output. Bridges
// and agents are real, and the agents isolated as far as this machine allows. Beside it stands what the agents take alone.
func (b *bench) interactive(ctx context.Context) error {
	count := b.size.interactive
	g, stop, err := b.localGateway(ctx, count)
	if err != nil {
		return err
	}
	defer stop()
	for _, mode := range []struct {
		name string
		step time.Duration
	}{{sequentially, 0}, {fmt.Sprintf("every %v", step), step}, {together, -1}} {
		size := fmt.Sprintf("%d %s", count, mode.name)
		for round := range b.size.rounds {
			if mode.step > 0 && round > 0 {
				break // its time is its own
			}
			if err := awaitPool(ctx, g, count); err != nil {
				return err
			}
			err := b.interacted(ctx, size, relays.Hearth, count, mode.step, func(ctx context.Context, i int) (time.Duration, error) {
				return ends.Interact(ctx, g.URL, fmt.Sprintf("user-%d", i))
			})
			if err != nil {
				return err
			}
			if err := b.interacted(ctx, size, bareAgent, count, mode.step, startAlone); err != nil {
				return err
			}
		}
	}
	return nil
}

// interacted adds the times of so many: one after the other (a step of 0), in steps, or at once (a negative one).
func (b *bench) interacted(ctx context.Context, size, subject string, count int, step time.Duration, one func(context.Context, int) (time.Duration, error)) error {
	ctx, cancel := context.WithTimeout(ctx, fillTimeout)
	defer cancel()
	var (
		mu    sync.Mutex
		times []time.Duration
		fails error
		all   sync.WaitGroup
	)
	for i := range count {
		all.Go(func() {
			took, err := one(ctx, i)
			mu.Lock()
			defer mu.Unlock()
			if err != nil && fails == nil {
				fails = err
			}
			times = append(times, took)
		})
		switch {
		case step == 0:
			all.Wait()
		case step > 0:
			if err := sleep(ctx, step); err != nil {
				return err
			}
		}
	}
	all.Wait()
	if fails != nil {
		return fmt.Errorf("%s: %s: %w", size, subject, fails)
	}
	slices.Sort(times)
	b.Add(size, subject, medianTime, "ms", rig.Milliseconds(rig.Quantile(times, 0.5)))
	b.Add(size, subject, "p95", "ms", rig.Milliseconds(rig.Quantile(times, 0.95)))
	b.Add(size, subject, p99Time, "ms", rig.Milliseconds(rig.Quantile(times, 0.99)))
	b.say("  %s: %s: p50 %s, p99 %s ms", size, subject, number(rig.Milliseconds(rig.Quantile(times, 0.5))), number(rig.Milliseconds(rig.Quantile(times, 0.99))))
	return nil
}

// startAlone starts a shell, has it run the command, and gives the time until its output.
func startAlone(ctx context.Context, _ int) (time.Duration, error) {
	began := time.Now()
	cmd := exec.CommandContext(ctx, "bash")
	input, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	_, err = io.WriteString(input, "echo hearth\n")
	if err == nil {
		_, err = bufio.NewReader(output).ReadString('\n')
	}
	took := time.Since(began)
	_ = input.Close()
	if ended := cmd.Wait(); err == nil {
		err = ended
	}
	return took, err
}

// localGateway starts a gateway whose tasks are real bridges on this machine, with a pool of that many.
func (b *bench) localGateway(ctx context.Context, ready int) (g relays.Running, stop func(), err error) {
	dir, err := os.MkdirTemp("", "hearth-bench-")
	if err != nil {
		return g, nil, err
	}
	clear := func() { _ = os.RemoveAll(dir) }
	if err := os.Chmod(dir, 0o711); err != nil { // users' own UIDs have to get to their workspaces
		clear()
		return g, nil, err
	}
	p, err := rig.Start(relays.Hearth, b.kit.Program("gateway"), nil,
		"LISTEN_ADDR=127.0.0.1:0", "AUTH=dev", "DEV_TOKEN=off", "BACKEND=local", "LOG_FORMAT=json",
		"AGENT_COMMAND=bash", "AGENT_IO=text", "ISOLATION=auto", "STOP_GRACE=1s", "MAX_SESSION_STARTS_PER_SECOND=0",
		"WORKSPACE_ROOT="+filepath.Join(dir, "workspaces"), "TMPDIR="+dir,
		"WARM_POOL_MIN_SIZE="+strconv.Itoa(ready), "WARM_POOL_MAX_SIZE="+strconv.Itoa(2*ready))
	if err != nil {
		clear()
		return g, nil, err
	}
	stop = func() {
		p.Stop()
		clear()
	}
	starting, cancel := context.WithTimeout(ctx, fillTimeout)
	defer cancel()
	url, err := p.Line(starting, "clients connect to ")
	if err != nil {
		stop()
		return g, nil, err
	}
	url, _, _ = strings.Cut(url, `"`) // it is a line of JSON
	return relays.Running{Relay: ends.Relay{URL: url, Hearth: true}, Process: p, Name: relays.Hearth}, stop, nil
}
