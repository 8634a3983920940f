package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"hearth/bridge"
)

// options are what the program is told: what a bridge is, and how it logs. The task token is none of the settings: arguments
// are visible to every process.
type options struct {
	bridge.Config
	logLevel, logFormat string
}

// setting is something that the program can be told: by an environment variable, as ECS does, or by a flag that has its name in
// lower case, with hyphens. They are few and of few kinds: a library for command lines that works by reflection makes the linker
// keep a quarter of the program for it, and every task and every agent's helper begin that much later.
type setting struct {
	variable string
	// holder stands for the value in the help.
	holder string
	// fallback is what it is without the variable and the flag.
	fallback string
	value    value
	help     string
}

// value is where a setting goes to.
type value struct {
	set func(text string) error
	// negatable: it has a flag for yes and one for no, and neither takes a value.
	negatable bool
}

// settings are all of them, in the order of their documentation.
func (o *options) settings() []setting {
	return []setting{
		{"GATEWAY_WS_URL", "URL", "", text(&o.GatewayURL), "The gateway's address: ws://host:port or wss://host."},
		{"TASK_ID", "ID", "", text(&o.TaskID), "The task's id, made by the gateway."},
		{"WARM_POOL_MODE", "", "true", yesOrNo(&o.Warm), "Wait for whichever user comes (true), or be for --user-id and --session-id alone (false)."},
		{"USER_ID", "ID", "", text(&o.UserID), "The user of a task with --no-warm-pool-mode."},
		{"SESSION_ID", "ID", "", text(&o.SessionID), "The session of a task with --no-warm-pool-mode."},

		{"WORKSPACE_ROOT", "DIR", "/mnt/efs", text(&o.WorkspaceRoot), "The directory that every workspace is inside of. It must exist."},
		{"TOKEN_FILE", "PATH", ".optima/token.json", text(&o.TokenFile), "Where the user's token is written, relative to the workspace."},

		{"AGENT_COMMAND", "COMMAND", "", text(&o.AgentCommand), "The agent's program and arguments. Quotes and backslashes work as in a shell; there is no shell, nothing is expanded."},
		{"AGENT_IO", "KIND", "jsonl", oneOf(&o.AgentIO, bridge.LinesJSON, bridge.LinesText, bridge.Terminal), "What the agent's lines are: jsonl (each line is a JSON value) or text; or pty: it has a terminal of its own."},
		{"AGENT_STDERR", "WHERE", "log", oneOf(&o.AgentStderr, bridge.StderrLog, bridge.StderrMerge, bridge.StderrOutput), "Where the agent's standard error goes: to the log (log), line by line to the output (output), or to both (merge)."},
		{"AGENT_OVERFLOW", "WHAT", "pause", oneOf(&o.AgentOverflow, bridge.OverflowPause, bridge.OverflowDrop), "When the output buffer is full: stop reading the agent (pause) or forget the oldest output and report a gap (drop)."},

		{"ISOLATION", "LEVELS", "auto", text(&o.Isolation), "What keeps agents apart: a list of path, uid, landlock and chroot (docs/security.md), or auto: the strongest that the container allows."},
		{"UID_RANGE", "FIRST-LAST", "10000-59999", text(&o.UIDRange), "Where the level uid takes users' UIDs from. All tasks of a deployment have the same."},
		{"AGENT_ROOT", "DIR", "", text(&o.AgentRoot), "The prepared root of the level chroot. It has a directory tmp, and WORKSPACE_ROOT is inside of it or can be mounted there."},
		{"AGENT_READ_PATHS", "PATH,...", "/usr,/bin,/sbin,/lib,/lib32,/lib64,/etc,/opt,/app,/proc,/sys", list(&o.AgentReadPaths), "What the level landlock lets agents read and execute beside their own program. Missing paths are passed over."},

		{"AGENT_ENV", "NAME,...", "PATH,LANG,LANGUAGE,LC_*,TZ,TERM,SSL_CERT_FILE,SSL_CERT_DIR,HTTP_PROXY,HTTPS_PROXY,ALL_PROXY,NO_PROXY,http_proxy,https_proxy,all_proxy,no_proxy", list(&o.AgentEnv), "Which of this program's environment variables agents get, beside those about their place: names, and beginnings of names with *."},
		{"AGENT_CONNECT_PORTS", "PORT,...", "", ports(&o.AgentConnectPorts), "TCP ports that agents may connect to, with the level landlock; without any, all."},
		{"AGENT_MAX_PROCESSES", "N", "1024", count(&o.AgentLimits.Processes), "Most processes and threads of an agent's user, where the kernel can count them (docs/security.md); 0 for no bound."},
		{"AGENT_MAX_OPEN_FILES", "N", "4096", count(&o.AgentLimits.OpenFiles), "Most files that are open in one process of an agent's; 0 for no bound."},
		{"AGENT_MAX_FILE_BYTES", "N", "4294967296", count(&o.AgentLimits.FileBytes), "Largest file that an agent can write, in bytes; 0 for no bound."},
		{"AGENT_NICE", "N", "5", integer(&o.AgentLimits.Nice), "How much agents stand back behind the bridge when a CPU is short, 0 to 19."},

		{"AGENT_PRELOAD", "WHAT", "off", oneOf(&o.AgentPreload, bridge.PreloadOff, bridge.PreloadCache, bridge.PreloadProcess), "What a warm task does for its agent before it has a user (docs/operations.md): nothing (off), run --agent-preload-command (cache), or start it (process)."},
		{"AGENT_PRELOAD_COMMAND", "COMMAND", "", text(&o.PreloadCommand), "What AGENT_PRELOAD=cache runs, written as --agent-command."},
		{"AGENT_PRELOAD_TIMEOUT", "DURATION", "30s", duration(&o.PreloadTimeout), "How long that may take. At most 2m."},

		{"MAX_FRAME_BYTES", "N", "1048576", integer(&o.MaxFrameBytes), "The longest line. A longer one comes in pieces, each a string."},
		{"OUTPUT_BUFFER_BYTES", "N", "8388608", integer(&o.OutputBufferBytes), "How much output is kept until it is acknowledged."},
		{"WARM_ORPHAN_TTL", "DURATION", "10m", duration(&o.WarmOrphanTTL), "How long a task without a running agent outlives its gateway."},
		{"TASK_LEASE", "DURATION", "", duration(&o.TaskLease), "How long the agent runs on without a gateway until it is suspended, if the gateway's TASK_LEASE is not shorter."},
		{"TASK_ORPHAN_TTL", "DURATION", "", duration(&o.TaskOrphanTTL), "How long a task with a running agent outlives its gateway, if the gateway's TASK_ORPHAN_TTL is not shorter."},
		{"STOP_GRACE", "DURATION", "10s", duration(&o.StopGrace), "The agent's time between SIGTERM and SIGKILL when this program gets a SIGTERM. At most 20s."},

		{"LOG_LEVEL", "LEVEL", "info", oneOf(&o.logLevel, "trace", "debug", "info", "warn", "error"), "What is logged: trace, debug, info, warn or error, and above."},
		{"LOG_FORMAT", "FORMAT", "json", oneOf(&o.logFormat, "json", "console"), "json for machines, console for people."},
	}
}

