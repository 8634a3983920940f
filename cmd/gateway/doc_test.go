package main

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"hearth/actors"
	"hearth/cmd/document"
)

// rewrite regenerates the document: go test ./cmd/gateway -run Document -rewrite
var rewrite = flag.Bool("rewrite", false, "write the gateway's part of docs/configuration.md anew")

// TestConfigurationDocument holds docs/configuration.md to the flags.
func TestConfigurationDocument(t *testing.T) {
	var f flags
	parser, err := kong.New(&f, kong.Name("gateway"), kong.Vars(actors.Defaults()))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("## Secrets\n\nEnvironment variables only: a process's arguments can be read by everyone on its machine.\n\n" +
		"| variable | |\n|---|---|\n")
	for _, s := range secrets {
		fmt.Fprintf(&b, "| `%s` | %s |\n", s.name, s.help)
	}
	b.WriteByte('\n')
	b.WriteString(document.Flags(parser.Model))
	document.Section(t, "../../docs/configuration.md", "gateway", b.String(), *rewrite)
}

// TestEverySettingHasAFlag: a setting with a default that the gateway does not take can be set by nobody.
func TestEverySettingHasAFlag(t *testing.T) {
	var f flags
	parser, err := kong.New(&f, kong.Name("gateway"), kong.Vars(actors.Defaults()))
	if err != nil {
		t.Fatal(err)
	}
	taken := map[string]bool{}
	for _, flag := range parser.Model.Flags {
		for _, variable := range flag.Envs {
			taken[variable] = true
		}
	}
	for variable := range actors.Defaults() {
		if !taken[variable] {
			t.Errorf("no flag takes %s", variable)
		}
	}
}
