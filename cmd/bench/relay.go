package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"hearth/cmd/bench/ends"
	"hearth/cmd/bench/relays"
	"hearth/cmd/bench/rig"
)

// The metrics of relays.
const (
	linesPerSecond = "lines/s"
	cpuPerLine     = "CPU of the relay a line"
	medianTime     = "p50"
	p99Time        = "p99"
)

// relay has every client keep one line under way, there and back.
func (b *bench) relay(ctx context.Context) error {
	for _, c := range b.size.relays {
		err := b.sideBySide(ctx, c, sizeOf(c), []string{relays.Nginx, relays.Bare, relays.Node, relays.Hearth},
			func(load *ends.Load, w ends.Window) (ends.Round, error) { return load.Ping(ctx, c.bytes, w) })
		if err != nil {
			return err
		}
	}
	return nil
}

// streams has the far end send every client 20 lines a second, as an agent that thinks aloud does.
func (b *bench) streams(ctx context.Context) error {
	const perSecond = 20
	for _, c := range b.size.streams {
		err := b.sideBySide(ctx, c, sizeOf(c), []string{relays.Nginx, relays.Bare, relays.Node, relays.Hearth},
			func(load *ends.Load, w ends.Window) (ends.Round, error) {
				return load.Stream(ctx, perSecond, c.bytes, w)
			})
		if err != nil {
			return err
		}
	}
	return nil
}

// sizeOf is how results call a crowd.
func sizeOf(c crowd) string {
	size := strconv.Itoa(c.bytes) + " B"
	if c.bytes >= 1<<10 {
		size = strconv.Itoa(c.bytes>>10) + " KiB"
	}
	return fmt.Sprintf("%s × %s", thousands(int64(c.sessions)), size)
}

// sideBySide starts relays in front of one far end, connects a crowd through each, and has them take turns.
func (b *bench) sideBySide(ctx context.Context, c crowd, size string, names []string, play func(*ends.Load, ends.Window) (ends.Round, error)) error {
	far, err := b.kit.StartFar(ctx, 0)
	if err != nil {
		return err
	}
	defer far.Stop()
	loads, running := make([]*ends.Load, len(names)), make([]relays.Running, len(names))
	for i, name := range names {
		if running[i], err = b.kit.Start(ctx, name, far, crowdEnvironment(c.sessions)...); err != nil {
			return err
		}
		defer running[i].Stop()
		if loads[i], err = ends.Connect(ctx, running[i].Relay, c.sessions); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		defer loads[i].Close()
	}
	for round := range b.size.rounds {
		for turn := range names {
			i := (round + turn) % len(names) // nobody is always first
			if err := b.round(size, running[i], func(w ends.Window) (ends.Round, error) { return play(loads[i], w) }); err != nil {
				return fmt.Errorf("%s: %w", names[i], err)
			}
		}
	}
	return nil
}

// round plays one round of a relay's and adds its figures.
func (b *bench) round(size string, relay relays.Running, play func(ends.Window) (ends.Round, error)) error {
	var before, after rig.Usage
	w := ends.Window{
		Warmup: b.size.warmup, Length: b.size.length,
		Open: func() (err error) { before, err = relay.Usage(); return err },
		Shut: func() (err error) { after, err = relay.Usage(); return err },
	}
	r, err := play(w)
	if err != nil {
		return err
	}
	rate := float64(r.Lines) / r.Took.Seconds()
	cpu := rig.Microseconds(after.CPU-before.CPU) / float64(r.Lines)
	p50, p99 := rig.Milliseconds(rig.Quantile(r.Times, 0.5)), rig.Milliseconds(rig.Quantile(r.Times, 0.99))
	b.Add(size, relay.Name, linesPerSecond, "/s", rate)
	if relay.Process != nil {
		b.Add(size, relay.Name, cpuPerLine, "µs", cpu)
	}
	b.Add(size, relay.Name, medianTime, "ms", p50)
	b.Add(size, relay.Name, p99Time, "ms", p99)
	b.say("  %s: %s: %s/s, %s µs of CPU a line, p50 %s, p99 %s ms", size, relay.Name, number(rate), number(cpu), number(p50), number(p99))
	return nil
}

// crowdEnvironment is a gateway's that starts a task for each of a crowd as soon as it comes.
func crowdEnvironment(sessions int) []string {
	return []string{
		"WARM_POOL_MIN_SIZE=1", "WARM_POOL_MAX_SIZE=" + strconv.Itoa(sessions+1), "MAX_SESSIONS=" + strconv.Itoa(sessions+1),
		"LAUNCH_CONCURRENCY=64", "ECS_MODIFY_RATE=2000", "SESSION_IDLE_TIMEOUT=" + time.Hour.String(),
	}
}
