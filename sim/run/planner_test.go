package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"hearth/messages"
	"hearth/sim/model"
	"hearth/sim/traffic"
)

// crowd is a flash crowd of twenty times 20 requests a minute.
func crowd() Config {
	c := poisson(20, 2*time.Hour)
	c.Traffic = traffic.Synthetic{
		Shape: traffic.Flash, Rate: 20.0 / 60, Peak: 20, PeakAt: time.Hour, PeakLength: 10 * time.Minute,
	}
	return c
}

// TestCurve: what is computed of every size is what playing it gives, for hits, for waits, and in each hour.
func TestCurve(t *testing.T) {
	for _, o := range []Objective{{HitRate: 0.9}, {Percentile: 99, WaitMs: 1000}, {Percentile: 99, WaitMs: 2900}} {
		c := poisson(40, time.Hour)
		c.StartTakes(model.Fixed(3 * time.Second))
		c.Settings.Max, c.Objective = Unlimited, o
		curve, err := c.curve(o)
		if err != nil {
			t.Fatal(err)
		}
		for size := range 8 {
			c.Settings.Min, c.Settings.Threshold = size, max(0, size-1)
			r := play(t, c)
			for window, want := range r.inTimeIn {
				if got := curve.windows[window].at(size); got != want {
					t.Errorf("%s, minimum %d, window %d: %+v are in time, computed %+v", o, size, window, want, got)
				}
			}
		}
	}
}

// TestCurveToReady: the agent's start is drawn, so the two agree but for noise.
func TestCurveToReady(t *testing.T) {
	c := poisson(40, 4*time.Hour)
	c.StartTakes(model.Exponential(3 * time.Second))
	c.Objective = Objective{Percentile: 90, WaitMs: 800, Ready: true}
	c.Settings.Max, c.Settings.Min, c.Settings.Threshold = Unlimited, 3, 2
	curve, err := c.curve(c.Objective)
	if err != nil {
		t.Fatal(err)
	}
	var computed tally
	for i := range curve.windows {
		computed = total([]tally{computed, curve.windows[i].at(3)})
	}
	played := total(play(t, c).inTimeIn)
	if gap := float64(played.good)/float64(played.all) - float64(computed.good)/float64(computed.all); math.Abs(gap) > 0.02 {
		t.Errorf("played %+v, computed %+v", played, computed)
	}
}

// TestHeldBack: the limit that keeps starts back is named for each request, and what a larger pool would have done is not told.
func TestHeldBack(t *testing.T) {
	launches := poisson(60, time.Hour)
	launches.Settings.LaunchConcurrency = 2
	maximum := poisson(60, time.Hour)
	maximum.Settings.Max = 3
	failing := poisson(20, time.Hour)
	failing.Cloud.Faults.DeadOnArrival = 0.2
	throttled := poisson(20, time.Hour)
	throttled.Cloud.Faults.Throttled = 0.3
	crowded := poisson(20, time.Hour)
	crowded.Session = model.Exponential(10 * time.Minute)
	crowded.Cloud.Fleet = model.FleetOptions{
		Slots: 4, Min: 5, Desired: 5, Max: 100, Boot: model.Fixed(time.Minute), Provider: model.ManagedScaling(),
	}
	crowded.Traffic = traffic.Synthetic{Shape: traffic.Flash, Rate: 5.0 / 60, Peak: 20, PeakAt: time.Minute, PeakLength: 20 * time.Minute}
	for want, c := range map[messages.Hold]Config{
		messages.HeldLaunchLimit: launches, messages.HeldMaximum: maximum, messages.HeldBackoff: failing,
		messages.HeldRateLimit: throttled, messages.HeldHosts: crowded,
	} {
		held := map[messages.Hold]int{}
		c.Missed = func(m Miss) {
			if m.HeldBack != "" {
				held[m.HeldBack]++
			}
		}
		r := play(t, c)
		if r.HeldBack[want] < r.Requests/50 || held[want] != r.HeldBack[want] || want != messages.HeldHosts && r.HeldSeconds[want] <= 0 {
			t.Errorf("%s: of %d requests %v, told of %v, in %v", want, r.Requests, r.HeldBack, held, r.HeldSeconds)
		}
		if r.PoolNeeded != nil {
			t.Errorf("%s: a curve although starts were held back: %v", want, r.PoolNeeded)
		}
		if want != messages.HeldBackoff && r.WhyCold["no_capacity"] == 0 {
			t.Errorf("%s: nobody was told no_capacity: %v", want, r.WhyCold)
		}
	}
}

