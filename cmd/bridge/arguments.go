package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/muesli/mango"
	"github.com/muesli/roff"
)

const description = "Connects a container's agent to the Hearth gateway. Every flag can be given by its environment variable, as ECS does; " +
	"the task's own token only as TASK_TOKEN."

// command is what the program is to do.
type command string

const (
	commandRun     command = "run"
	commandHealth  command = "healthcheck"
	commandHelp    command = "help"
	commandVersion command = "version"
	commandMan     command = "man"
)

const healthHelp = "Ask the bridge of this container whether it is well; for container health checks."

// parse reads the environment and, above it, the arguments.
func (o *options) parse(arguments []string) (command, error) {
	do := commandRun
	flags := flag.NewFlagSet("bridge", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // whoever asked is told by the caller
	flags.Usage = func() {}
	for _, s := range o.settings() {
		if err := s.take(); err != nil {
			return "", err
		}
		if s.value.negatable {
			flags.BoolFunc(s.flag(), s.help, s.value.set)
			flags.BoolFunc("no-"+s.flag(), "", func(string) error { return s.value.set("false") })
			continue
		}
		flags.Func(s.flag(), s.help, s.value.set)
	}
	for _, other := range []command{commandVersion, commandMan} {
		flags.BoolFunc(string(other), "", func(string) error {
			do = other
			return nil
		})
	}
	err := flags.Parse(arguments)
	if err == nil && flags.NArg() > 0 {
		if do = command(flags.Arg(0)); do != commandRun && do != commandHealth {
			return "", fmt.Errorf("unexpected argument %s", flags.Arg(0))
		}
		if err = flags.Parse(flags.Args()[1:]); err == nil && flags.NArg() > 0 {
			err = fmt.Errorf("unexpected argument %s", flags.Arg(0))
		}
	}
	if errors.Is(err, flag.ErrHelp) {
		return commandHelp, nil
	}
	return do, err
}

// foreign is what of the environment is none of this program's settings.
func foreign(environ []string, all []setting) []string {
	return slices.DeleteFunc(environ, func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.ContainsFunc(all, func(s setting) bool { return s.variable == name })
	})
}

// usage is a setting's flag as the help and the manual page have it.
func (s setting) usage() string {
	if s.value.negatable {
		return "[no-]" + s.flag()
	}
	return s.flag() + "=" + s.holder
}

// about is a setting's help with its default and its variable.
func (s setting) about() string {
	if s.fallback == "" {
		return fmt.Sprintf("%s ($%s)", s.help, s.variable)
	}
	return fmt.Sprintf("%s Default: %s ($%s)", s.help, s.fallback, s.variable)
}

func printHelp(to io.Writer, all []setting) {
	fmt.Fprintf(to, "Usage: bridge [healthcheck] [flags]\n\n%s\n\nCommands:\n  healthcheck\n        %s\n\nFlags:\n", description, healthHelp)
	for _, s := range all {
		fmt.Fprintf(to, "  --%s\n        %s\n", s.usage(), s.about())
	}
	fmt.Fprint(to, "  --version\n        Print the version and exit.\n")
}

func printManual(to io.Writer, all []setting) {
	page := mango.NewManPage(1, "bridge", "connects a container's agent to the Hearth gateway").WithLongDescription(description)
	_ = page.Root.AddCommand(mango.NewCommand(string(commandHealth), healthHelp, "")) // fails only for what is there already, as below
	for _, s := range all {
		_ = page.Root.AddFlag(mango.Flag{Name: s.usage(), Usage: s.about(), PFlag: true})
	}
	fmt.Fprint(to, page.Build(roff.NewDocument()))
}
