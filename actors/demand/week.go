package demand

// hoursOfWeek is how many hours are told apart: from Monday 00:00 UTC.
const hoursOfWeek = 7 * 24

const (
	hour = 3600.0
	week = hoursOfWeek * hour
	// monday is a Monday 00:00 UTC in Unix time.
	monday = 4 * 24 * hour
)

const (
	// kept is how much of what is known of an hour of the week is kept when it has come again: it remembers some five weeks.
	kept = 0.8
	// ownWeeks is how many weeks it takes for an hour to be worth as much by itself as the same hour of all days of its kind;
	// kindWeeks the same for these and the mean over all.
	ownWeeks, kindWeeks = 3, 0.02
)

// tally is how many sessions have begun in how many seconds.
type tally struct{ count, seconds float64 }

func (t tally) plus(u tally) tally { return tally{t.count + u.count, t.seconds + u.seconds} }

// weekHours is what is known of the hours of the week.
type weekHours struct {
	hours [hoursOfWeek]tally
	// now is what has come of the hour under way. It is known once it is over: a forecast must not rest on it twice.
	now tally
	// rates are the sessions a second that follow, and counts how many each rests on.
	rates, counts [hoursOfWeek]float64
	// known says that an hour is over in which sessions have begun.
	known bool
}

// weekTime is the time of the week of a Unix time, in seconds.
func weekTime(t float64) float64 {
	t -= monday
	return t - week*float64(int64(t/week))
}

// end ends the hour of the week under way.
func (c *weekHours) end(of int) {
	h := &c.hours[of]
	*h = tally{kept*h.count + c.now.count, kept*h.seconds + c.now.seconds}
	c.now = tally{}
	c.learn()
}

// learn draws the rates from the tallies: an hour's own, as far as that was seen often enough, else that of all days of its kind,
// which are working days and the weekend, else that of all hours.
func (c *weekHours) learn() {
	var all tally
	var kinds [2][24]tally
	for i, h := range c.hours {
		all = all.plus(h)
		kinds[kind(i)][i%24] = kinds[kind(i)][i%24].plus(h)
	}
	c.known = all.count > 0
	for i, h := range c.hours {
		k := kinds[kind(i)][i%24]
		of := shrunk(k, all.count/all.seconds, kindWeeks*hour)
		c.rates[i], c.counts[i] = shrunk(h, of, ownWeeks*hour), k.count
	}
}

// shrunk is a tally's rate, drawn to another that counts for so many seconds.
func shrunk(t tally, to, seconds float64) float64 {
	return (t.count + to*seconds) / (t.seconds + seconds)
}

// kind is 0 for an hour of a working day and 1 for one of the weekend.
func kind(hour int) int {
	if hour/24 >= 5 {
		return 1
	}
	return 0
}

// at is the rate at a Unix time, and how many sessions that rests on. Between the middles of two hours it goes in a straight line.
func (c *weekHours) at(t float64) (rate, count float64) {
	place := weekTime(t)/hour - 0.5
	if place < 0 {
		place += hoursOfWeek
	}
	i := int(place) % hoursOfWeek
	next, share := (i+1)%hoursOfWeek, place-float64(int(place))
	return c.rates[i]*(1-share) + c.rates[next]*share, min(c.counts[i], c.counts[next])
}
