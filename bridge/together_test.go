package bridge

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"hearth/infra/testkit"
	"hearth/messages/wire"
)

// TestTasksOfOneUserAtTheSameTime starts several tasks for the same users at once, again and again, in workspaces that were
// made before users had UIDs. Each agent reads its token and writes files of its own beside the others'.
func TestTasksOfOneUserAtTheSameTime(t *testing.T) {
	testkit.NeedRoot(t)
	const rounds, users, tasks = 2, 2, 3
	root := passable(t)
	for round := range rounds {
		for user := range users {
			old := filepath.Join(root, fmt.Sprintf("user-%d-%d", round, user), "src", "deep")
			if err := os.MkdirAll(old, 0o755); err != nil {
				t.Fatal(err)
			}
			for i := range 50 {
				if err := os.WriteFile(filepath.Join(old, fmt.Sprint(i)), []byte("old"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
		var wg, reading sync.WaitGroup
		reading.Add(users * tasks)
		for user := range users {
			for task := range tasks {
				name := wire.UserID(fmt.Sprintf("user-%d-%d", round, user))
				g := newGateway(t)
				cfg := testConfig(t, g)
				cfg.WorkspaceRoot, cfg.AgentIO, cfg.Isolation = root, LinesText, "uid,landlock"
				cfg.AgentCommand = script(fmt.Sprintf(`id -u; cat .optima/token.json; echo; head -c 3 src/deep/7; echo; echo new >>src/deep/7; echo mine >by-%d; read line`, task))
				r := start(t, cfg)
				wg.Go(func() { beOneOfMany(t, g, r, name, &reading) })
			}
		}
		wg.Wait()
	}
	checkOwners(t, root, rounds*users)
}

// beOneOfMany takes a task through its life, which ends when all have read what they wanted: the token file goes with whoever
// wrote it last. It runs beside others, so it fails without ending the test.
func beOneOfMany(t *testing.T, g *gateway, r *running, user wire.UserID, reading *sync.WaitGroup) {
	done := sync.OnceFunc(reading.Done)
	defer done()
	p := <-g.Arrivals
	init := r.initUser()
	init.UserID, init.WorkspaceDir = user, filepath.Join(r.cfg.WorkspaceRoot, string(user))
	p.Send(init)
	var lines []string
	for frame := range p.Frames {
		switch f := frame.(type) {
		case wire.InitFailed:
			t.Errorf("init failed: %+v", f)
			return
		case wire.Data:
			lines = append(lines, strings.Trim(string(f.Payload), `"`))
			if len(lines) == 3 {
				token, content := lines[1], lines[2]
				if !strings.Contains(token, testUserToken) || content != "old" {
					t.Errorf("the agent of %s read %q", user, lines)
				}
				done()
				reading.Wait()
				p.Send(wire.Stop{Reason: "closed", GraceMs: 5000})
			}
		case wire.Exit:
			if len(lines) < 3 {
				t.Errorf("the agent of %s ended early: %+v", user, f)
			}
			return
		}
	}
}

// checkOwners finds everything in each workspace to be one user's, and each user to have one UID.
func checkOwners(t *testing.T, root string, users int) {
	t.Helper()
	owners := map[uint32]string{}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.Name() == ".hearth" {
			continue
		}
		var owner uint32
		err := filepath.Walk(filepath.Join(root, entry.Name()), func(path string, info os.FileInfo, err error) error {
			if err != nil {
				return err
			}
			stat := info.Sys().(*syscall.Stat_t)
			if owner == 0 {
				owner = stat.Uid
			}
			if stat.Uid != owner || stat.Gid != owner || strings.Contains(info.Name(), "token") {
				t.Errorf("%s of %d:%d was left in a workspace of %d", path, stat.Uid, stat.Gid, owner)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if other, taken := owners[owner]; taken || owner < 10000 {
			t.Errorf("uid %d is %s's and %s's", owner, entry.Name(), other)
		}
		owners[owner] = entry.Name()
	}
	records, err := os.ReadDir(filepath.Join(root, ".hearth", "uids")) // with one for rehearsals
	if err != nil || len(records) != users+1 || len(owners) != users {
		t.Errorf("%d records and %d owners of %d users, %v", len(records), len(owners), users, err)
	}
}
