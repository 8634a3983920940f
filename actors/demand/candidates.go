package demand

import "math"

// lenience is the degrees of caution: how many times the share of sessions that may find no task ready is foretold to find none.
var lenience = [...]float64{16, 4, 1, 1.0 / 8, 1.0 / 64}

const (
	degrees = len(lenience)
	// byTheBook is the degree that is right when the forecasts are.
	byTheBook = 2
	// opinions are those of each clumping alone, and that of all of them together, which is the last.
	opinions = len(clumps) + 1
	together = opinions - 1
	// judged is of how many sessions that may find no task ready a candidate's record is, and pricedBins of how many bins its price.
	judged, pricedBins = 40, 10_000
	// chance is how many may miss before anything is made of it.
	chance = 3
	// stepSeconds is how long a lower target must have been enough before the target falls by a step, of a tenth and at least one.
	stepSeconds = 60
)

// candidate is a way to come to a target, and what has become of it: a forecast is right on average at best, and clumps of a kind that
// no filter knows make it wrong where it matters.
type candidate struct {
	// target rises at once and falls slowly; stood is since when it has been enough.
	target int
	stood  float64
	// marked and earlier are the target as it was when this bin began and the one before: the tasks that are ready now are of then.
	marked, earlier int
	// missed is how many sessions it would have had no task ready for, and price the sum of its targets by the bin, both fading.
	missed, price float64
}

// follow has the target come to what is enough now.
func (c *candidate) follow(enough int, now float64) {
	switch {
	case enough >= c.target:
		c.target, c.stood = enough, now
	case now-c.stood >= stepSeconds:
		c.target, c.stood = max(enough, c.target-max(1, c.target/10)), now
	}
}

// candidates are all of them, each opinion with each degree of caution.
type candidates struct {
	// allowed is the share of sessions that may find no task ready.
	allowed float64
	all     [opinions][degrees]candidate
	// sessions have been counted, fading.
	sessions float64
}

// count takes in which target a session would have taken.
func (c *candidates) count(need int) {
	keep := 1 - c.allowed/judged
	c.sessions = c.sessions*keep + 1
	for i := range c.all {
		for j := range c.all[i] {
			one := &c.all[i][j]
			one.missed *= keep
			if need > min(one.target, one.marked, one.earlier) {
				one.missed++
			}
		}
	}
}

// mark ends a bin.
func (c *candidates) mark() {
	for i := range c.all {
		for j := range c.all[i] {
			one := &c.all[i][j]
			one.earlier, one.marked = one.marked, one.target
			one.price += (float64(one.target) - one.price) / pricedBins
		}
	}
}

// begin has each candidate's past be its first target.
func (c *candidates) begin() {
	for i := range c.all {
		for j := range c.all[i] {
			one := &c.all[i][j]
			one.marked, one.earlier, one.price = one.target, one.target, float64(one.target)
		}
	}
}

// chosen is the cheapest candidate whose record is good enough. The forecast of all together by the book, and those that are more cautious,
// have the benefit of the doubt: more must have been missed than chance explains. All others must have missed less than a quarter of what they may.
// When none is good enough it is the one that missed least.
func (c *candidates) chosen() (opinion, degree int) {
	may := c.allowed * c.sessions
	good, least := math.Inf(1), math.Inf(1)
	opinion, degree = together, byTheBook
	for i := range c.all {
		for j := range c.all[i] {
			one := &c.all[i][j]
			bound := may/4 - 1
			if i == together && j >= byTheBook {
				bound = may + 2*math.Sqrt(may) + chance
			}
			switch {
			case one.missed <= bound && one.price < good:
				good, opinion, degree = one.price, i, j
			case math.IsInf(good, 1) && one.missed < least:
				least, opinion, degree = one.missed, i, j
			}
		}
	}
	return opinion, degree
}
