// Command bridge is what a task's container runs: it connects the container's agent to the gateway.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	mangokong "github.com/alecthomas/mango-kong"
	"github.com/rs/zerolog"
	"golang.org/x/term"

	"hearth/bridge"
	"hearth/bridge/isolation"
	"hearth/cmd/version"
	"hearth/messages/wire"
)

// Exit codes beside 0.
const (
	exitFailed  = 1
	exitBadArgs = 2
)

// cli are the flags. The task token has none: arguments are visible to every process.
type cli struct {
	Run         struct{} `cmd:"" default:"1" hidden:"" help:"Connect the agent."`
	Healthcheck struct{} `cmd:"" help:"Ask the bridge of this container whether it is well; for container health checks."`

	GatewayWSURL string `name:"gateway-ws-url" env:"GATEWAY_WS_URL" placeholder:"URL" help:"The gateway's address: ws://host:port or wss://host."`
	TaskID       string `name:"task-id" env:"TASK_ID" placeholder:"ID" help:"The task's id, made by the gateway."`
	WarmPoolMode bool   `name:"warm-pool-mode" env:"WARM_POOL_MODE" default:"true" negatable:"" help:"Wait for whichever user comes (true), or be for --user-id and --session-id alone (false)."`
	UserID       string `name:"user-id" env:"USER_ID" placeholder:"ID" help:"The user of a task with --no-warm-pool-mode."`
	SessionID    string `name:"session-id" env:"SESSION_ID" placeholder:"ID" help:"The session of a task with --no-warm-pool-mode."`

	WorkspaceRoot string `env:"WORKSPACE_ROOT" default:"/mnt/efs" help:"The directory that every workspace is inside of. It must exist."`
	TokenFile     string `env:"TOKEN_FILE" default:".optima/token.json" help:"Where the user's token is written, relative to the workspace."`

	AgentCommand  string `env:"AGENT_COMMAND" placeholder:"COMMAND" help:"The agent's program and arguments. Quotes and backslashes work as in a shell; there is no shell, nothing is expanded."`
	AgentIO       string `name:"agent-io" env:"AGENT_IO" enum:"jsonl,text,pty" default:"jsonl" help:"What the agent's lines are: jsonl (each line is a JSON value) or text; or pty: it has a terminal of its own."`
	AgentStderr   string `env:"AGENT_STDERR" enum:"log,merge,output" default:"log" help:"Where the agent's standard error goes: to the log (log), line by line to the output (output), or to both (merge)."`
	AgentOverflow string `env:"AGENT_OVERFLOW" enum:"pause,drop" default:"pause" help:"When the output buffer is full: stop reading the agent (pause) or forget the oldest output and report a gap (drop)."`

	Isolation      string   `env:"ISOLATION" default:"auto" help:"What keeps agents apart: a list of path, uid, landlock and chroot (docs/security.md), or auto: the strongest that the container allows."`
	UIDRange       string   `name:"uid-range" env:"UID_RANGE" placeholder:"FIRST-LAST" default:"10000-59999" help:"Where the level uid takes users' UIDs from. All tasks of a deployment have the same."`
	AgentRoot      string   `env:"AGENT_ROOT" placeholder:"DIR" help:"The prepared root of the level chroot. It has a directory tmp, and WORKSPACE_ROOT is inside of it or can be mounted there."`
	AgentReadPaths []string `env:"AGENT_READ_PATHS" placeholder:"PATH,..." default:"/usr,/bin,/sbin,/lib,/lib32,/lib64,/etc,/opt,/app,/proc,/sys" help:"What the level landlock lets agents read and execute beside their own program. Missing paths are passed over."`

	AgentEnv          []string `env:"AGENT_ENV" placeholder:"NAME,..." default:"PATH,LANG,LANGUAGE,LC_*,TZ,TERM,SSL_CERT_FILE,SSL_CERT_DIR,HTTP_PROXY,HTTPS_PROXY,ALL_PROXY,NO_PROXY,http_proxy,https_proxy,all_proxy,no_proxy" help:"Which of this program's environment variables agents get, beside those about their place: names, and beginnings of names with *."`
	AgentConnectPorts []uint16 `env:"AGENT_CONNECT_PORTS" placeholder:"PORT,..." help:"TCP ports that agents may connect to, with the level landlock; without any, all."`
	AgentMaxProcesses uint64   `env:"AGENT_MAX_PROCESSES" default:"1024" help:"Most processes and threads of an agent's user, where the kernel can count them (docs/security.md); 0 for no bound."`
	AgentMaxOpenFiles uint64   `env:"AGENT_MAX_OPEN_FILES" default:"4096" help:"Most files that are open in one process of an agent's; 0 for no bound."`
	AgentMaxFileBytes uint64   `env:"AGENT_MAX_FILE_BYTES" default:"4294967296" help:"Largest file that an agent can write, in bytes; 0 for no bound."`
	AgentNice         int      `env:"AGENT_NICE" default:"5" help:"How much agents stand back behind the bridge when a CPU is short, 0 to 19."`

	AgentPreload   string        `env:"AGENT_PRELOAD" enum:"off,cache,process" default:"off" help:"What a warm task does for its agent before it has a user (docs/operations.md): nothing (off), run --agent-preload-command (cache), or start it (process)."`
	PreloadCommand string        `name:"agent-preload-command" env:"AGENT_PRELOAD_COMMAND" placeholder:"COMMAND" help:"What AGENT_PRELOAD=cache runs, written as --agent-command."`
	PreloadTimeout time.Duration `name:"agent-preload-timeout" env:"AGENT_PRELOAD_TIMEOUT" default:"30s" help:"How long that may take. At most 2m."`

	MaxFrameBytes     int           `env:"MAX_FRAME_BYTES" default:"1048576" help:"The longest line. A longer one comes in pieces, each a string."`
	OutputBufferBytes int           `env:"OUTPUT_BUFFER_BYTES" default:"8388608" help:"How much output is kept until it is acknowledged."`
	WarmOrphanTTL     time.Duration `name:"warm-orphan-ttl" env:"WARM_ORPHAN_TTL" default:"10m" help:"How long a task without a running agent outlives its gateway."`
	TaskLease         time.Duration `env:"TASK_LEASE" placeholder:"DURATION" help:"How long the agent runs on without a gateway until it is suspended, if the gateway's TASK_LEASE is not shorter."`
	TaskOrphanTTL     time.Duration `name:"task-orphan-ttl" env:"TASK_ORPHAN_TTL" placeholder:"DURATION" help:"How long a task with a running agent outlives its gateway, if the gateway's TASK_ORPHAN_TTL is not shorter."`
	StopGrace         time.Duration `env:"STOP_GRACE" default:"10s" help:"The agent's time between SIGTERM and SIGKILL when this program gets a SIGTERM. At most 20s."`

	LogLevel  string `env:"LOG_LEVEL" enum:"trace,debug,info,warn,error" default:"info" help:"What is logged: trace, debug, info, warn or error, and above."`
	LogFormat string `env:"LOG_FORMAT" enum:"json,console" default:"json" help:"json for machines, console for people."`

	Version kong.VersionFlag  `help:"Print the version and exit."`
	Man     mangokong.ManFlag `hidden:"" help:"Print the manual page and exit."`
}

