package demand

import (
	"math"

	"hearth/messages"
)

// basis is what a filter takes the rate for.
type basis int

const (
	// steady is a rate that stays what it is, growing one that goes on as it went, weekly a multiple of the calendar's.
	steady basis = iota
	growing
	weekly
)

// filterKinds are the filters: what each takes the rate for, over how many seconds it forgets, and what it is told as. Of one basis the
// slower come first.
var filterKinds = [...]struct {
	basis  basis
	memory float64
	name   messages.Basis
}{
	{steady, 2 * hour, messages.BasisHours}, {steady, hour / 3, messages.BasisMinutes}, {steady, 300, messages.BasisMinutes},
	{steady, 60, messages.BasisMinutes},
	{growing, 300, messages.BasisTrend},
	{weekly, 12 * hour, messages.BasisWeek}, {weekly, 2 * hour, messages.BasisWeek}, {weekly, hour / 3, messages.BasisWeek},
}

const (
	filterCount = len(filterKinds)
	// long and short are the filters whose difference is the growth.
	long, short = 1, 2
)

// A faster filter is drawn to the next slower one as if to guessCount sessions, the slowest steady one to a session in five minutes,
// for nothing is known before the first has come, and the slowest weekly one to the calendar.
const (
	guessCount   = 1.0
	firstSeconds = 300.0
	weeklyCount  = 4.0
)

// filter counts sessions and what it expected, both fading: a gamma distribution of the rate, or of its multiple of the calendar's.
type filter struct {
	count, exposure float64
}

// pass lets time go by in which the basis was a rate.
func (f *filter) pass(memory, seconds, rate float64) {
	fade := math.Exp(-seconds / memory)
	f.count *= fade
	f.exposure = f.exposure*fade + rate*memory*(1-fade)
}

// belief is what a filter says of the rate: its mean in sessions a second, and how many sessions it rests on.
type belief struct{ rate, count float64 }

// belief is what a filter that is drawn to another rate as if to so many sessions says, of a basis that is unit sessions a second.
func (f *filter) belief(to, count, unit float64) belief {
	return belief{unit * (f.count + count) / (f.exposure + count*unit/to), f.count + count}
}

// beliefs are all filters' of a time. Each faster filter is drawn to the next slower one, so that one that has just seen nothing does
// not say that nothing will come.
func (l *Learner) beliefs(t float64) (all [filterCount]belief) {
	expected, rests := l.calendar.at(t)
	slower := belief{rate: 1 / firstSeconds}
	for i, k := range filterKinds {
		f := &l.filters[i]
		switch {
		case k.basis == steady:
			all[i] = f.belief(slower.rate, guessCount, 1)
		case k.basis == growing:
			s, g := all[short], all[long]
			lag := filterKinds[short].memory / (filterKinds[long].memory - filterKinds[short].memory)
			all[i] = belief{max(s.rate/4, s.rate+(s.rate-g.rate)*lag), s.count / 2}
		case !l.calendar.known || expected <= 0:
			all[i] = all[0]
		case filterKinds[i-1].basis != weekly:
			all[i] = f.belief(expected, weeklyCount, expected)
		default:
			all[i] = f.belief(slower.rate, guessCount, expected)
		}
		slower = all[i]
	}
	for i, k := range filterKinds {
		if k.basis == weekly {
			all[i].count = 1 / (1/all[i].count + 1/(1+rests))
		}
	}
	return all
}
