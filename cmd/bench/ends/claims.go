package ends

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// sources is how many addresses of loopback clients connect from: a port is not free again for a minute after its connection,
// and one address has no more than 28,000.
const sources = 50

// source is the address that client i connects from.
func source(i int) net.IP { return net.IPv4(127, 0, 1, byte(1+i%sources)) }

// Claimed is what came of clients that wanted sessions.
type Claimed struct {
	// Times are from connect to ready, in ascending order.
	Times []time.Duration
	// All is from the first connect until the last was ready.
	All time.Duration
	// Failed is how many were not served, and Err why the first was not.
	Failed int
	Err    error
	// Missed is how many would have come after those who waited had become too many: nobody came any more then.
	Missed int
}

// maxPile is how many clients of a steady stream may be there at once.
const maxPile = 4000

// claims collects them.
type claims struct {
	load  *Load
	relay Relay
	name  string

	began   time.Time
	mu      sync.Mutex
	claimed Claimed
	clients map[*Client]struct{} // that have not left
}

func newClaims(relay Relay, name string) *claims {
	return &claims{load: newLoad(0), relay: relay, name: name, began: time.Now(), clients: map[*Client]struct{}{}}
}

// one is one client's claim. Without an error it has a session.
func (s *claims) one(ctx context.Context, i int) *Client {
	began := time.Now()
	c, err := dial(ctx, s.load, s.relay, fmt.Sprintf("%s-%d", s.name, i), source(i))
	if err == nil {
		err = c.await(ctx)
	}
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if c != nil {
		s.clients[c] = struct{}{}
	}
	if err != nil {
		s.claimed.Failed++
		if s.claimed.Err == nil {
			s.claimed.Err = err
		}
		return nil
	}
	s.claimed.Times = append(s.claimed.Times, now.Sub(began))
	s.claimed.All = now.Sub(s.began)
	return c
}

// finish gives what came of it, and ends what is left of the sessions.
func (s *claims) finish(ctx context.Context) Claimed {
	var leaving sync.WaitGroup
	for c := range s.clients {
		leaving.Go(func() {
			if !isReady(c.gone) {
				_ = c.Leave(ctx) // it was served, which is what counts
			}
		})
	}
	leaving.Wait()
	s.load.Close()
	slices.Sort(s.claimed.Times)
	return s.claimed
}

// ClaimAtOnce has that many clients connect at once, and leave when all have been served.
func ClaimAtOnce(ctx context.Context, relay Relay, name string, count int) Claimed {
	s := newClaims(relay, name)
	var all sync.WaitGroup
	begin := make(chan struct{})
	for i := range count {
		all.Go(func() {
			<-begin
			s.one(ctx, i)
		})
	}
	s.began = time.Now()
	close(begin)
	all.Wait()
	return s.finish(ctx)
}

// ClaimSteadily has clients come at random, perSecond on the average, each of whom leaves after a stay. The same seed gives
// the same arrivals.
func ClaimSteadily(ctx context.Context, relay Relay, name string, perSecond float64, length, stay time.Duration, seed uint64) Claimed {
	s := newClaims(relay, name)
	random := rand.New(rand.NewPCG(seed, seed))
	var all sync.WaitGroup
	next := s.began
	var present atomic.Int64
	for i := 0; ctx.Err() == nil; i++ {
		next = next.Add(time.Duration(random.ExpFloat64() / perSecond * float64(time.Second)))
		if next.Sub(s.began) > length {
			break
		}
		if s.claimed.Missed > 0 || present.Load() > maxPile {
			s.claimed.Missed++
			continue
		}
		if sleep(ctx, time.Until(next)) != nil {
			break
		}
		present.Add(1)
		all.Go(func() {
			defer present.Add(-1)
			c := s.one(ctx, i)
			if c == nil {
				return
			}
			_ = sleep(ctx, stay)
			_ = c.Leave(ctx) // it was served, which is what counts
			s.forget(c)
		})
	}
	all.Wait()
	return s.finish(ctx)
}

// forget lets go of a client that has left: there are tens of thousands of them.
func (s *claims) forget(c *Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.clients, c)
}
