package traffic

import (
	"fmt"
	"io"
	"time"

	"hearth/actors/demand"
)

// Teach has the demand learned from the recording, for an objective, with starts that take about so long.
func (t *Trace) Teach(objective float64, start time.Duration) (*demand.Prior, error) {
	source, err := t.Open(nil)
	if err != nil {
		return nil, err
	}
	defer source.(io.Closer).Close() // it was only read
	week, calendar := t.Describe().Week()
	begin := time.Date(2025, 1, 6, 0, 0, 0, 0, time.UTC).Add(week) // on some Monday
	prior := demand.Learn(objective, start, calendar, func() (time.Time, bool) {
		arrival, e := source.Next()
		if e != nil {
			err = e
			return time.Time{}, false
		}
		return begin.Add(arrival.At), true
	})
	if err != io.EOF {
		return nil, fmt.Errorf("learning: %w", err)
	}
	return prior, nil
}
