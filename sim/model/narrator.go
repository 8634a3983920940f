package model

import (
	"fmt"
	"strings"
	"time"

	"hearth/messages"
	"hearth/messages/wire"
)

// Narrator words facts and frames for people: one line each, and short names instead of random ids, given in the order of
// appearance. The zero Narrator is ready.
type Narrator struct {
	// Since is the time that lines count from.
	Since time.Time
	names map[string]string
	made  map[string]int
}

// Task is a short name for a task.
func (n *Narrator) Task(id wire.TaskID) string { return n.name("t", string(id)) }

// Session is a short name for a session.
func (n *Narrator) Session(id wire.SessionID) string { return n.name("s", string(id)) }

func (n *Narrator) name(kind, id string) string {
	if id == "" {
		return "-"
	}
	if n.names == nil {
		n.names, n.made = map[string]string{}, map[string]int{}
	}
	if name, known := n.names[id]; known {
		return name
	}
	n.made[kind]++
	name := fmt.Sprintf("%s%d", kind, n.made[kind])
	n.names[id] = name
	return name
}

// ID is what a short name stands for, empty when nothing has it.
func (n *Narrator) ID(name string) string {
	for id, known := range n.names {
		if known == name {
			return id
		}
	}
	return ""
}

// Line is one line at a time: who, what, and the rest.
func (n *Narrator) Line(at time.Time, who, what, rest string) string {
	line := fmt.Sprintf("%9.3f  %-6s %-14s %s", at.Sub(n.Since).Seconds(), who, what, rest)
	return strings.TrimRight(line, " ")
}

// Event is a fact's line.
func (n *Narrator) Event(e *messages.Event) string {
	who := n.Task(e.Task)
	var rest []string
	add := func(format string, values ...any) { rest = append(rest, fmt.Sprintf(format, values...)) }
	switch {
	case e.Task == "" && e.Session == "" && e.Host != "":
		who = string(e.Host)
	case e.Task == "":
		who = n.Session(e.Session)
	case e.Session != "" && isOfSession(e.Kind):
		who = n.Session(e.Session)
		add("task=%s", n.Task(e.Task))
	case e.Session != "":
		add("session=%s", n.Session(e.Session))
	}
	if e.Was != "" || e.Kind == messages.EventSessionState {
		add("%s->%s", e.Was, e.Phase)
	} else if e.Phase != "" {
		add("in=%s", e.Phase)
	}
	if e.Path != "" {
		add("path=%s", e.Path)
	}
	if e.Why != "" {
		add("why=%s", e.Why)
	}
	if e.Reason != "" {
		add("%q", n.shorten(e.Reason))
	}
	if e.Exit != "" {
		add("exit=%s", e.Exit)
	}
	if e.Fault != "" {
		add("fault=%s", e.Fault)
	}
	if e.Took != 0 {
		add("took=%v", e.Took.Round(time.Millisecond))
	}
	if e.Revision != "" {
		add("revision=%s", e.Revision)
	}
	if e.N != 0 {
		add("n=%d", e.N)
	}
	if e.M != 0 {
		add("m=%d", e.M)
	}
	if s := e.Shadow; s != nil {
		add("hits=%d/%d starts=%d idle=%.0fs; in force hits=%d/%d starts=%d idle=%.0fs", s.Shadow.Hits, s.Shadow.Claims, s.Shadow.Starts,
			s.Shadow.IdleTaskSeconds, s.InForce.Hits, s.InForce.Claims, s.InForce.Starts, s.InForce.IdleTaskSeconds)
	}
	if c := e.Census; c != nil {
		add("[%s]", Census(c))
	}
	return n.Line(e.At, who, string(e.Kind), strings.Join(rest, " "))
}

// Census words a pool: ready, starting, assigned and stopping tasks, and waiters, as far as there are any.
func Census(c *messages.Census) string {
	var parts []string
	for _, part := range []struct {
		n    int
		what string
	}{
		{c.Ready, "ready"}, {c.Starting, "starting"}, {c.Assigned, "assigned"}, {c.Stopping, "stopping"}, {c.Waiting, "waiting"},
	} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	if parts == nil {
		return "empty"
	}
	return strings.Join(parts, ", ")
}

// isOfSession reports whether a fact is about a session first, although it names a task.
func isOfSession(kind messages.EventKind) bool {
	switch kind {
	case messages.EventSessionState, messages.EventSessionReady, messages.EventSessionEnded, messages.EventRestarting,
		messages.EventAttached, messages.EventClientLeft:
		return true
	}
	return false
}

// shorten replaces the ids in a text that have a name.
func (n *Narrator) shorten(text string) string {
	words := strings.Fields(text)
	for i, word := range words {
		if name, known := n.names[strings.Trim(word, `":,`)]; known {
			words[i] = name
		}
	}
	return strings.Join(words, " ")
}

// Frame words a frame. It shows no payload but a line's number.
func (n *Narrator) Frame(frame wire.Frame) string {
	switch f := frame.(type) {
	case wire.Session:
		return fmt.Sprintf("session %s resumed=%t lastSeq=%d", n.Session(f.SessionID), f.Resumed, f.LastSeq)
	case wire.Status:
		return squeeze("status %s %s eta=%dms %s", f.State, f.Reason, f.EtaMs, n.shorten(f.Message))
	case wire.Ready:
		return squeeze("ready %s elapsed=%dms %s", f.Path, f.ElapsedMs, f.Why)
	case wire.Data:
		if f.Ack > 0 {
			return fmt.Sprintf("data %d ack=%d", f.Seq, f.Ack)
		}
		return fmt.Sprintf("data %d", f.Seq)
	case wire.Ack:
		return fmt.Sprintf("ack %d", f.Seq)
	case wire.Gap:
		return fmt.Sprintf("gap %d to %d", f.From, f.To)
	case wire.Exit:
		return squeeze("exit %d %s %s", f.Code, f.Signal, f.Stderr)
	case wire.Error:
		after := ""
		if f.RetryAfterMs > 0 {
			after = fmt.Sprintf(" after=%dms", f.RetryAfterMs)
		}
		return fmt.Sprintf("error %s retryable=%t%s: %s", f.Code, f.Retryable, after, n.shorten(f.Message))
	case wire.Bye:
		return fmt.Sprintf("bye %s", f.Reason)
	case wire.InitUser:
		return squeeze("init_user session=%s in=%d out=%d %s", n.Session(f.SessionID), f.InSeq, f.OutSeq, window(f.Window))
	case wire.Resize:
		return squeeze("resize %s", window(f))
	}
	return frame.FrameType()
}

// window words a window's size, empty where none was told.
func window(w wire.Resize) string {
	if w == (wire.Resize{}) {
		return ""
	}
	return fmt.Sprintf("window=%dx%d", w.Cols, w.Rows)
}

// squeeze is Sprintf without the blanks that empty values leave.
func squeeze(format string, values ...any) string {
	return strings.Join(strings.Fields(fmt.Sprintf(format, values...)), " ")
}
