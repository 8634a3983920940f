package traffic

import (
	"math"
	"math/rand/v2"
	"time"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// clock adds up gaps in seconds. The sum is kept in whole microseconds, so that it is exact however long the run.
type clock struct{ now time.Duration }

// advance moves the clock on by a gap in seconds.
func (c *clock) advance(seconds float64) {
	const longest = 1000 * float64(365*day/time.Second)
	c.now += time.Duration(min(seconds, longest)*1e6+0.5) * time.Microsecond
}

// poisson is the process with exponential gaps. Its random numbers may be shared with others.
type poisson struct {
	clock
	random *rand.Rand
	rate   float64
}

// Next returns the next arrival.
func (p *poisson) Next() (Arrival, error) {
	p.advance(p.random.ExpFloat64() / p.rate)
	return Arrival{At: p.now}, nil
}

// thinned is a Poisson process whose rate changes: of a steady one at the highest rate, each arrival is kept with the
// probability that the rate at its time has of the highest (Lewis and Shedler).
type thinned struct {
	steady poisson
	// at is the rate at a time as a share of the highest.
	at func(time.Duration) float64
}

// Next returns the next arrival that is kept.
func (t *thinned) Next() (Arrival, error) {
	for {
		arrival, err := t.steady.Next()
		if err != nil || t.steady.random.Float64() < t.at(arrival.At) {
			return arrival, err
		}
	}
}

// hours is an office's working day: the activity in each hour relative to the others, and weekend what is left of it on
// Saturday and Sunday. The day is the planning figure of this project, not a measurement: nobody at night, a steep rise
// at nine, a dip at lunch, a second and flatter peak in the afternoon.
var hours = [24]float64{
	0.10, 0.06, 0.04, 0.04, 0.05, 0.10, 0.25, 0.70, 1.60, 2.60, 2.80, 2.50,
	1.80, 2.10, 2.50, 2.40, 2.00, 1.30, 0.70, 0.50, 0.40, 0.35, 0.25, 0.15,
}

const weekend = 0.15

// meanActivity makes the mean over a week 1; busiest is the highest activity there is.
var meanActivity, busiest = func() (mean, highest float64) {
	for _, h := range hours {
		mean += h * (5 + 2*weekend) / (7 * 24)
		highest = max(highest, h)
	}
	return mean, highest / mean
}()

// activity is the rate at a time since some Monday 00:00 relative to the mean of the week. Between the middles of two
// hours it goes in a straight line.
func activity(t time.Duration) float64 {
	t = (t + week) % week
	place := float64(t%day)/float64(time.Hour) - 0.5
	hour := int(math.Floor(place))
	share := place - float64(hour)
	level := float64(hours[(hour+24)%24]*(1-share)) + float64(hours[(hour+1)%24]*share)
	if t >= 5*day {
		level *= weekend
	}
	return level / meanActivity
}

// crowd is the rate of Flash at a time relative to the rate without the crowd.
func (s Synthetic) crowd(t time.Duration) float64 {
	if t < s.PeakAt {
		return 1
	}
	return 1 + float64((s.Peak-1)*math.Exp(-float64(t-s.PeakAt)/float64(s.PeakLength)))
}

// bursts are Poisson arrivals in on-periods.
type bursts struct {
	clock
	random *rand.Rand
	// rate is that of an on-period; on and off are mean lengths in seconds; left is what is left of this on-period.
	rate, on, off, left float64
}

// newBursts begins at a random moment: with or without a burst under way.
func newBursts(random *rand.Rand, s Synthetic) *bursts {
	b := &bursts{
		random: random, rate: s.Rate * float64(s.On+s.Off) / float64(s.On), on: s.On.Seconds(), off: s.Off.Seconds(),
	}
	if random.Float64()*(b.on+b.off) < b.on {
		b.left = random.ExpFloat64() * b.on
	}
	return b
}

// Next returns the next arrival, after as many periods as pass without one.
func (b *bursts) Next() (Arrival, error) {
	for {
		gap := b.random.ExpFloat64() / b.rate
		if gap <= b.left {
			b.left -= gap
			b.advance(gap)
			return Arrival{At: b.now}, nil
		}
		b.advance(b.left + float64(b.random.ExpFloat64()*b.off))
		b.left = b.random.ExpFloat64() * b.on
	}
}
