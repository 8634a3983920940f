// Package dist holds the distributions of times that the simulator draws from: how long a start takes, how long a session
// lasts. Each knows its mean, which the exact theory needs, and prints as the text that it is parsed from.
package dist

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// Dist is a distribution of durations, none of them negative. Samples are whole microseconds: the last bits of a
// floating-point logarithm differ from one kind of processor to another, and must not reach a result.
type Dist interface {
	Sample(r *rand.Rand) time.Duration
	// Mean is exact, not measured.
	Mean() time.Duration
	// String is a text that Parse reads.
	String() string
}

// Fixed is always the same duration.
type Fixed time.Duration

// Sample returns the duration.
func (f Fixed) Sample(*rand.Rand) time.Duration { return time.Duration(f) }

// Mean returns the duration.
func (f Fixed) Mean() time.Duration { return time.Duration(f) }

func (f Fixed) String() string { return "fixed:" + time.Duration(f).String() }

// Exponential is the distribution without memory; its value is its mean.
type Exponential time.Duration

// Sample draws a duration.
func (e Exponential) Sample(r *rand.Rand) time.Duration {
	return micros(r.ExpFloat64() * float64(e))
}

// Mean returns the mean.
func (e Exponential) Mean() time.Duration { return time.Duration(e) }

func (e Exponential) String() string { return "exp:" + time.Duration(e).String() }

// Lognormal has a mean, and Sigma as the standard deviation of its logarithm.
type Lognormal struct {
	Average time.Duration
	Sigma   float64
}

// Sample draws a duration.
func (l Lognormal) Sample(r *rand.Rand) time.Duration {
	scatter := float64(l.Sigma*r.NormFloat64()) - float64(l.Sigma*l.Sigma)/2
	return micros(float64(l.Average) * math.Exp(scatter))
}

// Mean returns the mean.
func (l Lognormal) Mean() time.Duration { return l.Average }

func (l Lognormal) String() string {
	return fmt.Sprintf("lognormal:%v,%s", l.Average, strconv.FormatFloat(l.Sigma, 'g', -1, 64))
}

// Uniform lies anywhere from Low to High.
type Uniform struct{ Low, High time.Duration }

// Sample draws a duration.
func (u Uniform) Sample(r *rand.Rand) time.Duration {
	return micros(float64(u.Low) + float64(r.Float64()*float64(u.High-u.Low)))
}

// Mean returns the middle.
func (u Uniform) Mean() time.Duration { return (u.Low + u.High) / 2 }

func (u Uniform) String() string { return fmt.Sprintf("uniform:%v,%v", u.Low, u.High) }

// Measured is the time from start to ready of one day on the source's staging cluster: p50 5.4 s, p90 8.6 s. A lognormal
// through both has sigma = ln(8.6/5.4) / 1.2816 and the mean 5.4 s * exp(sigma^2/2).
var Measured Dist = measured{Lognormal{Average: 5768 * time.Millisecond, Sigma: 0.3631}}

// measured is a Lognormal that prints as the word it is parsed from.
type measured struct{ Lognormal }

func (measured) String() string { return "measured" }

// longest bounds a sample, so that no sum of times overflows.
const longest = 10 * 365 * 24 * time.Hour

// micros rounds nanoseconds to whole microseconds.
func micros(nanoseconds float64) time.Duration {
	if !(nanoseconds < float64(longest)) {
		return longest
	}
	return time.Duration(nanoseconds/1e3+0.5) * time.Microsecond
}

// Grammar is what Parse reads, for help texts and errors.
const Grammar = "3s, fixed:3s, exp:3s, lognormal:MEAN,SIGMA, uniform:LOW,HIGH or measured"

// Parse reads a distribution; plain makes one of a bare duration. Its error says what is wrong and what would be right.
func Parse(text string, plain func(time.Duration) Dist) (Dist, error) {
	kind, rest, hasKind := strings.Cut(text, ":")
	if text == "measured" {
		return Measured, nil
	}
	if !hasKind {
		mean, err := duration(text)
		if err != nil {
			return nil, err
		}
		return plain(mean), nil
	}
	first, second, two := strings.Cut(rest, ",")
	mean, err := duration(first)
	if err != nil {
		return nil, err
	}
	switch {
	case kind == "fixed" && !two:
		return Fixed(mean), nil
	case kind == "exp" && !two:
		return Exponential(mean), nil
	case kind == "lognormal" && two:
		sigma, err := strconv.ParseFloat(second, 64)
		if err != nil || !(sigma >= 0 && sigma <= 5) {
			return nil, fmt.Errorf("SIGMA %q is the standard deviation of the logarithm, a number from 0 to 5", second)
		}
		return Lognormal{Average: mean, Sigma: sigma}, nil
	case kind == "uniform" && two:
		high, err := duration(second)
		if err != nil {
			return nil, err
		}
		if high < mean {
			return nil, fmt.Errorf("HIGH %v is below LOW %v", high, mean)
		}
		return Uniform{Low: mean, High: high}, nil
	}
	return nil, fmt.Errorf("%q is no distribution: it may be %s", text, Grammar)
}

// FixedPlain has a bare duration mean that very duration; ExponentialPlain has it be the mean of an exponential one.
func FixedPlain(d time.Duration) Dist { return Fixed(d) }

// ExponentialPlain is Parse's other reading of a bare duration.
func ExponentialPlain(d time.Duration) Dist { return Exponential(d) }

func duration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is no duration and no distribution: it may be %s", text, Grammar)
	case d < 0:
		return 0, fmt.Errorf("%q is negative", text)
	case d > longest:
		return 0, fmt.Errorf("%q is over ten years", text)
	}
	return d, nil
}
