package run

import "time"

// finish draws the result up from the sums.
func (c *collector) finish() Result {
	r := &c.result
	r.HitRate = share(r.Hits, r.Requests)
	r.PoolNeeded = r.neededCurve(c.minimum)
	r.ByHour = r.hours.list()
	r.WorstHour = worst(r.ByHour)
	r.WaitMs, r.ReadyMs = c.waits.summary(), c.ready.summary()
	if c.visits != nil {
		first, again := c.firstVisit.summary(), c.again.summary()
		r.FirstVisitMs, r.ReturnMs = &first, &again
	}
	inHours := func(sum float64) float64 { return rounded(sum/float64(time.Hour), 1e6) }
	r.TaskHours, r.IdleTaskHours = inHours(c.taskTime), inHours(c.idleTime)
	if c.hosts.cloud == nil {
		r.HostHours = inHours(c.hostTime)
	}
	r.Cost = rounded(c.prices.cost(r.TaskHours, r.HostHours, r.PausedHostHours), 1e2)
	r.MonthlyCost = c.prices.monthly(r.TaskHours, r.HostHours, r.PausedHostHours, r.Hours)
	if c.taskTime > 0 {
		r.MonthlyIdleCost = rounded(r.MonthlyCost*min(1, c.idleTime/c.taskTime), 1e2)
	}
	r.MonthlyRegret = c.regret()
	r.Shadow = c.shadow.shadowed(r.Hours, r.MonthlyCost/max(r.TaskHours, 1e-6))
	r.Hours = rounded(r.Hours, 1e6)
	r.Series = c.series.points()
	return *r
}

// regret is what the idle tasks cost more than an oracle's.
func (c *collector) regret() *float64 {
	r := &c.result
	if !c.foretold || r.IdleTaskHours == 0 {
		return nil
	}
	oracle := float64(r.Requests) * c.meanStart.Hours()
	regret := rounded(r.MonthlyIdleCost*(1-oracle/r.IdleTaskHours), 1e2)
	return &regret
}

// shownNeeded bounds the curve in a result.
const shownNeeded = 64

// neededCurve is the hit rate of this pool and of each larger one, up to where no request would have waited; nil where nobody
// knows. A curve of more than 64 sizes is thinned.
func (r *Result) neededCurve(minimum int) []Needed {
	if r.lackUnknown {
		return nil
	}
	curve := []Needed{{PoolMin: minimum, HitRate: r.HitRate}}
	stride := 1 + len(r.lacked)/shownNeeded
	hits := r.Hits
	for lack, n := range r.lacked {
		hits += n
		if lack > 0 && (lack%stride == 0 || lack == len(r.lacked)-1) {
			curve = append(curve, Needed{PoolMin: minimum + lack, HitRate: share(hits, r.Requests)})
		}
	}
	return curve
}