func main() {
	isolation.RunHelper()
	var flags cli
	parsed := kong.Parse(&flags, kong.Name("bridge"), kong.Vars{"version": version.String()},
		kong.Description("Connects a container's agent to the Hearth gateway. Every flag can be given by its environment variable, as ECS does; "+
			"the task's own token only as TASK_TOKEN."),
		kong.Exit(exit))
	if parsed.Command() == "healthcheck" {
		os.Exit(checkHealth(flags))
	}
	os.Exit(run(flags, foreign(os.Environ(), parsed.Model.Flags)))
}

// checkHealth carries out the command healthcheck.
func checkHealth(flags cli) int {
	if err := bridge.CheckHealth(context.Background(), wire.TaskID(flags.TaskID)); err != nil {
		fmt.Fprintln(os.Stderr, "bridge:", err)
		return exitFailed
	}
	return 0
}

// exit gives a bad flag the same code as a bad value.
func exit(code int) {
	if code != 0 {
		code = exitBadArgs
	}
	os.Exit(code)
}

// foreign is what of the environment is none of this program's settings.
func foreign(environ []string, flags []*kong.Flag) []string {
	return slices.DeleteFunc(environ, func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.ContainsFunc(flags, func(flag *kong.Flag) bool { return slices.Contains(flag.Envs, name) })
	})
}

