package main

import (
	"context"
	"time"

	"hearth/cmd/bench/relays"
)

// startRate is the metric of starts.
const startRate = "starts"

// starts has a gateway with the local backend start as many tasks as its pool is to have: real bridges, each in a PID
// namespace of its own where that can be had.
func (b *bench) starts(ctx context.Context) error {
	for range b.size.rounds {
		began := time.Now()
		g, stop, err := b.localGateway(ctx, b.size.starts)
		if err != nil {
			return err
		}
		err = awaitPool(ctx, g, b.size.starts)
		took := time.Since(began)
		stop()
		if err != nil {
			return err
		}
		size := thousands(int64(b.size.starts)) + " real bridges"
		b.Add(size, relays.Hearth, startRate, "/s", float64(b.size.starts)/took.Seconds())
		b.say("  %s: %s starts a second", size, number(float64(b.size.starts)/took.Seconds()))
	}
	return nil
}
