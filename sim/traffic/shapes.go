package traffic

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Shape is how the rate of synthetic traffic goes up and down.
type Shape string

// The shapes. Over its period every one but Flash has the rate that it was asked for.
const (
	// Poisson arrivals are independent of one another, at a constant rate.
	Poisson Shape = "poisson"
	// Diurnal arrivals follow an office's week, which is their period.
	Diurnal Shape = "diurnal"
	// Flash is a constant rate with one crowd that comes all at once and dwindles.
	Flash Shape = "flash"
	// Bursts come in on-periods and not at all between them.
	Bursts Shape = "bursts"
)

// Shapes lists them all.
var Shapes = []Shape{Poisson, Diurnal, Flash, Bursts}

// Synthetic describes made-up traffic.
type Synthetic struct {
	Shape Shape
	// Rate is the mean in arrivals a second. For Flash it is the rate without the crowd.
	Rate float64
	// From is the time of the week at which the traffic begins, since Monday 00:00; for Diurnal.
	From time.Duration
	// Peak is how many times the rate the crowd of Flash comes at first; PeakAt is when; it dwindles exponentially with
	// the mean PeakLength.
	Peak               float64
	PeakAt, PeakLength time.Duration
	// On and Off are the mean lengths of the exponential periods of Bursts.
	On, Off time.Duration
}

// MaxRate bounds a rate, in arrivals a second: times are whole microseconds.
const MaxRate = 1e5

// Validate says what makes no sense.
func (s Synthetic) Validate() error {
	switch {
	case !(s.Rate > 0 && s.Rate <= MaxRate):
		return fmt.Errorf("rate %g/s must be more than 0 and at most %g/s", s.Rate, MaxRate)
	case s.Shape == Flash && !(s.Peak >= 1 && s.Rate*s.Peak <= MaxRate):
		return fmt.Errorf("peak %g must be at least 1, and the rate with it at most %g/s", s.Peak, MaxRate)
	case s.Shape == Flash && (s.PeakAt < 0 || s.PeakLength <= 0):
		return errors.New("the peak must not begin before the traffic, and must last")
	case s.Shape == Bursts && (s.On <= 0 || s.Off < 0):
		return errors.New("on-periods must be more than 0, and off-periods not negative")
	case s.Shape == Bursts && s.Rate*float64(s.On+s.Off)/float64(s.On) > MaxRate:
		return fmt.Errorf("the rate in on-periods must be at most %g/s", MaxRate)
	case s.From < 0 || s.From >= week:
		return fmt.Errorf("the time of the week %v must be within a week", s.From)
	}
	return nil
}

// Open begins the traffic, which goes on for ever. The same random numbers make the same traffic.
func (s Synthetic) Open(random *rand.Rand) (Source, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	switch s.Shape {
	case Poisson:
		return &poisson{random: random, rate: s.Rate}, nil
	case Diurnal:
		return &thinned{
			steady: poisson{random: random, rate: s.Rate * busiest}, at: func(t time.Duration) float64 {
				return activity(s.From+t) / busiest
			},
		}, nil
	case Flash:
		return &thinned{
			steady: poisson{random: random, rate: s.Rate * s.Peak}, at: func(t time.Duration) float64 {
				return s.crowd(t) / s.Peak
			},
		}, nil
	case Bursts:
		return newBursts(random, s), nil
	}
	return nil, fmt.Errorf("%q is no shape of traffic: it may be one of %v", s.Shape, Shapes)
}

// Before is the traffic of a span before this one. The crowd of Flash has not come yet.
func (s Synthetic) Before(random *rand.Rand, span time.Duration) (Source, error) {
	s.From = ((s.From-span)%week + week) % week
	if s.Shape == Flash {
		s.Shape = Poisson
	}
	return s.Open(random)
}

// Faster has so many times as many requests come; the week, the crowd and the bursts last as long.
func (s Synthetic) Faster(by float64) Load {
	s.Rate *= by
	return s
}

// Length is 0: synthetic traffic goes on for ever.
func (s Synthetic) Length() time.Duration { return 0 }

// MeanStay is 0: sessions are as long as somebody else says.
func (s Synthetic) MeanStay() time.Duration { return 0 }

// Period is after how long the traffic begins anew; 0 for traffic that has no period.
func (s Synthetic) Period() time.Duration {
	if s.Shape == Diurnal {
		return week
	}
	return 0
}

// Share is the traffic's rate in the time from its beginning to length as a share of its mean over its period.
func (s Synthetic) Share(length time.Duration) float64 {
	if s.Shape != Diurnal || length <= 0 {
		return 1
	}
	const step = 10 * time.Minute
	sum, n := 0.0, 0
	for t := step / 2; t < length && t < week; t += step {
		sum += activity(s.From + t)
		n++
	}
	return sum / float64(max(1, n))
}

// Describe says what is played.
func (s Synthetic) Describe() Description {
	d := Description{Kind: string(s.Shape), PerMinute: s.Rate * 60}
	switch s.Shape {
	case Diurnal:
		d.Details, d.Begins = "on average over the week", WeekTime(s.From)
		d.week, d.weekKnown = s.From, true
	case Flash:
		d.Details = fmt.Sprintf("without the crowd, which comes at %v at %g times the rate and dwindles with a mean of %v",
			s.PeakAt, s.Peak, s.PeakLength)
	case Bursts:
		d.Details = fmt.Sprintf("on average, in bursts of %v with pauses of %v", s.On, s.Off)
	}
	return d
}

// WeekTime writes a time since Monday 00:00: mon09:00.
func WeekTime(t time.Duration) string {
	t = (t%week + week) % week
	return fmt.Sprintf("%s%02d:%02d", Weekdays[t/day], t%day/time.Hour, t%time.Hour/time.Minute)
}

// Weekdays are the days' names from Monday on.
var Weekdays = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}
