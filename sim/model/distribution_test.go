package model

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestDistributionMeans draws from every kind: the average is within five standard errors of the mean that it claims.
func TestDistributionMeans(t *testing.T) {
	for _, text := range []string{
		"3s", "fixed:3s", "exp:3s", "exp:30m", "lognormal:3s,0.5", "lognormal:1m,1.2", "measured", "0s",
	} {
		d, err := ParseDistribution(text)
		if err != nil {
			t.Fatal(err)
		}
		random := rand.New(rand.NewPCG(1, 2))
		const n = 100_000
		var sum, squares float64
		for range n {
			sample := d.Draw(random)
			if sample < 0 || sample%time.Microsecond != 0 {
				t.Fatalf("%s: drew %v", text, sample)
			}
			sum += sample.Seconds()
			squares += sample.Seconds() * sample.Seconds()
		}
		mean := sum / n
		deviation := math.Sqrt(max(0, squares/n-mean*mean) / n)
		if want := d.Mean().Seconds(); math.Abs(mean-want) > 5*deviation+1e-6 {
			t.Errorf("%s: mean %g s, want %g +- %g", text, mean, want, deviation)
		}
	}
}

// TestMeasuredQuantiles: the median and the 90th percentile of the source's logs.
func TestMeasuredQuantiles(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var below50, below90 int
	const n = 100_000
	for range n {
		sample := MeasuredStart.Draw(random)
		if sample < 5400*ms {
			below50++
		}
		if sample < 8600*ms {
			below90++
		}
	}
	if p := float64(below50) / n; math.Abs(p-0.5) > 0.01 {
		t.Errorf("%g of the starts take less than 5.4 s", p)
	}
	if p := float64(below90) / n; math.Abs(p-0.9) > 0.01 {
		t.Errorf("%g of the starts take less than 8.6 s", p)
	}
}

func TestParseDistributionErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                 "not a length of time",
		"3":                "not a length of time",
		"-3s":              "negative",
		"exp:":             "not a length of time",
		"exp:999999h":      "ten years",
		"gamma:3s":         "is none of",
		"lognormal:3s":     "SIGMA",
		"lognormal:3s,1s":  "SIGMA",
		"lognormal:3s,-1":  "SIGMA",
		"lognormal:3s,NaN": "SIGMA",
	} {
		if _, err := ParseDistribution(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
