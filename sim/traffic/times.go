package traffic

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"time"
)

// layouts are the ways in which a moment is written. Go reads a fraction of a second after any of them, behind a point or a
// comma. What has no zone is UTC.
var layouts = func() (all []string) {
	for _, date := range []string{"2006-01-02T", "2006-01-02 "} {
		for _, clock := range []string{"15:04:05", "15:04"} {
			for _, zone := range []string{"", "Z07:00", "Z0700", " Z07:00", " Z0700", " UTC", " -0700 UTC"} {
				all = append(all, date+clock+zone)
			}
		}
	}
	return all
}()

// Units are what numbers in a time column may count.
var Units = []string{"s", "ms", "us", "ns"}

// unitNames are the ways in which a column's name says what its numbers count.
var unitNames = map[string]string{
	"s": "s", "sec": "s", "secs": "s", "second": "s", "seconds": "s",
	"ms": "ms", "msec": "ms", "milli": "ms", "millis": "ms", "millisecond": "ms", "milliseconds": "ms",
	"us": "us", "µs": "us", "μs": "us", "usec": "us", "micros": "us", "microsecond": "us", "microseconds": "us",
	"ns": "ns", "nsec": "ns", "nanos": "ns", "nanosecond": "ns", "nanoseconds": "ns",
}

var nanosecondsIn = map[string]int64{"s": 1e9, "ms": 1e6, "us": 1e3, "ns": 1}

// suffix is what may follow a column's name: a unit in brackets or after a separator.
var suffix = regexp.MustCompile(`(?i)[ _.-]*[(\[]? *([a-zµμ]+) *[)\]]?$`)

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
	// commas says that cells are set apart by commas; see decimal.
	commas bool
	// supposed says that nothing tells what numbers count, and that they are taken for seconds.
	supposed bool
	// epoch says that the times are a calendar's.
	epoch bool
}

func (p *timeParser) time(text string) (int64, error) {
	if p.layout != "" {
		return p.moment(text)
	}
	if number, ok := decimal(text, p.commas); ok {
		if p.unit == "" {
			p.unit = epochUnit(number)
			p.epoch = p.unit != ""
		}
		if p.unit == "" {
			p.unit, p.supposed = "s", true
		}
		return p.number(text, number)
	}
	for _, layout := range layouts {
		if _, err := time.Parse(layout, text); err == nil {
			p.layout, p.epoch = layout, true
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

// lengthParser reads lengths of time: 30m, or numbers of a unit that somebody has to have said.
type lengthParser struct {
	unit   string
	commas bool
}

func (p *lengthParser) length(text string) (time.Duration, error) {
	number, isNumber := decimal(text, p.commas)
	if !isNumber {
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 {
			return 0, fmt.Errorf("%.40q is no length of time: it may be 30m, or a number", text)
		}
		return d, nil
	}
	if p.unit == "" {
		return 0, errors.New("does not say what its numbers count: s, ms, us or ns")
	}
	at, err := (&timeParser{unit: p.unit}).number(text, number)
	if err != nil || at < 0 || at > int64(longest) {
		return 0, fmt.Errorf("%.40q is no length of time from 0 to %d years", text, longest/(365*day))
	}
	return time.Duration(at), nil
}

var (
	plainNumber = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?$`)
	// groups is a number that has a decimal comma or groups of three digits, nobody can tell.
	groups = regexp.MustCompile(`^[+-]?\d{1,3}(,\d{3})+$`)
)

// decimal reads a number without losing a digit of it: the microseconds of an epoch do not survive a float64. A comma may
// stand for the point. Where commas set cells apart, 1,234 in quotes may as well be a thousand, and is not taken for a number.
func decimal(text string, commas bool) (*big.Rat, bool) {
	if commas && groups.MatchString(text) {
		return nil, false
	}
	if !strings.Contains(text, ".") {
		text = strings.Replace(text, ",", ".", 1)
	}
	if len(text) > 40 || !plainNumber.MatchString(text) {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

// epochUnit is what a number counts that is a moment of this century counted from 1970, which it shows by its size; empty
// for other numbers.
func epochUnit(first *big.Rat) string {
	from := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	until := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	for _, unit := range Units {
		scale := int64(1e9) / nanosecondsIn[unit]
		if first.Cmp(new(big.Rat).SetInt64(from*scale)) >= 0 && first.Cmp(new(big.Rat).SetInt64(until*scale)) < 0 {
			return unit
		}
	}
	return ""
}
