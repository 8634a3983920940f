package testkit

import (
	"bytes"
	"sync"
)

// Log is what a program under test writes from several goroutines, to be looked at meanwhile.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write is for whoever logs.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// String is all that was written so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
