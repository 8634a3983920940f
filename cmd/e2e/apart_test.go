package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hearth/infra/gateway"
	"hearth/messages"
)

// Users' agents are apart by default, with the embedded backend as on ECS: each has a UID of its own and the other's files are
// out of reach. Where the gateway is not root, the kernel's Landlock keeps them apart.
func TestUsersAreKeptApart(t *testing.T) {
	s := openSite(t, agent("sh"))
	ann, bob := s.visit("ann"), s.visit("bob")
	ann.ready()
	bob.ready()
	ann.says("echo precious >file && echo done")
	ann.hears("done")
	bob.says("cat " + filepath.Join(s.workspace("ann"), "file") + " || echo refused")
	bob.hears("refused")
	bob.says("echo precious >>" + filepath.Join(s.workspace("ann"), "file") + " || echo refused again")
	bob.hears("refused again")
	bob.says("cat ~/../ann/file >stolen; wc -c <stolen; echo tried")
	bob.hears("tried")
	if text, err := os.ReadFile(filepath.Join(s.workspace("bob"), "stolen")); err != nil || len(text) > 0 {
		t.Errorf("bob has %q, %v", text, err)
	}
}

// TestIsolationIsTold looks for the levels that are in force where an operator does: per task, as a metric, and on /readyz, which
// says when they are less than was asked.
func TestIsolationIsTold(t *testing.T) {
	for setting, want := range map[string]struct{ levels, ready string }{
		"auto": {"path,uid,landlock", "ready"},
		"path": {"path", "ready"},
	} {
		s := openSite(t, func(c *gateway.Config) { c.Isolation = setting })
		s.awaitReady(3)
		status := s.awaitStatus("three tasks", func(p messages.PoolStatus) bool { return len(p.Tasks) == 3 })
		for _, task := range status.Tasks {
			if task.Isolation != want.levels {
				t.Errorf("ISOLATION=%s: a task with %q", setting, task.Isolation)
			}
		}
		if text, line := s.must(http.MethodGet, "/metrics", ""), `hearth_isolated_tasks{isolation="`+want.levels+`"} 3`; !strings.Contains(text, line+"\n") {
			t.Errorf("ISOLATION=%s: /metrics lacks %s", setting, line)
		}
		if _, text := s.get("/readyz"); strings.TrimSpace(text) != want.ready {
			t.Errorf("ISOLATION=%s: /readyz says %q", setting, text)
		}
	}
}
