// Package traffic makes the arrivals that a simulation runs on: synthetic ones of several shapes, and those that were
// recorded. A Source streams, so that a year of traffic takes no more memory than a minute.
package traffic

import (
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// Source yields arrivals in order. After the last it returns io.EOF.
type Source interface {
	Next() (Arrival, error)
}

// Arrival is one request for a session.
type Arrival struct {
	// At is the time since the beginning of the traffic.
	At time.Duration
	// Stay is how long the session lasts, where that was recorded; 0 where it was not.
	Stay time.Duration
}

// Load is traffic that can be played again and again: synthetic, or recorded.
type Load interface {
	// Open begins the traffic. The same random numbers make the same traffic. What can be closed is to be closed.
	Open(*rand.Rand) (Source, error)
	// Before is what came in a span before the traffic begins, for sessions that are under way then; its times are since the
	// span's beginning. It may go on beyond it.
	Before(*rand.Rand, time.Duration) (Source, error)
	// Faster is traffic of the same kind at so many times the rate.
	Faster(by float64) Load
	// MeanStay is the mean length of the sessions, where the traffic brings them; 0 where it does not.
	MeanStay() time.Duration
	// Length is how long the traffic lasts by itself; 0 for ever.
	Length() time.Duration
	Describe() Description
}

// Description says what traffic is, for whoever reads a result later.
type Description struct {
	// Kind is recorded, or the shape of synthetic traffic.
	Kind string `json:"kind"`
	// PerMinute is the mean rate of requests: of a recording as it is played, of synthetic traffic as it was asked for.
	PerMinute float64 `json:"perMinute"`
	// Begins is the time of the week, or of the calendar, at which the traffic begins.
	Begins string `json:"begins,omitempty"`
	// Details are what else describes synthetic traffic.
	Details string `json:"details,omitempty"`
	// File is a recording's, of Arrivals requests that are played in Hours.
	File     string  `json:"file,omitempty"`
	SHA256   string  `json:"sha256,omitempty"`
	Arrivals int     `json:"arrivals,omitempty"`
	Hours    float64 `json:"hours,omitempty"`
	// Column is the time column; Unit what its numbers count, empty for dates; SessionColumn that of the lengths.
	Column        string  `json:"column,omitempty"`
	Unit          string  `json:"unit,omitempty"`
	SessionColumn string  `json:"sessionColumn,omitempty"`
	Every         int     `json:"every,omitempty"`
	TimeScale     float64 `json:"timeScale,omitempty"`

	week      time.Duration
	weekKnown bool
}

// Week is the time of the week at which the traffic begins, since Monday 00:00; false where it knows no calendar.
func (d Description) Week() (time.Duration, bool) { return d.week, d.weekKnown }

// String is the description in a line.
func (d Description) String() string {
	if d.Kind != "recorded" {
		text := fmt.Sprintf("%s traffic, %.4g a minute", d.Kind, d.PerMinute)
		if d.Details != "" {
			text += " " + d.Details
		}
		if d.Begins != "" {
			text += ", from " + d.Begins
		}
		return text
	}
	text := fmt.Sprintf("%s (sha256 %.8s), %d arrivals, %.4g a minute", d.File, d.SHA256, d.Arrivals, d.PerMinute)
	if d.Unit != "" {
		text += fmt.Sprintf(", %s read as %s", d.Column, d.Unit)
	}
	if d.Every > 1 {
		text += fmt.Sprintf(", every %dth", d.Every)
	}
	if d.TimeScale != 1 {
		text += fmt.Sprintf(", time x %.4g", d.TimeScale)
	}
	return text
}

// Until ends a source with the last arrival before end, and after an error.
func Until(source Source, end time.Duration) Source { return &until{source: source, end: end} }

type until struct {
	source Source
	end    time.Duration
}

// Next returns the next arrival before the end.
func (u *until) Next() (Arrival, error) {
	arrival, err := u.source.Next()
	if err == nil && arrival.At >= u.end {
		return Arrival{}, io.EOF
	}
	return arrival, err
}
