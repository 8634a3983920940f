package run

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"hearth/sim/model"
	"hearth/sim/traffic"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// poisson is a configuration with so many requests a minute for so long.
func poisson(perMinute float64, duration time.Duration) Config {
	c := DefaultConfig()
	c.Seed = 1
	c.Traffic = traffic.Synthetic{Shape: traffic.Poisson, Rate: perMinute / 60}
	c.Duration = duration
	c.Session = model.Exponential(time.Minute)
	return c
}

func play(t *testing.T, c Config) Result {
	t.Helper()
	r, err := Run(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestNeeded: what a run says of larger pools is what runs with larger pools give.
func TestNeeded(t *testing.T) {
	at := func(size int) Result {
		c := poisson(40, time.Hour)
		c.StartTakes(model.Fixed(3 * time.Second))
		c.Settings.Min, c.Settings.Threshold, c.Settings.Max = size, size-1, Unlimited
		return play(t, c)
	}
	small := at(1)
	if len(small.PoolNeeded) < 5 {
		t.Fatalf("a curve of %d sizes", len(small.PoolNeeded))
	}
	for _, needed := range small.PoolNeeded {
		if got := at(needed.PoolMin).HitRate; got != needed.HitRate {
			t.Errorf("minimum %d: hit rate %g, foretold %g", needed.PoolMin, got, needed.HitRate)
		}
	}
}

// TestNothingGoesAstray: without faults every message reaches an actor, and none crashes.
func TestNothingGoesAstray(t *testing.T) {
	c := poisson(20, 4*time.Hour)
	c.onHostsFor(0)
	s := newSimulation(c)
	defer s.model.Close()
	source, done, err := c.open(s.model.World)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	s.source = source
	s.fill(nil)
	s.play()
	if counts := s.model.World.Counts(); counts.DeadLetters+counts.Nils+counts.Crashes > 0 || counts.Picks == 0 {
		t.Errorf("%+v", counts)
	}
}

// TestMisses: each miss says what would have made it warm.
func TestMisses(t *testing.T) {
	c := poisson(40, time.Hour)
	c.StartTakes(model.Fixed(3 * time.Second))
	c.Settings.Min, c.Settings.Threshold, c.Settings.Max = 2, 1, Unlimited
	var misses []Miss
	c.Missed = func(m Miss) { misses = append(misses, m) }
	r := play(t, c)
	if len(misses) != r.Requests-r.Hits {
		t.Fatalf("%d misses of %d requests with %d hits", len(misses), r.Requests, r.Hits)
	}
	waited := 0.0
	for _, m := range misses {
		// What is under way when the request comes, and the one task more that it would have taken.
		if m.PoolNeeded == nil || *m.PoolNeeded != m.Starting+1 || *m.PoolNeeded != 2+m.Ahead+1 {
			t.Fatalf("%+v", m)
		}
		waited += m.WaitMs
	}
	if mean := waited / float64(r.Requests); math.Abs(mean-r.WaitMs.Mean) > 0.01 {
		t.Errorf("the misses waited %g ms on average, the run says %g", mean, r.WaitMs.Mean)
	}
}

// TestFailures: requests that get nothing are counted, by reason, with the time that they waited.
func TestFailures(t *testing.T) {
	c := poisson(5, time.Hour)
	c.Cloud.Faults.DeadOnArrival = 1
	r := play(t, c)
	sum := 0
	for _, n := range r.FailureReasons {
		sum += n
	}
	if r.Failures != r.Requests || sum != r.Failures || r.Hits != 0 || r.FailedStarts == 0 {
		t.Errorf("%d requests, %d failures %v, %d hits, %d failed starts",
			r.Requests, r.Failures, r.FailureReasons, r.Hits, r.FailedStarts)
	}
}

// TestAccounts: hours and money are what is left when they are added up by hand.
func TestAccounts(t *testing.T) {
	c := poisson(1, 10*time.Hour)
	c.Session = model.Fixed(time.Nanosecond)
	c.StartTakes(model.Fixed(0))
	c.Prices = Prices{HostHour: 1, TaskHour: 0.25, TasksPerHost: 3, HoursPerMonth: 100}
	r := play(t, c)
	// Three idle tasks on one host, all the time; sessions last as long as their init.
	if math.Abs(r.IdleTaskHours-30) > 0.01 || math.Abs(r.TaskHours-30) > 0.2 || math.Abs(r.HostHours-10) > 0.3 {
		t.Errorf("%g idle of %g task-hours, %g host-hours", r.IdleTaskHours, r.TaskHours, r.HostHours)
	}
	if want := (r.HostHours + r.TaskHours/4) * 10; math.Abs(r.MonthlyCost-want) > 0.01 || r.Hours != 10 {
		t.Errorf("$%g in %g h, want $%g", r.MonthlyCost, r.Hours, want)
	}
}

// TestWarmThree is the source's estimate: about $15 a month for three warm tasks.
func TestWarmThree(t *testing.T) {
	c := poisson(0.001, 24*time.Hour)
	if r := play(t, c); math.Abs(r.MonthlyCost-15) > 0.5 {
		t.Errorf("three warm tasks cost $%g a month", r.MonthlyCost)
	}
}

// TestScenarios: the replaced system, with the shared access point, and with the pool.
func TestScenarios(t *testing.T) {
	within := func(name string, ms, low, high float64) {
		if ms < low || ms > high {
			t.Errorf("%s: %g ms from hello to ready, want %g to %g", name, ms, low, high)
		}
	}
	base := poisson(5, 4*time.Hour)
	base.Users = 300
	results := map[string]Result{}
	for _, name := range []string{"baseline", "phase1", "phase2"} {
		c, ok := Scenario(name, base)
		if !ok {
			t.Fatalf("no scenario %s", name)
		}
		results[name] = play(t, c)
	}
	baseline := results["baseline"]
	within("baseline, first visit", baseline.FirstVisitMs.P50, 5000, 12_000)
	within("baseline, later visits", baseline.ReturnMs.P50, 3000, 5000)
	within("phase1", results["phase1"].ReadyMs.P50, 2500, 3500)
	within("phase2", results["phase2"].ReadyMs.P50, 240, 320)
	if baseline.Hits != 0 || baseline.PoolNeeded[0].PoolMin != 0 {
		t.Errorf("without a pool: %d hits, %v", baseline.Hits, baseline.PoolNeeded[0])
	}
	if _, ok := Scenario("phase3", base); ok {
		t.Error("phase3 is a scenario")
	}
}

// torn is traffic that cannot be opened, or breaks off.
type torn struct {
	traffic.Synthetic
	atOnce bool
}

var errTorn = errors.New("torn")

func (t torn) Open(random *rand.Rand) (traffic.Source, error) {
	if t.atOnce {
		return nil, errTorn
	}
	source, err := t.Synthetic.Open(random)
	return &tornSource{source: source}, err
}

type tornSource struct {
	source traffic.Source
	left   bool
}

func (t *tornSource) Next() (traffic.Arrival, error) {
	if t.left {
		return traffic.Arrival{}, errTorn
	}
	t.left = true
	return t.source.Next()
}

// TestTrafficErrors: what is wrong with the traffic ends the run, from the beginning or in the midst of it.
func TestTrafficErrors(t *testing.T) {
	for _, atOnce := range []bool{true, false} {
		c := poisson(1, time.Hour)
		c.Traffic = torn{Synthetic: traffic.Synthetic{Shape: traffic.Poisson, Rate: 1}, atOnce: atOnce}
		if _, err := Run(c); !errors.Is(err, errTorn) {
			t.Errorf("at once %v: %v", atOnce, err)
		}
	}
	c := poisson(1, time.Minute)
	c.Trace = brokenPipe{}
	if _, err := Run(c); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a trace that cannot be written: %v", err)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// TestBounded: the longer run's result is no larger.
func TestBounded(t *testing.T) {
	c := poisson(20, 48*time.Hour)
	c.StartTakes(model.Fixed(3 * time.Second))
	r := play(t, c)
	if len(r.Series) > seriesPoints || len(r.Series) < seriesPoints/2 {
		t.Errorf("%d points", len(r.Series))
	}
	text, err := json.Marshal(r)
	if err != nil || len(text) > 64<<10 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

// TestFirst searches from every guess, for every answer.
func TestFirst(t *testing.T) {
	for answer := 0; answer <= 21; answer++ {
		for guess := -1; guess <= 25; guess++ {
			asked := map[int]bool{}
			got, err := first(guess, 0, 20, func(n int) (bool, error) {
				if asked[n] || n < 0 || n > 20 {
					t.Fatalf("guess %d, answer %d: asked for %d", guess, answer, n)
				}
				asked[n] = true
				return n >= answer, nil
			})
			if answer <= 20 && (got != answer || err != nil) || answer == 21 && !errors.Is(err, ErrUnreachable) {
				t.Errorf("guess %d: %d, %v, want %d", guess, got, err, answer)
			}
		}
	}
}

// TestSizer finds what theory gives.
func TestSizer(t *testing.T) {
	base := poisson(20, time.Hour)
	base.Session = model.Fixed(time.Second)
	base.StartTakes(model.Exponential(3 * time.Second))
	sizer := Sizer{Base: base, Objective: Objective{HitRate: 0.95}, Seeds: 4, MaxSeeds: 8}
	s, err := sizer.Search()
	if err != nil {
		t.Fatal(err)
	}
	// P(N <= 3) = 0.981 and P(N <= 2) = 0.920 for a load of 1.
	if s.Best.PoolMin != 4 || s.Theory != 4 || s.Threshold != 3 || s.Best.PoolMax == nil || s.Smaller == nil || s.Smaller.PoolMin != 3 {
		t.Errorf("%+v", s)
	}
	if !s.Best.Sure || s.Best.HitRate.Low < 0.95 {
		t.Errorf("best: %+v", s.Best)
	}
}

// TestManySeeds: an outcome adds counts and averages the rest, in whatever order the runs end.
func TestManySeeds(t *testing.T) {
	c := poisson(10, time.Hour)
	results, err := Many(WithSeeds(c, 3), nil)
	if err != nil {
		t.Fatal(err)
	}
	o := Merge(results)
	if o.Seeds != 3 || o.Seed != 1 || o.Requests != results[0].Requests+results[1].Requests+results[2].Requests {
		t.Errorf("%+v", o)
	}
	if results[1].Digest != play(t, func() Config { c.Seed = 2; return c }()).Digest {
		t.Error("the second run's seed is not the second seed")
	}
	c.Users = 0
	if _, err := Many([]Config{c}, nil); err == nil {
		t.Error("no users")
	}
}

// TestAverage: a textbook's interval.
func TestAverage(t *testing.T) {
	results := make([]Result, 5)
	for i := range results {
		results[i].HitRate = Share(i)
	}
	got := Average(results, func(r *Result) float64 { return float64(r.HitRate) })
	// Mean 2, standard deviation sqrt(2.5), t = 2.776 with 4 degrees of freedom.
	if half := 2.776 * math.Sqrt(2.5/5); got.Mean != 2 || math.Abs(got.High-2-half) > 1e-9 || math.Abs(2-got.Low-half) > 1e-9 {
		t.Errorf("%+v", got)
	}
	for freedom, want := range map[int]float64{11: 2.201, 30: 2.042, 120: 1.980} {
		if got := student(freedom); math.Abs(got-want) > 0.0025 {
			t.Errorf("t with %d degrees of freedom: %g, want %g", freedom, got, want)
		}
	}
}

func TestHitRatesAreNeverCertain(t *testing.T) {
	if i := overRuns([]tally{{1000, 1000}, {1000, 1000}}); i.Mean != 1 || i.High != 1 || i.Low > 0.9985 || i.Low < 0.998 {
		t.Errorf("2,000 requests without a miss: %+v", i) // 1 - z²/n, about the rule of three
	}
	apart := []tally{{500_000, 1_000_000}, {600_000, 1_000_000}, {700_000, 1_000_000}}
	if i, t0 := overRuns(apart), averageOf([]float64{0.5, 0.6, 0.7}); i != t0 {
		t.Errorf("runs that differ: %+v, want %+v", i, t0)
	}
}

// TestHostsOfAGrid: how many hosts one row begins with does not let another row scale out further.
func TestHostsOfAGrid(t *testing.T) {
	base := poisson(1, time.Hour)
	base.Cloud.Fleet = model.FleetOptions{Slots: 4, Min: 2, Desired: 2, Max: 3}
	configs, err := Grid{HostSlots: []int{4, 7}, Hosts: []int{5, 2}}.Configs(base)
	if err != nil || len(configs) != 4 {
		t.Fatalf("%d configurations, %v", len(configs), err)
	}
	for i, want := range []int{5, 3, 5, 3} {
		if fleet := configs[i].Cloud.Fleet; fleet.Max != want || fleet.Desired != []int{5, 2}[i%2] {
			t.Errorf("row %d: %d hosts, at most %d", i, fleet.Desired, fleet.Max)
		}
	}
}

func TestTooShortToSize(t *testing.T) {
	s := &Sizer{Base: poisson(1, time.Hour), Objective: Objective{HitRate: 0.9999}, Seeds: 5, MaxSeeds: 40}
	if _, err := s.Search(); err == nil || !strings.Contains(err.Error(), "50000 requests") {
		t.Errorf("%v", err)
	}
}

func TestPrices(t *testing.T) {
	load := func(text string) (Prices, error) {
		path := t.TempDir() + "/prices.json"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return LoadPrices(path)
	}
	if p, err := load(`{"taskHour": 0.05}`); err != nil || p.TaskHour != 0.05 || p.HostHour != DefaultPrices().HostHour {
		t.Errorf("%+v, %v", p, err)
	}
	for text, want := range map[string]string{
		`{"taskHours": 1}`: "unknown field", `{"hostHour": -1}`: "must not be negative", `{"tasksPerHost": 0}`: "at least 1",
		`{"hoursPerMonth": 0}`: "more than 0", `{} {}`: "something follows", `[]`: "cannot unmarshal", ``: "EOF",
	} {
		if _, err := load(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// BenchmarkRequest is what one request costs, from hello to the end of its task.
func BenchmarkRequest(b *testing.B) {
	c := DefaultConfig()
	c.Traffic = traffic.Synthetic{Shape: traffic.Poisson, Rate: 5.0 / 60}
	c.Duration = time.Duration(b.N) * 12 * time.Second
	b.ReportAllocs()
	if _, err := Run(c); err != nil {
		b.Fatal(err)
	}
}
