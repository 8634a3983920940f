package traffic

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// Recording describes how a file of recorded arrivals is read.
type Recording struct {
	// Column is the time column's name; empty finds the column called timestamp or time.
	Column string
	// Unit is what numbers count, one of s, ms, us and ns. Empty takes it from the column's name, such as time_ms or
	// timestamp(s); failing that, numbers are seconds, or milliseconds when they are too large for that (see parseNumber).
	Unit string
	// Every keeps the first arrival and then each Every-th; 0 and 1 keep them all.
	Every int
	// Stretch multiplies all times: 2 makes the traffic half as dense. 0 means 1.
	Stretch float64
}

// Open reads a file, plain or gzipped; see Read. The caller closes it.
func (r Recording) Open(path string) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	source, err := r.Read(file)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return &File{path: path, source: source, file: file}, nil
}

// File is a recording that is being read.
type File struct {
	path   string
	source Source
	file   *os.File
}

// Next returns the next arrival. An error names the file, the row and what is wrong with it.
func (f *File) Next() (time.Duration, error) {
	at, err := f.source.Next()
	if err != nil && err != io.EOF {
		return 0, fmt.Errorf("%s: %w", f.path, err)
	}
	return at, err
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }

// Read reads a CSV with a header from text, plain or gzipped, one row at a time. The first arrival is at 0. An error
// names the row, counted as an editor counts lines: the header is row 1.
func (r Recording) Read(text io.Reader) (Source, error) {
	if r.Every < 0 || r.Stretch < 0 {
		return nil, errors.New("neither thinning nor stretching may be negative")
	}
	plain, err := unzipped(text)
	if err != nil {
		return nil, err
	}
	rows := csv.NewReader(plain)
	rows.ReuseRecord = true
	header, err := rows.Read()
	if err == io.EOF {
		return nil, errors.New("the file is empty: it needs a header and a row for each arrival")
	}
	if err != nil {
		return nil, rowError(err)
	}
	column, err := findColumn(header, r.Column)
	if err != nil {
		return nil, err
	}
	unit := r.Unit
	if unit == "" {
		unit = unitOf(header[column])
	}
	parse := timeParser{unit: unit}
	recorded := &recorded{
		rows: rows, column: column, name: strings.Clone(strings.TrimSpace(header[column])), parse: parse,
		every: max(1, r.Every), stretch: r.Stretch,
	}
	if recorded.stretch == 0 {
		recorded.stretch = 1
	}
	return recorded, recorded.begin()
}

// unzipped looks for gzip's first two bytes, and drops the byte order mark that spreadsheets write.
func unzipped(text io.Reader) (io.Reader, error) {
	buffered := bufio.NewReaderSize(text, 64<<10)
	magic, err := buffered.Peek(2)
	if err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		inner, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		buffered = bufio.NewReaderSize(inner, 64<<10)
	}
	mark := []byte("\ufeff")
	if start, err := buffered.Peek(len(mark)); err == nil && bytes.Equal(start, mark) {
		_, err = buffered.Discard(len(mark))
		return buffered, err
	}
	return buffered, nil
}

// findColumn finds the time column: the one that is named, or the one called timestamp or, failing that, time.
func findColumn(header []string, wanted string) (int, error) {
	names := make([]string, len(header))
	for i, name := range header {
		names[i] = strings.TrimSpace(name)
	}
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

// recorded is the arrivals of a CSV.
type recorded struct {
	rows    *csv.Reader
	column  int
	name    string
	parse   timeParser
	every   int
	stretch float64

	// first is the time of the first arrival, last that of the latest row, in nanoseconds of the recording's own epoch.
	first, last int64
	// pending says that the first arrival has been read and not returned.
	pending bool
}

// begin reads the first arrival, so that a file without any is an error at once.
func (r *recorded) begin() error {
	at, err := r.row()
	if err == io.EOF {
		return errors.New("the file has a header and no arrivals")
	}
	r.first, r.last, r.pending = at, at, true
	return err
}

// Next returns the next arrival that is kept.
func (r *recorded) Next() (time.Duration, error) {
	if r.pending {
		r.pending = false
		return 0, nil
	}
	for range r.every {
		at, err := r.row()
		if err != nil {
			return 0, err
		}
		if at < r.last {
			return 0, r.wrong("is before the row above it, by %v: sort the rows by time", time.Duration(r.last-at))
		}
		r.last = at
	}
	since := float64(uint64(r.last)-uint64(r.first)) * r.stretch // unsigned, as the difference may need 64 bits
	if since > float64(longest) {
		return 0, r.wrong("is over %d years after the first arrival; is its unit right?", longest/(365*day))
	}
	return time.Duration(since), nil
}

// longest bounds a recording.
const longest = 100 * 365 * day

// row reads the next row's time.
func (r *recorded) row() (int64, error) {
	fields, err := r.rows.Read()
	if err == io.EOF {
		return 0, err
	}
	if err != nil {
		return 0, rowError(err)
	}
	text := strings.TrimSpace(fields[r.column])
	at, err := r.parse.time(text)
	if err != nil {
		return 0, r.wrong("%w", err)
	}
	return at, nil
}

func (r *recorded) wrong(format string, args ...any) error {
	line, _ := r.rows.FieldPos(r.column)
	return fmt.Errorf("row %d: %s "+format, append([]any{line, r.name}, args...)...)
}

// rowError words the errors of the CSV reader and of what it reads from.
func rowError(err error) error {
	var parse *csv.ParseError
	switch {
	case errors.As(err, &parse):
		return fmt.Errorf("row %d: not CSV: %w", parse.Line, parse.Err)
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the gzipped file is damaged: %w", err)
	}
	return err
}
