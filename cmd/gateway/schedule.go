package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

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
func (f *flags) AfterApply() (err error) {
	isShadow := f.PoolShadowSLO != nil || f.PoolShadow == string(actors.PolicySLO)
	if isShadow {
		if f.shadowForecast, err = f.learn(f.PoolShadowSLO); err != nil {
			return err
		}
	}
	if f.PoolSLO != nil || f.PoolPolicy == string(actors.PolicySLO) || f.PoolTrace.Trace != nil && !isShadow {
		f.forecast, err = f.learn(f.PoolSLO)
	}
	return err
}

// learn is a forecast for an objective, which begins with what the recording teaches, if there is one.
func (f *flags) learn(objective *share) (func(time.Time) actors.Forecast, error) {
	share, start := actors.DefaultObjective, actors.DefaultSettings().StartEstimate
	if objective != nil {
		share = float64(*objective)
	}
	var prior *demand.Prior
	if f.PoolTrace.Trace != nil {
		var err error
		if prior, err = f.PoolTrace.Teach(share, start); err != nil {
			return nil, fmt.Errorf("--warm-pool-trace: %w", err)
		}
	}
	return demand.Policy(share, start, prior), nil
}

// shadow is the sizing that is tried beside the pool's, whose bounds it has where it has none of its own; nil when nothing was said of one.
func (f *flags) shadow(pool *actors.Sizing) *actors.Sizing {
	if f.PoolShadow == "" && f.PoolShadowMin == nil && f.PoolShadowMax == nil && f.PoolShadowSLO == nil && f.PoolShadowSchedule.Schedule == nil {
		return nil
	}
	s := &actors.Sizing{Min: pool.Min, Max: pool.Max, Policy: actors.Policy(f.PoolShadow), Forecast: f.shadowForecast}
	if f.PoolShadowMin != nil {
		s.Min = *f.PoolShadowMin
	}
	if f.PoolShadowMax != nil {
		s.Max = *f.PoolShadowMax
	}
	if f.PoolShadowSchedule.Schedule != nil {
		s.Schedule = f.PoolShadowSchedule.Schedule
	}
	s.Threshold = max(0, s.Min-pool.ThresholdGap())
	return s
}
