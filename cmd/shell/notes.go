package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"hearth/infra/client"
	"hearth/messages/wire"
)

// notes are what the shell says on its own behalf, on standard error, so that standard output is the agent's alone.
type notes struct {
	to       io.Writer
	terminal bool // one line is rewritten in place while the user waits
	quiet    bool // only errors are said
	waiting  bool // such a line stands on the terminal
	raw      bool // the terminal is the agent's: only what went wrong is said, and lines are begun by hand
	// dim and plain begin and end what is the shell's own; empty where nobody wants colours.
	dim, plain string
	last       string
}

func newNotes(to io.Writer, terminal, verbose bool) *notes {
	n := &notes{to: to, terminal: terminal && os.Getenv("TERM") != "dumb", quiet: !terminal && !verbose}
	if n.terminal && os.Getenv("NO_COLOR") == "" {
		n.dim, n.plain = "\x1b[2m", "\x1b[0m"
	}
	return n
}

// wait says what is waited for, in place of what it said before.
func (n *notes) wait(text string) {
	switch {
	case n.quiet || n.raw || text == n.last && n.waiting:
	case n.terminal:
		// Without automatic wrap: only a line that fits can be taken back.
		fmt.Fprintf(n.to, "\r\x1b[K%s\x1b[?7l%s\x1b[?7h%s", n.dim, text, n.plain)
		n.waiting = true
	default:
		n.say(text)
	}
	n.last = text
}

// say says a line.
func (n *notes) say(text string) {
	n.clear()
	switch {
	case n.quiet || n.raw:
	default:
		fmt.Fprintf(n.to, "%s%s%s\n", n.dim, text, n.plain)
	}
}

// fail says a line that is always said.
func (n *notes) fail(text string) {
	n.clear()
	if n.raw {
		fmt.Fprintf(n.to, "\r\n%s\r\n", text)
		return
	}
	fmt.Fprintln(n.to, text)
}

// clear takes the waiting line away, before anything else is written to the terminal.
func (n *notes) clear() {
	if n.waiting {
		fmt.Fprint(n.to, "\r\x1b[K")
		n.waiting = false
	}
}

func statusText(s wire.Status) string {
	text := string(s.State)
	switch s.State {
	case wire.StateWaiting:
		text = "waiting: " + waitText(s.Reason)
		if s.Message != "" {
			text += " (" + s.Message + ")"
		}
	case wire.StateStarting:
		text = "starting your agent"
	case wire.StateReconnecting:
		text = "waiting: the gateway has lost your agent's connection"
	case wire.StateRestarting:
		text = "waiting: your agent's task was lost, another is started"
	}
	if s.EtaMs > 0 {
		text += ", about " + millis(s.EtaMs)
	}
	return text + " …"
}

func waitText(r wire.WaitReason) string {
	switch r {
	case wire.ReasonAvailable:
		return "a task is ready"
	case wire.ReasonWarmStarting:
		return "a task is about to be ready"
	case wire.ReasonFenced:
		return "an earlier agent may still write to your files"
	case wire.ReasonColdStarting:
		return "pool empty, a task is started"
	case wire.ReasonQueued:
		return "others are first"
	case wire.ReasonBackoff:
		return "starts have failed, the next is not tried yet"
	}
	return string(r)
}

func readyText(r wire.Ready, session wire.SessionID) string {
	if r.Path == wire.PathResumed {
		return fmt.Sprintf("resumed session %s", session)
	}
	how := string(r.Path)
	if r.Why != "" {
		how += ": " + strings.ReplaceAll(string(r.Why), "_", " ")
	}
	return fmt.Sprintf("ready in %s (%s)  session %s", millis(r.ElapsedMs), how, session)
}

func reconnectingText(r client.Reconnecting) string {
	return fmt.Sprintf("reconnecting in %s: %v", millis(r.Delay.Milliseconds()), r.Cause)
}

func gapText(g wire.Gap) string {
	if g.From == g.To {
		return fmt.Sprintf("output %d is gone: it is no longer kept", g.From)
	}
	return fmt.Sprintf("outputs %d to %d are gone: they are no longer kept", g.From, g.To)
}

// millis writes a time as a person would.
func millis(ms int64) string {
	if ms < 1000 {
		return fmt.Sprintf("%d ms", ms)
	}
	return fmt.Sprintf("%.1f s", (time.Duration(ms) * time.Millisecond).Seconds())
}

func exitText(e wire.Exit) string {
	text := fmt.Sprintf("the agent has exited with %d", e.Code)
	if e.Signal != "" {
		text = "the agent was ended by " + e.Signal
	}
	if e.Code != 0 && e.Stderr != "" {
		text += "; its last words were:\n" + strings.TrimRight(e.Stderr, "\n")
	}
	return text
}

func endText(e client.Ended) string {
	var refusal client.Refusal
	switch {
	case errors.As(e.Err, &refusal):
		return "error " + refusal.Error()
	case e.Err != nil:
		return fmt.Sprintf("error %s: %v", e.Reason, e.Err)
	}
	return fmt.Sprintf("error %s: %s", e.Reason, endMeaning(e.Reason))
}

func endMeaning(r client.EndReason) string {
	switch r {
	case client.EndIdle:
		return "the session was idle for too long"
	case client.EndReplaced:
		return "the session goes on at another client"
	case client.EndTaskLost:
		return "the agent's task was lost"
	case client.EndStartFailed:
		return "no task could be started"
	}
	return "the gateway has ended the session"
}

func resumeText(session wire.SessionID) string {
	return fmt.Sprintf("the session goes on; to resume it: shell --resume %s", session)
}
