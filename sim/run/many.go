package run

import (
	"math"
	"runtime"
	"sync"
)

// Many plays independent configurations on all cores and returns their results in the configurations' order. The first
// error, in that order, is returned once all have ended. Progress is told which share of all is done; nil for nobody.
func Many(configs []Config, progress func(share float64)) ([]Result, error) {
	results, errs := make([]Result, len(configs)), make([]error, len(configs))
	total := newProgress(len(configs), progress)
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(configs)) {
		workers.Go(func() {
			for i := range next {
				c := configs[i]
				c.Progress = func(share float64) { total.set(i, share) }
				results[i], errs[i] = Run(c)
				total.set(i, 1)
			}
		})
	}
	for i := range configs {
		next <- i
	}
	close(next)
	workers.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return results, nil
}

// progress adds up the shares of several runs.
type progress struct {
	report func(float64)
	mu     sync.Mutex
	shares []float64
	sum    float64
}

func newProgress(n int, report func(float64)) *progress {
	return &progress{report: report, shares: make([]float64, n)}
}

func (p *progress) set(i int, share float64) {
	if p.report == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sum += share - p.shares[i]
	p.shares[i] = share
	p.report(min(1, p.sum/float64(len(p.shares))))
}

// WithSeeds is the configuration once for each of n seeds, from its own on.
func WithSeeds(c Config, n int) []Config {
	configs := make([]Config, n)
	for i := range configs {
		configs[i] = c
		configs[i].Seed += uint64(i)
	}
	return configs
}

// Interval is an average over independent runs with its 95 % confidence interval.
type Interval struct {
	Mean float64 `json:"mean"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Contains reports whether a value is within the interval.
func (i Interval) Contains(value float64) bool { return i.Low <= value && value <= i.High }

// Average is the average of one figure over the runs. A single run has no interval: it is as wide as nothing. For hit rates
// see HitRates.
func Average(results []Result, figure func(*Result) float64) Interval {
	n := float64(len(results))
	var mean, squares float64
	for i := range results {
		mean += figure(&results[i]) / n
	}
	if n < 2 {
		return Interval{Mean: mean, Low: mean, High: mean}
	}
	for i := range results {
		deviation := figure(&results[i]) - mean
		squares += deviation * deviation
	}
	half := student(len(results)-1) * math.Sqrt(squares/(n-1)/n)
	return Interval{Mean: mean, Low: mean - half, High: mean + half}
}

// HitRates is the average hit rate over the runs. Its interval is as wide as the runs differ, and at least as wide as the
// count of requests asks for: runs without a single miss do not prove that there are none. That is Wilson's score interval
// (Probable Inference, the Law of Succession, and Statistical Inference, 1927).
func HitRates(results []Result) Interval {
	rate := Average(results, func(r *Result) float64 { return r.HitRate })
	requests := 0
	for i := range results {
		requests += results[i].Requests
	}
	if requests == 0 {
		return rate
	}
	const z = 1.959964
	n := float64(requests)
	middle := (rate.Mean + z*z/(2*n)) / (1 + z*z/n)
	half := z * math.Sqrt(rate.Mean*(1-rate.Mean)/n+z*z/(4*n*n)) / (1 + z*z/n)
	rate.Low = max(0, min(rate.Low, middle-half))
	rate.High = min(1, max(rate.High, middle+half))
	return rate
}

// student is the 97.5 % quantile of Student's t with so many degrees of freedom: tabled for few, and by the first terms
// of its expansion around the normal distribution's, within 0.1 %, for more.
func student(freedom int) float64 {
	table := []float64{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228}
	if freedom <= len(table) {
		return table[freedom-1]
	}
	const z = 1.959964
	f := float64(freedom)
	return z + (z*z*z+z)/(4*f) + (5*z*z*z*z*z+16*z*z*z+3*z)/(96*f*f)
}
