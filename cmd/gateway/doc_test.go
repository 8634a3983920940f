package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// rewrite regenerates the document: go test ./cmd/gateway -run Document -rewrite
var rewrite = flag.Bool("rewrite", false, "write docs/configuration.md anew")

const document = "../../docs/configuration.md"

// TestConfigurationDocument holds docs/configuration.md to the flags.
func TestConfigurationDocument(t *testing.T) {
	want := configurationDocument(t)
	if *rewrite {
		if err := os.WriteFile(document, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the flags say; regenerate it: go test ./cmd/gateway -run Document -rewrite", document)
	}
}

func configurationDocument(t *testing.T) []byte {
	t.Helper()
	var f flags
	parser, err := kong.New(&f, kong.Name("gateway"))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	b.WriteString("# Configuration\n\n" +
		"Made from the gateway's flags by `go test ./cmd/gateway -run Document -rewrite`; a test holds it to them.\n\n" +
		"Every setting is an environment variable and a flag; a flag wins. The SDK's own variables (`AWS_REGION`,\n" +
		"`AWS_ENDPOINT_URL_ECS`, credentials) work as everywhere. What is wrong is told at the start, a line a problem, and the\n" +
		"exit code is then 2.\n\n## Secrets\n\nEnvironment variables only: a process's arguments can be read by everyone on its machine.\n\n" +
		"| variable | |\n|---|---|\n")
	for _, s := range secrets {
		fmt.Fprintf(&b, "| `%s` | %s |\n", s.name, s.help)
	}
	group := ""
	for _, each := range parser.Model.Flags {
		if each.Group == nil {
			continue // --help and --version
		}
		if each.Group.Title != group {
			group = each.Group.Title
			fmt.Fprintf(&b, "\n## %s\n\n| variable | flag | default | |\n|---|---|---|---|\n", group)
		}
		value := ""
		if each.Default != "" {
			value = "`" + each.Default + "`"
		}
		name := "--" + each.Name
		if each.IsBool() {
			name = "--[no-]" + each.Name
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", strings.Join(each.Envs, ", "), name, value, each.Help)
	}
	return b.Bytes()
}
