package bridge

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"time"

	"hearth/bridge/isolation"
	"hearth/messages/wire"
)

// LineMode says how lines and payloads become one another.
type LineMode = wire.AgentIO

// The values of AGENT_IO.
const (
	// LinesJSON writes each payload as a line of compact JSON, and takes output lines that are JSON as they are.
	LinesJSON = wire.IOJSON
	// LinesText writes payloads, which are JSON strings, as they are; output lines come back as strings.
	LinesText = wire.IOText
	// Terminal gives the agent a terminal: payloads are what is typed, and outputs what is to be shown, as they come.
	Terminal = wire.IOTerminal
)

// StderrMode says where the agent's standard error goes.
type StderrMode string

// The values of AGENT_STDERR: into the log, into the output as well, or into the output alone, for it may be a user's.
const (
	StderrLog    StderrMode = "log"
	StderrMerge  StderrMode = "merge"
	StderrOutput StderrMode = "output"
)

// OverflowMode says what happens when the outputs that nobody has acknowledged reach OUTPUT_BUFFER_BYTES.
type OverflowMode string

// The values of AGENT_OVERFLOW.
const (
	// OverflowPause stops reading the agent until there is room.
	OverflowPause OverflowMode = "pause"
	// OverflowDrop forgets the oldest output; whoever would have read it is sent a gap.
	OverflowDrop OverflowMode = "drop"
)

// PreloadMode says what a warm task does for its agent before it has a user.
type PreloadMode string

// The values of AGENT_PRELOAD.
const (
	PreloadOff PreloadMode = "off"
	// PreloadCache runs a command that warms the caches which the agent will use.
	PreloadCache PreloadMode = "cache"
	// PreloadProcess starts the agent itself.
	PreloadProcess PreloadMode = "process"
)

// maxStopGrace leaves the bridge time to flush within the 30 seconds that ECS gives a container between SIGTERM and
// SIGKILL.
const maxStopGrace = 20 * time.Second

// maxPreload leaves a task time to dial before its gateway gives it up, which it does after TASK_START_TIMEOUT.
const maxPreload = 2 * time.Minute

// Config is everything a bridge is told at its start. Run's caller fills all of it; there are no defaults here.
type Config struct {
	// GatewayURL is the base that paths are appended to, ws:// or wss://.
	GatewayURL string
	TaskID     wire.TaskID
	TaskToken  wire.Secret
	// Warm is true for a task that waits for whichever user comes, false for one started for UserID and SessionID.
	Warm      bool
	UserID    wire.UserID
	SessionID wire.SessionID

	// WorkspaceRoot is the directory, usually a mounted volume, that every workspace must be inside of.
	WorkspaceRoot string
	// TokenFile is where the user's token is written, relative to the workspace.
	TokenFile string

	// AgentCommand is split into words as SplitCommand does; no shell is involved.
	AgentCommand  string
	AgentIO       LineMode
	AgentStderr   StderrMode
	AgentOverflow OverflowMode
	// Isolation is what keeps agents apart, as isolation.ParseRequest reads it.
	Isolation string
	// UIDRange is where users' UIDs are taken from, as isolation.ParseRange reads it.
	UIDRange string
	// AgentRoot is the prepared root of the level chroot; empty if there is none.
	AgentRoot string
	// AgentReadPaths are what the level landlock lets the agent read and execute beside its own program. Missing ones are
	// passed over.
	AgentReadPaths []string
	// AgentConnectPorts are the TCP ports that the level landlock lets the agent connect to; nil for all.
	AgentConnectPorts []uint16
	// AgentLimits bound what each agent takes.
	AgentLimits isolation.Limits
	// AgentEnv names what of Environ agents get: variables, and beginnings of names that end in an asterisk.
	AgentEnv []string
	// AgentPreload is what a warm task does for its agent before it has a user.
	AgentPreload PreloadMode
	// PreloadCommand is what PreloadCache runs, split as AgentCommand is.
	PreloadCommand string
	// PreloadTimeout bounds that.
	PreloadTimeout time.Duration
	// Environ is what AgentEnv chooses from, as os.Environ gives it, without the bridge's own settings.
	Environ []string

	// MaxFrameBytes bounds a line, and the encoded payload of an output.
	MaxFrameBytes int
	// OutputBufferBytes bounds the outputs kept until they are acknowledged.
	OutputBufferBytes int

	// TaskLease is for how long the agent may run without a gateway, TaskOrphanTTL for how long the task may then be without one.
	// The gateway says so too, and the smaller holds; 0 is what the gateway says.
	TaskLease, TaskOrphanTTL time.Duration
	// WarmOrphanTTL is how long a bridge without a running agent outlives its gateway.
	WarmOrphanTTL time.Duration
	// StopGrace is what the agent is given between SIGTERM and SIGKILL when the bridge itself is told to end.
	StopGrace time.Duration

	// Version is told to the gateway.
	Version string
}

