package demand

import "time"

// remembered is how many start times the mean is of, and guessedStarts how many the first guess counts for.
const remembered, guessedStarts = 500.0, 4.0

// starts is what is known of how long starts take: their mean, and how sure that is.
type starts struct{ count, sum, squares float64 }

func newStarts(guess time.Duration) starts {
	g := guess.Seconds()
	return starts{guessedStarts, guessedStarts * g, guessedStarts * 1.1 * g * g}
}

func (s *starts) add(seconds float64) {
	if s.count >= remembered {
		keep := 1 - 1/remembered
		s.count, s.sum, s.squares = s.count*keep, s.sum*keep, s.squares*keep
	}
	s.count, s.sum, s.squares = s.count+1, s.sum+seconds, s.squares+seconds*seconds
}

func (s *starts) mean() float64 { return s.sum / s.count }

// doubt is the square of the mean's relative standard error.
func (s *starts) doubt() float64 {
	m := s.mean()
	if m <= 0 {
		return 0
	}
	return max(0, s.squares/s.count/(m*m)-1) / s.count
}
