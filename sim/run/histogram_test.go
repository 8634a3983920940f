package run

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestHistogram compares with sorted samples.
func TestHistogram(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, 99, exactSamples, exactSamples + 1, 50_000} {
		var h histogram
		samples := make([]time.Duration, n)
		for i := range samples {
			samples[i] = time.Duration(math.Exp(20 * random.Float64()))
			h.add(samples[i])
		}
		slices.Sort(samples)
		s := h.summary()
		for q, got := range map[float64]float64{0.5: s.P50, 0.9: s.P90, 0.95: s.P95, 0.99: s.P99, 0.999: s.P999, 1: s.Max} {
			want := milliseconds(samples[int(math.Ceil(q*float64(n)))-1])
			bound := 0.0
			if n > exactSamples {
				bound = want/500 + 0.001
			}
			if math.Abs(got-want) > bound {
				t.Errorf("%d samples, %g: %g, want %g", n, q, got, want)
			}
		}
	}
	if (&histogram{}).summary() != (Summary{}) {
		t.Error("no samples have a summary")
	}
}

// TestSeries: however long it gets, its steps add up to the whole.
func TestSeries(t *testing.T) {
	s := newSeries()
	for hour := time.Duration(1); hour <= 1000; hour++ {
		s.add(levels{ready: int(hour % 3), waiting: int(hour % 7)}, hour*time.Hour)
	}
	points := s.points()
	sum := 0.0
	for _, p := range points {
		sum += p.Ready * (1000 / (1000 * time.Hour.Seconds() / s.width.Seconds()))
	}
	if len(points) > seriesPoints || math.Abs(sum-1000) > 20 {
		t.Errorf("%d points, %g ready-hours", len(points), sum)
	}
	if top := slices.MaxFunc(points, func(a, b Point) int { return a.MaxWaiting - b.MaxWaiting }); top.MaxWaiting != 6 {
		t.Errorf("the longest queue was %d", top.MaxWaiting)
	}
}

// TestMergedHistograms: the samples of two are those of one.
func TestMergedHistograms(t *testing.T) {
	for _, n := range []int{10, exactSamples, 3 * exactSamples} {
		var whole, left, right histogram
		for i := range n {
			d := time.Duration(i%7) * time.Millisecond * time.Duration(i)
			whole.add(d)
			if i%3 == 0 {
				left.add(d)
			} else {
				right.add(d)
			}
		}
		left.merge(&right)
		if got, want := left.summary(), whole.summary(); got != want {
			t.Errorf("%d samples: %+v, want %+v", n, got, want)
		}
	}
}
