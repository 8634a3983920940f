package traffic_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"hearth/sim/traffic"
)

const week = 7 * 24 * time.Hour

func open(t *testing.T, s traffic.Synthetic, seed uint64) traffic.Source {
	t.Helper()
	source, err := s.Open(rand.New(rand.NewPCG(seed, 0)))
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// count is the number of arrivals in each of n equal parts of a time.
func count(t *testing.T, source traffic.Source, length time.Duration, n int) []int {
	t.Helper()
	times, err := all(traffic.Until(source, length))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSorted(times) {
		t.Error("arrivals are not in order")
	}
	counts := make([]int, n)
	for _, at := range times {
		counts[int(at*time.Duration(n)/length)]++
	}
	return counts
}

func sum(counts []int) (total int) {
	for _, c := range counts {
		total += c
	}
	return total
}

// dispersion is the variance of counts over their mean: 1 for a Poisson process, more for a bursty one.
func dispersion(counts []int) float64 {
	mean := float64(sum(counts)) / float64(len(counts))
	variance := 0.0
	for _, c := range counts {
		variance += (float64(c) - mean) * (float64(c) - mean) / float64(len(counts)-1)
	}
	return variance / mean
}

// TestMeanRate: every shape has the rate that it was asked for, over a few weeks.
func TestMeanRate(t *testing.T) {
	for _, s := range []traffic.Synthetic{
		{Shape: traffic.Poisson, Rate: 0.5},
		{Shape: traffic.Diurnal, Rate: 0.5},
		{Shape: traffic.Bursts, Rate: 0.5, On: time.Minute, Off: 4 * time.Minute},
	} {
		counts := count(t, open(t, s, 1), 2*week, 14)
		want := 0.5 * (2 * week).Seconds()
		if got := float64(sum(counts)); math.Abs(got/want-1) > 0.03 {
			t.Errorf("%s: %g arrivals, want about %g", s.Shape, got, want)
		}
	}
}

func TestDispersion(t *testing.T) {
	minutes := int(24 * time.Hour / time.Minute)
	poisson := count(t, open(t, traffic.Synthetic{Shape: traffic.Poisson, Rate: 0.5}, 2), 24*time.Hour, minutes)
	if d := dispersion(poisson); math.Abs(d-1) > 0.15 {
		t.Errorf("Poisson: dispersion %g, want 1", d)
	}
	bursts := count(t, open(t, traffic.Synthetic{
		Shape: traffic.Bursts, Rate: 0.5, On: time.Minute, Off: 4 * time.Minute,
	}, 2), 24*time.Hour, minutes)
	if d := dispersion(bursts); d < 20 {
		t.Errorf("bursts: dispersion %g, want far over 1", d)
	}
}

// TestDiurnal: Monday at ten is busy, Monday at three and Sunday are not, and From moves all that.
func TestDiurnal(t *testing.T) {
	s := traffic.Synthetic{Shape: traffic.Diurnal, Rate: 1}
	hours := count(t, open(t, s, 3), week, 7*24)
	if hours[10] < 20*hours[3] || hours[10] < 4*hours[6*24+10] {
		t.Errorf("Monday at 10: %d, at 3: %d, Sunday at 10: %d", hours[10], hours[3], hours[6*24+10])
	}
	s.From = 10 * time.Hour
	if moved := count(t, open(t, s, 3), week, 7*24); math.Abs(float64(moved[0])/float64(hours[10])-1) > 0.1 {
		t.Errorf("from Monday 10:00 on: %d in the first hour, want about %d", moved[0], hours[10])
	}
}

// TestFlash: ten times the rate at first, and what the area under the exponential adds.
func TestFlash(t *testing.T) {
	s := traffic.Synthetic{Shape: traffic.Flash, Rate: 2, Peak: 10, PeakAt: time.Hour, PeakLength: 5 * time.Minute}
	minutes := count(t, open(t, s, 4), 3*time.Hour, 180)
	if before := sum(minutes[:60]); math.Abs(float64(before)/7200-1) > 0.05 {
		t.Errorf("the hour before: %d, want about 7200", before)
	}
	if first := minutes[60]; first < 950 || first > 1200 {
		t.Errorf("the first minute of the crowd: %d, want about 1097", first)
	}
	if crowd := sum(minutes[60:120]) - 7200; math.Abs(float64(crowd)/5400-1) > 0.07 {
		t.Errorf("the crowd: %d, want about 5400", crowd)
	}
}

func TestSeeds(t *testing.T) {
	for _, shape := range traffic.Shapes {
		s := traffic.Synthetic{
			Shape: shape, Rate: 1, Peak: 5, PeakAt: time.Minute, PeakLength: time.Minute, On: time.Second, Off: time.Second,
		}
		first := count(t, open(t, s, 1), time.Hour, 3600)
		if again := count(t, open(t, s, 1), time.Hour, 3600); !slices.Equal(first, again) {
			t.Errorf("%s: the same seed makes other traffic", shape)
		}
		if other := count(t, open(t, s, 2), time.Hour, 3600); slices.Equal(first, other) {
			t.Errorf("%s: another seed makes the same traffic", shape)
		}
	}
}

func TestSyntheticErrors(t *testing.T) {
	for want, s := range map[string]traffic.Synthetic{
		"rate 0/s":         {Shape: traffic.Poisson},
		"rate -1/s":        {Shape: traffic.Poisson, Rate: -1},
		"rate NaN/s":       {Shape: traffic.Poisson, Rate: math.NaN()},
		"rate 1e+06/s":     {Shape: traffic.Poisson, Rate: 1e6},
		"peak 0.5":         {Shape: traffic.Flash, Rate: 1, Peak: 0.5},
		"must last":        {Shape: traffic.Flash, Rate: 1, Peak: 2},
		"on-periods":       {Shape: traffic.Bursts, Rate: 1},
		"time of the week": {Shape: traffic.Diurnal, Rate: 1, From: week},
		"no shape":         {Shape: "square", Rate: 1},
	} {
		if _, err := s.Open(rand.New(rand.NewPCG(1, 1))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", s, err, want)
		}
	}
}
