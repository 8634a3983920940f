package theory

import (
	"math"
	"testing"
	"time"
)

// near reports whether two numbers agree to a relative error of 1e-11.
func near(got, want float64) bool { return math.Abs(got-want) <= 1e-11*math.Abs(want) }

// TestPoisson compares with sums of the exact series in 80 decimal digits.
func TestPoisson(t *testing.T) {
	for _, c := range []struct {
		k                 int
		a                 float64
		cdf, tail, excess float64
	}{
		{0, 0.25, 0.77880078307140488, 0.22119921692859512, 0.25},
		{2, 0.25, 0.99783850331023749, 0.0021614966897625125, 0.0023017619106609536},
		{2, 0.5, 0.98561232203302929, 0.014387677966970687, 0.016326649281583561},
		{4, 1, 0.99634015317265634, 0.0036598468273437122, 0.0043487695667789594},
		{9, 5, 0.96817194269379514, 0.031828057306204811, 0.054015657853399492},
		{3, 12.5, 0.0015545578430110672, 0.99844544215698894, 9.5003954910678861},
		{120, 100, 0.97733067092164727, 0.022669329078352691, 0.10271990708424628},
		{99, 100, 0.48670120172085135, 0.5132987982791487, 4.4993984791938626},
		{10200, 10000, 0.977250757990904, 0.022749242009095959, 0.86705188021002522},
		{9700, 10000, 0.0013128567774713165, 0.99868714322252872, 300.0360291769112},
	} {
		if got := PoissonCDF(c.k, c.a); !near(got, c.cdf) {
			t.Errorf("PoissonCDF(%d, %g) = %.17g, want %.17g", c.k, c.a, got, c.cdf)
		}
		if got := PoissonTail(c.k, c.a); !near(got, c.tail) {
			t.Errorf("PoissonTail(%d, %g) = %.17g, want %.17g", c.k, c.a, got, c.tail)
		}
		if got := excess(c.k, c.a); !near(got, c.excess) {
			t.Errorf("excess(%d, %g) = %.17g, want %.17g", c.k, c.a, got, c.excess)
		}
	}
}

// TestFarTail is where 1 - PoissonCDF would be 0.
func TestFarTail(t *testing.T) {
	if got := PoissonTail(60, 5); !near(got, 6.2611955001803677e-44) {
		t.Errorf("PoissonTail(60, 5) = %g", got)
	}
	if got := PoissonTail(200, 100); !near(got, 4.6261794701957729e-19) {
		t.Errorf("PoissonTail(200, 100) = %g", got)
	}
}

// TestEdges: no load at all, and a load of ten million, where the naive series is 0 times infinity.
func TestEdges(t *testing.T) {
	if Poisson(0, 0) != 1 || Poisson(3, 0) != 0 || PoissonCDF(0, 0) != 1 || PoissonCDF(-1, 5) != 0 || excess(2, 0) != 0 {
		t.Error("a load of 0 is wrong")
	}
	const a = 1e7
	if got := PoissonCDF(a, a); math.Abs(got-0.5) > 2e-4 {
		t.Errorf("PoissonCDF(1e7, 1e7) = %g, want about a half", got)
	}
	if got, want := excess(a, a), math.Sqrt(a/(2*math.Pi)); math.Abs(got/want-1) > 1e-3 {
		t.Errorf("excess(1e7, 1e7) = %g, want about %g", got, want)
	}
}

// TestErlangC compares with the quotient of sums in 80 decimal digits.
func TestErlangC(t *testing.T) {
	for _, c := range []struct {
		s    int
		a    float64
		want float64
	}{
		{1, 0.5, 0.5},
		{3, 0.25, 0.0022123893805309734},
		{3, 2, 0.44444444444444442},
		{3, 2.9, 0.93767781622452906},
		{10, 8, 0.40918015079644354},
		{100, 90, 0.21694048090636639},
		{1000, 990, 0.65908042188085447},
	} {
		if got := erlangC(c.s, c.a); !near(got, c.want) {
			t.Errorf("erlangC(%d, %g) = %.17g, want %.17g", c.s, c.a, got, c.want)
		}
	}
}

// TestErlangCWait: M/M/1 at half load waits as long as it serves, and a queue over its load waits for ever.
func TestErlangCWait(t *testing.T) {
	if got := ErlangC(1, Load{Rate: 0.5, Start: time.Second}); got.HitRate != 0.5 || got.MeanWait != time.Second {
		t.Errorf("M/M/1 at half load: %+v", got)
	}
	if got := ErlangC(3, Load{Rate: 1, Start: 3 * time.Second}); got.HitRate != 0 || got.MeanWait != Never {
		t.Errorf("M/M/3 at full load: %+v", got)
	}
}

// TestBaseStock is the planning load: 5 requests a minute, 3 s a start, 3 tasks.
func TestBaseStock(t *testing.T) {
	got := BaseStock(3, Load{Rate: 5.0 / 60, Start: 3 * time.Second})
	if !near(got.HitRate, 0.99783850331023749) {
		t.Errorf("hit rate %.17g", got.HitRate)
	}
	// excess(3, 0.25) = excess(2, 0.25) - P(N > 2), times 12 s.
	if want := 1683 * time.Microsecond; (got.MeanWait - want).Abs() > time.Microsecond {
		t.Errorf("mean wait %v, want %v", got.MeanWait, want)
	}
}

func TestBaseStockWaits(t *testing.T) {
	load := Load{Rate: 5.0 / 60, Start: 3 * time.Second}
	if got, want := BaseStockWaits(3, load, 0), 1-BaseStock(3, load).HitRate; !near(got, want) {
		t.Errorf("waits at all: %g, want %g", got, want)
	}
	if got := BaseStockWaits(1, load, 1500*time.Millisecond); !near(got, 1-math.Exp(-0.125)) {
		t.Errorf("waits half a start with one task: %g", got)
	}
	if got := BaseStockWaits(1, load, 3*time.Second); got != 0 {
		t.Errorf("waits longer than a start: %g", got)
	}
}

func TestSmallest(t *testing.T) {
	for _, c := range []struct {
		objective, a float64
		want         int
	}{
		{0.9, 0.25, 2}, {0.99, 0.25, 3}, {0.999, 0.25, 4}, {0.999, 5, 14}, {0.99, 100, 125},
	} {
		load := Load{Rate: c.a, Start: time.Second}
		if got, ok := SmallestForHitRate(c.objective, load); !ok || got != c.want {
			t.Errorf("hit rate %g at a load of %g: size %d, want %d", c.objective, c.a, got, c.want)
		}
	}
	load := Load{Rate: 5.0 / 60, Start: 3 * time.Second}
	if got, ok := SmallestForWait(0.01, 3*time.Second, load); !ok || got != 1 {
		t.Errorf("p99 within a whole start: size %d, want 1", got)
	}
	if got, ok := SmallestForWait(0.01, 0, load); !ok || got != 3 {
		t.Errorf("p99 of 0: size %d, want 3", got)
	}
	if _, ok := SmallestForHitRate(0.5, Load{Rate: 1e9, Start: time.Second}); ok {
		t.Error("a billion starts under way were promised a pool")
	}
}
