// Command bench measures Hearth beside what else could stand in its place, and writes down what came of it. `make bench` runs
// it; docs/performance.md explains it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	mangokong "github.com/alecthomas/mango-kong"

	"hearth/cmd/bench/ends"
	"hearth/cmd/bench/relays"
	"hearth/cmd/bench/rig"
	"hearth/cmd/version"
)

const description = `Measures Hearth beside nginx, a bare relay in Go and one on Node.js, all on this machine and in one run, and what else
docs/performance.md tells. It installs nginx (apt-get) and ws (npm) where they are missing.`

// commands are all there are. The hidden ones are what the run starts as processes of their own.
type commands struct {
	Version kong.VersionFlag  `help:"Print the version and exit."`
	Man     mangokong.ManFlag `hidden:"" help:"Print the manual page and exit."`

	Run    runCommand    `cmd:"" default:"withargs" help:"Measure, write the results, and print them as a table."`
	Table  tableCommand  `cmd:"" help:"Print results as a table."`
	FarEnd farEndCommand `cmd:"" hidden:"" help:"Be what stands behind the relays."`
	Bare   bareCommand   `cmd:"" hidden:"" help:"Be a relay that only passes bytes on."`
}

func main() {
	var c commands
	parsed := kong.Parse(&c, kong.Name("bench"), kong.Description(description), kong.UsageOnError(), kong.Vars{"rows": strings.Join(rowNames(), ", "), "version": version.String()})
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	parsed.BindTo(ctx, (*context.Context)(nil))
	err := parsed.Run()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type farEndCommand struct {
	Start time.Duration `help:"From RunTask until a task's bridge dials."`
}

// Run is kong's.
func (c farEndCommand) Run() error {
	if _, err := rig.AllowFiles(); err != nil {
		return err
	}
	return ends.Serve(os.Stdin, os.Stdout, ends.ServeOptions{Start: c.Start})
}

type bareCommand struct {
	Listen   string `arg:"" help:"Address to listen on."`
	Upstream string `arg:"" help:"WebSocket URL to relay to."`
}

// Run is kong's.
func (c bareCommand) Run(ctx context.Context) error {
	if _, err := rig.AllowFiles(); err != nil {
		return err
	}
	return relays.RunBare(ctx, c.Listen, c.Upstream)
}

type runCommand struct {
	Size     string   `enum:"full,quick" default:"full" help:"full takes 20 minutes, quick less than three."`
	Only     []string `placeholder:"ROW,..." help:"Measure these rows and leave the others in the results as they are: ${rows}."`
	Dir      string   `default:"bench" help:"Where to write results.json, and to keep what is installed."`
	Programs string   `help:"Directory with the programs gateway, bridge, sim and bench. Default: this program's own."`
}

// Run is kong's.
func (c runCommand) Run(ctx context.Context) error {
	programs := c.Programs
	if programs == "" {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		programs = filepath.Dir(self)
	}
	chosen, err := chosenRows(c.Only)
	if err != nil {
		return err
	}
	size := full
	if c.Size == "quick" {
		size = quick
	}
	results, err := measure(ctx, options{rows: chosen, size: size, dir: c.Dir, programs: programs, progress: os.Stderr})
	if err != nil {
		return err
	}
	return results.table(os.Stdout)
}

type tableCommand struct {
	Results string `arg:"" default:"bench/results.json" help:"What a run has written."`
}

// Run is kong's.
func (c tableCommand) Run() error {
	results, err := readResults(c.Results)
	if err != nil {
		return err
	}
	return results.table(os.Stdout)
}
