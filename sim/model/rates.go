package model

import (
	"math/rand/v2"
	"time"
)

const (
	// turnTimeout is how long a gateway lets a call wait for its turn; what would wait longer it refuses at once. See infra/ecs.
	turnTimeout = 10 * time.Second
	// sdkAttempts is how often the SDK makes a call that ECS throttles, and sdkBackoff the most that it waits before the
	// second; before each further one it is twice as much.
	sdkAttempts = 3
	sdkBackoff  = time.Second
)

// Rate bounds calls: so many a second, and so many at once. The zero Rate is no bound.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Rates bound the calls that start and stop tasks, as AWS does. Account is what ECS takes of all gateways together: it throttles
// what is beyond. Gateway is what each gateway holds itself to: calls wait for their turn.
type Rates struct{ Account, Gateway Rate }

// AWSRates are those of every account, for tasks on EC2, and a gateway that is the only one in its account.
var AWSRates = Rates{Account: Rate{PerSecond: 40, Burst: 100}, Gateway: Rate{PerSecond: 40, Burst: 100}}

// bucket is a Rate as it is used up: spent is how much of the burst was taken, at a time, and not come back by then.
type bucket struct {
	Rate
	spent float64
	at    time.Duration
}

// refill takes in that time has passed.
func (b *bucket) refill(now time.Duration) {
	b.spent = max(0, b.spent-(now-b.at).Seconds()*b.PerSecond)
	b.at = now
}

// take takes a call, and reports whether there was one.
func (b *bucket) take(now time.Duration) bool {
	if b.PerSecond == 0 {
		return true
	}
	b.refill(now)
	if b.spent+1 > float64(b.Burst) {
		return false
	}
	b.spent++
	return true
}

// turn takes a call and gives the time until its turn, or reports that it would be too long and takes none.
func (b *bucket) turn(now time.Duration) (wait time.Duration, ok bool) {
	if b.PerSecond == 0 {
		return 0, true
	}
	b.refill(now)
	wait = max(0, time.Duration((b.spent+1-float64(b.Burst))/b.PerSecond*float64(time.Second)))
	if wait > turnTimeout {
		return 0, false
	}
	b.spent++
	return wait, true
}

// sdkPause is the SDK's before its next attempt, the failed ones counted from 1.
func sdkPause(failed int, random *rand.Rand) time.Duration {
	return time.Duration(random.Float64() * float64(sdkBackoff<<(failed-1)))
}
