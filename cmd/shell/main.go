// Command shell is a terminal for one session: what is typed goes to the agent line by line, what it says is printed.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	mangokong "github.com/alecthomas/mango-kong"
	"golang.org/x/term"

	"hearth/cmd/version"
	"hearth/infra/client"
	"hearth/messages/wire"
)

// What the shell exits with when there is no agent's exit code to pass on. Ended by a signal it exits with 128 and the
// signal's number, as programs do.
const (
	exitFailed = 1
	exitUsage  = 2
	exitSignal = 128
)

// dialLimit is how long the first connection may take, and comeAgain how long the shell comes again to a gateway that has no room or
// is draining.
const (
	dialLimit = 10 * time.Second
	comeAgain = 2 * time.Minute
)

const description = `Talks to a session of your own at a Hearth gateway. An agent with a terminal has this one: keys, screen and size; after a new line "~." leaves the session, which goes on and is resumed with --resume. To any other agent every line of input goes as a line, which can be edited, and every line of its output is printed; Ctrl-C ends the session at once, a second Ctrl-C does not wait for the gateway. At the end of the input the agent's ends too, and the shell waits for what it says until it ends. The exit code is the agent's. For example:

    printf 'echo $((6*7))\nexit\n' | shell --url http://127.0.0.1:8080 --user ann

A bearer token is taken from HEARTH_TOKEN or --token-file, and that of a gateway with AUTH=dev from DEV_TOKEN. There is no flag for it: anyone on the machine can read a command line.`

type flags struct {
	URL       string            `name:"url" env:"HEARTH_URL" default:"ws://127.0.0.1:8080" help:"The gateway, as ws, wss, http or https; /ws is appended."`
	User      string            `env:"USER" default:"dev" help:"Who to be at a gateway with AUTH=dev, unless there is a token."`
	TokenFile string            `placeholder:"FILE" help:"Read the bearer token from this file."`
	Resume    string            `placeholder:"SESSION" help:"Go on with this session instead of beginning one."`
	Linger    time.Duration     `default:"2s" help:"How long the agent may be silent after the end of input before the session is ended."`
	JSON      bool              `name:"json" help:"Every line of the input is JSON and goes to the agent as it is, and every output is printed as one line of JSON, strings too."`
	Version   kong.VersionFlag  `help:"Print the version and exit."`
	Man       mangokong.ManFlag `hidden:"" help:"Print the manual page and exit."`
	Verbose   bool              `short:"v" help:"Say on standard error what happens even if that is not a terminal."`
}

// Validate is called by kong.
func (f flags) Validate() error {
	if f.Linger < 0 {
		return errors.New("--linger must not be negative")
	}
	return nil
}

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	var f flags
	parser := kong.Must(&f, kong.Name("shell"), kong.Description(description), kong.Vars{"version": version.String()})
	if _, err := parser.Parse(args); err != nil {
		return fail(exitUsage, "usage", err)
	}
	token, err := readToken(f.TokenFile)
	if err != nil {
		return fail(exitUsage, "token", err)
	}
	signals := watchSignals(asFound(os.Stdin))
	config := client.Config{
		URL: f.URL, Token: token, User: wire.UserID(f.User), Resume: wire.SessionID(f.Resume), Traceparent: wire.Traceparent(os.Getenv("TRACEPARENT")),
	}
	if token == "" {
		config.DevToken = wire.Secret(os.Getenv("DEV_TOKEN"))
	}
	if err := config.Validate(); err != nil {
		return fail(exitUsage, "usage", err)
	}
	interactive := term.IsTerminal(int(os.Stdin.Fd()))
	var keyboard, screen *os.File
	if interactive && term.IsTerminal(int(os.Stdout.Fd())) {
		keyboard, screen = os.Stdin, os.Stdout
		config.Window = windowOf(screen)
	}
	notes := newNotes(os.Stderr, interactive && term.IsTerminal(int(os.Stderr.Fd())), f.Verbose)
	session, err := dial(config, signals, notes)
	notes.clear()
	switch {
	case errors.Is(err, errInterrupted):
		return exitSignal + int(syscall.SIGINT)
	case errors.As(err, new(*client.HandshakeError)):
		return fail(exitFailed, "refused", err)
	case err != nil:
		return fail(exitFailed, "unreachable", err)
	}
	c := conversation{
		session: session,
		signals: signals,
		linger:  f.Linger,
		stdin:   os.Stdin,
		stdout:  printer{to: os.Stdout, raw: f.JSON}, keyboard: keyboard, screen: screen,
		notes: notes,
	}
	return c.run()
}

// watchSignals gives the signals that are to end the shell. One that comes while another has not been seen yet ends it at
// once, after it has given the terminal back: whoever should see to it is stuck, perhaps because nobody reads standard output.
func watchSignals(giveBack func()) <-chan os.Signal {
	caught, seen := make(chan os.Signal, 2), make(chan os.Signal, 1)
	signal.Notify(caught, os.Interrupt, syscall.SIGTERM)
	go func() { // as long as the process
		for sig := range caught {
			select {
			case seen <- sig:
			default:
				giveBack()
				os.Exit(signalCode(sig))
			}
		}
	}()
	return seen
}

var errInterrupted = errors.New("interrupted")

// dial opens the session, unless a signal comes first. While the gateway asks to be asked later, it is.
func dial(config client.Config, signals <-chan os.Signal, notes *notes) (*client.Session, error) {
	for begun := time.Now(); ; {
		session, err := dialOnce(config, signals)
		var answer *client.HandshakeError
		if !errors.As(err, &answer) || answer.RetryAfter == 0 || time.Since(begun)+answer.RetryAfter > comeAgain {
			return session, err
		}
		notes.wait(fmt.Sprintf("waiting: %s; again in %s …", answer.Problem, millis(answer.RetryAfter.Milliseconds())))
		select {
		case <-time.After(answer.RetryAfter):
		case <-signals:
			return nil, errInterrupted
		}
	}
}

// dialOnce tries to open the session, unless a signal comes first.
func dialOnce(config client.Config, signals <-chan os.Signal) (*client.Session, error) {
	ctx, cancel := context.WithTimeout(context.Background(), dialLimit)
	defer cancel()
	type result struct {
		session *client.Session
		err     error
	}
	dialled := make(chan result, 1)
	go func() {
		session, err := client.Dial(ctx, config)
		dialled <- result{session, err}
	}()
	select {
	case r := <-dialled:
		return r.session, r.err
	case <-signals:
		return nil, errInterrupted
	}
}

// readToken takes the token from where no other user of the machine can see it.
func readToken(file string) (wire.Secret, error) {
	if file == "" {
		return wire.Secret(os.Getenv("HEARTH_TOKEN")), nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(content))
	if token == "" {
		return "", fmt.Errorf("%s is empty", file)
	}
	return wire.Secret(token), nil
}

// fail says in one line why there is no session.
func fail(code int, what string, err error) int {
	fmt.Fprintf(os.Stderr, "error %s: %v\n", what, err)
	return code
}
