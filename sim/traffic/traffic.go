// Package traffic makes the arrivals that a simulation runs on: synthetic ones of several shapes, and those that were
// recorded. A Source streams, so that a year of traffic takes no more memory than a minute.
package traffic

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// Source yields arrivals in order, each as the time since the beginning of the traffic. After the last it returns io.EOF.
type Source interface {
	Next() (time.Duration, error)
}

// Shape is how the rate of synthetic traffic goes up and down. Every shape keeps its mean rate.
type Shape string

// The shapes.
const (
	// Poisson arrivals are independent of one another, at a constant rate.
	Poisson Shape = "poisson"
	// Diurnal arrivals follow an office's week.
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

// Until ends a source with the last arrival before end, and after an error.
func Until(source Source, end time.Duration) Source { return &until{source: source, end: end} }

type until struct {
	source Source
	end    time.Duration
}

// Next returns the next arrival before the end.
func (u *until) Next() (time.Duration, error) {
	at, err := u.source.Next()
	if err == nil && at >= u.end {
		return 0, io.EOF
	}
	return at, err
}
