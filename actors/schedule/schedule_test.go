package schedule

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const office = `[
	{"timezone": "Europe/Berlin", "startCron": "0 9 * * 1-5", "duration": "9h", "bufferSize": 12},
	{"timezone": "Europe/Berlin", "startCron": "30 9 * * 1", "duration": "90m", "bufferSize": 20},
	{"startCron": "0 0 * * 6,0", "duration": "24h", "bufferSize": 2}
]`

func TestAt(t *testing.T) {
	s, err := Parse(office)
	if err != nil {
		t.Fatal(err)
	}
	for now, want := range map[string]struct {
		target int
		until  string
	}{
		"2025-01-06T07:59:59Z": {0, "2025-01-06T08:00:00Z"}, // a Monday in winter
		"2025-01-06T08:00:00Z": {12, "2025-01-06T08:30:00Z"},
		"2025-01-06T09:00:00Z": {20, "2025-01-06T10:00:00Z"},
		"2025-01-06T10:00:00Z": {12, "2025-01-06T17:00:00Z"},
		"2025-01-06T17:00:00Z": {0, "2025-01-07T08:00:00Z"},
		"2025-07-07T07:00:00Z": {12, "2025-07-07T07:30:00Z"}, // and in summer
		"2025-01-11T12:00:00Z": {2, "2025-01-12T00:00:00Z"},
		"2025-01-12T23:59:00Z": {2, "2025-01-13T00:00:00Z"},
		"2025-01-13T00:00:00Z": {0, "2025-01-13T08:00:00Z"},
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		if target, until := s.At(at); target != want.target || until.UTC().Format(time.RFC3339) != want.until {
			t.Errorf("%s: %d until %v, want %v", now, target, until.UTC(), want)
		}
	}
}

// TestNothingChangesBefore: until the time that At names the target stays as it is.
func TestNothingChangesBefore(t *testing.T) {
	s, err := Parse(office)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1_700_000_000+rapid.Int64Range(0, 60_000_000).Draw(t, "now"), 0)
		target, until := s.At(now)
		if !until.After(now) {
			t.Fatalf("at %v it is %d until %v", now, target, until)
		}
		between := now.Add(time.Duration(rapid.Int64Range(0, int64(until.Sub(now))-1).Draw(t, "later")))
		if again, _ := s.At(between); again != target {
			t.Fatalf("%d at %v, until %v, but %d at %v", target, now, until, again, between)
		}
	})
}

func TestProblems(t *testing.T) {
	for text, want := range map[string]string{
		``: "JSON array", `{}`: "JSON array", `[]`: "0 periods", `[] []`: "something follows",
		`[{"start": 1}]`: "unknown field",
		`[{"startCron": "0 9 * * 1-5", "duration": "9", "bufferSize": 1}]`:                                     `period 1: duration "9"`,
		`[{"startCron": "0 25 * * *", "duration": "9h", "bufferSize": 1}]`:                                     `startCron "0 25 * * *"`,
		`[{"startCron": "0 9 30 2 *", "duration": "9h", "bufferSize": 1}]`:                                     "never comes",
		`[{"startCron": "TZ=UTC 0 9 * * *", "duration": "9h", "bufferSize": 1}]`:                               "a key of its own",
		`[{"startCron": "0 9 * * *", "duration": "9h", "bufferSize": -1}]`:                                     "bufferSize -1",
		`[{"timezone": "Mars/Base", "startCron": "0 9 * * *", "duration": "9h", "bufferSize": 1}]`:             `timezone "Mars/Base"`,
		`[{"startCron": "@every 5m", "duration": "9h", "bufferSize": 1}]`:                                      "@every",
		`[{"startCron": "0 9 * * *", "duration": "9h", "bufferSize": 1}, {"startCron": "", "duration": "1h"}]`: "period 2",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
