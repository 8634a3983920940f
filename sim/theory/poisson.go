// Package theory holds the exact answers that the simulator is checked against, and that size a pool: the base-stock
// formulas for a pool without a maximum, and Erlang's C formula for one whose maximum is its target. Everything is
// computed so that loads of millions lose no digits.
package theory

import "math"

// logStirling is log(n!) less Stirling's formula for it: Loader's series, exact to the last digits of a float64.
func logStirling(n float64) float64 {
	if n < 16 {
		lgamma, _ := math.Lgamma(n + 1)
		return lgamma - (n+0.5)*math.Log(n) + n - 0.5*math.Log(2*math.Pi)
	}
	square := n * n
	return (1.0/12 - (1.0/360-(1.0/1260-(1.0/1680-1.0/1188/square)/square)/square)/square) / n
}

// deviance is x log(x/m) + m - x, without the cancellation that this has where x is close to m.
func deviance(x, m float64) float64 {
	if math.Abs(x-m) >= 0.1*(x+m) {
		return x*math.Log(x/m) + m - x
	}
	v := (x - m) / (x + m)
	sum := (x - m) * v
	for term, n := 2*x*v*v*v, 3.0; ; term, n = term*v*v, n+2 {
		next := sum + term/n
		if next == sum {
			return sum
		}
		sum = next
	}
}

// Poisson is P(N = k) for a Poisson N with mean a.
func Poisson(k int, a float64) float64 {
	switch {
	case k < 0 || a < 0:
		return 0
	case a == 0:
		if k == 0 {
			return 1
		}
		return 0
	case k == 0:
		return math.Exp(-a)
	}
	n := float64(k)
	return math.Exp(-logStirling(n)-deviance(n, a)) / math.Sqrt(2*math.Pi*n)
}

// negligible is the share of a sum below which the rest of its falling terms is not worth adding.
const negligible = 1e-18

// PoissonCDF is P(N <= k) for a Poisson N with mean a. The smaller of the two tails is summed, from its largest term on.
func PoissonCDF(k int, a float64) float64 {
	switch {
	case k < 0:
		return 0
	case float64(k) >= a:
		return 1 - upperTail(k, a)
	}
	sum, term := 0.0, Poisson(k, a)
	for n := k; n >= 0 && term > negligible*sum; n-- {
		sum += term
		term *= float64(n) / a
	}
	return sum
}

// PoissonTail is P(N > k), exact also where it is far too small to be the difference of 1 and PoissonCDF.
func PoissonTail(k int, a float64) float64 {
	if float64(k) < a {
		return 1 - PoissonCDF(k, a)
	}
	return upperTail(k, a)
}

// upperTail sums P(N > k) upwards, for k at or above the mean, where the terms fall.
func upperTail(k int, a float64) float64 {
	sum := 0.0
	for n, term := k+1, Poisson(k+1, a); term > negligible*sum; n++ {
		sum += term
		term *= a / float64(n+1)
	}
	return sum
}

// excess is E[max(N - s, 0)] for a Poisson N with mean a. All terms are positive, so nothing cancels.
func excess(s int, a float64) float64 {
	if float64(s) < a {
		return a - float64(s) + lack(s, a)
	}
	sum := 0.0
	for n, term := s+1, Poisson(s+1, a); ; n++ {
		part := float64(n-s) * term
		if part <= negligible*sum || part == 0 {
			return sum
		}
		sum += part
		term *= a / float64(n+1)
	}
}

// lack is E[max(s - N, 0)], for s below the mean.
func lack(s int, a float64) float64 {
	sum := 0.0
	for n, term := s-1, Poisson(s-1, a); n >= 0; n-- {
		part := float64(s-n) * term
		if part <= negligible*sum {
			break
		}
		sum += part
		term *= float64(n) / a
	}
	return sum
}
