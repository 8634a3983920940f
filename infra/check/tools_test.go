package check

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// infra is the folder that is checked.
const infra = ".."

// TestMain reads all that the programs which the tests run will read, so that a result that go test has cached is one of
// these very files.
func TestMain(m *testing.M) {
	for _, folder := range []string{"actors", "bridge", "cmd", "infra", "messages"} {
		err := filepath.WalkDir(filepath.Join("../..", folder), func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Type().IsRegular() {
				_, err = os.ReadFile(path)
			}
			return err
		})
		if err != nil {
			panic(err)
		}
	}
	code := m.Run()
	if binaries != "" {
		_ = os.RemoveAll(binaries)
	}
	os.Exit(code)
}

// built are the tools that ./tools builds, by name: the directory that each is in.
var built = sync.OnceValues(func() (map[string]string, string) {
	var out, complaints bytes.Buffer
	cmd := exec.Command("./tools")
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err := cmd.Run()
	directories := map[string]string{}
	for line := range strings.Lines(out.String()) {
		name, directory, _ := strings.Cut(strings.TrimSpace(line), " ")
		directories[name] = directory
	}
	if err != nil {
		return directories, complaints.String()
	}
	return directories, ""
})

// tool gives the directory of a tool that ./tools builds. Without it, as on a machine that reaches no Go modules, the test
// has nothing to do, which make test tells in a line of its own; in CI that is a failure.
func tool(t *testing.T, name string) (directory string, ok bool) {
	t.Helper()
	directories, complaints := built()
	if directories[name] == "" {
		missing(t, name, complaints)
		return "", false
	}
	return directories[name], true
}

// debian gives the path of a program that a Debian package brings, on the same terms.
func debian(t *testing.T, name, from string) (path string, ok bool) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, name, "apt-get install "+from)
		return "", false
	}
	return path, true
}

func missing(t *testing.T, name, why string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("no %s: %s", name, why)
	}
	t.Logf("NOT CHECKED, no %s: %s", name, why)
}

// run runs a program to its end, and fails the test with what it said if it fails.
func run(t *testing.T, directory string, environment []string, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = directory, append(os.Environ(), environment...)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out.Bytes(), complaints.Bytes())
	}
	return out.Bytes()
}
