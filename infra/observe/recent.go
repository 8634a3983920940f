package observe

import (
	"bytes"
	"encoding/json"
	"sync"
)

// recentBytes bounds the lines that are kept, in bytes: some ten thousand of them.
const recentBytes = 4 << 20

// Recent keeps the last lines of a log for operators that have no other way to it. It is a writer of whole lines of JSON, and safe
// for concurrent use.
type Recent struct {
	mu    sync.Mutex
	lines [][]byte
	bytes int
	// next is the number of the line that comes next, counted from 1.
	next uint64
}

// NewRecent makes one without lines.
func NewRecent() *Recent { return &Recent{next: 1} }

// Write takes a line.
func (r *Recent) Write(line []byte) (int, error) {
	kept := bytes.TrimSuffix(bytes.Clone(line), []byte("\n"))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, kept)
	r.next++
	r.bytes += len(kept)
	for r.bytes > recentBytes && len(r.lines) > 1 {
		r.bytes -= len(r.lines[0])
		r.lines[0] = nil
		r.lines = r.lines[1:]
	}
	return len(line), nil
}

// After gives at most so many lines: those that follow the number that an earlier answer gave as next, or for 0 the last ones. It
// says how many have been lost in between.
func (r *Recent) After(number uint64, limit int) (lines []json.RawMessage, next, lost uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := uint64(len(r.lines))
	oldest := r.next - kept
	first := max(number, oldest)
	switch {
	case number == 0:
		first = r.next - min(kept, uint64(limit))
	case number < oldest:
		lost = oldest - number
	case number > r.next: // of a process before this one
		first = oldest
	}
	lines = []json.RawMessage{}
	for at := first; at < r.next && len(lines) < limit; at++ {
		lines = append(lines, r.lines[at-oldest])
	}
	return lines, first + uint64(len(lines)), lost
}
