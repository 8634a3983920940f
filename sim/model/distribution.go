package model

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// Distribution is a random length of time.
type Distribution interface {
	// Draw takes one; it is never negative. Where it comes of floating-point arithmetic it is in whole microseconds: the
	// last bits of a logarithm differ from one kind of processor to another, and must not reach a history.
	Draw(random *rand.Rand) time.Duration
	// Mean is the expectation.
	Mean() time.Duration
	// String names it, as ParseDistribution reads it where that can.
	String() string
}

// draw takes one of d, 0 when d is nil.
func draw(d Distribution, random *rand.Rand) time.Duration {
	if d == nil {
		return 0
	}
	return d.Draw(random)
}

// longest bounds every time, so that sums of a few do not overflow.
const longest = 10 * 365 * 24 * time.Hour

// whole is a number of nanoseconds in whole microseconds.
func whole(nanoseconds float64) time.Duration {
	if !(nanoseconds < float64(longest)) {
		return longest
	}
	return time.Duration(nanoseconds/1e3+0.5) * time.Microsecond
}

// Fixed is always the same.
type Fixed time.Duration

// Draw gives it.
func (f Fixed) Draw(*rand.Rand) time.Duration { return time.Duration(f) }

// Mean is itself.
func (f Fixed) Mean() time.Duration { return time.Duration(f) }

// String names it as ParseDistribution reads it, if it can.
func (f Fixed) String() string { return time.Duration(f).String() }

// Uniform is anything from Min to Max.
type Uniform struct{ Min, Max time.Duration }

// Draw takes one.
func (u Uniform) Draw(random *rand.Rand) time.Duration {
	return u.Min + whole(random.Float64()*float64(u.Max-u.Min))
}

// Mean is the middle.
func (u Uniform) Mean() time.Duration { return (u.Min + u.Max) / 2 }

// String names it as ParseDistribution reads it, if it can.
func (u Uniform) String() string { return fmt.Sprintf("uniform:%v,%v", u.Min, u.Max) }

// Exponential has the mean that it is.
type Exponential time.Duration

// Draw takes one.
func (e Exponential) Draw(random *rand.Rand) time.Duration {
	return whole(random.ExpFloat64() * float64(e))
}

// Mean is itself.
func (e Exponential) Mean() time.Duration { return time.Duration(e) }

// String names it as ParseDistribution reads it, if it can.
func (e Exponential) String() string { return "exp:" + time.Duration(e).String() }

// Lognormal has a mean, and a logarithm with the standard deviation Sigma.
type Lognormal struct {
	Average time.Duration
	Sigma   float64
}

// Draw takes one.
func (l Lognormal) Draw(random *rand.Rand) time.Duration {
	// The mean of exp(N(mu, sigma)) is exp(mu + sigma²/2).
	scatter := float64(l.Sigma*random.NormFloat64()) - float64(l.Sigma*l.Sigma/2)
	return whole(float64(l.Average) * math.Exp(scatter))
}

// Mean is Average.
func (l Lognormal) Mean() time.Duration { return l.Average }

// String names it as ParseDistribution reads it, if it can.
func (l Lognormal) String() string { return fmt.Sprintf("lognormal:%v,%v", l.Average, l.Sigma) }

// Empirical is measured: quantiles at equal distances from the least to the greatest, with straight lines between them.
type Empirical struct {
	// Name is what String gives.
	Name string
	// Quantiles are at least two, in growing order.
	Quantiles []time.Duration
}

// Draw takes one.
func (e Empirical) Draw(random *rand.Rand) time.Duration {
	at := random.Float64() * float64(len(e.Quantiles)-1)
	i := int(at)
	low, high := e.Quantiles[i], e.Quantiles[i+1]
	return low + whole((at-float64(i))*float64(high-low))
}

// Mean is the mean of the lines.
func (e Empirical) Mean() time.Duration {
	var sum time.Duration
	for i, low := range e.Quantiles[:len(e.Quantiles)-1] {
		sum += (low + e.Quantiles[i+1]) / 2
	}
	return sum / time.Duration(len(e.Quantiles)-1)
}

// String names it as ParseDistribution reads it, if it can.
func (e Empirical) String() string { return e.Name }

// ParseDistribution reads "3s" or "fixed:3s", "exp:3s", "lognormal:3s,0.5" and "measured", which is MeasuredStart. Its
// errors are for the person who typed the text.
func ParseDistribution(text string) (Distribution, error) {
	kind, rest, hasKind := strings.Cut(text, ":")
	switch {
	case text == "measured":
		return MeasuredStart, nil
	case !hasKind:
		d, err := parseLength(text)
		return Fixed(d), err
	case kind == "fixed":
		d, err := parseLength(rest)
		return Fixed(d), err
	case kind == "exp":
		d, err := parseLength(rest)
		return Exponential(d), err
	case kind == "lognormal":
		mean, deviation, _ := strings.Cut(rest, ",")
		d, err := parseLength(mean)
		if err != nil {
			return nil, err
		}
		sigma, err := strconv.ParseFloat(strings.TrimSpace(deviation), 64)
		if err != nil || !(sigma >= 0 && sigma <= 10) {
			return nil, fmt.Errorf("lognormal:MEAN,SIGMA: %q is no SIGMA from 0 to 10", deviation)
		}
		return Lognormal{Average: d, Sigma: sigma}, nil
	}
	return nil, fmt.Errorf("%q is none of 3s, fixed:3s, exp:3s, lognormal:MEAN,SIGMA and measured", text)
}

func parseLength(text string) (time.Duration, error) {
	d, err := time.ParseDuration(strings.TrimSpace(text))
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is not a length of time such as 3s or 250ms", text)
	case d < 0:
		return 0, fmt.Errorf("%v is negative", d)
	case d > longest:
		return 0, fmt.Errorf("%v is over ten years", d)
	}
	return d, nil
}
