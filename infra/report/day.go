package report

import (
	"cmp"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"hearth/infra/observe"
	"hearth/messages"
)

// Day is what a report says.
type Day struct {
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Lines int       `json:"lines"`
	// OtherLines are no log lines of a gateway's.
	OtherLines int `json:"otherLines"`

	SessionsBegun int            `json:"sessionsBegun"`
	SessionsEnded map[string]int `json:"sessionsEnded"`
	// SessionsOpen had not ended with the log.
	SessionsOpen int   `json:"sessionsOpen"`
	Lengths      Times `json:"sessionLengths"`

	// Starts are the times from a client's hello to its ready, by path, and HitRate is the warm ones' share of all that ended well
	// or in failure.
	Starts       map[string]Times `json:"starts"`
	StartsFailed int              `json:"startsFailed"`
	HitRate      float64          `json:"hitRate"`
	ColdBecause  map[string]int   `json:"coldBecause"`
	Waits        int              `json:"waits"`
	FirstOutput  Times            `json:"firstOutput"`

	// TaskBoots are the times from a task's start to its being ready.
	TaskBoots        Times          `json:"taskBoots"`
	TaskStartsFailed map[string]int `json:"taskStartsFailed"`
	// Requeued tasks failed between claim and ready, Restarts are sessions that lost an active task.
	Requeued int `json:"requeued"`
	Restarts int `json:"restarts"`
	// ClientsLeft counts sockets of clients that dropped, by the session's state, TasksDetached those of active tasks.
	ClientsLeft   map[string]int `json:"clientsLeft"`
	TasksDetached int            `json:"tasksDetached"`
	HostsLost     int            `json:"hostsLost"`

	// Problems are warnings and errors, the worst first; Operators what operators did.
	Problems  []Problem      `json:"problems"`
	Operators map[string]int `json:"operators"`
}

// Times sum up durations.
type Times struct {
	Count int     `json:"count"`
	P50Ms float64 `json:"p50Ms"`
	P90Ms float64 `json:"p90Ms"`
	P99Ms float64 `json:"p99Ms"`
	MaxMs float64 `json:"maxMs"`
}

