package demand

import "math"

// negative is a negative binomial distribution: counts with a mean, whose rate is gamma distributed with a shape. The larger the
// shape, the closer to Poisson.
type negative struct{ mean, shape float64 }

// logOf is the logarithm of the probability of n.
func (d negative) logOf(n int) float64 {
	log := -d.shape * math.Log1p(d.mean/d.shape)
	if n == 0 {
		return log
	}
	q := math.Log(d.mean / (d.mean + d.shape))
	if n > 64 {
		up, _ := math.Lgamma(d.shape + float64(n))
		base, _ := math.Lgamma(d.shape)
		ways, _ := math.Lgamma(float64(n) + 1)
		return log + up - base - ways + float64(n)*q
	}
	for i := range n {
		log += math.Log((d.shape+float64(i))/float64(i+1)) + q
	}
	return log
}

// before is how many others a session finds that have begun within the same time: it has come when many did.
func (d negative) before() negative {
	return negative{d.mean * (d.shape + 1) / d.shape, d.shape + 1}
}

// sums walks through a distribution's sums from a number below which there is next to nothing.
type sums struct {
	d        negative
	n        int
	p, total float64
}

// far is how many standard deviations below the mean there is next to nothing.
const far = 10

func (d negative) sums() sums {
	sigma := math.Sqrt(d.mean + d.mean*d.mean/d.shape)
	n := int(max(0, d.mean-far*sigma))
	p := math.Exp(d.logOf(n))
	return sums{d: d, n: n, p: p, total: p}
}

// upTo is the probability of n or fewer. Calls must not go back.
func (s *sums) upTo(n int) float64 {
	q := s.d.mean / (s.d.mean + s.d.shape)
	for s.n < n {
		s.p *= (s.d.shape + float64(s.n)) / float64(s.n+1) * q
		s.n++
		s.total += s.p
	}
	if n < s.n {
		return 0
	}
	return s.total
}
