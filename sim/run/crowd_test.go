package run

import (
	"reflect"
	"testing"
	"time"

	"hearth/sim/model"
)

// TestCrowdIsServedAtTheRateOfItsBound: with a queue all the time, what bounds starts decides how long it takes, to within the
// burst before and the start at the end.
func TestCrowdIsServedAtTheRateOfItsBound(t *testing.T) {
	for _, each := range []struct {
		name   string
		change func(*Crowd)
		want   Bound
	}{
		{"the account's rate", func(c *Crowd) { c.LaunchConcurrency = 100 }, BoundAccount},
		{"each gateway's rate", func(c *Crowd) {
			c.LaunchConcurrency, c.Rates = 100, model.Rates{Gateway: model.Rate{PerSecond: 5, Burst: 10}}
		}, BoundGateway},
		{"launch concurrency", func(c *Crowd) { c.LaunchConcurrency = 5 }, BoundConcurrency},
	} {
		t.Run(each.name, func(t *testing.T) {
			c := DefaultCrowd()
			c.Sessions, c.Gateways, c.Ready = 2000, 4, 100
			each.change(&c)
			r, err := RunCrowd(c)
			if err != nil {
				t.Fatal(err)
			}
			if r.Bound != each.want || r.Warm < c.Ready {
				t.Errorf("%+v", r)
			}
			ideal := float64(c.Sessions-c.Ready) / r.Starts
			if r.All < 0.8*ideal || r.All > 1.3*ideal+10 {
				t.Errorf("all were served after %.1f s, of %.1f s at that rate: %+v", r.All, ideal, r)
			}
		})
	}
}

// TestCrowdFindsTasksReady: where enough stand ready, nobody waits for a start, and nothing is throttled meanwhile that matters.
func TestCrowdFindsTasksReady(t *testing.T) {
	c := DefaultCrowd()
	c.Sessions, c.Ready, c.Within = 500, 600, 100*time.Millisecond
	r, err := RunCrowd(c)
	if err != nil {
		t.Fatal(err)
	}
	if r.Bound != BoundNone || r.Warm != c.Sessions || r.P99 > 1 {
		t.Errorf("%+v", r)
	}
	again, err := RunCrowd(c)
	if err != nil || !reflect.DeepEqual(again, r) {
		t.Errorf("the same crowd again: %+v, %v", again, err)
	}
}
