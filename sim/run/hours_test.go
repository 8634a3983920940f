package run

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"hearth/sim/model"
	"hearth/sim/traffic"
)

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
