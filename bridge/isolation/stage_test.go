package isolation

import (
	"hearth/infra/testkit"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestStagesThatCannotBeHadAreRefused asks for one where something stands in the way, by name and by auto alike: to take less
// isolation for it is not for the bridge to choose.
func TestStagesThatCannotBeHadAreRefused(t *testing.T) {
	testkit.NeedRoot(t)
	uids, err := ParseRange("10000-59999")
	must(t, err)
	for _, c := range []struct {
		levels, says string
		change       func(*Config)
	}{
		{"uid,chroot", "with ISOLATION=path,uid,chroot: a changed root", func(c *Config) {
			c.AgentRoot = t.TempDir()
			must(t, os.Chmod(c.AgentRoot, 0o755), os.Mkdir(c.AgentRoot+"/tmp", 0o777), os.MkdirAll(c.AgentRoot+c.Workspaces.Name(), 0o755))
		}},
		{"uid", "UID_RANGE reaches into 1073741824-2147483647", func(c *Config) { c.UIDs = Range{First: 10000, Count: 1<<31 - 1} }},
		{"auto", "mount the workspace with its user mapped: mount_setattr: invalid argument", func(c *Config) {
			must(t, unix.Mount("none", c.Workspaces.Name(), "ramfs", 0, "mode=0711"))
			dir := c.Workspaces.Name()
			t.Cleanup(func() { must(t, unix.Unmount(dir, unix.MNT_DETACH)) })
			c.Workspaces = openDir(t, dir)
		}},
		{"path", "temporary directories are made in", func(c *Config) { t.Setenv("TMPDIR", c.Workspaces.Name()) }},
	} {
		cfg := Config{UIDs: uids, Workspaces: openRootFor(t), Read: system, Preload: true, Request: request(t, c.levels)}
		c.change(&cfg)
		plan, err := Resolve(t.Context(), cfg)
		if err == nil {
			t.Errorf("%s: %s", c.says, plan.Levels)
			must(t, plan.Close())
			continue
		}
		if !strings.HasPrefix(err.Error(), "AGENT_PRELOAD: process cannot be had with ISOLATION=") || !strings.Contains(err.Error(), c.says) ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", c.says, err)
		}
	}
}
