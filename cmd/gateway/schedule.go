package main

import "hearth/actors/schedule"

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
