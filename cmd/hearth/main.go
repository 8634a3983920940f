// Command hearth is the operator's: it shows what a gateway has, and changes it, over the gateway's /api/.
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

	"github.com/alecthomas/kong"
	mangokong "github.com/alecthomas/mango-kong"
	kongcompletion "github.com/jotaen/kong-completion"

	"hearth/cmd/version"
)

// What hearth exits with.
const (
	exitOK = 0
	// exitFailed: the gateway cannot be reached, or says no.
	exitFailed = 1
	// exitUsage: a flag, an argument or a file is not right.
	exitUsage = 2
)

const description = `The operator's command: shows what a gateway has, and changes it.

    hearth status
    hearth sessions --user ann
    hearth end s-1234
    hearth logs --follow --session s-1234
    hearth report gateway.log.gz --against yesterday.log.gz

The operator's token is taken from OPERATOR_TOKEN, that of a gateway with AUTH=dev from DEV_TOKEN, or from --token-file; there is no flag for it: anyone on the machine can read a command line. What it prints is a table for people, or with --output json what the gateway answers. It exits with 0, with 1 when the gateway cannot be reached or says no, and with 2 when the command line or a file is not right.`

// commands are all there are.
type commands struct {
	URL       string            `name:"url" env:"HEARTH_OPERATOR_URL" default:"http://127.0.0.1:8080" help:"The gateway's internal listener, which has /api/."`
	TokenFile string            `placeholder:"FILE" help:"Read the operator's token from this file."`
	Output    string            `short:"o" enum:"table,json" default:"table" help:"table for people, json for programs."`
	Version   kong.VersionFlag  `help:"Print the version and exit."`
	Man       mangokong.ManFlag `hidden:"" help:"Print the manual page and exit."`

	Status     statusCommand             `cmd:"" help:"Show whether sessions can be taken, and the pool in numbers."`
	Sessions   sessionsCommand           `cmd:"" help:"List sessions."`
	Tasks      tasksCommand              `cmd:"" help:"List tasks."`
	Hosts      hostsCommand              `cmd:"" help:"List container instances."`
	Logs       logsCommand               `cmd:"" help:"Show the last lines of the gateway's log."`
	Attach     attachCommand             `cmd:"" help:"Go on with a session in this terminal, in place of its client."`
	End        endCommand                `cmd:"" help:"End a session, or all of a user's."`
	Drain      drainCommand              `cmd:"" help:"Take no new sessions, and hand over or end those that there are."`
	Undrain    undrainCommand            `cmd:"" help:"Take a drain back: take new sessions again."`
	Pool       poolCommand               `cmd:"" help:"Show the pool's bounds, or change them until the next start."`
	Config     configCommand             `cmd:"" help:"Show the settings in force and where each is from; secrets are masked."`
	Report     reportCommand             `cmd:"" help:"Make a report of a day's JSON log."`
	Completion kongcompletion.Completion `cmd:"" help:"Show how to have this shell complete hearth's commands and flags."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// env is what commands work with.
type env struct {
	ctx     context.Context
	gateway *gateway
	// json says that answers are printed as they are.
	json   bool
	stdin  io.Reader
	stdout io.Writer
}

// usageError is what a command says when it was called wrongly.
type usageError struct{ error }

func usage(format string, values ...any) error { return usageError{fmt.Errorf(format, values...)} }

// execute is main without the process.
func execute(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var c commands
	exited := false
	parser := kong.Must(&c, kong.Name("hearth"), kong.Description(description), kong.Vars{"version": version.String()},
		kong.Writers(stdout, stderr), kong.Exit(func(int) { exited = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}))
	if kongcompletion.Register(parser); exited { // a shell has asked what could come next
		return exitOK
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if exited { // by --help or --version
		return exitOK
	}
	complain := func(err error, code int) int {
		fmt.Fprintln(stderr, "hearth:", err)
		return code
	}
	if err != nil {
		return complain(fmt.Errorf("%w (--help lists commands and flags)", err), exitUsage)
	}
	g, err := c.reach()
	if err != nil {
		return complain(err, exitUsage)
	}
	err = parsed.Run(&env{ctx: ctx, gateway: g, json: c.Output == "json", stdin: stdin, stdout: stdout})
	switch {
	case errors.As(err, new(usageError)):
		return complain(err, exitUsage)
	case err != nil && ctx.Err() == nil:
		return complain(err, exitFailed)
	}
	return exitOK
}

// reach is the gateway that the flags name.
func (c *commands) reach() (*gateway, error) {
	token := os.Getenv("OPERATOR_TOKEN")
	if token == "" {
		token = os.Getenv("DEV_TOKEN")
	}
	if c.TokenFile != "" {
		content, err := os.ReadFile(c.TokenFile)
		if err != nil {
			return nil, err
		}
		if token = strings.TrimSpace(string(content)); token == "" {
			return nil, fmt.Errorf("%s is empty", c.TokenFile)
		}
	}
	return newGateway(c.URL, token)
}
