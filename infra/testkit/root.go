package testkit

import (
	"os"
	"testing"
)

// NeedRoot leaves a test out that gives files or processes to other users, unless root runs it; `make test` says in one line that
// such tests are left out. In CI, which sets the variable CI, it is a failure.
func NeedRoot(t testing.TB) {
	t.Helper()
	switch {
	case os.Getuid() == 0:
	case os.Getenv("CI") != "":
		t.Fatal("this test gives files or processes to other users, and CI must run it as root")
	default:
		t.Skip("this test gives files or processes to other users, which only root may")
	}
}
