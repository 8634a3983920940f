package dist_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"hearth/sim/dist"
)

// TestMean draws from every distribution: the average is within five standard errors of the mean that it claims.
func TestMean(t *testing.T) {
	for _, text := range []string{
		"3s", "exp:3s", "exp:30m", "lognormal:3s,0.5", "lognormal:1m,1.2", "uniform:1s,3s", "measured", "0s",
	} {
		d, err := dist.Parse(text, dist.FixedPlain)
		if err != nil {
			t.Fatal(err)
		}
		random := rand.New(rand.NewPCG(1, 2))
		const n = 200_000
		var sum, squares float64
		for range n {
			sample := d.Sample(random)
			if sample < 0 || sample%time.Microsecond != 0 {
				t.Fatalf("%s: sample %v", text, sample)
			}
			x := sample.Seconds()
			sum += x
			squares += x * x
		}
		mean := sum / n
		deviation := math.Sqrt(max(0, squares/n-mean*mean) / n)
		if want := d.Mean().Seconds(); math.Abs(mean-want) > 5*deviation+1e-6 {
			t.Errorf("%s: mean %g s, want %g +- %g", text, mean, want, deviation)
		}
	}
}

// TestMeasured has the source's two percentiles.
func TestMeasured(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var below50, below90 int
	const n = 100_000
	for range n {
		sample := dist.Measured.Sample(random)
		if sample < 5400*time.Millisecond {
			below50++
		}
		if sample < 8600*time.Millisecond {
			below90++
		}
	}
	if p := float64(below50) / n; math.Abs(p-0.5) > 0.01 {
		t.Errorf("p50: %g of the samples are below 5.4 s", p)
	}
	if p := float64(below90) / n; math.Abs(p-0.9) > 0.01 {
		t.Errorf("p90: %g of the samples are below 8.6 s", p)
	}
}

func TestParseRoundTrip(t *testing.T) {
	for _, text := range []string{
		"fixed:3s", "exp:1m30s", "lognormal:3s,0.5", "uniform:1s,3s", "measured",
	} {
		d, err := dist.Parse(text, dist.FixedPlain)
		if err != nil {
			t.Fatal(err)
		}
		if d.String() != text {
			t.Errorf("%q prints as %q", text, d)
		}
	}
	if d, _ := dist.Parse("3s", dist.ExponentialPlain); d.String() != "exp:3s" {
		t.Errorf("a bare duration became %s", d)
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                 `"" is no duration`,
		"3":                `"3" is no duration`,
		"-3s":              "negative",
		"exp:":             "no duration",
		"gamma:3s":         "it may be 3s",
		"lognormal:3s":     "it may be 3s",
		"lognormal:3s,1s":  "SIGMA",
		"lognormal:3s,-1":  "SIGMA",
		"lognormal:3s,NaN": "SIGMA",
		"uniform:3s,1s":    "below LOW",
		"fixed:3s,4s":      "it may be 3s",
		"exp:99999999h":    "no duration",
		"exp:999999h":      "ten years",
	} {
		if _, err := dist.Parse(text, dist.FixedPlain); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
