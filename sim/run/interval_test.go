package run

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"hearth/sim/model"
	"hearth/sim/traffic"
)

// recorded is a load that plays given arrivals, as a file's.
func recorded(t *testing.T, times []time.Duration) traffic.Load {
	t.Helper()
	var text strings.Builder
	text.WriteString("time_ns\n")
	for _, at := range times {
		fmt.Fprintln(&text, int64(at))
	}
	trace, err := traffic.OpenTrace("-", traffic.Recording{}, strings.NewReader(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	return trace
}

// shareAt is a size's share of hits in a load, with the interval that a search gives it.
func shareAt(t *testing.T, load traffic.Load, size int, seed uint64, seeds int, length time.Duration) Interval {
	t.Helper()
	c := poisson(1, length)
	c.Seed = seed
	c.StartTakes(model.Exponential(3 * time.Second))
	c.Traffic = load
	s := Sizer{Base: c, Objective: Objective{HitRate: 0.9}}
	curves, err := s.curves(c, seeds)
	if err != nil {
		t.Fatal(err)
	}
	return s.at(size, curves).InTime
}

// TestCoverage: of 200 intervals about 190 contain the truth: over seeds of Poisson traffic, and for recordings of a bursty
// service, each of which is one sample however often it is played.
func TestCoverage(t *testing.T) {
	const repetitions, size = 200, 3
	bursts := traffic.Synthetic{Shape: traffic.Bursts, Rate: 20.0 / 60, On: time.Minute, Off: 2 * time.Minute}
	steady := traffic.Synthetic{Shape: traffic.Poisson, Rate: 20.0 / 60}
	for name, load := range map[string]traffic.Synthetic{"Poisson, over seeds": steady, "bursts, recorded": bursts} {
		truth := shareAt(t, load, size, 1, 1, 400*time.Hour).Mean
		covered := 0
		for i := range repetitions {
			var interval Interval
			if load == steady {
				s := Sizer{Base: poisson(20, time.Hour), Objective: Objective{HitRate: 0.9}}
				s.Base.Seed = uint64(1000 * (i + 1))
				s.Base.StartTakes(model.Exponential(3 * time.Second))
				curves, err := s.curves(s.Base, 5)
				if err != nil {
					t.Fatal(err)
				}
				interval = s.at(size, curves).InTime
			} else {
				source, err := load.Open(rand.New(rand.NewPCG(7, uint64(i))))
				if err != nil {
					t.Fatal(err)
				}
				var times []time.Duration
				for a, err := source.Next(); err == nil && a.At < 3*time.Hour; a, err = source.Next() {
					times = append(times, a.At)
				}
				interval = shareAt(t, recorded(t, times), size, uint64(1000*(i+1)), 2, 0)
			}
			if interval.Contains(truth) {
				covered++
			}
		}
		t.Logf("%s: %d of %d intervals contain %.4f", name, covered, repetitions, truth)
		if covered < 180 { // of 190 that are due, less than one time in 500 by chance
			t.Errorf("%s: only %d of %d intervals contain the truth, %g", name, covered, repetitions, truth)
		}
	}
}

// TestHourCutInTwo: what is said of one half of the bundled hour holds for the other half.
func TestHourCutInTwo(t *testing.T) {
	trace, err := traffic.OpenTrace("../traffic/testdata/azure_llm_code_2023.csv.gz", traffic.Recording{Stretch: 29}, nil)
	if err != nil {
		t.Fatal(err)
	}
	source, err := trace.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	var halves [2][]time.Duration
	for a, err := source.Next(); err == nil; a, err = source.Next() {
		half := 0
		if a.At > trace.Length()/2 {
			half = 1
		}
		halves[half] = append(halves[half], a.At)
	}
	for _, size := range []int{4, 8, 12, 16} {
		first, second := shareAt(t, recorded(t, halves[0]), size, 1, 5, 0), shareAt(t, recorded(t, halves[1]), size, 1, 5, 0)
		t.Logf("minimum %d: %.4f (%.4f to %.4f), the other half %.4f (%.4f to %.4f)", size, first.Mean, first.Low, first.High, second.Mean, second.Low, second.High)
		if first.Low > second.High || second.Low > first.High || !first.Contains(second.Mean) && !second.Contains(first.Mean) {
			t.Errorf("minimum %d: %+v and %+v", size, first, second)
		}
	}
}
