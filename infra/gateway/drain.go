package gateway

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"hearth/messages"
)

// drain is the order in which the gateway is told to drain and not to: what the sockets do is what the pool was told last.
type drain struct {
	mu sync.Mutex
	// ends says that the process drains because it ends, which is not taken back.
	ends bool
}

// beginDrain turns new connections away and says what the pool is to do with the rest. Tasks on ECS outlive the gateway,
// and another takes them over; the local backend's end with it.
func (g *Gateway) beginDrain() *messages.Drain {
	g.sockets.Refuse()
	return &messages.Drain{HandOver: g.cfg.Backend == BackendECS}
}

// operatorDrains drains and does not wait.
func (g *Gateway) operatorDrains() {
	g.drain.mu.Lock()
	defer g.drain.mu.Unlock()
	g.deliver(g.pool, g.beginDrain())
}

// operatorUndrains takes connections and sessions again, unless the process is about to end.
func (g *Gateway) operatorUndrains(ctx context.Context) error {
	g.drain.mu.Lock()
	defer g.drain.mu.Unlock()
	if g.drain.ends {
		return errors.New("the gateway is about to end")
	}
	if _, err := g.engine.Ask(ctx, g.pool, &messages.Undrain{}); err != nil {
		return fmt.Errorf("the pool does not answer: %w", err)
	}
	g.sockets.Admit()
	return nil
}

// Close drains the gateway and ends it: no new sessions, and tasks stopped or handed over. It waits for that at most
// Config.DrainTimeout and then ends all the same. Nothing is left of the gateway after it.
func (g *Gateway) Close(ctx context.Context) error {
	g.drain.mu.Lock()
	g.drain.ends = true
	g.drain.mu.Unlock()
	drain, cancel := context.WithTimeout(ctx, g.cfg.DrainTimeout)
	_, err := g.engine.Ask(drain, g.pool, g.beginDrain())
	cancel()
	switch {
	case errors.Is(err, context.DeadlineExceeded) && g.cfg.Backend == BackendECS:
		g.log.Warn().Msg("no other gateway took everything over in time; the rest waits for the next one")
		err = nil
	case err != nil:
		err = fmt.Errorf("drain: %w", err)
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	return errors.Join(err, g.close(closing))
}
