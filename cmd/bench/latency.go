package main

import (
	"context"
	"fmt"
	"time"

	"hearth/cmd/bench/ends"
	"hearth/cmd/bench/relays"
	"hearth/cmd/bench/rig"
)

// fallbackRate is what latency is measured at where the relays' own rates were not.
const fallbackRate = 20_000

// latency has clients send lines at a fifth of the rate that Hearth can take, and looks at the times.
func (b *bench) latency(ctx context.Context) error {
	c := b.size.latency
	most, ok := b.results.find("relay", sizeOf(c), relays.Hearth, linesPerSecond)
	if !ok {
		most = fallbackRate
	}
	each := max(1, int(most/5)/c.sessions)
	size := fmt.Sprintf("%s, %s/s", sizeOf(c), thousands(int64(each*c.sessions)))
	return b.sideBySide(ctx, c, size, []string{relays.Direct, relays.Nginx, relays.Bare, relays.Hearth},
		func(load *ends.Load, w ends.Window) (ends.Round, error) { return load.Pace(ctx, each, c.bytes, w) })
}

// The metrics of the soak.
const (
	p99Added     = "p99 added"
	linesLost    = "lines lost, doubled or out of order"
	memoryGrowth = "memory at the end, of that after a fifth of the time"
)

// linesEach is how many lines a second each session of the soak has.
const linesEach = 10

// soak has one gateway relay many sessions' lines for minutes, there and back, and looks at what it takes and at its memory.
// The same without a relay says what the ends take.
func (b *bench) soak(ctx context.Context) error {
	c := b.size.soak
	size := fmt.Sprintf("%s × %d/s, %v", sizeOf(c), linesEach, b.size.soakTime)
	far, err := b.kit.StartFar(ctx, 0)
	if err != nil {
		return err
	}
	defer far.Stop()
	w := ends.Window{Warmup: b.size.warmup, Length: min(b.size.soakTime, 10*b.size.length)}
	direct, err := b.soakThrough(ctx, relays.Direct, far, w, size)
	if err != nil {
		return err
	}
	w.Length = b.size.soakTime
	hearth, err := b.soakThrough(ctx, relays.Hearth, far, w, size)
	if err != nil {
		return err
	}
	b.Add(size, relays.Hearth, p99Added, "ms", rig.Milliseconds(rig.Quantile(hearth.Times, 0.99)-rig.Quantile(direct.Times, 0.99)))
	b.Add(size, relays.Hearth, "lines relayed each way", "", float64(hearth.Lines))
	b.Add(size, relays.Hearth, linesLost, "", 0) // or finish would have failed
	return nil
}

// soakThrough plays one of the two. Memory is that at a fifth of the time, and at its end.
func (b *bench) soakThrough(ctx context.Context, name string, far relays.FarEnd, w ends.Window, size string) (r ends.Round, err error) {
	relay, err := b.kit.Start(ctx, name, far, crowdEnvironment(b.size.soak.sessions)...)
	if err != nil {
		return r, err
	}
	defer relay.Stop()
	load, err := ends.Connect(ctx, relay.Relay, b.size.soak.sessions)
	if err != nil {
		return r, err
	}
	defer load.Close()
	var opened, early, late rig.Usage
	looked := make(chan error, 1)
	w.Open = func() (err error) {
		opened, err = relay.Usage()
		go func() {
			err := sleep(ctx, w.Length/5)
			if err == nil {
				early, err = relay.Usage()
			}
			looked <- err
		}()
		return err
	}
	w.Shut = func() (err error) {
		if late, err = relay.Usage(); err == nil {
			err = <-looked
		}
		return err
	}
	if r, err = load.Pace(ctx, linesEach, b.size.soak.bytes, w); err != nil {
		return r, fmt.Errorf("%s: %w", name, err)
	}
	b.Add(size, name, medianTime, "ms", rig.Milliseconds(rig.Quantile(r.Times, 0.5)))
	b.Add(size, name, p99Time, "ms", rig.Milliseconds(rig.Quantile(r.Times, 0.99)))
	if relay.Process != nil {
		const mib = 1 << 20
		b.Add(size, name, cpuPerLine, "µs", rig.Microseconds(late.CPU-opened.CPU)/float64(r.Lines))
		b.Add(size, name, "memory at the end", "MiB", float64(late.Resident)/mib)
		b.Add(size, name, memoryGrowth, "×", float64(late.Resident)/float64(early.Resident))
	}
	b.say("  %s: %s: p99 %s ms", size, name, number(rig.Milliseconds(rig.Quantile(r.Times, 0.99))))
	return r, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
