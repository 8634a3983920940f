package run

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
)

// Share is a part of a whole, from 0 to 1; NaN of nothing, which is null in JSON.
type Share float64

// share is n of whole.
func share(n, whole int) Share {
	if whole == 0 {
		return Share(math.NaN())
	}
	return Share(float64(n) / float64(whole))
}

// Known reports whether it is of something.
func (s Share) Known() bool { return !math.IsNaN(float64(s)) }

// MarshalJSON writes a number or null.
func (s Share) MarshalJSON() ([]byte, error) {
	if !s.Known() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(s))
}

// Interval is an average with its 95 % confidence interval.
type Interval struct {
	Mean float64 `json:"mean"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// MarshalJSON writes null for the average of nothing.
func (i Interval) MarshalJSON() ([]byte, error) {
	if math.IsNaN(i.Mean) {
		return []byte("null"), nil
	}
	type plain Interval
	return json.Marshal(plain(i))
}

// Contains reports whether a value is within the interval.
func (i Interval) Contains(value float64) bool { return i.Low <= value && value <= i.High }

// Average is the average of one figure over independent runs. A single run has no interval: it is as wide as nothing. For
// hit rates see HitRates.
func Average(results []Result, figure func(*Result) float64) Interval {
	values := make([]float64, len(results))
	for i := range results {
		values[i] = figure(&results[i])
	}
	return averageOf(values)
}

func averageOf(values []float64) Interval {
	n := float64(len(values))
	var mean, squares float64
	for _, v := range values {
		mean += v / n
	}
	if n < 2 {
		return Interval{Mean: mean, Low: mean, High: mean}
	}
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	half := student(len(values)-1) * math.Sqrt(squares/(n-1)/n)
	return Interval{Mean: mean, Low: mean - half, High: mean + half}
}

// tally is how many of so many requests were in time, or found a task ready.
type tally struct{ good, all int }

func (t *tally) add(good bool) {
	t.all++
	if good {
		t.good++
	}
}

// total adds tallies up.
func total(tallies []tally) (sum tally) {
	for _, t := range tallies {
		sum.good, sum.all = sum.good+t.good, sum.all+t.all
	}
	return sum
}

// overRuns is the share over independent runs, one tally each. Its interval is as wide as the runs differ, and at least as
// wide as the number of requests asks for: runs without a single miss do not prove that there are none.
func overRuns(runs []tally) Interval {
	all := total(runs)
	values := make([]float64, 0, len(runs))
	for _, r := range runs {
		if r.all > 0 {
			values = append(values, float64(r.good)/float64(r.all))
		}
	}
	if len(values) == 0 {
		return Interval{Mean: math.NaN()}
	}
	between := averageOf(values)
	between.Mean = float64(share(all.good, all.all))
	return between.widened(wilson(all))
}

// windows is how many equal parts of a recording's time an interval is drawn from.
const windows = 16

// resamples is how often they are drawn.
const resamples = 1000

// overWindows is the share in a recording, one tally for each of its windows in order. All runs of a recording have the same
// arrivals, so what they do not tell is what another hour of the same service would have been like. That is drawn by a block
// bootstrap over its windows (Künsch, The Jackknife and the Bootstrap for General Stationary Observations, 1989): as if
// windows were independent of one another, which they are when they are much longer than the service's bursts. It is
// widened for their small number as Student's t is. repeats is how many runs the tallies are sums of.
func overWindows(parts []tally, repeats int) Interval {
	parts = slices.DeleteFunc(slices.Clone(parts), func(t tally) bool { return t.all == 0 })
	all := total(parts)
	if all.all == 0 {
		return Interval{Mean: math.NaN()}
	}
	mean := float64(share(all.good, all.all))
	once := tally{good: int(math.Round(float64(all.good) / float64(repeats))), all: all.all / max(1, repeats)}
	interval := Interval{Mean: mean, Low: mean, High: mean}.widened(wilson(once))
	if len(parts) < 2 {
		return interval
	}
	random := rand.New(rand.NewPCG(1, uint64(len(parts))))
	drawn := make([]float64, resamples)
	for i := range drawn {
		var sum tally
		for range parts {
			t := parts[random.IntN(len(parts))]
			sum.good, sum.all = sum.good+t.good, sum.all+t.all
		}
		drawn[i] = float64(share(sum.good, sum.all))
	}
	slices.Sort(drawn)
	wider := student(len(parts)-1) / normal
	return interval.widened(Interval{
		Low:  mean - wider*(mean-drawn[resamples/40]),
		High: mean + wider*(drawn[resamples-1-resamples/40]-mean),
	})
}

// widened takes in another interval of the same share.
func (i Interval) widened(by Interval) Interval {
	i.Low, i.High = max(0, min(i.Low, by.Low)), min(1, max(i.High, by.High))
	return i
}

// normal is the 97.5 % quantile of the normal distribution.
const normal = 1.959964

// wilson is the score interval of a share (Probable Inference, the Law of Succession, and Statistical Inference, 1927).
func wilson(t tally) Interval {
	const z = normal
	n := float64(t.all)
	mean := float64(t.good) / n
	middle := (mean + z*z/(2*n)) / (1 + z*z/n)
	half := z * math.Sqrt(mean*(1-mean)/n+z*z/(4*n*n)) / (1 + z*z/n)
	return Interval{Mean: mean, Low: max(0, middle-half), High: min(1, middle+half)}
}

// student is the 97.5 % quantile of Student's t with so many degrees of freedom: tabled for few, and by the first terms
// of its expansion around the normal distribution's, within 0.1 %, for more.
func student(freedom int) float64 {
	table := []float64{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228}
	if freedom <= len(table) {
		return table[freedom-1]
	}
	const z = normal
	f := float64(freedom)
	return z + (z*z*z+z)/(4*f) + (5*z*z*z*z*z+16*z*z*z+3*z)/(96*f*f)
}

// HitRates is the hit rate over the runs with its interval: over independent runs, or, when all played one recording, over
// the recording's windows; see Result.IntervalOf.
func HitRates(results []Result) Interval {
	return sharesOf(results, func(r *Result) []tally { return r.hitsIn })
}

// sharesOf is a share over runs that kept a tally of it for each window.
func sharesOf(results []Result, of func(*Result) []tally) Interval {
	if len(results[0].hitsIn) == 0 { // no run of this package's
		return Average(results, func(r *Result) float64 { return float64(r.HitRate) })
	}
	if results[0].recorded {
		parts := make([]tally, windows)
		for i := range results {
			for n, t := range of(&results[i]) {
				parts[n].good, parts[n].all = parts[n].good+t.good, parts[n].all+t.all
			}
		}
		return overWindows(parts, len(results))
	}
	runs := make([]tally, len(results))
	for i := range results {
		runs[i] = total(of(&results[i]))
	}
	return overRuns(runs)
}
