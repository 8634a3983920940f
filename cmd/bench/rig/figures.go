package rig

import (
	"slices"
	"time"
)

// Figure is one measured number: the median of several rounds, with the least and the greatest of them.
type Figure struct {
	// Row is the kind of measurement, Case its size, Subject what was measured, and Metric the number's name.
	Row     string `json:"row"`
	Case    string `json:"case"`
	Subject string `json:"subject"`
	Metric  string `json:"metric"`
	Unit    string `json:"unit"`
	// Median, Min and Max are of Rounds rounds.
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	Rounds int     `json:"rounds"`
}

// Key tells a figure from all others.
func (f Figure) Key() [4]string { return [4]string{f.Row, f.Case, f.Subject, f.Metric} }

// Series collects the rounds of measurements.
type Series struct {
	row     string
	order   []Figure
	samples map[[4]string][]float64
}

// NewSeries begins those of a row.
func NewSeries(row string) *Series { return &Series{row: row, samples: map[[4]string][]float64{}} }

// Add adds a round's number.
func (s *Series) Add(size, subject, metric, unit string, value float64) {
	f := Figure{Row: s.row, Case: size, Subject: subject, Metric: metric, Unit: unit}
	if _, known := s.samples[f.Key()]; !known {
		s.order = append(s.order, f)
	}
	s.samples[f.Key()] = append(s.samples[f.Key()], value)
}

// Figures are those that there are, in the order in which they first came.
func (s *Series) Figures() []Figure {
	figures := slices.Clone(s.order)
	for i := range figures {
		f := &figures[i]
		all := slices.Sorted(slices.Values(s.samples[f.Key()]))
		f.Median, f.Min, f.Max, f.Rounds = median(all), all[0], all[len(all)-1], len(all)
	}
	return figures
}

// median is of sorted numbers, of which there is one at least.
func median(sorted []float64) float64 {
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// Quantile is the smallest of the times that a share of all does not exceed; 0 of none.
func Quantile(sorted []time.Duration, share float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

// Milliseconds is a time as a number.
func Milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// Microseconds is a time as a number.
func Microseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
