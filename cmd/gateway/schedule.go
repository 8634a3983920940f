package main

import "hearth/actors/schedule"

// poolSchedule is a schedule as a flag; it has none when nothing was said.
type poolSchedule struct{ *schedule.Schedule }

// UnmarshalText reads a JSON array of periods.
func (s *poolSchedule) UnmarshalText(text []byte) (err error) {
	if s.Schedule = nil; len(text) > 0 {
		s.Schedule, err = schedule.Parse(string(text))
	}
	return err
}