// TestFrontierUnderLimits: a frontier has its points also where limits hold starts back, and no curve is to be had.
func TestFrontierUnderLimits(t *testing.T) {
	launches, hosts := poisson(60, 20*time.Minute), poisson(10, 20*time.Minute)
	launches.Settings.LaunchConcurrency, launches.Settings.Max = 2, Unlimited
	hosts.Settings.Max = Unlimited
	hosts.Cloud.Fleet = model.FleetOptions{Slots: 4, Min: 5, Desired: 5, Max: 5, Boot: model.MeasuredBoot, Provider: model.ManagedScaling()}
	for name, c := range map[string]Config{"launches": launches, "hosts": hosts} {
		points, err := Frontier(c, 1, nil)
		if err != nil || len(points) < 3 || points[0].Config.PoolMin != 0 {
			t.Errorf("%s: %d points, %v", name, len(points), err)
		}
	}
}

// TestSizeNamesTheLimit: it does not buy idle tasks against a launch limit.
func TestSizeNamesTheLimit(t *testing.T) {
	s := Sizer{Base: crowd(), Objective: Objective{Percentile: 99, WaitMs: 2000}, Seeds: 2, MaxSeeds: 4}
	sizing, err := s.Search()
	if err != nil {
		t.Fatal(err)
	}
	if len(sizing.Lift) != 1 || sizing.Lift[0].Limit != messages.HeldLaunchLimit || sizing.Lift[0].Is != 10 || sizing.Lift[0].Needs < 25 {
		t.Errorf("limits to lift: %+v", sizing.Lift)
	}
	if b := &sizing.Best; b.PoolMin > 15 || b.LaunchConcurrency == nil || *b.LaunchConcurrency != sizing.Lift[0].Needs {
		t.Errorf("best: %+v", b)
	}
	// With the limit lifted as it says, and its maximum, the pool does what it says.
	c := crowd()
	c.Settings.Min, c.Settings.Threshold = sizing.Best.PoolMin, sizing.Threshold
	c.Settings.Max, c.Settings.LaunchConcurrency = *sizing.Best.PoolMax, *sizing.Best.LaunchConcurrency
	if r := play(t, c); r.WaitMs.P99 > 2100 || len(r.HeldBack) > 0 {
		t.Errorf("played: p99 %g ms, held back %v", r.WaitMs.P99, r.HeldBack)
	}
}