// Validate names everything that is wrong with the configuration, one line a problem, by its environment variable.
func (c Config) Validate() error {
	var problems []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	if err := checkBase(c.GatewayURL); err != nil {
		check(false, "GATEWAY_WS_URL: %w", err)
	}
	check(wire.ValidID(string(c.TaskID)), "TASK_ID: %q is not an id ([A-Za-z0-9][A-Za-z0-9._-]{0,127})", c.TaskID)
	check(c.TaskToken != "", "TASK_TOKEN: must be set")
	if !c.Warm {
		check(wire.ValidID(string(c.SessionID)),
			"SESSION_ID: %q is not an id; a task with WARM_POOL_MODE=false needs one", c.SessionID)
		check(wire.ValidUserID(string(c.UserID)),
			"USER_ID: %q is not a user id; a task with WARM_POOL_MODE=false needs one", c.UserID)
	}
	check(filepath.IsAbs(c.WorkspaceRoot), "WORKSPACE_ROOT: %q is not an absolute path", c.WorkspaceRoot)
	check(filepath.IsLocal(c.TokenFile) && filepath.Clean(c.TokenFile) != ".",
		"TOKEN_FILE: %q is not a path inside the workspace", c.TokenFile)
	if _, err := SplitCommand(c.AgentCommand); err != nil {
		check(false, "AGENT_COMMAND: %w", err)
	}
	check(c.AgentIO == LinesJSON || c.AgentIO == LinesText || c.AgentIO == Terminal, "AGENT_IO: %q is none of jsonl, text and pty", c.AgentIO)
	check(slices.Contains([]StderrMode{StderrLog, StderrMerge, StderrOutput}, c.AgentStderr), "AGENT_STDERR: %q is none of log, merge and output", c.AgentStderr)
	check(c.AgentOverflow == OverflowPause || c.AgentOverflow == OverflowDrop,
		"AGENT_OVERFLOW: %q is neither pause nor drop", c.AgentOverflow)
	problems = append(problems, c.validateIsolation()...)
	problems = append(problems, c.validateEnv()...)
	problems = append(problems, c.validatePreload()...)
	check(c.MaxFrameBytes >= 1<<10 && c.MaxFrameBytes <= 64<<20,
		"MAX_FRAME_BYTES: %d is not within 1 KiB to 64 MiB", c.MaxFrameBytes)
	check(c.OutputBufferBytes >= c.MaxFrameBytes, "OUTPUT_BUFFER_BYTES: %d is less than MAX_FRAME_BYTES", c.OutputBufferBytes)
	check(c.WarmOrphanTTL > 0, "WARM_ORPHAN_TTL: %v is not positive", c.WarmOrphanTTL)
	check(c.TaskLease == 0 || c.TaskLease >= minLease, "TASK_LEASE: %v is less than %v", c.TaskLease, minLease)
	check(c.TaskOrphanTTL >= 0, "TASK_ORPHAN_TTL: %v is negative", c.TaskOrphanTTL)
	check(c.StopGrace >= 0 && c.StopGrace <= maxStopGrace,
		"STOP_GRACE: %v is not within 0 to %v (ECS kills the container after 30s)", c.StopGrace, maxStopGrace)
	return errors.Join(problems...)
}

// validateIsolation is Validate's part for what keeps agents apart. Whether it can be had is found out later.
func (c Config) validateIsolation() (problems []error) {
	request, err := isolation.ParseRequest(c.Isolation)
	if err != nil {
		problems = append(problems, fmt.Errorf("ISOLATION: %w", err))
	} else if c.AgentConnectPorts != nil && !request.Levels.Has(isolation.Landlock) {
		problems = append(problems, errors.New("AGENT_CONNECT_PORTS: takes the level landlock, which ISOLATION does not name"))
	}
	if nice := c.AgentLimits.Nice; nice < 0 || nice > 19 {
		problems = append(problems, fmt.Errorf("AGENT_NICE: %d is not within 0 to 19", nice))
	}
	if _, err := isolation.ParseRange(c.UIDRange); err != nil {
		problems = append(problems, fmt.Errorf("UID_RANGE: %w", err))
	}
	if c.AgentRoot != "" && !filepath.IsAbs(c.AgentRoot) {
		problems = append(problems, fmt.Errorf("AGENT_ROOT: %q is not an absolute path", c.AgentRoot))
	}
	for _, path := range c.AgentReadPaths {
		if !filepath.IsAbs(path) {
			problems = append(problems, fmt.Errorf("AGENT_READ_PATHS: %q is not an absolute path", path))
		}
	}
	return problems
}

// validatePreload is Validate's part for what is done before there is a user.
func (c Config) validatePreload() (problems []error) {
	switch c.AgentPreload {
	case PreloadOff, PreloadProcess:
	case PreloadCache:
		if _, err := SplitCommand(c.PreloadCommand); err != nil {
			problems = append(problems, fmt.Errorf("AGENT_PRELOAD_COMMAND: %w; AGENT_PRELOAD=cache needs one", err))
		}
	default:
		problems = append(problems, fmt.Errorf("AGENT_PRELOAD: %q is not off, cache or process", c.AgentPreload))
	}
	if c.PreloadTimeout <= 0 || c.PreloadTimeout > maxPreload {
		problems = append(problems, fmt.Errorf("AGENT_PRELOAD_TIMEOUT: %v is not within 0 to %v", c.PreloadTimeout, maxPreload))
	}
	return problems
}

// checkBase reports what keeps raw from being a gateway's address.
func checkBase(raw string) error {
	u, err := url.Parse(raw)
	if err != nil {
		return fmt.Errorf("%q is not a URL", raw)
	}
	if u.Scheme != "ws" && u.Scheme != "wss" {
		return fmt.Errorf("%q does not begin with ws:// or wss://", raw)
	}
	if u.Hostname() == "" {
		return fmt.Errorf("%q names no host", raw)
	}
	if u.User != nil {
		return errors.New("must not hold a user or password; the task token authenticates")
	}
	return nil
}
