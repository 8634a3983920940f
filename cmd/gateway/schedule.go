package main

import (
	"fmt"
	"os"
	"strconv"

	"hearth/actors"
	"hearth/actors/demand"
	"hearth/actors/schedule"
	"hearth/sim/traffic"
)

// poolSchedule is a schedule as a flag; it has none when nothing was said.
type poolSchedule struct {
	*schedule.Schedule
	// text is what was said.
	text string
}

// UnmarshalText reads a JSON array of periods.
func (s *poolSchedule) UnmarshalText(text []byte) (err error) {
	if s.Schedule, s.text = nil, string(text); len(text) > 0 {
		s.Schedule, err = schedule.Parse(string(text))
	}
	return err
}

// share is the share of sessions that are to find a task ready, as a flag.
type share float64

// UnmarshalText reads 99.9% or 0.999.
func (s *share) UnmarshalText(text []byte) error {
	value, err := demand.ParseObjective(string(text))
	*s = share(value)
	return err
}

// String writes it as it is read.
func (s share) String() string { return strconv.FormatFloat(float64(s), 'g', -1, 64) }

// poolTrace is a file of recorded arrivals as a flag; it has none when nothing was said.
type poolTrace struct{ *traffic.Trace }

// UnmarshalText looks the file through.
func (t *poolTrace) UnmarshalText(text []byte) (err error) {
	if t.Trace = nil; len(text) > 0 {
		t.Trace, err = traffic.OpenTrace(string(text), traffic.Recording{Every: 1, Stretch: 1}, os.Stdin)
	}
	return err
}

// String is the file's name.
func (t poolTrace) String() string {
	if t.Trace == nil {
		return ""
	}
	return t.Describe().File
}

// AfterApply is called by kong: it has the demand learned from what was recorded.
func (f *flags) AfterApply() error {
	if f.PoolSLO == nil && f.PoolTrace.Trace == nil && f.PoolPolicy != string(actors.PolicySLO) {
		return nil
	}
	objective, start := actors.DefaultObjective, actors.DefaultSettings().StartEstimate
	if f.PoolSLO != nil {
		objective = float64(*f.PoolSLO)
	}
	var prior *demand.Prior
	if f.PoolTrace.Trace != nil {
		var err error
		if prior, err = f.PoolTrace.Teach(objective, start); err != nil {
			return fmt.Errorf("--warm-pool-trace: %w", err)
		}
	}
	f.forecast = demand.Policy(objective, start, prior)
	return nil
}
