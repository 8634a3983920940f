package main

import (
	"io"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"hearth/actors"
)

// FuzzFlags takes anything for the command line, and for one setting in the environment: it is refused, naming a flag, or
// becomes a configuration. It never ends the process, but for --help.
func FuzzFlags(f *testing.F) {
	for _, line := range []string{
		"--auth=dev --agent-command=bash", "--warm-pool-min-size=5", "--warm-pool-min-size many", "--no-enable-warm-pool", "--help",
		"--allowed-origins=https://a,https://b", "--drain-timeout=1h30m", "--drain-timeout=-1s", "--drain-timeout 99999999h", "--version",
		"--log-level=loud", "--", "-", "--=", "--listen-addr", "words", "--backend=ecs --ecs-cluster=", "--tls-cert-file=x",
	} {
		f.Add(line, "WARM_POOL_MAX_SIZE", "7")
	}
	f.Add("", "DRAIN_TIMEOUT", "soon")
	f.Add("", "ENABLE_WARM_POOL", "perhaps")
	f.Add("", "MAX_FRAME_BYTES", "1e6")
	var names []string
	var model flags
	for _, flag := range kong.Must(&model, kong.Vars(actors.Defaults())).Model.Flags {
		names = append(names, flag.Envs...)
	}
	f.Fuzz(func(t *testing.T, line, name, value string) {
		if strings.ContainsRune(value, 0) {
			return // no environment can hold it
		}
		for _, known := range names {
			if known == name {
				t.Setenv(name, value)
			}
		}
		var parsed flags
		exited := false
		parser := kong.Must(&parsed, kong.Name("gateway"), kong.Vars(actors.Defaults()),
			kong.Exit(func(int) { exited = true }), kong.Writers(io.Discard, io.Discard))
		_, err := parser.Parse(strings.Fields(line))
		switch {
		case exited:
			return
		case err != nil && err.Error() == "":
			t.Fatal("refused without a word")
		case err == nil:
			parsed.config()
		}
	})
}
