package traffic

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// rows is a table that is read one row at a time: a CSV with a header, or JSON lines, of which the first names the columns.
type rows interface {
	// names are the columns'. They do not change.
	names() []string
	// next reads a row, as many cells as there are names. The slice is overwritten by the next call; io.EOF is the end.
	next() ([]string, error)
	// line is where the latest row, or the first line of it, is in the file, counted from 1.
	line() int
	// commas says that cells are set apart by commas, so that one in a number is not sure to be a decimal point.
	commas() bool
}

// newRows looks at the beginning of a text, plain or gzipped, for what kind of table it is.
func newRows(text io.Reader) (rows, error) {
	plain, err := unzipped(text)
	if err != nil {
		return nil, err
	}
	start, err := plain.Peek(headerBytes)
	if err != nil && err != io.EOF && !errors.Is(err, bufio.ErrBufferFull) {
		return nil, rowError(err)
	}
	if bytes.HasPrefix(bytes.TrimLeft(start, " \t\r\n"), []byte("{")) {
		return newJSONRows(plain)
	}
	return newCSVRows(plain, separator(start))
}

// headerBytes is as much of a file as is looked at to tell how its cells are set apart.
const headerBytes = 16 << 10

// separator is what the first line has most of outside quotes: commas, semicolons or tabs.
func separator(start []byte) rune {
	header, _, _ := bytes.Cut(start, []byte("\n"))
	counts, quoted := map[byte]int{}, false
	for _, b := range header {
		if b == '"' {
			quoted = !quoted
		} else if !quoted {
			counts[b]++
		}
	}
	best := byte(',')
	for _, b := range []byte{';', '\t'} {
		if counts[b] > counts[best] {
			best = b
		}
	}
	return rune(best)
}

// csvRows is a CSV.
type csvRows struct {
	reader *csv.Reader
	header []string
}

func newCSVRows(text io.Reader, comma rune) (*csvRows, error) {
	reader := csv.NewReader(text)
	reader.Comma = comma
	header, err := reader.Read()
	if err == io.EOF {
		return nil, errors.New("the file is empty: it needs a header and a row for each arrival")
	}
	if err != nil {
		return nil, rowError(err)
	}
	for i, name := range header {
		header[i] = strings.TrimSpace(name)
	}
	reader.ReuseRecord = true
	return &csvRows{reader: reader, header: header}, nil
}

func (r *csvRows) names() []string { return r.header }

func (r *csvRows) commas() bool { return r.reader.Comma == ',' }

func (r *csvRows) line() int {
	line, _ := r.reader.FieldPos(0)
	return line
}

func (r *csvRows) next() ([]string, error) {
	cells, err := r.reader.Read()
	if err != nil && err != io.EOF {
		return nil, rowError(err)
	}
	return cells, err
}

// jsonRows is JSON lines: an object on each.
type jsonRows struct {
	lines  *bufio.Scanner
	number int
	header []string
	cells  []string
	// first is the row that the header was taken from, until it is read.
	first bool
}

// longestLine bounds a line of JSON.
const longestLine = 16 << 20

func newJSONRows(text io.Reader) (*jsonRows, error) {
	r := &jsonRows{lines: bufio.NewScanner(text), first: true}
	r.lines.Buffer(nil, longestLine)
	object, err := r.object()
	if err != nil {
		return nil, err
	}
	keys := json.NewDecoder(bytes.NewReader(object))
	if _, err := keys.Token(); err != nil { // the opening brace
		return nil, r.wrong(err)
	}
	for keys.More() {
		key, err := keys.Token()
		if err != nil {
			return nil, r.wrong(err)
		}
		var value json.RawMessage
		if err := keys.Decode(&value); err != nil {
			return nil, r.wrong(err)
		}
		r.header = append(r.header, fmt.Sprint(key))
	}
	return r, r.take(object)
}

func (r *jsonRows) names() []string { return r.header }

func (r *jsonRows) commas() bool { return false }

func (r *jsonRows) line() int { return r.number }

func (r *jsonRows) next() ([]string, error) {
	if r.first {
		r.first = false
		return r.cells, nil
	}
	object, err := r.object()
	if err != nil {
		return nil, err
	}
	return r.cells, r.take(object)
}

// object is the next line that is not empty.
func (r *jsonRows) object() ([]byte, error) {
	for r.lines.Scan() {
		r.number++
		if line := bytes.TrimSpace(r.lines.Bytes()); len(line) > 0 {
			return line, nil
		}
	}
	if err := r.lines.Err(); err != nil {
		r.number++
		return nil, r.wrong(err)
	}
	return nil, io.EOF
}

// take fills the cells from an object. A key that it lacks is an empty cell.
func (r *jsonRows) take(object []byte) error {
	var values map[string]json.RawMessage
	if err := json.Unmarshal(object, &values); err != nil {
		return r.wrong(err)
	}
	r.cells = r.cells[:0]
	for _, name := range r.header {
		cell := string(values[name])
		if strings.HasPrefix(cell, `"`) {
			if err := json.Unmarshal(values[name], &cell); err != nil {
				return r.wrong(err)
			}
		}
		r.cells = append(r.cells, cell)
	}
	return nil
}

func (r *jsonRows) wrong(err error) error { return fmt.Errorf("row %d: not JSON: %w", r.number, err) }

// unzipped looks for gzip's first two bytes, and drops the byte order mark that spreadsheets write.
func unzipped(text io.Reader) (*bufio.Reader, error) {
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
