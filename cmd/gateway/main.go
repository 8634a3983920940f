// Command gateway is Hearth's session gateway. See --help.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"hearth/actors"
	"hearth/bridge/isolation"
	"hearth/cmd/version"
	"hearth/infra/api"
	"hearth/infra/gateway"
	"hearth/infra/observe"
)

// Exit codes: a wrong configuration is told from a gateway that failed.
const (
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	var f flags
	parser := kong.Must(&f, kong.Name("gateway"), kong.Description(description()), kong.UsageOnError(),
		kong.Vars(actors.Defaults()), kong.Vars{"version": version.String()})
	parsed, err := parser.Parse(os.Args[1:])
	if err != nil {
		f.LogFormat = askedFormat(os.Args[1:])
		os.Exit(complain(&f, fmt.Errorf("%w (--help lists the settings)", err), exitUsage))
	}
	switch parsed.Command() {
	case "janitor":
		os.Exit(clean(&f))
	case "healthcheck":
		os.Exit(checkHealth(&f))
	default:
		os.Exit(run(&f, effective(parsed)))
	}
}

// clean carries out the command janitor.
func clean(f *flags) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	err := gateway.Clean(ctx, f.config(), f.Janitor.UnusedFor, f.Janitor.DryRun, logger(f, os.Stderr), os.Stdout)
	if _, wrong := errors.AsType[gateway.SettingsError](err); wrong {
		return complain(f, err, exitUsage)
	}
	if err != nil {
		return complain(f, err, exitFailed)
	}
	return 0
}

// checkHealth carries out the command healthcheck.
func checkHealth(f *flags) int {
	if err := gateway.CheckHealth(context.Background(), f.config()); err != nil {
		return complain(f, err, exitFailed)
	}
	return 0
}

// run starts a gateway and ends it on SIGTERM or SIGINT. A second signal ends the process at once; the local backend's
// tasks end with it in any case.
func run(f *flags, settings []api.Setting) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	defer reportPanic(f)
	lines := observe.NewRecent()
	log := logger(f, os.Stderr, lines)
	if _, err := isolation.ParseRequest(f.Isolation); err != nil { // or every task's bridge would say so, one after the other
		return complain(f, fmt.Errorf("ISOLATION: %w", err), exitUsage)
	}
	cfg := f.config()
	cfg.Settings, cfg.Lines = settings, lines
	g, err := gateway.Start(ctx, cfg, log)
	if err != nil {
		return complain(f, err, exitUsage)
	}
	announce(f, g)
	code := 0
	select {
	case <-ctx.Done():
		log.Info().Msg("draining; a second signal ends the process at once")
	case err := <-g.Failed():
		log.Error().Err(err).Msg("the gateway failed")
		code = exitFailed
	}
	stop()
	if err := g.Close(context.Background()); err != nil {
		log.Error().Err(err).Msg("the gateway did not end cleanly")
		return exitFailed
	}
	log.Info().Msg("the gateway has ended")
	return code
}

// announce tells a person how to connect.
func announce(f *flags, g *gateway.Gateway) {
	say(f, "clients connect to %s/ws", g.URL())
	if f.Auth == gateway.AuthDev {
		say(f, "try it in another terminal: %sbin/shell%s", devToken(g), shellFlags(g.URL()))
		say(f, "or in a browser: %s", pageURL(g))
	}
	if where := g.TemporaryWorkspaces(); where != "" {
		say(f, "workspaces are in %s and go with the gateway; WORKSPACE_ROOT keeps them", where)
	}
}

// devToken is what comes before the shell in the line to copy, so that the shell finds the token.
func devToken(g *gateway.Gateway) string {
	if g.DevToken() == "" {
		return ""
	}
	return "export DEV_TOKEN=" + g.DevToken() + "; "
}

// pageURL is the console's address, with the token that it takes.
func pageURL(g *gateway.Gateway) string {
	url := "http" + strings.TrimPrefix(g.URL(), "ws") + "/"
	if g.DevToken() != "" {
		url += "?token=" + g.DevToken()
	}
	return url
}

// shellFlags are what the shell needs to find a gateway that is not where it looks by itself.
func shellFlags(url string) string {
	if url == "ws://127.0.0.1:8080" {
		return ""
	}
	return " --url " + url
}
