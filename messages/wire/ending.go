package wire

import "strconv"

// The codes of an InitFailed and of a hello that tells of a failure.
const (
	// InitCodeSettings and InitCodeIsolation: the bridge's settings, or the isolation that they ask for, cannot be had.
	InitCodeSettings  = "settings"
	InitCodeIsolation = "isolation"
	// InitCodeWorkspace: the user's workspace cannot be had, or, in a hello, nobody's.
	InitCodeWorkspace = "workspace"
	InitCodeToken     = "token"
	// InitCodeAgent: the agent could not be started.
	InitCodeAgent = "agent"
	// InitCodeAssigned: the task has another session.
	InitCodeAssigned = "already_assigned"
)

// Exit says that the agent's process has ended.
type Exit struct {
	Code int `json:"code"`
	// Signal is the name of the signal that ended it, or empty.
	Signal string `json:"signal,omitempty"`
	// Stderr is the end of what it wrote there, at most 4 KiB.
	Stderr string `json:"stderr,omitempty"`
}

// endSignals are the signals of Linux that end a process that does nothing about them.
var endSignals = map[string]bool{
	"SIGHUP": true, "SIGINT": true, "SIGQUIT": true, "SIGILL": true, "SIGTRAP": true, "SIGABRT": true, "SIGBUS": true,
	"SIGFPE": true, "SIGKILL": true, "SIGUSR1": true, "SIGSEGV": true, "SIGUSR2": true, "SIGPIPE": true, "SIGALRM": true,
	"SIGTERM": true, "SIGSTKFLT": true, "SIGXCPU": true, "SIGXFSZ": true, "SIGVTALRM": true, "SIGPROF": true,
	"SIGIO": true, "SIGPWR": true, "SIGSYS": true,
}

// End names how the process has ended, for logs and metrics: its code, or the signal's name. What is neither is "other": a bridge's
// word is not to be trusted with names without end.
func (e Exit) End() string {
	switch {
	case endSignals[e.Signal]:
		return e.Signal
	case e.Signal == "" && e.Code >= 0 && e.Code <= 255:
		return strconv.Itoa(e.Code)
	}
	return "other"
}

// IsKilled reports whether the agent was ended by a signal that nobody sends to end it in good order: by the kernel, for want of memory
// or for what it did, or for having ignored the others. A shell tells of its child's by the code alone.
func (e Exit) IsKilled() bool {
	const first, last = 1, 31
	switch signal := e.Code - 128; signal {
	case 1, 2, 3, 13, 15: // HUP, INT, QUIT, PIPE, TERM
		return false
	default:
		return signal >= first && signal <= last
	}
}
