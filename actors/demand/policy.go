package demand

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"hearth/actors"
)

// mostTasks bounds the targets that a recording is gone through with.
const mostTasks = 1000

// Prior is a Learner that has gone through a recording.
type Prior struct{ learner Learner }

// Learn goes through a recording: sessions' beginnings in their order, as next tells them until it reports false. Calendar says that
// they are at their times of the week; of others only their rate and how they clump is learned. The objective and the time of a start are those of
// New.
func Learn(objective float64, start time.Duration, calendar bool, next func() (time.Time, bool)) *Prior {
	p := &Prior{New(objective, start)}
	for at, ok := next(); ok; at, ok = next() {
		p.learner.Began(at)
		p.learner.Plan(at, mostTasks)
	}
	if !calendar {
		p.learner.calendar = weekHours{}
		p.learner.forgetWeekly()
	}
	return p
}

// resume is the learner as if the recording had ended just now. Nothing is made of the time that has passed since: nobody was there.
func (p *Prior) resume(now time.Time) Learner {
	l := p.learner
	if l.at > 0 {
		l.calendar.now = tally{}
		l.shift(unix(now) - l.at)
	}
	return l
}

// Policy makes the forecast of a pool whose policy is slo, for each gateway anew: it is soft state. A prior may be nil.
func Policy(objective float64, start time.Duration, prior *Prior) func(time.Time) actors.Forecast {
	return func(now time.Time) actors.Forecast {
		l := New(objective, start)
		if prior != nil {
			l = prior.resume(now)
		}
		return &l
	}
}

// ParseObjective reads the share of sessions that are to find a task ready: 0.999 or 99.9%.
func ParseObjective(text string) (float64, error) {
	number, isPercent := strings.CutSuffix(text, "%")
	value, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no share: it may be 0.999 or 99.9%%", text)
	}
	if isPercent {
		value = math.Round(value*1e12) / 1e14 // 99.9 % is 0.999, not the float beside it
	}
	if !(value > 0 && value < 1) {
		return 0, errors.New("a hit rate must be more than 0 and less than 1")
	}
	return value, nil
}
