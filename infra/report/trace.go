package report

import (
	"encoding/csv"
	"io"
	"strconv"
	"time"
)

// maxOpen bounds the sessions that are followed at once. One more, and the oldest is taken for one that lasts no longer.
const maxOpen = 1 << 20

// sessions follows sessions from begin to end, and writes them down in the order in which they began.
type sessions struct {
	open map[string]*arrival
	// queue has the arrivals that are not written yet: one that lasts holds those after it back.
	queue []*arrival
	trace *csv.Writer
	err   error
}

// arrival is a session's begin, and once it has ended its length.
type arrival struct {
	id     string
	at     time.Time
	length time.Duration
	ended  bool
}

func newSessions(trace io.Writer) *sessions {
	s := &sessions{open: map[string]*arrival{}}
	if trace != nil {
		s.trace = csv.NewWriter(trace)
		s.err = s.trace.Write([]string{"time", "length_s"})
	}
	return s
}

func (s *sessions) begin(id string, at time.Time) {
	s.end(id, at) // one whose end is not in the log
	a := &arrival{id: id, at: at}
	s.open[id] = a
	s.queue = append(s.queue, a)
	if len(s.queue) > maxOpen {
		s.end(s.queue[0].id, at)
	}
}

func (s *sessions) end(id string, at time.Time) {
	a := s.open[id]
	if a == nil {
		return
	}
	delete(s.open, id)
	a.length, a.ended = at.Sub(a.at), true
	for len(s.queue) > 0 && s.queue[0].ended {
		s.write(s.queue[0])
		s.queue[0] = nil
		s.queue = s.queue[1:]
	}
}

func (s *sessions) write(a *arrival) {
	if s.trace != nil && s.err == nil {
		s.err = s.trace.Write([]string{a.at.UTC().Format(time.RFC3339Nano), strconv.FormatFloat(a.length.Seconds(), 'f', 3, 64)})
	}
}

// finish writes those that had not ended, as if they had then, and says how many they are.
func (s *sessions) finish(at time.Time) (open int, err error) {
	open = len(s.open)
	for len(s.queue) > 0 {
		s.end(s.queue[0].id, at)
	}
	if s.trace != nil && s.err == nil {
		s.trace.Flush()
		s.err = s.trace.Error()
	}
	return open, s.err
}
