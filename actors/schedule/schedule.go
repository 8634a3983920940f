// Package schedule reads when a pool has which target: periods of the week, in the terms of Agones' schedule policy. Gateway and
// simulator share it, so that the schedule that is sized is the one that runs.
package schedule

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	_ "time/tzdata" // containers have no time zones of their own

	"github.com/robfig/cron/v3"
)

// Period is a time that comes again and again in which so many tasks are kept ready.
type Period struct {
	// Timezone is a name such as Europe/Berlin; empty is UTC.
	Timezone string `json:"timezone,omitempty"`
	// StartCron is when the period begins, as cron writes it: minute, hour, day of the month, month, day of the week.
	StartCron string `json:"startCron"`
	// Duration is how long it lasts, such as 9h.
	Duration string `json:"duration"`
	// BufferSize is the pool's target while it lasts. Of periods that overlap, the largest counts.
	BufferSize int `json:"bufferSize"`
}

// Schedule is periods. It is a pure function of the time; see At.
type Schedule struct{ periods []period }

// period is a Period that has been understood.
type period struct {
	begins cron.Schedule
	lasts  time.Duration
	size   int
}

const (
	// mostPeriods bounds a schedule: one for each hour of a week.
	mostPeriods = 168
	// shortest and longest bound a period.
	shortest, longest = time.Minute, 31 * 24 * time.Hour
	// largest bounds a target, as it bounds a pool.
	largest = 100_000
)

// Parse reads a JSON array of Periods. Its errors say which period is not right, and why.
func Parse(text string) (*Schedule, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	var periods []Period
	if err := decoder.Decode(&periods); err != nil {
		return nil, fmt.Errorf(`it must be a JSON array such as [{"timezone": "Europe/Berlin", "startCron": "0 9 * * 1-5", `+
			`"duration": "9h", "bufferSize": 12}]: %w`, err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("something follows the JSON array")
	}
	if len(periods) == 0 || len(periods) > mostPeriods {
		return nil, fmt.Errorf("it has %d periods; it must have 1 to %d", len(periods), mostPeriods)
	}
	s := &Schedule{}
	for i, p := range periods {
		understood, err := p.understand()
		if err != nil {
			return nil, fmt.Errorf("period %d: %w", i+1, err)
		}
		s.periods = append(s.periods, understood)
	}
	return s, nil
}

func (p Period) understand() (period, error) {
	lasts, err := time.ParseDuration(p.Duration)
	switch {
	case err != nil || lasts < shortest || lasts > longest:
		return period{}, fmt.Errorf("duration %q is no length of time from %v to %v", p.Duration, shortest, longest)
	case p.BufferSize < 0 || p.BufferSize > largest:
		return period{}, fmt.Errorf("bufferSize %d must be from 0 to %d", p.BufferSize, largest)
	case strings.Contains(p.StartCron, "TZ=") || strings.HasPrefix(p.StartCron, "@every"):
		return period{}, fmt.Errorf("startCron %q: a time zone has a key of its own, and @every begins at no time of the day", p.StartCron)
	}
	if _, err := time.LoadLocation(p.Timezone); err != nil {
		return period{}, fmt.Errorf("timezone %q: %w", p.Timezone, err)
	}
	zone := p.Timezone
	if zone == "" {
		zone = "UTC"
	}
	begins, err := cron.ParseStandard("CRON_TZ=" + zone + " " + p.StartCron)
	if err != nil {
		return period{}, fmt.Errorf("startCron %q: %w", p.StartCron, err)
	}
	if begins.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return period{}, fmt.Errorf("startCron %q never comes", p.StartCron)
	}
	return period{begins: begins, lasts: lasts, size: p.BufferSize}, nil
}

// At is the target at a time, 0 outside of all periods, and until when it is that at least: no period begins or ends before.
func (s *Schedule) At(now time.Time) (target int, until time.Time) {
	for i := range s.periods {
		p := &s.periods[i]
		change := p.begins.Next(now)
		if began := p.began(now); !began.IsZero() {
			target = max(target, p.size)
			if ends := began.Add(p.lasts); change.IsZero() || ends.Before(change) {
				change = ends
			}
		}
		if !change.IsZero() && (until.IsZero() || change.Before(until)) {
			until = change
		}
	}
	return target, until
}

// began is when the period that is under way began, the latest if it began anew before it was over; the zero time when none is.
func (p *period) began(now time.Time) (latest time.Time) {
	for at := p.begins.Next(now.Add(-p.lasts)); !at.IsZero() && !at.After(now); at = p.begins.Next(at) {
		latest = at
	}
	return latest
}
