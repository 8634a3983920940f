// Command bridge is what a task's container runs: it connects the container's agent to the gateway.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

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

func main() {
	isolation.RunHelper()
	var o options
	do, err := o.parse(os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "bridge: %v\n", err)
		os.Exit(exitBadArgs)
	}
	switch do {
	case commandHelp:
		printHelp(os.Stdout, o.settings())
	case commandMan:
		printManual(os.Stdout, o.settings())
	case commandVersion:
		fmt.Println(version.String())
	case commandHealth:
		os.Exit(checkHealth(o.TaskID))
	case commandRun:
		os.Exit(run(o))
	}
}

// checkHealth carries out the command healthcheck.
func checkHealth(task wire.TaskID) int {
	if err := bridge.CheckHealth(context.Background(), task); err != nil {
		fmt.Fprintln(os.Stderr, "bridge:", err)
		return exitFailed
	}
	return 0
}

func run(o options) int {
	if err := bridge.HideMemory(); err != nil {
		fmt.Fprintf(os.Stderr, "bridge: keep the agent from reading this process: %v\n", err)
		return exitFailed
	}
	if err := bridge.AdoptOrphans(); err != nil {
		fmt.Fprintf(os.Stderr, "bridge: keep the agent's orphans within reach: %v\n", err)
		return exitFailed
	}
	cfg := o.Config
	cfg.TaskToken, cfg.Version = takeToken(), version.String()
	cfg.Environ = foreign(os.Environ(), o.settings())
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	log := newLogger(o.logLevel, o.logFormat, os.Stderr)
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

func newLogger(level, format string, out io.Writer) zerolog.Logger {
	if format == "console" {
		out = zerolog.ConsoleWriter{Out: out, TimeFormat: time.TimeOnly, NoColor: !term.IsTerminal(int(os.Stderr.Fd()))}
	}
	least, err := zerolog.ParseLevel(level)
	if err != nil {
		panic(errors.Join(errors.New("the setting allows only levels"), err))
	}
	return zerolog.New(out).Level(least).With().Timestamp().Logger()
}
