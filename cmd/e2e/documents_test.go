package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// fence is a block of a document: what is beside its opening, and what is in it.
var fence = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```")

// command is a line that is meant to be typed, after a prompt in a block that has the answer as well.
var command = regexp.MustCompile(`(?m)^(\$ )?([A-Z_]+=\S+ )*(bin/|make |curl |jq )`)

// TestTheDocumentsCommands: each block of commands says after its `sh`, or `console` if it has the answers as well, whether it is run
// here, as it stands, in the files that the document has (run); or that it needs an account at AWS (aws), or time or somebody who looks
// on (by-hand). So no command in a document goes stale unseen.
func TestTheDocumentsCommands(t *testing.T) {
	t.Parallel()
	var documents []string
	for _, pattern := range []string{"../../*.md", "../../docs/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, found...)
	}
	ran := 0
	for _, path := range documents {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		dir := sharedDir(t)
		arrivals := "time\n" // that somebody has recorded
		for minute := range 100 {
			arrivals += time.Date(2026, 5, 4, 9, minute, 0, 0, time.UTC).Format(time.RFC3339) + "\n"
		}
		if err := os.WriteFile(filepath.Join(dir, "arrivals.csv"), []byte(arrivals), 0o600); err != nil {
			t.Fatal(err)
		}
		for i, block := range fence.FindAllStringSubmatch(string(text), -1) {
			name, content := fmt.Sprintf("%s, block %d", filepath.Base(path), i+1), block[2]
			_, file, isFile := strings.Cut(block[1], " file=")
			switch {
			case isFile:
				if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			case block[1] == "sh run":
				ran++
				t.Run(name, func(t *testing.T) { runBlock(t, dir, content) })
			case block[1] == "console run":
				ran++
				t.Run(name, func(t *testing.T) { answers(t, dir, content) })
			case block[1] == "" && command.MatchString(content):
				t.Errorf("%s has commands, and does not say whether it can be run: %s", name, content)
			case strings.HasPrefix(block[1], "console") && block[1] != "console by-hand":
				t.Errorf("%s: ```%s must say run or by-hand", name, block[1])
			case strings.HasPrefix(block[1], "sh") && block[1] != "sh aws" && block[1] != "sh by-hand":
				t.Errorf("%s: ```%s must say run, aws or by-hand", name, block[1])
			}
		}
	}
	if ran < 4 {
		t.Errorf("only %d blocks were run", ran)
	}
}

// answers runs the one command of a block, and looks for the lines after it, in their order, in what it prints; "..." stands for others.
func answers(t *testing.T, dir, block string) {
	t.Helper()
	typed, lines, _ := strings.Cut(strings.TrimPrefix(block, "$ "), "\n")
	printed := runBlock(t, dir, typed)
	for part := range strings.SplitSeq(lines, "...\n") {
		_, after, found := strings.Cut(printed, part)
		if !found {
			t.Errorf("%s prints\n%s\nand not\n%s", typed, printed, part)
		}
		printed = after
	}
}

// runBlock runs a block in a directory that has the programs in bin, with a gateway's address of the test's own, and gives what it prints.
func runBlock(t *testing.T, dir, script string) string {
	t.Helper()
	bin := filepath.Join(dir, "bin")
	if err := os.Symlink(binaries, bin); err != nil && !os.IsExist(err) {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close() // the gateway takes it
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-m", "-c", script)
	cmd.Dir, cmd.WaitDelay = dir, time.Second
	cmd.Env = append(os.Environ(), "LISTEN_ADDR="+address, "HEARTH_URL=http://"+address, "HEARTH_OPERATOR_URL=http://"+address,
		"HEARTH_E2E="+dir, "TMPDIR="+dir)
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v:\n%s\nfrom\n%s", err, output, script)
	}
	return string(output)
}
