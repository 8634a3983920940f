package demand

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"hearth/actors"
	"hearth/messages"
)

// mon is a Monday 00:00 UTC.
var mon = time.Date(2025, 1, 6, 0, 0, 0, 0, time.UTC)

// feed has a learner see sessions of a rate a second that may change, with starts that take 5 s, and look each minute.
func feed(l actors.Forecast, seed uint64, from time.Time, d time.Duration, rate func(time.Time) float64, seen func(time.Time, messages.Plan)) {
	const top = 4.0
	random := rand.New(rand.NewPCG(seed, 1))
	look := from
	for at := from; ; {
		at = at.Add(time.Duration(random.ExpFloat64() / top * 1e9))
		for ; look.Before(at); look = look.Add(time.Minute) {
			if look.Sub(from) >= d {
				return
			}
			seen(look, l.Plan(look, 500))
		}
		if random.Float64() < rate(at)/top {
			l.Began(at)
			l.Started(5 * time.Second)
			seen(at, l.Plan(at, 500))
		}
	}
}

func nobody(time.Time, messages.Plan) {}

// TestIndependentSessions: of a steady rate the target is that of the theory, for any objective, from the first hours on.
func TestIndependentSessions(t *testing.T) {
	for _, load := range []float64{0.05, 5} {
		for _, objective := range []float64{0.9, 0.999} {
			l := Policy(objective, 5*time.Second, nil)(mon)
			rate := load / 5
			sum, n := 0.0, 0.0
			var last messages.Plan
			feed(l, 1, mon, 12*time.Hour, func(time.Time) float64 { return rate }, func(at time.Time, p messages.Plan) {
				if at.Sub(mon) > 6*time.Hour {
					sum, n, last = sum+float64(p.Target), n+1, p
				}
			})
			want, term := 1, math.Exp(-load)
			for hits := term; hits < objective; want++ {
				term *= load / float64(want)
				hits += term
			}
			if mean := sum / n; mean < float64(want)-0.6 || mean > float64(want)*1.25+0.6 {
				t.Errorf("load %g, objective %g: a target of %.2f on average, and %d by the theory", load, objective, mean, want)
			}
			if math.Abs(last.PerMinute-60*rate) > 0.2*60*rate+1 || math.Abs(last.StartMs-5000) > 1 || last.HitRate < objective-0.05 {
				t.Errorf("load %g: expects %+v", load, last)
			}
		}
	}
}

// office is ten times as busy by day, on working days from eight on more and more until ten, as else.
func office(at time.Time) float64 {
	hour := float64(at.Hour()) + float64(at.Minute())/60
	if day := at.Weekday(); day == time.Saturday || day == time.Sunday {
		return 0.05
	}
	return 0.05 + 0.45*max(0, min(1, (hour-8)/2, (18-hour)/2))
}

// TestWeek: the rise of a morning is met by who has seen mornings, before it has come; also by who has a recording of them.
func TestWeek(t *testing.T) {
	const weeks = 7 * 24 * time.Hour
	monday := mon.Add(weeks)
	taught, fresh := Policy(0.999, 5*time.Second, nil)(mon), Policy(0.999, 5*time.Second, nil)(monday)
	feed(taught, 2, mon, weeks, office, nobody)
	random := rand.New(rand.NewPCG(4, 1))
	at := mon
	prior := Learn(0.999, 5*time.Second, true, func() (time.Time, bool) {
		for {
			at = at.Add(time.Duration(random.ExpFloat64() * 1e9))
			if random.Float64() < office(at) {
				return at, at.Before(monday)
			}
		}
	})
	year := monday.Add(50 * 7 * 24 * time.Hour)
	for name, l := range map[string]struct {
		forecast actors.Forecast
		monday   time.Time
		knows    bool
	}{
		"who was there": {taught, monday, true}, "a prior": {Policy(0.999, 5*time.Second, prior)(year), year, true}, "fresh": {fresh, monday, false},
	} {
		feed(l.forecast, 3, l.monday, 8*time.Hour+20*time.Minute, office, nobody)
		learner := l.forecast.(*Learner)
		beliefs := learner.beliefs(unix(l.monday.Add(8*time.Hour + 50*time.Minute)))
		_, rate := learner.chorus(0, &beliefs)
		if t.Logf("%s: %.3f", name, rate); l.knows != (rate > 0.13) || rate > 0.3 {
			t.Errorf("%s: at twenty past eight on Monday, %.3f a second at ten to nine and not 0.237", name, rate)
		}
	}
}

