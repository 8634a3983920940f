package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestVersion builds the programs as an operator does. Each says the version that is also the images' tag: of the release in
// VERSION, or of a commit on the way to it.
func TestVersion(t *testing.T) {
	const root = "../.."
	make := func(arguments ...string) string {
		t.Helper()
		command := exec.Command("make", append([]string{"--no-print-directory", "-s", "-C", root}, arguments...)...)
		command.Stderr = os.Stderr
		output, err := command.Output()
		if err != nil {
			t.Fatalf("make %v: %v", arguments, err)
		}
		return strings.TrimSpace(string(output))
	}
	release, err := os.ReadFile(filepath.Join(root, "VERSION"))
	if err != nil {
		t.Fatal(err)
	}
	version := make("version")
	if !regexp.MustCompile(`^\d+\.\d+\.\d+\n$`).Match(release) ||
		!regexp.MustCompile(`^`+regexp.QuoteMeta(strings.TrimSpace(string(release)))+`(-dev\.[0-9a-z-]+)?$`).MatchString(version) {
		t.Errorf("VERSION is %q, and make version says %q", release, version)
	}
	bin := t.TempDir()
	make("BIN="+bin, "man")
	for _, name := range []string{"gateway", "bridge", "sim", "localecs", "shell", "hearth", "bench"} {
		said, err := exec.Command(filepath.Join(bin, name), "--version").Output()
		if err != nil || strings.TrimSpace(string(said)) != version {
			t.Errorf("%s --version says %q (%v), want %s", name, said, err, version)
		}
		page, err := os.ReadFile(filepath.Join(bin, "man", "man1", name+".1"))
		if err != nil || !strings.HasPrefix(string(page), ".TH "+strings.ToUpper(name)+" 1") {
			t.Errorf("the manual page of %s begins with %.40q (%v)", name, page, err)
		}
	}
}
