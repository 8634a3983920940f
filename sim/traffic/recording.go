package traffic

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Recording describes how a file of recorded arrivals is read.
type Recording struct {
	// Column is the time column's name; empty finds the column called timestamp or time.
	Column string
	// Unit is what numbers count, one of s, ms, us and ns. Empty takes it from the column's name, such as time_ms or
	// timestamp(s); failing that, from the size of numbers that count from 1970; else they are seconds, which Survey makes
	// sure of.
	Unit string
	// Sessions is the name of a column with the sessions' lengths; empty for none. Its numbers count what SessionUnit, or
	// the column's name, says.
	Sessions, SessionUnit string
	// Every keeps the first arrival and then each Every-th; 0 and 1 keep them all.
	Every int
	// Stretch multiplies all times: 2 makes the traffic half as dense. It does not touch the sessions' lengths. 0 means 1.
	Stretch float64
}

// Read reads a CSV with a header, or JSON lines, from text, plain or gzipped, one row at a time. The first arrival is at 0.
// An error names the row, counted as an editor counts lines: a header is row 1.
func (r Recording) Read(text io.Reader) (Source, error) {
	recorded, err := r.read(text)
	if err != nil {
		return nil, err
	}
	return recorded, nil
}

func (r Recording) read(text io.Reader) (*recorded, error) {
	if r.Every < 0 || r.Stretch < 0 {
		return nil, errors.New("neither thinning nor stretching may be negative")
	}
	table, err := newRows(text)
	if err != nil {
		return nil, err
	}
	column, err := findColumn(table.names(), r.Column)
	if err != nil {
		return nil, err
	}
	name := table.names()[column]
	recorded := &recorded{
		rows: table, column: column, name: name, every: max(1, r.Every), stretch: r.Stretch,
		parse: timeParser{unit: r.Unit, commas: table.commas()}, sessions: -1,
	}
	if recorded.parse.unit == "" {
		recorded.parse.unit = unitOf(name)
	}
	if recorded.stretch == 0 {
		recorded.stretch = 1
	}
	if r.Sessions != "" {
		if err := recorded.findSessions(r); err != nil {
			return nil, err
		}
	}
	return recorded, recorded.begin()
}

// findSessions finds the column with the sessions' lengths.
func (r *recorded) findSessions(recording Recording) (err error) {
	names := r.rows.names()
	if r.sessions, err = findColumn(names, recording.Sessions); err != nil {
		return err
	}
	r.lengths = lengthParser{unit: recording.SessionUnit, commas: r.rows.commas()}
	if r.lengths.unit == "" {
		r.lengths.unit = unitOf(names[r.sessions])
	}
	return nil
}

// findColumn finds the time column: the one that is named, or the one called timestamp or, failing that, time.
func findColumn(names []string, wanted string) (int, error) {
	candidates := []string{"timestamp", "time"}
	if wanted != "" {
		if exact := slices.Index(names, wanted); exact >= 0 {
			return exact, nil
		}
		candidates = []string{wanted}
	}
	for _, candidate := range candidates {
		for i, name := range names {
			if strings.EqualFold(name, candidate) || wanted == "" && strings.EqualFold(withoutUnit(name), candidate) {
				return i, nil
			}
		}
	}
	if wanted != "" {
		return 0, fmt.Errorf("row 1: there is no column %q; the columns are %s", wanted, quoted(names))
	}
	return 0, fmt.Errorf("row 1: there is no column timestamp or time; name one of the columns %s", quoted(names))
}

// shownColumns bounds how many columns an error lists.
const shownColumns = 20

func quoted(names []string) string {
	var list []string
	for _, name := range names[:min(len(names), shownColumns)] {
		list = append(list, fmt.Sprintf("%.40q", name))
	}
	if more := len(names) - len(list); more > 0 {
		list = append(list, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(list, ", ")
}

// recorded is the arrivals of a file.
type recorded struct {
	rows    rows
	column  int
	name    string
	parse   timeParser
	every   int
	stretch float64
	// sessions is the column of the sessions' lengths, -1 for none.
	sessions int
	lengths  lengthParser

	// first is the time of the first arrival, last that of the latest row, in nanoseconds of the recording's own epoch.
	first, last int64
	// pending is the first arrival until it is returned.
	pending *Arrival
}

// begin reads the first arrival, so that a file without any is an error at once.
func (r *recorded) begin() error {
	at, stay, err := r.row()
	if err == io.EOF {
		return errors.New("the file has a header and no arrivals")
	}
	r.first, r.last, r.pending = at, at, &Arrival{Stay: stay}
	return err
}

// Next returns the next arrival that is kept.
func (r *recorded) Next() (Arrival, error) {
	if first := r.pending; first != nil {
		r.pending = nil
		return *first, nil
	}
	var arrival Arrival
	for range r.every {
		at, stay, err := r.row()
		if err != nil {
			return Arrival{}, err
		}
		if at < r.last {
			return Arrival{}, r.wrong(r.name, "is before the row above it, by %v: sort the rows by time", time.Duration(r.last-at))
		}
		r.last, arrival.Stay = at, stay
	}
	since := r.since() * r.stretch
	if since > float64(longest) {
		return Arrival{}, r.wrong(r.name, "is over %d years after the first arrival; is its unit right?", longest/(365*day))
	}
	arrival.At = time.Duration(since)
	return arrival, nil
}

// since is the recording's own time from its first row to the latest, in nanoseconds.
func (r *recorded) since() float64 { return float64(uint64(r.last) - uint64(r.first)) } // the difference may need 64 bits

// longest bounds a recording.
const longest = 100 * 365 * day

// row reads the next row's time, and how long its session lasted if there is a column for that.
func (r *recorded) row() (at int64, stay time.Duration, err error) {
	cells, err := r.rows.next()
	if err != nil {
		return 0, 0, err
	}
	if at, err = r.parse.time(strings.TrimSpace(cells[r.column])); err != nil {
		return 0, 0, r.wrong(r.name, "%w", err)
	}
	if r.sessions >= 0 {
		// 0 would say that nothing was recorded.
		if stay, err = r.lengths.length(strings.TrimSpace(cells[r.sessions])); err != nil {
			return 0, 0, r.wrong(r.rows.names()[r.sessions], "%w", err)
		}
		stay = max(1, stay)
	}
	return at, stay, nil
}

func (r *recorded) wrong(column, format string, args ...any) error {
	return fmt.Errorf("row %d: %s "+format, append([]any{r.rows.line(), column}, args...)...)
}
