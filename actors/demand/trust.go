package demand

import "math"

// clumps are how much sessions clump within the time of a start: the shapes of the negative binomial distribution that their number
// has beyond what is not known of the rate. The first is that they come independently of one another.
var clumps = [...]float64{math.Inf(1), 4, 1, 0.3}

const (
	// clumpDoubt and filterDoubt are how unlikely something may become: it is believed again after so much evidence. In a quiet night
	// all filters are about as good, and in the morning one must be believed soon.
	clumpDoubt, filterDoubt = 1e-6, 1e-4
	// strange is how unlikely each next degree of clumping is before anything is known.
	strange = 0.05
)

// trust is how likely each clumping made what has come, and under it each filter. Both add up to one.
type trust struct {
	clumps  [len(clumps)]float64
	filters [len(clumps)][filterCount]float64
}

func (t *trust) begin() {
	share := 1.0
	for j := range t.clumps {
		t.clumps[j] = share
		share *= strange
		for i := range t.filters[j] {
			t.filters[j][i] = 1.0 / float64(filterCount)
		}
	}
	normalise(t.clumps[:], clumpDoubt)
}

// judge has each filter with each clumping answer for a bin: what it foretold, and what came.
func (t *trust) judge(foretold *[filterCount]belief, seconds float64, count int) {
	var logs [len(clumps)]float64
	best := math.Inf(-1)
	for j, clump := range clumps {
		highest := math.Inf(-1)
		var of [filterCount]float64
		for i := range of {
			of[i] = foretold[i].over(seconds, 1/clump).logOf(count)
			highest = max(highest, of[i])
		}
		sum := 0.0
		for i := range of {
			t.filters[j][i] *= math.Exp(of[i] - highest)
			sum += t.filters[j][i]
		}
		logs[j] = highest + math.Log(sum)
		best = max(best, logs[j])
		normalise(t.filters[j][:], filterDoubt)
	}
	for j := range logs {
		t.clumps[j] *= math.Exp(logs[j] - best)
	}
	normalise(t.clumps[:], clumpDoubt)
}

// normalise has shares add up to one, none of them much less than a doubt.
func normalise(shares []float64, doubt float64) {
	sum, total := 0.0, 0.0
	for _, s := range shares {
		sum += s
	}
	for i, s := range shares {
		shares[i] = max(doubt, s/sum)
		total += shares[i]
	}
	for i := range shares {
		shares[i] /= total
	}
}
