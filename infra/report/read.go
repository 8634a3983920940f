package report

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-json-experiment/json"
)

// maxLine bounds a line, in bytes. Longer ones are no gateway's.
const maxLine = 1 << 20

// line is what a report looks at of a log line.
type line struct {
	Time     time.Time `json:"time"`
	Level    string    `json:"level"`
	Message  string    `json:"message"`
	Session  string    `json:"session"`
	Path     string    `json:"path"`
	Why      string    `json:"why"`
	State    string    `json:"state"`
	Reason   string    `json:"reason"`
	Kind     string    `json:"kind"`
	Error    string    `json:"error"`
	Action   string    `json:"action"`
	Operator string    `json:"operator"`
	TookMs   float64   `json:"tookMs"`
}

// source is one log, read line by line.
type source struct {
	reader *bufio.Reader
	// next is the line that comes next.
	next line
	// others counts lines that are no log lines of a gateway's.
	others int
}

// newSource reads a log, plain or gzipped.
func newSource(from io.Reader) (*source, error) {
	reader := bufio.NewReaderSize(from, 64<<10)
	if magic, err := reader.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		unzipped, err := gzip.NewReader(reader)
		if err != nil {
			return nil, err
		}
		reader = bufio.NewReaderSize(unzipped, 64<<10)
	}
	return &source{reader: reader}, nil
}

// advance reads to the next line of a gateway's. Its error is io.EOF at the end.
func (s *source) advance() error {
	for {
		text, whole, err := s.readLine()
		if err != nil {
			return err
		}
		// What collects logs may have put something before the line.
		if at := bytes.IndexByte(text, '{'); whole && at >= 0 {
			s.next = line{}
			if json.Unmarshal(text[at:], &s.next) == nil && !s.next.Time.IsZero() && s.next.Message != "" {
				return nil
			}
		}
		if len(bytes.TrimSpace(text)) > 0 {
			s.others++
		}
	}
}

// readLine reads a line; of one that is too long it gives the beginning.
func (s *source) readLine() (text []byte, whole bool, err error) {
	text, err = s.reader.ReadSlice('\n')
	if err == nil || errors.Is(err, io.EOF) && len(text) > 0 {
		return text, true, nil
	}
	long := bytes.Clone(text)
	whole = true
	for errors.Is(err, bufio.ErrBufferFull) {
		if text, err = s.reader.ReadSlice('\n'); len(long)+len(text) > maxLine {
			whole = false
			continue
		}
		long = append(long, text...)
	}
	if err != nil && (!errors.Is(err, io.EOF) || len(long) == 0) {
		return nil, false, err
	}
	return long, whole, nil
}

// Read makes a report of logs, whose lines it takes in the order of their times: parts of one log, or those of several gateways. The
// trace, if there is one, gets the sessions as a recording of arrivals for the simulator.
func Read(logs []io.Reader, trace io.Writer) (*Day, error) {
	var sources []*source
	for _, each := range logs {
		s, err := newSource(each)
		if err != nil {
			return nil, err
		}
		sources = append(sources, s)
	}
	reader := newReader(trace)
	others := 0
	for i := 0; i < len(sources); i++ { // each to its first line
		if err := sources[i].advance(); errors.Is(err, io.EOF) {
			others += sources[i].others
			sources = append(sources[:i], sources[i+1:]...)
			i--
		} else if err != nil {
			return nil, err
		}
	}
	for len(sources) > 0 {
		first := 0
		for i, s := range sources {
			if s.next.Time.Before(sources[first].next.Time) {
				first = i
			}
		}
		reader.take(&sources[first].next)
		if err := sources[first].advance(); errors.Is(err, io.EOF) {
			others += sources[first].others
			sources = append(sources[:first], sources[first+1:]...)
		} else if err != nil {
			return nil, fmt.Errorf("after the line of %s: %w", reader.day.To.Format(time.RFC3339), err)
		}
	}
	return reader.finish(others)
}
