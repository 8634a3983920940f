package traffic

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// What a recording of requests for sessions can be: from one an hour to ten a second, for a minute at least.
const (
	thinnest, densest = 1.0 / 3600, 10.0
	shortest          = time.Minute
)

// decideUnit decides what the numbers of a time column count that does not say so. It takes a reading only if no other makes
// sense, and refuses the file when several do, or none.
func (t *Trace) decideUnit() error {
	file, err := t.bytes()
	if err != nil {
		return err
	}
	defer file.Close() // it was only read
	source, err := t.recording.read(file)
	if err != nil || !source.parse.supposed {
		return err
	}
	again, err := t.bytes()
	if err != nil {
		return err
	}
	defer again.Close() // it was only read
	raw := t.recording
	raw.Unit = "ns" // the smallest, so that no number overflows: it is the number itself
	rows, err := raw.read(again)
	if err != nil {
		return err
	}
	n, last := 1, rows.first
	for {
		at, _, err := rows.row()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		n, last = n+1, max(last, at)
	}
	unit, err := reading(n, float64(uint64(last)-uint64(rows.first)))
	if err != nil {
		return fmt.Errorf("%s: %w", source.name, err)
	}
	t.recording.Unit = unit
	return nil
}

// reading is what numbers count that go so far in n arrivals.
func reading(n int, span float64) (string, error) {
	if span < 2 {
		return "s", nil // there is nothing to be told
	}
	var long, all []string
	for _, unit := range Units {
		seconds := span * float64(nanosecondsIn[unit]) / 1e9
		if rate := float64(n-1) / seconds; rate < thinnest || rate > densest {
			continue
		}
		all = append(all, unit)
		if seconds >= shortest.Seconds() {
			long = append(long, unit)
		}
	}
	if len(long) == 0 {
		long = all
	}
	if len(long) == 1 {
		return long[0], nil
	}
	if len(long) == 0 {
		return "", fmt.Errorf("its numbers make no sense as seconds (%s) nor as milliseconds (%s): say what they count (--time-unit)",
			pacedAs(n, span, "s"), pacedAs(n, span, "ms"))
	}
	var readings []string
	for _, unit := range long {
		readings = append(readings, fmt.Sprintf("%s (%s)", unit, pacedAs(n, span, unit)))
	}
	return "", fmt.Errorf("its numbers may be %s: say which (--time-unit)", strings.Join(readings, " or "))
}

// pacedAs tells a recording in words, read in a unit.
func pacedAs(n int, span float64, unit string) string {
	seconds := span * float64(nanosecondsIn[unit]) / 1e9
	length := fmt.Sprintf("%.3g s", seconds)
	for _, in := range []struct {
		name    string
		seconds float64
	}{{"minutes", 60}, {"hours", 3600}, {"days", 86400}, {"years", 365 * 86400}} {
		if seconds >= 2*in.seconds {
			length = fmt.Sprintf("%.3g %s", seconds/in.seconds, in.name)
		}
	}
	rate := float64(n-1) / seconds
	pace := fmt.Sprintf("%.3g a second", rate)
	switch {
	case rate < 0.1/60:
		pace = fmt.Sprintf("%.3g an hour", rate*3600)
	case rate < 1:
		pace = fmt.Sprintf("%.3g a minute", rate*60)
	}
	return fmt.Sprintf("%d arrivals in %s, %s", n, length, pace)
}
