package run

import (
	"fmt"
	"time"

	"hearth/sim/traffic"
)

// hoursOfWeek is how many hours are told apart: those of a week, which a longer run adds up week upon week.
const hoursOfWeek = 7 * 24

// Hour is what came of the requests of one hour of the week.
type Hour struct {
	// Hour is the hour of the week, such as mon 10:00, or where the traffic knows no calendar the hour since its beginning.
	Hour     string `json:"hour"`
	Requests int    `json:"requests"`
	Hits     int    `json:"hits"`
	HitRate  Share  `json:"hitRate"`
	// WaitMs is as in Result.
	WaitMs Summary `json:"waitMs"`
}

// hourSum is what is summed up of an hour.
type hourSum struct {
	hits, inTime tally
	waits        histogram
}

// hours are a run's.
type hours struct {
	sums [hoursOfWeek]hourSum
	// begins is the time of the week at which the traffic begins; calendar says that it is known.
	begins   time.Duration
	calendar bool
}

func newHours(load traffic.Load) *hours {
	h := &hours{}
	h.begins, h.calendar = load.Describe().Week()
	if !h.calendar {
		h.begins = 0
	}
	return h
}

// hourOf is the hour of a time of the traffic.
func (h *hours) hourOf(at time.Duration) int { return int((h.begins + at) / time.Hour % hoursOfWeek) }

// merge adds up another run's hours of the same traffic.
func (h *hours) merge(other *hours) {
	for i := range h.sums {
		sum, more := &h.sums[i], &other.sums[i]
		sum.hits, sum.inTime = total([]tally{sum.hits, more.hits}), total([]tally{sum.inTime, more.inTime})
		sum.waits.merge(&more.waits)
	}
}

// list are the hours that had requests, in their order, beginning with the traffic's first where the calendar is not known.
func (h *hours) list() []Hour {
	list := []Hour{}
	for i := range h.sums {
		sum := &h.sums[i]
		if sum.hits.all == 0 {
			continue
		}
		list = append(list, Hour{
			Hour: h.name(i), Requests: sum.hits.all, Hits: sum.hits.good,
			HitRate: share(sum.hits.good, sum.hits.all), WaitMs: sum.waits.summary(),
		})
	}
	return list
}

func (h *hours) name(hour int) string {
	if h.calendar {
		return fmt.Sprintf("%s %02d:00", traffic.Weekdays[hour/24], hour%24)
	}
	return fmt.Sprintf("hour %d", hour+1)
}

// tellingRequests is how many requests an hour must have for its hit rate to be worth comparing.
const tellingRequests = 100

// worst is the hour with the lowest hit rate of those with enough requests to tell; nil when none has.
func worst(list []Hour) *Hour {
	var worst *Hour
	for i := range list {
		if h := &list[i]; h.Requests >= tellingRequests && (worst == nil || h.HitRate < worst.HitRate) {
			worst = h
		}
	}
	return worst
}
