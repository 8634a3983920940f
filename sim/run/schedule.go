package run

import (
	"errors"
	"fmt"
	"time"

	"hearth/actors/schedule"
)

// Scheduled is a schedule that a search has drawn up: a minimum that always holds, and the periods that need more.
type Scheduled struct {
	Floor   int               `json:"poolMin"`
	Periods []schedule.Period `json:"periods"`
}

// almostAWeek is how long the traffic must last: a recording of a week ends with its last request, some time before the week does.
const almostAWeek = 13 * 12 * time.Hour

// scheduleLead is how long before its hour a period begins, so that its tasks are ready by then.
const scheduleLead = 2 * time.Minute

// dayKinds are the days that are thought alike: those that hour tallies are added up over, as cron names them and, for a period
// that begins in the last minutes of the day before, those before them.
var dayKinds = []struct {
	days          []int
	crons, before string
}{
	{[]int{0, 1, 2, 3, 4}, "1-5", "0-4"},
	{[]int{5, 6}, "6,0", "5,6"},
}

// schedule is the smallest size that meets the objective in each hour of a working day and of a weekend's, as periods in UTC.
func (s *Sizer) schedule(curves []*curve) (*Scheduled, error) {
	if _, known := s.Base.Traffic.Describe().Week(); !known || s.Base.length() < almostAWeek {
		return nil, errors.New("a schedule needs a week of traffic at least that knows the days of the week")
	}
	largest := 0
	for _, c := range curves {
		largest = max(largest, c.largest())
	}
	sizes := make([][24]int, len(dayKinds))
	floor := largest
	for kind := range dayKinds {
		for hour := range 24 {
			size, err := first(0, 0, largest, func(size int) (bool, error) {
				t := kindAt(curves, kind, hour, size)
				return t.all == 0 || float64(t.good) >= s.Objective.Goal()*float64(t.all), nil
			})
			if err != nil {
				return nil, &Unreachable{Objective: s.Objective, Size: largest}
			}
			sizes[kind][hour] = size
			floor = min(floor, size)
		}
	}
	return &Scheduled{Floor: floor, Periods: periods(sizes, floor)}, nil
}

// kindAt is how many of the requests in an hour of a kind of day are in time in a pool of a size.
func kindAt(curves []*curve, kind, hour, size int) (sum tally) {
	for _, c := range curves {
		for _, day := range dayKinds[kind].days {
			sum = total([]tally{sum, c.hours[24*day+hour].at(size)})
		}
	}
	return sum
}

// periods are the runs of hours of the same size above the floor.
func periods(sizes [][24]int, floor int) []schedule.Period {
	var list []schedule.Period
	for kind, hours := range sizes {
		for from := 0; from < 24; {
			to := from + 1
			for to < 24 && hours[to] == hours[from] {
				to++
			}
			if hours[from] > floor {
				start := time.Date(2025, 1, 6, from, 0, 0, 0, time.UTC).Add(-scheduleLead)
				days := dayKinds[kind].crons
				if from == 0 {
					days = dayKinds[kind].before
				}
				lasts := time.Duration(to-from)*time.Hour + scheduleLead
				list = append(list, schedule.Period{
					StartCron: fmt.Sprintf("%d %d * * %s", start.Minute(), start.Hour(), days), Duration: lasts.String(),
					BufferSize: hours[from],
				})
			}
			from = to
		}
	}
	return list
}
