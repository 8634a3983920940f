package run

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"hearth/messages/wire"
)

// Outcome is one configuration's runs over several seeds. Of one seed it is that run's Result. Of more, its counts and
// hours are sums; its times and costs averages over the runs; its series the mean of theirs; its curve of needed sizes and
// its hours those of all their requests; its seed the first of SeedsUsed; and its digest a hash of theirs.
type Outcome struct {
	Result
	Seeds     int      `json:"seeds"`
	SeedsUsed []uint64 `json:"seedsUsed"`
	// The intervals say how far the averages can be relied on, and IntervalsOf what for; with one seed those of times and
	// costs are points.
	HitRateInterval Interval `json:"hitRateInterval"`
	P99WaitInterval Interval `json:"p99WaitMsInterval"`
	CostInterval    Interval `json:"monthlyCostInterval"`
	IntervalsOf     string   `json:"intervalsOf"`
}

// What intervals are of.
const (
	intervalsOfRuns      = "independent runs of this traffic"
	intervalsOfRecording = "the hit rate: this service at another time, by a block bootstrap over 16 windows of the recording; " +
		"times and costs: this recording only, with other start times and session lengths"
	intervalsOfHour = "this recording only, with other start times and session lengths: an hour of it is too little to draw another from"
)

// Merge makes one outcome of the runs of one configuration, of which there is at least one.
func Merge(results []Result) Outcome {
	o := Outcome{
		Result: results[0], Seeds: len(results), IntervalsOf: intervalsOfRuns,
		HitRateInterval: HitRates(results),
		P99WaitInterval: Average(results, func(r *Result) float64 { return r.WaitMs.P99 }),
		CostInterval:    Average(results, func(r *Result) float64 { return r.MonthlyCost }),
	}
	if o.recorded {
		o.IntervalsOf = intervalsOfRecording
	}
	for i := range results {
		o.SeedsUsed = append(o.SeedsUsed, results[i].Seed)
	}
	if len(results) == 1 {
		return o
	}
	o.FailureReasons, o.WhyCold = map[string]int{}, map[wire.ColdReason]int{}
	for reason, n := range results[0].FailureReasons {
		o.FailureReasons[reason] = n
	}
	maps.Copy(o.WhyCold, results[0].WhyCold)
	o.HeldBack, o.HeldSeconds = maps.Clone(o.HeldBack), maps.Clone(o.HeldSeconds)
	o.lacked, o.hours = slices.Clone(o.lacked), &hours{begins: o.hours.begins, calendar: o.hours.calendar}
	o.hours.merge(results[0].hours)
	for i := range results[1:] {
		o.add(&results[1+i])
	}
	o.HitRate = share(o.Hits, o.Requests)
	o.PoolNeeded = o.neededCurve(o.Config.minimum())
	o.ByHour = o.hours.list()
	o.WorstHour = worst(o.ByHour)
	o.Series = meanSeries(results)
	o.SessionsAtBegin /= len(results)
	mean := func(figure func(*Result) float64) float64 { return rounded(Average(results, figure).Mean, 1e3) }
	o.WaitMs = average(results, func(r *Result) *Summary { return &r.WaitMs })
	o.ReadyMs = average(results, func(r *Result) *Summary { return &r.ReadyMs })
	if o.FirstVisitMs != nil {
		first := average(results, func(r *Result) *Summary { return r.FirstVisitMs })
		again := average(results, func(r *Result) *Summary { return r.ReturnMs })
		o.FirstVisitMs, o.ReturnMs = &first, &again
	}
	o.Cost = rounded(Average(results, func(r *Result) float64 { return r.Cost }).Mean, 1e2)
	o.MonthlyCost = mean(func(r *Result) float64 { return r.MonthlyCost })
	o.MonthlyIdleCost = mean(func(r *Result) float64 { return r.MonthlyIdleCost })
	if o.MonthlyRegret != nil {
		regret := mean(func(r *Result) float64 {
			if r.MonthlyRegret == nil {
				return 0 // a run without a single idle task has nothing to regret
			}
			return *r.MonthlyRegret
		})
		o.MonthlyRegret = &regret
	}
	o.Shadow = mergeShadows(results)
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
	for hold, n := range r.HeldBack {
		o.HeldBack[hold] += n
	}
	for hold, seconds := range r.HeldSeconds {
		o.HeldSeconds[hold] += seconds
	}
	for lack, n := range r.lacked {
		if lack == len(o.lacked) {
			o.lacked = append(o.lacked, 0)
		}
		o.lacked[lack] += n
	}
	o.lackUnknown = o.lackUnknown || r.lackUnknown
	o.hours.merge(r.hours)
	o.PoolWasFull = o.PoolWasFull && r.PoolWasFull
	o.SessionsAtBegin += r.SessionsAtBegin
	o.PeakTasks = max(o.PeakTasks, r.PeakTasks)
	o.PeakStarting = max(o.PeakStarting, r.PeakStarting)
	o.Starts += r.Starts
	o.FailedStarts += r.FailedStarts
	o.PeakPool = max(o.PeakPool, r.PeakPool)
	o.TaskHours += r.TaskHours
	o.IdleTaskHours += r.IdleTaskHours
	o.HostHours += r.HostHours
	o.PausedHostHours += r.PausedHostHours
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
		P999: mean(func(s *Summary) float64 { return s.P999 }),
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
