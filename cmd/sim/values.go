package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"hearth/actors/demand"
	"hearth/actors/schedule"
	"hearth/sim/model"
	"hearth/sim/run"
	"hearth/sim/traffic"
)

// What follows are the flags' own kinds of values. Each reads its text and says what would have been right.

// rate is a number of requests in a unit of time: 5/m.
type rate float64

// UnmarshalText reads 5/m, 0.1/s, 300/h or 7200/d, as requests a second.
func (r *rate) UnmarshalText(text []byte) error {
	number, unit, _ := strings.Cut(string(text), "/")
	value, err := strconv.ParseFloat(number, 64)
	seconds := map[string]float64{"s": 1, "m": 60, "h": 3600, "d": 86400}[unit]
	switch {
	case err != nil || seconds == 0:
		return fmt.Errorf("%q is no rate: it may be 0.1/s, 5/m, 300/h or 7200/d", text)
	case !(value > 0):
		return fmt.Errorf("%q must be more than 0", text)
	}
	*r = rate(value / seconds)
	return nil
}

// span is a length of time that may be in days, weeks and years.
type span time.Duration

// UnmarshalText reads 8h, 30m, 7d, 2w or 1y.
func (s *span) UnmarshalText(text []byte) error {
	d, err := parseSpan(string(text))
	*s = span(d)
	return err
}

// length is a span that is not nothing.
type length span

// UnmarshalText reads what a span is written like.
func (l *length) UnmarshalText(text []byte) error {
	d, err := parseSpan(string(text))
	if err == nil && d == 0 {
		err = fmt.Errorf("%q must be more than 0", text)
	}
	*l = length(d)
	return err
}

// longestSpan bounds what a flag may ask for.
const longestSpan = 100 * 365 * 24 * time.Hour

func parseSpan(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil && text != "" {
		days := map[byte]float64{'d': 1, 'w': 7, 'y': 365}[text[len(text)-1]]
		n, numberErr := strconv.ParseFloat(text[:len(text)-1], 64)
		if days > 0 && numberErr == nil {
			d, err = time.Duration(min(n*days*24*float64(time.Hour), float64(longestSpan)+1)), nil
		}
	}
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is no length of time: it may be 250ms, 30m, 8h, 7d, 2w or 1y", text)
	case d < 0:
		return 0, fmt.Errorf("%q is negative", text)
	case d > longestSpan:
		return 0, fmt.Errorf("%q is over a hundred years", text)
	}
	return d, nil
}

// startTime is a distribution of which a bare length means exactly that length.
type startTime struct{ model.Distribution }

// UnmarshalText reads a distribution, or from a file what was measured.
func (s *startTime) UnmarshalText(text []byte) (err error) {
	if path, isFile := strings.CutPrefix(string(text), "file:"); isFile {
		lengths, err := traffic.Lengths(path)
		if err != nil {
			return err
		}
		s.Distribution = model.Empirical{Name: string(text), Quantiles: lengths}
		return nil
	}
	s.Distribution, err = model.ParseDistribution(string(text))
	return err
}

// poolSchedule is a schedule that is read from a file.
type poolSchedule struct{ *schedule.Schedule }

// UnmarshalText reads the file of that name.
func (s *poolSchedule) UnmarshalText(path []byte) error {
	text, err := os.ReadFile(string(path))
	if err != nil {
		return err
	}
	if s.Schedule, err = schedule.Parse(string(text)); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// poolShare is the share of sessions that are to find a task ready.
type poolShare float64

// UnmarshalText reads 99.9% or 0.999.
func (s *poolShare) UnmarshalText(text []byte) error {
	value, err := demand.ParseObjective(string(text))
	*s = poolShare(value)
	return err
}

// sessionLength is a distribution of which a bare length is the mean of an exponential one.
type sessionLength struct{ model.Distribution }

// UnmarshalText reads a distribution.
func (s *sessionLength) UnmarshalText(text []byte) (err error) {
	s.Distribution, err = model.ParseDistribution(string(text))
	if d, bare := s.Distribution.(model.Fixed); bare && !strings.Contains(string(text), ":") {
		s.Distribution = model.Exponential(d)
	}
	return err
}

// limit is a count that may be inf.
type limit int

// UnmarshalText reads a count or inf.
func (l *limit) UnmarshalText(text []byte) error {
	if string(text) == "inf" {
		*l = run.Unlimited
		return nil
	}
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 1 || n >= run.Unlimited {
		return fmt.Errorf("%q is neither a number from 1 on nor inf", text)
	}
	*l = limit(n)
	return nil
}

// counts is a list of counts with ranges: 1..6,8,12 or inf.
type counts []int

// countsBound bounds a list.
const countsBound = 1000

// UnmarshalText reads a list.
func (c *counts) UnmarshalText(text []byte) error {
	*c = nil
	for _, part := range strings.Split(string(text), ",") {
		first, last, isRange := strings.Cut(part, "..")
		if !isRange {
			last = first
		}
		if part == "inf" {
			*c = append(*c, run.Unlimited)
			continue
		}
		low, lowErr := strconv.Atoi(first)
		high, highErr := strconv.Atoi(last)
		if lowErr != nil || highErr != nil || low < 0 || high < low {
			return fmt.Errorf("%q is no list of counts: it may be 3, 1..6, 2,4,8 or inf", text)
		}
		if high-low >= countsBound || len(*c)+high-low >= countsBound {
			return fmt.Errorf("%q has more than %d counts", text, countsBound)
		}
		for n := low; n <= high; n++ {
			*c = append(*c, n)
		}
	}
	return nil
}

// weekTime is a time of the week, since Monday 00:00.
type weekTime time.Duration

// UnmarshalText reads a day and an hour: mon09:00.
func (w *weekTime) UnmarshalText(text []byte) error {
	if len(text) > 3 {
		day := strings.Index("montuewedthufrisatsun", strings.ToLower(string(text[:3])))
		at, err := time.Parse("15:04", strings.TrimSpace(string(text[3:])))
		if err == nil && day >= 0 && day%3 == 0 {
			*w = weekTime(time.Duration(day/3*24+at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute)
			return nil
		}
	}
	return fmt.Errorf("%q is no time of the week: it may be mon09:00", text)
}

// objective is a hit rate, or a bound on a percentile of the waits or of the time from hello to ready.
type objective struct{ run.Objective }

// UnmarshalText reads 0.999, 99.9% or p99=500ms.
func (o *objective) UnmarshalText(text []byte) error {
	name, bound, isWait := strings.Cut(string(text), "=")
	if isWait {
		name, isReady := strings.CutPrefix(name, "ready-")
		percentile := map[string]float64{"p50": 50, "p90": 90, "p95": 95, "p99": 99, "p99.9": 99.9}[name]
		d, err := parseSpan(bound)
		if err != nil {
			return err
		}
		if percentile == 0 {
			return fmt.Errorf("%q is none of p50, p90, p95, p99 and p99.9", name)
		}
		o.Objective = run.Objective{Percentile: percentile, WaitMs: float64(d) / float64(time.Millisecond), Ready: isReady}
		return nil
	}
	value, err := demand.ParseObjective(string(text))
	if err != nil {
		return fmt.Errorf("%w; a bound on a wait may be p99=500ms or ready-p99=1s", err)
	}
	o.Objective = run.Objective{HitRate: value}
	return nil
}
