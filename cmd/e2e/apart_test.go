package e2e

import (
	"os"
	"path/filepath"
	"testing"
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
