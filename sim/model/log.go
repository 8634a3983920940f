package model

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/cespare/xxhash/v2"

	"hearth/messages"
	"hearth/messages/wire"
)

// Log is told every fact by the actors. It keeps no facts, only their digest.
type Log struct {
	model *Model
	begun time.Time
	sum   *xxhash.Digest
	line  []byte
	count int
	trace *bufio.Writer
	err   error
}

func newLog(m *Model, trace io.Writer) *Log {
	l := &Log{model: m, begun: m.World.Now(), sum: xxhash.New()}
	if trace != nil {
		l.trace = bufio.NewWriter(trace)
	}
	return l
}

// flushAt is how many bytes are gathered before they are hashed.
const flushAt = 8 << 10

// take takes a fact in.
func (l *Log) take(event *messages.Event) {
	l.count++
	l.line = appendEvent(l.line, event.At.Sub(l.begun), event)
	if len(l.line) > flushAt {
		l.flush()
	}
	if l.trace != nil {
		traced := *event // only with a trace does a fact cost a place on the heap
		l.write(&traced)
	}
	if hook := l.model.options.Hooks.Event; hook != nil {
		hook(*event)
	}
}

func (l *Log) flush() {
	l.sum.Write(l.line) // a hash never fails
	l.line = l.line[:0]
}

// Count is the number of facts so far.
func (l *Log) Count() int { return l.count }

// Digest is a hash over every fact so far, the same for the same history.
func (l *Log) Digest() string {
	l.flush()
	return fmt.Sprintf("%016x", l.sum.Sum64())
}

// appendEvent writes everything that is in an event, so that no two events are written alike: which fields it has, and
// then those, for few have many.
func appendEvent(b []byte, at time.Duration, e *messages.Event) []byte {
	b = binary.AppendVarint(b, int64(at))
	head := len(b)
	b = append(b, 0, 0, 0, 0)
	has, field := uint32(0), uint32(1)
	for _, text := range [...]string{
		string(e.Kind), string(e.Task), string(e.Session), string(e.User), string(e.Host), e.ARN, e.Phase, e.Was,
		string(e.Path), string(e.Why), e.Reason, string(e.Fault),
	} {
		if text != "" {
			has |= field
			b = binary.AppendUvarint(b, uint64(len(text)))
			b = append(b, text...)
		}
		field <<= 1
	}
	t := &e.Timings
	for _, number := range [...]int64{
		int64(e.Took), t.ClaimMs, t.InitMs, t.WorkspaceMs, t.TokenMs, t.AgentMs, int64(e.N), int64(e.M),
	} {
		if number != 0 {
			has |= field
			b = binary.AppendVarint(b, number)
		}
		field <<= 1
	}
	if c := e.Census; c != nil {
		has |= field
		for _, number := range [...]int{c.Ready, c.Starting, c.Assigned, c.Stopping, c.Waiting} {
			b = binary.AppendUvarint(b, uint64(number))
		}
	}
	binary.LittleEndian.PutUint32(b[head:], has)
	return b
}

// Flush writes what of the trace is still in memory and reports the first error of the whole trace.
func (l *Log) Flush() error {
	if l.trace != nil && l.err == nil {
		l.err = l.trace.Flush()
	}
	return l.err
}

// traced is a fact as a trace shows it.
type traced struct {
	// At is the time since the beginning, in seconds.
	At      json.Number              `json:"at"`
	Kind    messages.EventKind       `json:"event"`
	Task    wire.TaskID              `json:"task,omitempty"`
	Session wire.SessionID           `json:"session,omitempty"`
	User    wire.UserID              `json:"user,omitempty"`
	Host    messages.HostID          `json:"host,omitempty"`
	ARN     string                   `json:"arn,omitempty"`
	Was     string                   `json:"was,omitempty"`
	Phase   string                   `json:"phase,omitempty"`
	Path    wire.Path                `json:"path,omitempty"`
	Why     wire.ColdReason          `json:"why,omitempty"`
	Reason  string                   `json:"reason,omitempty"`
	Fault   messages.LaunchErrorKind `json:"fault,omitempty"`
	TookMs  float64                  `json:"tookMs,omitempty"`
	N       int                      `json:"n,omitempty"`
	M       int                      `json:"m,omitempty"`
	Timings *wire.Timings            `json:"timings,omitempty"`
	Pool    *counts                  `json:"pool,omitempty"`
}

type counts struct {
	Ready    int `json:"ready"`
	Starting int `json:"starting"`
	Assigned int `json:"assigned"`
	Stopping int `json:"stopping"`
	Waiting  int `json:"waiting"`
	Min      int `json:"min"`
	Max      int `json:"max"`
	Target   int `json:"target"`
	// Held is what keeps starts back, if anything does.
	Held messages.Hold `json:"held,omitempty"`
}

func (l *Log) write(e *messages.Event) {
	line := traced{
		At:   json.Number(strconv.FormatFloat(e.At.Sub(l.begun).Seconds(), 'f', 6, 64)),
		Kind: e.Kind, Task: e.Task, Session: e.Session, User: e.User, Host: e.Host, ARN: e.ARN, Was: e.Was, Phase: e.Phase,
		Path: e.Path, Why: e.Why, Reason: e.Reason, Fault: e.Fault,
		TookMs: float64(e.Took) / float64(time.Millisecond), N: e.N, M: e.M,
	}
	if e.Timings != (wire.Timings{}) {
		line.Timings = &e.Timings
	}
	if e.Census != nil {
		line.Pool = (*counts)(e.Census)
	}
	text, err := json.Marshal(line)
	if err == nil {
		_, err = l.trace.Write(append(text, '\n'))
	}
	if err != nil && l.err == nil {
		l.err = err
	}
}
