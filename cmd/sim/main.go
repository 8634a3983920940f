// Command sim plays the gateway's own actors in virtual time: how large a pool must be, what it costs, and whether it
// keeps its promises in a storm.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"
	mangokong "github.com/alecthomas/mango-kong"

	"hearth/actors"
	"hearth/cmd/version"
	"hearth/sim/report"
)

// What sim exits with.
const (
	exitOK = 0
	// exitFailed: an objective is out of reach, or a storm broke a promise.
	exitFailed = 1
	// exitUsage: a flag or a file is not right.
	exitUsage = 2
)

const description = `Plays the gateway's actors, unchanged, in virtual time: eight hours of planning load take a fraction of a second.

How large must the pool be for 999 of 1,000 users to find a task ready, and what does it cost?

    sim size --slo 0.999 --rate 5/m

What would your own traffic of last week have done?

    sim replay arrivals.csv.gz --pool-min 5 --html report.html

The same seed gives the same result, byte for byte, on any machine. docs/simulator.md says what is modelled.`

// commands are all there are.
type commands struct {
	Version kong.VersionFlag  `help:"Print the version and exit."`
	Man     mangokong.ManFlag `hidden:"" help:"Print the manual page and exit."`

	Run      runCommand      `cmd:"" help:"Play one configuration."`
	Replay   replayCommand   `cmd:"" help:"Play the arrivals that a CSV recorded."`
	Compare  compareCommand  `cmd:"" help:"Play strategies side by side: baseline, phase1, phase2, pools, or policies and an oracle."`
	Sweep    sweepCommand    `cmd:"" help:"Play a grid of pools."`
	Size     sizeCommand     `cmd:"" help:"Find the smallest and cheapest pool that meets an objective."`
	Frontier frontierCommand `cmd:"" help:"Draw cost against p99 wait, from no pool to one that is never empty."`
	Arrivals arrivalsCommand `cmd:"" help:"Write made-up arrivals as a CSV."`
	Chaos    chaosCommand    `cmd:"" help:"Play storms against the actors and look for broken promises."`
	Crowd    crowdCommand    `cmd:"" help:"Have a crowd come at once to several gateways: when are all served, by what bound, at what cost."`
	Explain  explainCommand  `cmd:"" help:"Tell the story of one storm."`
}

func main() {
	// A simulation makes much garbage and keeps little: to let the heap grow to nine times what is kept costs some 50 MB.
	debug.SetGCPercent(800)
	os.Exit(execute(os.Args[1:], os.Stdout, os.Stderr))
}

// errFailed is a command's way to say that all went well and the answer is no. The command has said why.
var errFailed = errors.New("failed")

// execute is main without the process.
func execute(args []string, stdout, stderr io.Writer) int {
	var c commands
	exited := false
	parser := kong.Must(&c, kong.Name("sim"), kong.Description(description), kong.WithHyphenPrefixedParameters(true),
		kong.Vars(actors.Defaults()), kong.Vars{"version": version.String()},
		kong.Writers(stdout, stderr), kong.Exit(func(int) { exited = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}))
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	switch {
	case exited: // by --help or --version
		return exitOK
	case err == nil:
		if err = refuseIdle(parsed); err == nil {
			err = parsed.Run(&console{out: stdout, err: stderr, basis: newBasis(args)})
		}
	}
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errFailed):
		return exitFailed
	}
	fmt.Fprintf(stderr, "sim: %s\n", strings.ReplaceAll(err.Error(), "\n", "; "))
	return exitUsage
}

// console is where a command talks to, and what it was asked.
type console struct {
	out, err io.Writer
	basis    report.Basis
}