func run(flags cli, environ []string) int {
	if err := bridge.HideMemory(); err != nil {
		fmt.Fprintf(os.Stderr, "bridge: keep the agent from reading this process: %v\n", err)
		return exitFailed
	}
	if err := bridge.AdoptOrphans(); err != nil {
		fmt.Fprintf(os.Stderr, "bridge: keep the agent's orphans within reach: %v\n", err)
		return exitFailed
	}
	cfg := flags.config(takeToken(), environ)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	log := newLogger(flags, os.Stderr)
	if err := cfg.Validate(); err != nil {
		for _, problem := range strings.Split(err.Error(), "\n") {
			fmt.Fprintf(os.Stderr, "bridge: %s\n", problem)
		}
		bridge.ReportSettings(ctx, cfg, log, err)
		return exitBadArgs
	}
	if err := bridge.Run(ctx, cfg, log); err != nil {
		log.Error().Err(err).Msg("the bridge failed")
		return exitFailed
	}
	return 0
}

// takeToken reads the task token and removes it from the environment, so that no child can inherit it.
func takeToken() wire.Secret {
	const name = "TASK_TOKEN"
	token := os.Getenv(name)
	if err := os.Unsetenv(name); err != nil {
		panic(err) // Invariant: the name is a valid one.
	}
	return wire.Secret(token)
}

func (c cli) config(token wire.Secret, environ []string) bridge.Config {
	return bridge.Config{
		GatewayURL: c.GatewayWSURL, TaskID: wire.TaskID(c.TaskID), TaskToken: token,
		Warm: c.WarmPoolMode, UserID: wire.UserID(c.UserID), SessionID: wire.SessionID(c.SessionID),
		WorkspaceRoot: c.WorkspaceRoot, TokenFile: c.TokenFile,
		AgentCommand: c.AgentCommand, AgentIO: bridge.LineMode(c.AgentIO),
		AgentStderr: bridge.StderrMode(c.AgentStderr), AgentOverflow: bridge.OverflowMode(c.AgentOverflow),
		Isolation: c.Isolation, UIDRange: c.UIDRange, AgentRoot: c.AgentRoot, AgentReadPaths: c.AgentReadPaths,
		AgentPreload: bridge.PreloadMode(c.AgentPreload), PreloadCommand: c.PreloadCommand, PreloadTimeout: c.PreloadTimeout,
		AgentEnv: c.AgentEnv, Environ: environ, AgentConnectPorts: c.AgentConnectPorts,
		AgentLimits: isolation.Limits{
			Processes: c.AgentMaxProcesses, OpenFiles: c.AgentMaxOpenFiles, FileBytes: c.AgentMaxFileBytes, Nice: c.AgentNice,
		},
		MaxFrameBytes: c.MaxFrameBytes, OutputBufferBytes: c.OutputBufferBytes,
		WarmOrphanTTL: c.WarmOrphanTTL, StopGrace: c.StopGrace, TaskLease: c.TaskLease, TaskOrphanTTL: c.TaskOrphanTTL,
		Version: version.String(),
	}
}

func newLogger(flags cli, out io.Writer) zerolog.Logger {
	if flags.LogFormat == "console" {
		out = zerolog.ConsoleWriter{Out: out, TimeFormat: time.TimeOnly, NoColor: !term.IsTerminal(int(os.Stderr.Fd()))}
	}
	level, err := zerolog.ParseLevel(flags.LogLevel)
	if err != nil {
		panic(errors.Join(errors.New("the flag's enum allows only levels"), err))
	}
	return zerolog.New(out).Level(level).With().Timestamp().Logger()
}