// TestUnreachableNamesTheLimit: which limit to lift and to what, be it the maximum or the hosts.
func TestUnreachableNamesTheLimit(t *testing.T) {
	small := Sizer{Base: poisson(60, time.Hour), Objective: Objective{HitRate: 0.99}, Seeds: 2, MaxSeeds: 2, FixedMax: true}
	small.Base.Settings.Max = 2
	hosts := Sizer{Base: poisson(20, 2*time.Hour), Objective: Objective{HitRate: 0.95}, Seeds: 2, MaxSeeds: 2}
	hosts.Base.Session = model.Fixed(10 * time.Minute)
	hosts.Base.Cloud.Fleet = model.FleetOptions{
		Slots: 4, Min: 20, Desired: 20, Max: 20, Boot: model.Fixed(time.Minute), Provider: model.ManagedScaling(),
	}
	for want, s := range map[messages.Hold]*Sizer{messages.HeldMaximum: &small, messages.HeldHosts: &hosts} {
		_, err := s.Search()
		var unreachable *Unreachable
		if !errors.As(err, &unreachable) || !errors.Is(err, ErrUnreachable) || len(unreachable.Lift) == 0 {
			t.Fatalf("%s: %v", want, err)
		}
		last := unreachable.Lift[len(unreachable.Lift)-1]
		if last.Limit != want || last.Needs <= last.Is || !strings.Contains(err.Error(), fmt.Sprintf("lift it to %d", last.Needs)) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestMaximumServesBursts: a maximum that was sized for quiet traffic does not spoil a crowd that it did not see.
func TestMaximumServesBursts(t *testing.T) {
	s := Sizer{Base: poisson(5, 8*time.Hour), Objective: Objective{HitRate: 0.999}, Seeds: 3, MaxSeeds: 10}
	sizing, err := s.Search()
	if err != nil {
		t.Fatal(err)
	}
	at := func(maximum int) Result {
		c := crowd()
		c.Traffic = traffic.Synthetic{Shape: traffic.Flash, Rate: 5.0 / 60, Peak: 10, PeakAt: time.Hour, PeakLength: 10 * time.Minute}
		c.Settings.Min, c.Settings.Threshold, c.Settings.Max = sizing.Best.PoolMin, sizing.Threshold, maximum
		return play(t, c)
	}
	recommended, free := at(*sizing.Best.PoolMax), at(Unlimited)
	if recommended.WaitMs.P99 != free.WaitMs.P99 {
		t.Errorf("p99 wait %g ms with the maximum of %d, %g ms without one", recommended.WaitMs.P99, *sizing.Best.PoolMax, free.WaitMs.P99)
	}
}

// TestSteadyState: a run of long sessions costs what Little's law says, from its first hour on, also on hosts.
func TestSteadyState(t *testing.T) {
	for name, length := range map[string]model.Distribution{
		"exponential": model.Exponential(4 * time.Hour), "fixed": model.Fixed(4 * time.Hour),
		"scattered": model.Lognormal{Average: 4 * time.Hour, Sigma: 1},
	} {
		sum, hosts := 0.0, 0.0
		const runs = 6
		for seed := range uint64(runs) {
			c := poisson(5, 4*time.Hour)
			c.Seed, c.Session = 1+seed, length
			c.Cloud.Fleet = model.FleetOptions{
				Slots: 4, Min: 2, Desired: 2, Max: 500, Boot: model.MeasuredBoot, Provider: model.ManagedScaling(),
			}
			r := play(t, c)
			sum += r.TaskHours / r.Hours / runs
			hosts += r.HostHours / r.Hours / runs
			if !r.PoolWasFull || r.SessionsAtBegin < 1000 {
				t.Errorf("%s: begun with %d sessions, full %v", name, r.SessionsAtBegin, r.PoolWasFull)
			}
		}
		// 5 a minute for 240 minutes, and the three of the pool.
		if want := 1203.0; math.Abs(sum/want-1) > 0.04 {
			t.Errorf("%s: %g tasks on average, want %g", name, sum, want)
		}
		if hosts < sum/4 || hosts > 1.15*sum/4 {
			t.Errorf("%s: %g hosts for %g tasks", name, hosts, sum)
		}
	}
}

// TestLargePoolIsFull: a pool of any size is full when the traffic begins, and one that never is says so.
func TestLargePoolIsFull(t *testing.T) {
	c := poisson(1, time.Minute)
	c.Settings.Min, c.Settings.Threshold, c.Settings.Max = 3000, 2999, 3000
	if r := play(t, c); !r.PoolWasFull || r.Series[0].Ready < 2990 {
		t.Errorf("full: %v, %g ready", r.PoolWasFull, r.Series[0].Ready)
	}
	c.Cloud.Fleet = model.FleetOptions{Slots: 4, Min: 2, Desired: 2, Max: 2, Boot: model.MeasuredBoot, Provider: model.ManagedScaling()}
	if r := play(t, c); r.PoolWasFull {
		t.Error("8 places are enough for 3,000 tasks")
	}
}

// TestMergedCurve: the curve, the hours and the series of several runs are of all of them.
func TestMergedCurve(t *testing.T) {
	c := poisson(40, 2*time.Hour)
	c.StartTakes(model.Exponential(3 * time.Second))
	c.Settings.Max = Unlimited
	results, err := Many(WithSeeds(c, 3), nil)
	if err != nil {
		t.Fatal(err)
	}
	o := Merge(results)
	for _, n := range o.PoolNeeded {
		hits := 0.0
		for _, r := range results {
			at := slices.IndexFunc(r.PoolNeeded, func(own Needed) bool { return own.PoolMin == n.PoolMin })
			rate := 1.0
			if at >= 0 {
				rate = float64(r.PoolNeeded[at].HitRate)
			}
			hits += rate * float64(r.Requests)
		}
		if got := float64(n.HitRate) * float64(o.Requests); math.Abs(got-hits) > 0.5 {
			t.Errorf("minimum %d: %g hits, in the runs %g", n.PoolMin, got, hits)
		}
	}
	requests := 0
	for _, h := range o.ByHour {
		requests += h.Requests
	}
	mean := (results[0].Series[3].Ready + results[1].Series[3].Ready + results[2].Series[3].Ready) / 3
	if requests != o.Requests || math.Abs(o.Series[3].Ready-mean) > 0.002 || !slices.Equal(o.SeedsUsed, []uint64{1, 2, 3}) {
		t.Errorf("%d of %d requests by hour, ready %g, want %g, seeds %v", requests, o.Requests, o.Series[3].Ready, mean, o.SeedsUsed)
	}
}

// TestMondayAtTen: the worst hour of an office's week is named, and an objective may be about it.
func TestMondayAtTen(t *testing.T) {
	c := poisson(2, 7*24*time.Hour)
	c.Traffic = traffic.Synthetic{Shape: traffic.Diurnal, Rate: 2.0 / 60}
	c.StartTakes(model.MeasuredStart)
	c.Settings.Max = Unlimited
	r := play(t, c)
	if w := r.WorstHour; w == nil || w.HitRate >= r.HitRate || len(r.ByHour) < 150 || !strings.HasSuffix(w.Hour, ":00") {
		t.Fatalf("worst hour: %+v of %d, over all %g", w, len(r.ByHour), r.HitRate)
	} else if hour := w.Hour[4:6]; hour < "09" || hour > "16" || strings.HasPrefix(w.Hour, "s") {
		t.Errorf("the worst hour is %s", w.Hour)
	}
	sizes := map[bool]int{}
	for _, worst := range []bool{false, true} {
		s := Sizer{Base: c, Objective: Objective{HitRate: 0.999, WorstHour: worst}, Seeds: 10, MaxSeeds: 20}
		if _, err := s.rate(); err != nil {
			t.Fatal(err)
		}
		best, _, err := s.fromCurves()
		if err != nil {
			t.Fatal(err)
		}
		sizes[worst] = best.PoolMin
	}
	if sizes[true] <= sizes[false] {
		t.Errorf("%d for the week, %d for its worst hour", sizes[false], sizes[true])
	}
}

// TestNothingIsNotPerfect: no requests are no hit rate.
func TestNothingIsNotPerfect(t *testing.T) {
	r := play(t, poisson(1e-6, time.Minute))
	text, err := json.Marshal(Merge([]Result{r}))
	if err != nil || r.Requests != 0 || !strings.Contains(string(text), `"hitRate":null`) || !strings.Contains(string(text), `"hitRateInterval":null`) {
		t.Errorf("%v, %.200s", err, text)
	}
}

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

// TestPriceLists: each list that comes along is whole, dated, and says where from.
func TestPriceLists(t *testing.T) {
	entries, err := lists.ReadDir("prices")
	if err != nil || len(entries) < 4 {
		t.Fatalf("%d lists, %v", len(entries), err)
	}
	for _, entry := range entries {
		p, err := LoadPrices(strings.TrimSuffix(entry.Name(), ".json"))
		if err != nil || p.Date == "" || p.Source == "" || p.Name+".json" != entry.Name() || p.HostHour+p.TaskHour == 0 {
			t.Errorf("%s: %+v, %v", entry.Name(), p, err)
		}
	}
}
