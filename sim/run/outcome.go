package run

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"

	"hearth/messages/wire"
)

// Outcome is one configuration's runs over several seeds. Of one seed it is that run's Result. Of more, its counts and
// hours are sums; its times and costs averages over the runs; its series, seed and curve of needed sizes those of the first;
// and its digest a hash of theirs.
type Outcome struct {
	Result
	Seeds int `json:"seeds"`
	// The intervals say how far the averages can be relied on; with one seed those of times and costs are points.
	HitRateInterval Interval `json:"hitRateInterval"`
	P99WaitInterval Interval `json:"p99WaitMsInterval"`
	CostInterval    Interval `json:"monthlyCostInterval"`
}

// Merge makes one outcome of the runs of one configuration, of which there is at least one.
func Merge(results []Result) Outcome {
	o := Outcome{
		Result: results[0], Seeds: len(results),
		HitRateInterval: HitRates(results),
		P99WaitInterval: Average(results, func(r *Result) float64 { return r.WaitMs.P99 }),
		CostInterval:    Average(results, func(r *Result) float64 { return r.MonthlyCost }),
	}
	if len(results) == 1 {
		return o
	}
	o.FailureReasons, o.WhyCold = map[string]int{}, map[wire.ColdReason]int{}
	for reason, n := range results[0].FailureReasons {
		o.FailureReasons[reason] = n
	}
	maps.Copy(o.WhyCold, results[0].WhyCold)
	for i := range results[1:] {
		o.add(&results[1+i])
	}
	if o.Requests > 0 {
		o.HitRate = float64(o.Hits) / float64(o.Requests)
	}
	mean := func(figure func(*Result) float64) float64 { return rounded(Average(results, figure).Mean, 1e3) }
	o.WaitMs = average(results, func(r *Result) *Summary { return &r.WaitMs })
	o.ReadyMs = average(results, func(r *Result) *Summary { return &r.ReadyMs })
	if o.FirstVisitMs != nil {
		first := average(results, func(r *Result) *Summary { return r.FirstVisitMs })
		again := average(results, func(r *Result) *Summary { return r.ReturnMs })
		o.FirstVisitMs, o.ReturnMs = &first, &again
	}
	o.MonthlyCost = mean(func(r *Result) float64 { return r.MonthlyCost })
	o.MonthlyIdleCost = mean(func(r *Result) float64 { return r.MonthlyIdleCost })
	o.Digest = digestOf(results)
	return o
}

// add sums up what is counted.
func (o *Outcome) add(r *Result) {
	o.Requests += r.Requests
	o.Hits += r.Hits
	o.Paths.Instant += r.Paths.Instant
	o.Paths.Waited += r.Paths.Waited
	o.Paths.WarmHost += r.Paths.WarmHost
	o.Paths.ColdHost += r.Paths.ColdHost
	o.Failures += r.Failures
	for reason, n := range r.FailureReasons {
		o.FailureReasons[reason] += n
	}
	for why, n := range r.WhyCold {
		o.WhyCold[why] += n
	}
	o.Starts += r.Starts
	o.FailedStarts += r.FailedStarts
	o.PeakPool = max(o.PeakPool, r.PeakPool)
	o.TaskHours += r.TaskHours
	o.IdleTaskHours += r.IdleTaskHours
	o.HostHours += r.HostHours
	o.Hours += r.Hours
	o.Events += r.Events
}

// average is the average of each figure of a summary, but for the maximum, which is that of all.
func average(results []Result, of func(*Result) *Summary) Summary {
	mean := func(figure func(*Summary) float64) float64 {
		return rounded(Average(results, func(r *Result) float64 { return figure(of(r)) }).Mean, 1e3)
	}
	s := Summary{
		Mean: mean(func(s *Summary) float64 { return s.Mean }),
		P50:  mean(func(s *Summary) float64 { return s.P50 }),
		P90:  mean(func(s *Summary) float64 { return s.P90 }),
		P95:  mean(func(s *Summary) float64 { return s.P95 }),
		P99:  mean(func(s *Summary) float64 { return s.P99 }),
	}
	for i := range results {
		s.Max = max(s.Max, of(&results[i]).Max)
	}
	return s
}

func digestOf(results []Result) string {
	sum := sha256.New()
	for i := range results {
		fmt.Fprintln(sum, results[i].Digest) // a hash never fails
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// Outcomes plays each configuration with so many seeds, all runs on all cores.
func Outcomes(configs []Config, seeds int, progress func(share float64)) ([]Outcome, error) {
	var all []Config
	for _, c := range configs {
		all = append(all, WithSeeds(c, seeds)...)
	}
	results, err := Many(all, progress)
	if err != nil {
		return nil, err
	}
	outcomes := make([]Outcome, len(configs))
	for i := range configs {
		outcomes[i] = Merge(results[i*seeds : (i+1)*seeds])
	}
	return outcomes, nil
}
