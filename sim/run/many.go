package run

import (
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
