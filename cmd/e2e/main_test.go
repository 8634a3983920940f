package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"hearth/infra/testkit"
)

// binaries is where TestMain has built the product's programs.
var binaries string

// program is a program's path.
func program(name string) string { return filepath.Join(binaries, name) }

// patience is how long anything is waited for that should come at once; the machine may be busy.
const patience = testkit.Patience

func TestMain(m *testing.M) {
	syscall.Umask(0o022) // other users run what is built here
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "hearth-e2e-")
	if err != nil {
		return giveUp(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binaries = dir
	build := exec.Command("go", "build", "-o", dir+"/", "hearth/cmd/gateway", "hearth/cmd/bridge", "hearth/cmd/localecs", "hearth/cmd/shell",
		"hearth/cmd/hearth", "hearth/cmd/sim")
	if output, err := build.CombinedOutput(); err != nil {
		return giveUp(fmt.Errorf("build the programs: %w\n%s", err, output))
	}
	code := m.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		return giveUp(err)
	}
	return code
}

// TestCachedResultsAreOfThesePrograms looks at every file that the programs are made of. The go command takes a result of
// before only if nothing has changed that its tests have looked at, and cannot know what TestMain builds.
func TestCachedResultsAreOfThesePrograms(t *testing.T) {
	files := 0
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "bin") {
			return fs.SkipDir
		}
		if err == nil && (strings.HasSuffix(path, ".go") || entry.Name() == "go.sum") {
			files++
			_, err = os.Stat(path)
		}
		return err
	})
	if err != nil || files < 100 {
		t.Errorf("%d files: %v", files, err)
	}
}

// buildAgent builds one of the agents in testdata and gives its path.
func buildAgent(t testing.TB, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if output, err := exec.Command("go", "build", "-o", path, "./testdata/"+name).CombinedOutput(); err != nil {
		t.Fatalf("build the agent: %v\n%s", err, output)
	}
	return path
}

func giveUp(err error) int {
	fmt.Fprintln(os.Stderr, "e2e:", err)
	return 1
}

// eventually polls until something is so, eventuallyWithin at most for a time.
var (
	eventually       = testkit.Eventually
	eventuallyWithin = testkit.Within
)

// bothWays runs a test with the warm pool and without it.
func bothWays(t *testing.T, test func(t *testing.T, warm bool)) {
	t.Helper()
	t.Run("ENABLE_WARM_POOL=true", func(t *testing.T) { test(t, true) })
	t.Run("ENABLE_WARM_POOL=false", func(t *testing.T) { test(t, false) })
}