// TestCalendarUnknown: a recording without times of the week teaches how sessions come, and nothing of the week.
func TestCalendarUnknown(t *testing.T) {
	n := 0
	prior := Learn(0.999, 5*time.Second, false, func() (time.Time, bool) {
		n++
		return mon.Add(time.Duration(n) * 5 * time.Second), n < 10_000
	})
	if l := prior.resume(mon); l.calendar.known || l.at != unix(mon) || l.plan.PerMinute < 8 {
		t.Errorf("calendar %t, %+v", l.calendar.known, l.plan)
	}
}

// TestClumps: sessions that come five at a time need as many tasks, which they would not if they came one by one; and no more than half as
// many again.
func TestClumps(t *testing.T) {
	l := New(0.999, 5*time.Second)
	random := rand.New(rand.NewPCG(5, 1))
	missed, all, sum := 0, 0, 0
	for at, i := mon, 0; i < 6000; i++ {
		at = at.Add(time.Duration(10+random.ExpFloat64()*50) * time.Second)
		target := l.Plan(at, 500).Target
		for n := range 5 {
			if all++; i > 1000 && n >= target {
				missed++
			}
			l.Began(at)
		}
		sum += target
	}
	if mean := float64(sum) / 6000; missed > 50 || mean > 12 {
		t.Errorf("of %d sessions %d found no task ready, with a target of %.1f", all, missed, mean)
	}
}

// TestUpAtOnceDownSlowly: a crowd raises the target before the next minute, and it falls by a tenth a minute at most.
func TestUpAtOnceDownSlowly(t *testing.T) {
	l := Policy(0.99, 5*time.Second, nil)(mon)
	feed(l, 6, mon, 4*time.Hour, func(time.Time) float64 { return 0.05 }, nobody)
	at := mon.Add(4 * time.Hour)
	before := l.Plan(at, 500).Target
	for range 40 {
		at = at.Add(500 * time.Millisecond)
		l.Began(at)
		l.Plan(at, 500)
	}
	high := l.Plan(at, 500).Target
	if high < before+10 {
		t.Errorf("after 20 s of two sessions a second the target is %d, before it was %d", high, before)
	}
	last, fell := high, at
	for range 600 {
		at = at.Add(time.Second)
		target := l.Plan(at, 500).Target
		if target < last {
			if last-target > max(1, last/10) || at.Sub(fell) < 55*time.Second {
				t.Fatalf("from %d to %d after %v", last, target, at.Sub(fell))
			}
			fell = at
		}
		last = target
	}
	if last >= high {
		t.Error("it does not fall")
	}
}

// TestBoundsAndCopies: the maximum holds, a policy's pools learn apart, the same news make the same plan, and time does not go back.
func TestBoundsAndCopies(t *testing.T) {
	policy := Policy(0.999, 5*time.Second, nil)
	one, same, other := policy(mon), policy(mon), policy(mon)
	busy := func(time.Time) float64 { return 3 }
	feed(one, 7, mon, time.Hour, busy, func(_ time.Time, p messages.Plan) {
		if p.Target < 0 || p.Target > 500 || p.HitRate < 0 || p.HitRate > 1+1e-9 || math.IsNaN(p.PerMinute) {
			t.Fatalf("%+v", p)
		}
	})
	feed(same, 7, mon, time.Hour, busy, nobody)
	at := mon.Add(time.Hour)
	a, b, c := one.Plan(at, 500), same.Plan(at, 500), other.Plan(at, 500)
	if a != b || c.Target >= a.Target {
		t.Errorf("%+v, %+v, %+v", a, b, c)
	}
	if p := one.Plan(mon, 500); p != a {
		t.Errorf("an hour back: %+v", p)
	}
	if p := one.Plan(at, 4); p.Target != 4 {
		t.Errorf("a maximum of 4: %+v", p)
	}
	one.Plan(at.Add(1000*24*time.Hour), 500) // a clock that was wrong takes no time
}

func TestParseObjective(t *testing.T) {
	for text, want := range map[string]float64{"99.9%": 0.999, "0.95": 0.95, "50%": 0.5, "1": 0, "100%": 0, "0": 0, "x": 0, "p99=1s": 0} {
		if got, err := ParseObjective(text); got != want || (err != nil) != (want == 0) {
			t.Errorf("%q: %g, %v", text, got, err)
		}
	}
}