// Problem is a kind of warning or error.
type Problem struct {
	Level   string    `json:"level"`
	Message string    `json:"message"`
	Kind    string    `json:"kind,omitempty"`
	Count   int       `json:"count"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	// Reason is the last one that was given.
	Reason string `json:"reason,omitempty"`
}

// maxProblems bounds the kinds that are told apart; what comes on top is counted together.
const maxProblems = 500

// clock measures durations in bounded memory: percentiles within 0.1 %.
type clock struct{ *hdrhistogram.Histogram }

// longest is the longest duration that is told from longer ones.
const longest = 30 * 24 * time.Hour

func newClock() clock {
	return clock{hdrhistogram.New(1, longest.Microseconds(), 3)}
}

func (c clock) add(ms float64) {
	_ = c.RecordValue(min(max(int64(ms*1000), 1), longest.Microseconds())) // it is within the bounds
}

func (c clock) times() Times {
	ms := func(us int64) float64 { return float64(us) / 1000 }
	if c.TotalCount() == 0 {
		return Times{}
	}
	return Times{
		Count: int(c.TotalCount()), P50Ms: ms(c.ValueAtQuantile(50)), P90Ms: ms(c.ValueAtQuantile(90)),
		P99Ms: ms(c.ValueAtQuantile(99)), MaxMs: ms(c.Max()),
	}
}

// reader takes lines in.
type reader struct {
	day                   Day
	starts                map[string]clock
	lengths, boots, first clock
	problems              map[problemKey]*Problem
	sessions              *sessions
}

// problemKey is what tells problems apart.
type problemKey struct{ level, message, kind string }

func newReader(trace io.Writer) *reader {
	return &reader{
		day: Day{
			SessionsEnded: map[string]int{}, ColdBecause: map[string]int{}, TaskStartsFailed: map[string]int{},
			ClientsLeft: map[string]int{}, Operators: map[string]int{}, Starts: map[string]Times{},
		},
		starts: map[string]clock{}, lengths: newClock(), boots: newClock(), first: newClock(),
		problems: map[problemKey]*Problem{}, sessions: newSessions(trace),
	}
}

// take takes a line in.
func (r *reader) take(l *line) {
	d := &r.day
	if d.Lines == 0 {
		d.From = l.Time
	}
	d.Lines, d.To = d.Lines+1, l.Time
	switch l.Level {
	case "warn", "error", "fatal", "panic":
		r.problem(l)
	case "audit":
		d.Operators[l.Action+" by "+l.Operator]++
	}
	kind, _ := observe.KindOf(l.Message)
	switch kind {
	case messages.EventReady:
		if l.TookMs > 0 {
			r.boots.add(l.TookMs)
		}
	case messages.EventStartFailed:
		d.TaskStartsFailed[cmp.Or(l.Kind, "not ready")]++
	case messages.EventDetached:
		d.TasksDetached++
	case messages.EventHostLost:
		d.HostsLost++
	default:
		r.session(kind, l)
	}
}

// session takes in a line about a session.
func (r *reader) session(kind messages.EventKind, l *line) {
	d := &r.day
	switch kind {
	case messages.EventSessionBegun:
		d.SessionsBegun++
		r.sessions.begin(l.Session, l.Time)
	case messages.EventWaiting:
		d.Waits++
	case messages.EventSessionReady:
		if _, known := r.starts[l.Path]; !known {
			r.starts[l.Path] = newClock()
		}
		r.starts[l.Path].add(l.TookMs)
		if l.Why != "" {
			d.ColdBecause[l.Why]++
		}
	case messages.EventFirstOutput:
		r.first.add(l.TookMs)
	case messages.EventRequeued:
		d.Requeued++
	case messages.EventRestarting:
		d.Restarts++
	case messages.EventClientLeft:
		d.ClientsLeft[cmp.Or(l.State, "unknown")]++
	case messages.EventSessionEnded:
		d.SessionsEnded[l.Reason]++
		r.lengths.add(l.TookMs)
		r.sessions.end(l.Session, l.Time)
		if reason := messages.EndReason(l.Reason); reason == messages.EndStartFailed || reason == messages.EndTimeout {
			d.StartsFailed++
		}
	}
}

// problem counts a warning or an error.
func (r *reader) problem(l *line) {
	key := problemKey{l.Level, l.Message, l.Kind}
	p := r.problems[key]
	if p == nil {
		if len(r.problems) >= maxProblems {
			key = problemKey{l.Level, "more kinds than are told apart", ""}
			if p = r.problems[key]; p == nil {
				p = &Problem{First: l.Time}
			}
		} else {
			p = &Problem{First: l.Time}
		}
		p.Level, p.Message, p.Kind = key.level, key.message, key.kind
		r.problems[key] = p
	}
	p.Count, p.Last = p.Count+1, l.Time
	if reason := cmp.Or(l.Reason, l.Error); reason != "" {
		p.Reason = reason
	}
}

// finish sums up.
func (r *reader) finish(others int) (*Day, error) {
	d := &r.day
	d.OtherLines = others
	d.Lengths, d.TaskBoots, d.FirstOutput = r.lengths.times(), r.boots.times(), r.first.times()
	tried := d.StartsFailed
	for path, clock := range r.starts {
		d.Starts[path] = clock.times()
		tried += d.Starts[path].Count
	}
	if tried > 0 {
		d.HitRate = float64(d.Starts["warm"].Count) / float64(tried)
	}
	severity := func(p Problem) int { return slices.Index([]string{"warn", "error", "fatal", "panic"}, p.Level) }
	for _, p := range slices.Collect(maps.Values(r.problems)) {
		d.Problems = append(d.Problems, *p)
	}
	slices.SortFunc(d.Problems, func(a, b Problem) int {
		return cmp.Or(severity(b)-severity(a), b.Count-a.Count, cmp.Compare(a.Message, b.Message), cmp.Compare(a.Kind, b.Kind))
	})
	var err error
	d.SessionsOpen, err = r.sessions.finish(d.To)
	return d, err
}
