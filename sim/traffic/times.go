package traffic

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"time"
)

// layouts are the ways in which a moment is written. Go reads a fraction of a second after any of them. What has no zone
// is UTC.
var layouts = []string{time.RFC3339, time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00"}

// Units are what numbers in a time column may count.
var Units = []string{"s", "ms", "us", "ns"}

// unitNames are the ways in which a column's name says what its numbers count.
var unitNames = map[string]string{
	"s": "s", "sec": "s", "secs": "s", "second": "s", "seconds": "s",
	"ms": "ms", "msec": "ms", "milli": "ms", "millis": "ms", "millisecond": "ms", "milliseconds": "ms",
	"us": "us", "µs": "us", "usec": "us", "micros": "us", "microseconds": "us",
	"ns": "ns", "nsec": "ns", "nanos": "ns", "nanoseconds": "ns",
}

var nanosecondsIn = map[string]int64{"s": 1e9, "ms": 1e6, "us": 1e3, "ns": 1}

// suffix is what may follow a column's name: a unit in brackets or after a separator.
var suffix = regexp.MustCompile(`(?i)[ _.-]*[(\[]? *([a-zµ]+) *[)\]]?$`)

// splitUnit takes a column's name apart: time_ms, timestamp(s), Time [sec]. Without a unit the name is whole.
func splitUnit(name string) (base, unit string) {
	at := suffix.FindStringSubmatchIndex(name)
	if at == nil || at[0] == 0 || at[0] == at[2] {
		return name, "" // nothing sets the last word off from what comes before
	}
	if unit = unitNames[strings.ToLower(name[at[2]:at[3]])]; unit == "" {
		return name, ""
	}
	return name[:at[0]], unit
}

func withoutUnit(name string) string {
	base, _ := splitUnit(name)
	return base
}

func unitOf(name string) string {
	_, unit := splitUnit(name)
	return unit
}

// timeParser reads a column's times as nanoseconds of whatever epoch the column has. The first row decides how all are
// written.
type timeParser struct {
	// unit is what numbers count; empty until the first number has decided.
	unit string
	// layout is how moments are written; empty for numbers and until the first row has decided.
	layout string
}

func (p *timeParser) time(text string) (int64, error) {
	if p.layout != "" {
		return p.moment(text)
	}
	if number, ok := decimal(text); ok {
		if p.unit == "" {
			p.unit = guessUnit(number)
		}
		return p.number(text, number)
	}
	for _, layout := range layouts {
		if _, err := time.Parse(layout, text); err == nil {
			p.layout = layout
			return p.moment(text)
		}
	}
	return 0, fmt.Errorf("%.40q is no time: it may be RFC 3339, 2006-01-02 15:04:05.9999999, or a number", text)
}

// moment reads a point in time. Its nanoseconds must fit into 64 bits: from 1678 to 2262.
func (p *timeParser) moment(text string) (int64, error) {
	at, err := time.Parse(p.layout, text)
	if err != nil {
		return 0, fmt.Errorf("%.40q is not written like the times above it (%s)", text, p.layout)
	}
	if year := at.Year(); year < 1700 || year > 2200 {
		return 0, fmt.Errorf("%.40q is not between the years 1700 and 2200", text)
	}
	return at.UnixNano(), nil
}

// number is the exact number of nanoseconds, rounded down.
func (p *timeParser) number(text string, value *big.Rat) (int64, error) {
	value.Mul(value, new(big.Rat).SetInt64(nanosecondsIn[p.unit]))
	nanoseconds := new(big.Int).Quo(value.Num(), value.Denom())
	if !nanoseconds.IsInt64() {
		return 0, fmt.Errorf("%.40q is too large for a number of %s", text, p.unit)
	}
	return nanoseconds.Int64(), nil
}

var plainNumber = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?$`)

// decimal reads a number without losing a digit of it: the microseconds of an epoch do not survive a float64.
func decimal(text string) (*big.Rat, bool) {
	if len(text) > 40 || !plainNumber.MatchString(text) {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

// guessUnit is for a column that does not say: seconds, be they since 1970 or since the recording began, unless that
// would be after the year 5138; then milliseconds.
func guessUnit(first *big.Rat) string {
	if first.Cmp(new(big.Rat).SetInt64(1e11)) >= 0 {
		return "ms"
	}
	return "s"
}
