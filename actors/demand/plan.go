package demand

import (
	"time"

	"hearth/messages"
)

// slight is how little of the sessions a filter must foretell not to be asked.
const slight = 1e-5

// over is how many sessions begin in so many seconds, when more is unknown than the rate: the square of its relative error.
func (b belief) over(seconds, unknown float64) negative {
	return negative{b.rate * seconds, 1 / (1/b.count + unknown)}
}

// voice is one filter's distribution of how many others a session finds, and its weight.
type voice struct {
	sums
	weight float64
}

// chorus is the filters under one clumping, with weights that add up to one.
type chorus []voice

// upTo is the share of sessions that find so many others or fewer.
func (c chorus) upTo(n int) (share float64) {
	for i := range c {
		share += c[i].weight * c[i].sums.upTo(n)
	}
	return share
}

// chorus asks the filters under a clumping. A filter's weight is its share of the sessions, not of the time.
func (l *Learner) chorus(clump int, beliefs *[filterCount]belief) (all chorus, rate float64) {
	total := 0.0
	for i, share := range l.trust.filters[clump] {
		rate += share * beliefs[i].rate
		total += share
	}
	start, unknown, heard := l.starts.mean(), l.starts.doubt(), 0.0
	for i, share := range l.trust.filters[clump] {
		if weight := share * beliefs[i].rate / rate; weight > slight {
			all = append(all, voice{beliefs[i].over(start, 1/clumps[clump]+unknown).before().sums(), weight})
			heard += weight
		}
	}
	for i := range all {
		all[i].weight /= heard
	}
	return all, rate / total
}

// Plan is the target of a time, up to a maximum: the smallest with which the share of sessions that find a task ready reaches the
// objective, of those that come once what is started now is ready.
func (l *Learner) Plan(now time.Time, maximum int) messages.Plan {
	l.pass(now)
	if l.isDue() {
		l.look(maximum)
	}
	plan := l.plan
	plan.Target = min(maximum, plan.Target)
	return plan
}

// isDue reports whether so much has come since the last look that another may tell more.
func (l *Learner) isDue() bool {
	return l.lookedAt == 0 || l.binCount >= l.lookedCount+1+l.lookedCount/4 || l.binBegan > l.lookedAt
}

// look has all candidates come to what is enough now, and chooses one.
func (l *Learner) look(maximum int) {
	beliefs := l.beliefs(l.at + l.starts.mean())
	var curves [len(clumps)]curve
	rate, heard := 0.0, 0.0
	for j, share := range l.trust.clumps {
		if j > 0 && share < slight {
			continue // it would ask for more than is needed
		}
		all, expected := l.chorus(j, &beliefs)
		curves[j].all = all
		rate += share * expected
		heard += share
		l.follow(j, maximum, curves[j].at)
	}
	hits := func(target int) (sum float64) {
		for j, share := range l.trust.clumps {
			if curves[j].all != nil {
				sum += share * curves[j].at(target)
			}
		}
		return sum / heard
	}
	l.follow(together, maximum, hits)
	if l.lookedAt == 0 {
		l.candidates.begin()
	}
	l.lookedAt, l.lookedCount = l.at, l.binCount
	opinion, degree := l.candidates.chosen()
	target := min(maximum, l.candidates.all[opinion][degree].target)
	l.plan = messages.Plan{
		Target: target, PerMinute: 60 * rate / heard, StartMs: 1000 * l.starts.mean(), HitRate: hits(target),
		Basis: l.basis(), Caution: caution(opinion, degree),
	}
}

// basis is what most of the forecast rests on: the filter that is trusted most, under the clumping that is.
func (l *Learner) basis() messages.Basis {
	clump, filter := 0, 0
	for j, share := range l.trust.clumps {
		if share > l.trust.clumps[clump] {
			clump = j
		}
	}
	for i, share := range l.trust.filters[clump] {
		if share > l.trust.filters[clump][filter] {
			filter = i
		}
	}
	return filterKinds[filter].name
}

// caution says how the forecasts are taken.
func caution(opinion, degree int) messages.Caution {
	switch {
	case opinion == together && degree == byTheBook:
		return messages.CautionNone
	case opinion == together && degree > byTheBook:
		return messages.CautionMore
	}
	return messages.CautionLess
}

// curve is a chorus' hit rates by the target, as far as they were asked for.
type curve struct {
	all  chorus
	hits []float64
}

// at is the share of sessions that find a task ready with a target.
func (c *curve) at(target int) float64 {
	for len(c.hits) <= target {
		if len(c.hits) == 0 {
			c.hits = append(c.hits, 0)
			continue
		}
		c.hits = append(c.hits, c.all.upTo(len(c.hits)-1))
	}
	return c.hits[target]
}

// follow has an opinion's candidates come to what is enough by it.
func (l *Learner) follow(opinion, maximum int, hits func(target int) float64) {
	target := 0
	for j, times := range lenience {
		for target < maximum && hits(target) < 1-l.candidates.allowed*times {
			target++
		}
		l.candidates.all[opinion][j].follow(target, l.at)
	}
}
