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

// TestTheDocumentsCommands: each block of commands says after its `sh` whether it is run here, as it stands, in the files that the
// document has (run); or that it needs an account at AWS (aws), or somebody who looks on (by-hand). So no command in a document goes
// stale unseen.
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
			case strings.HasPrefix(block[1], "sh") && block[1] != "sh aws" && block[1] != "sh by-hand":
				t.Errorf("%s: ```%s must say run, aws or by-hand", name, block[1])
			}
		}
	}
	if ran < 4 {
		t.Errorf("only %d blocks were run", ran)
	}
}

// runBlock runs a block in a directory that has the programs in bin, with a gateway's address of the test's own.
func runBlock(t *testing.T, dir, script string) {
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
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s\nfrom\n%s", err, output, script)
	}
}