// flag is the setting's flag, without the hyphens before it.
func (s setting) flag() string {
	return strings.ReplaceAll(strings.ToLower(s.variable), "_", "-")
}

// take gives the setting its fallback and, where the environment has the variable, that.
func (s setting) take() error {
	if s.fallback != "" {
		if err := s.value.set(s.fallback); err != nil {
			panic(fmt.Sprintf("the default of %s: %v", s.variable, err)) // Invariant: the table's defaults are valid.
		}
	}
	told, ok := os.LookupEnv(s.variable)
	if !ok {
		return nil
	}
	if err := s.value.set(told); err != nil {
		return fmt.Errorf("--%s (%s): %w", s.flag(), s.variable, err)
	}
	return nil
}

func text[S ~string](target *S) value {
	return value{set: func(text string) error {
		*target = S(text)
		return nil
	}}
}

func oneOf[S ~string](target *S, allowed ...S) value {
	return value{set: func(text string) error {
		if !slices.Contains(allowed, S(text)) {
			return fmt.Errorf("%q is none of %v", text, allowed)
		}
		*target = S(text)
		return nil
	}}
}

func yesOrNo(target *bool) value {
	return value{negatable: true, set: func(text string) (err error) {
		if *target, err = strconv.ParseBool(text); err != nil {
			err = fmt.Errorf("%q is neither true nor false", text)
		}
		return err
	}}
}

func duration(target *time.Duration) value {
	return value{set: func(text string) (err error) {
		*target, err = time.ParseDuration(text)
		return err
	}}
}

func integer(target *int) value {
	return value{set: func(text string) (err error) {
		if *target, err = strconv.Atoi(text); err != nil {
			err = fmt.Errorf("%q is not a whole number", text)
		}
		return err
	}}
}

func count(target *uint64) value {
	return value{set: func(text string) (err error) {
		if *target, err = strconv.ParseUint(text, 10, 64); err != nil {
			err = fmt.Errorf("%q is not a whole number from 0 on", text)
		}
		return err
	}}
}

// list takes what commas are between. Nothing at all is no entry.
func list(target *[]string) value {
	return value{set: func(text string) error {
		*target = slices.DeleteFunc(strings.Split(text, ","), func(entry string) bool { return entry == "" })
		return nil
	}}
}

func ports(target *[]uint16) value {
	return value{set: func(text string) error {
		var names []string
		_ = list(&names).set(text) // takes anything
		*target = nil
		for _, name := range names {
			port, err := strconv.ParseUint(name, 10, 16)
			if err != nil {
				return fmt.Errorf("%q is not a port", name)
			}
			*target = append(*target, uint16(port))
		}
		return nil
	}}
}
