package e2e

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
)

// journal keeps everything that a gateway and its tasks have written.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write takes a piece of the log.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// line is a log line of the gateway's, with the fields that tests look at.
type line struct {
	Level, Message, Task, Session, Reason, URL string
}

// lines are the gateway's own log lines, the oldest first, that have the message.
func (j *journal) lines(message string) []line {
	var found []line
	for text := range strings.SplitSeq(j.String(), "\n") {
		var l line
		if json.Unmarshal([]byte(text), &l) == nil && l.Message == message {
			found = append(found, l)
		}
	}
	return found
}

// await waits for a line with the message and gives the first.
func (j *journal) await(t testing.TB, message string) line {
	t.Helper()
	var found []line
	eventually(t, "the log has: "+message, func() bool {
		found = j.lines(message)
		return len(found) > 0
	})
	return found[0]
}
