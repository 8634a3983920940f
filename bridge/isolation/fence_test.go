package isolation

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hearth/infra/testkit"
	"hearth/messages/wire"
)

func fencePlan(t *testing.T, levels Levels) *Plan {
	t.Helper()
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return &Plan{Levels: levels, cfg: Config{Workspaces: root}}
}

func take(t *testing.T, p *Plan, session wire.SessionID, task wire.TaskID) *Fence {
	t.Helper()
	f, err := p.TakeFence("alice", session, task)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFenceIsTheLastTasks(t *testing.T) {
	p := fencePlan(t, 0)
	first := take(t, p, "s-1", "t-1")
	if err := first.Renew(); err != nil || first.Epoch() != 2 {
		t.Fatalf("epoch %d, %v", first.Epoch(), err)
	}
	other := take(t, p, "s-2", "t-2") // another session of the same user's, in the same workspace
	second := take(t, p, "s-1", "t-3")
	if err := first.Renew(); !errors.Is(err, ErrOvertaken) {
		t.Errorf("the first task renews: %v", err)
	}
	for _, f := range []*Fence{second, other, second} {
		if err := f.Renew(); err != nil {
			t.Error(err)
		}
	}
	if second.Epoch() != 5 {
		t.Errorf("the second task's epoch is %d, want 5", second.Epoch())
	}
}

// Of any number of tasks that take a session's record at the same time exactly one can renew it.
func TestFenceIsOneTasks(t *testing.T) {
	const tasks = 20
	p := fencePlan(t, 0)
	fences := make([]*Fence, tasks)
	var together sync.WaitGroup
	for i := range tasks {
		together.Go(func() {
			f, err := p.TakeFence("alice", "s-1", wire.TaskID(fmt.Sprintf("t-%d", i)))
			if err != nil {
				t.Error(err)
			}
			fences[i] = f
		})
	}
	together.Wait()
	var renewed []wire.TaskID
	for _, f := range fences {
		if f == nil {
			continue
		}
		if err := f.Renew(); err == nil {
			renewed = append(renewed, f.task)
		} else if !errors.Is(err, ErrOvertaken) {
			t.Error(err)
		}
	}
	if len(renewed) != 1 {
		t.Errorf("%d tasks have the session: %v", len(renewed), renewed)
	}
}

// A task whose answer was lost finds its own file.
func TestFenceAfterALostAnswer(t *testing.T) {
	p := fencePlan(t, 0)
	f := take(t, p, "s-1", "t-1")
	if taken, err := f.take(2, "t-1"); !taken || err != nil {
		t.Fatal(taken, err)
	}
	if err := f.Renew(); err != nil || f.Epoch() != 2 {
		t.Errorf("epoch %d, %v", f.Epoch(), err)
	}
}

// A task whose epoch finds no room on the file system has taken it all the same, and is not overtaken by itself.
func TestFenceOnAFullFileSystem(t *testing.T) {
	testkit.NeedRoot(t)
	dir := t.TempDir()
	must(t, unix.Mount("none", dir, "tmpfs", 0, "size=64k"))
	t.Cleanup(func() { must(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	p := &Plan{cfg: Config{Workspaces: openDir(t, dir)}}
	f := take(t, p, "s-1", "t-1")
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 64<<10), 0o600); err == nil {
		t.Fatal("the file system is not full")
	}
	for range 2 {
		if err := f.Renew(); !errors.Is(err, unix.ENOSPC) {
			t.Fatalf("without room: %v", err)
		}
	}
	must(t, os.Remove(filler))
	if err := f.Renew(); err != nil {
		t.Errorf("with room again: %v", err)
	}
	take(t, p, "s-1", "t-2")
	if err := f.Renew(); !errors.Is(err, ErrOvertaken) {
		t.Errorf("another task was given the session: %v", err)
	}
}

func TestStaleFencesAreRemoved(t *testing.T) {
	p := fencePlan(t, 0)
	stale, fresh := take(t, p, "s-1", "t-1"), take(t, p, "s-2", "t-2")
	old := time.Now().Add(-staleFence - time.Hour)
	if err := os.Chtimes(filepath.Join(p.cfg.Workspaces.Name(), stale.dir), old, old); err != nil {
		t.Fatal(err)
	}
	if err := take(t, p, "s-3", "t-3").RemoveStale(); err != nil {
		t.Fatal(err)
	}
	if err := stale.Renew(); !errors.Is(err, ErrOvertaken) {
		t.Errorf("a record that is gone was renewed: %v", err)
	}
	if err := fresh.Renew(); err != nil {
		t.Error(err)
	}
}

// Where agents are users of their own, they reach none of the records; who has prepared the place for himself is refused.
func TestFencesAreOutOfReach(t *testing.T) {
	p := fencePlan(t, UID)
	take(t, p, "s-1", "t-1")
	info, err := p.cfg.Workspaces.Stat(fencesName)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Fatalf("%v, %v", info, err)
	}
	if err := p.cfg.Workspaces.Chmod(fencesName, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := p.TakeFence("alice", "s-1", "t-2"); err == nil {
		t.Error("records that anybody may write were taken for good")
	}
}

// A session's start learns which tasks may still have an agent in the workspace: not those that have said that theirs have ended,
// and nobody else's.
func TestFenceTellsOfOthers(t *testing.T) {
	p := fencePlan(t, 0)
	ended, running := take(t, p, "s-1", "t-1"), take(t, p, "s-2", "t-2")
	if _, err := p.TakeFence("bob", "s-3", "t-3"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(running.Renew(), ended.Release()); err != nil {
		t.Fatal(err)
	}
	lost := take(t, p, "s-4", "t-4")
	f := take(t, p, "s-4", "t-5")
	others, err := f.Others()
	slices.Sort(others)
	if err != nil || !slices.Equal(others, []wire.TaskID{"t-2", "t-4"}) {
		t.Errorf("%v, %v", others, err)
	}
	if err := errors.Join(f.Renew(), f.Release()); err != nil {
		t.Error(err)
	}
	if err := lost.Release(); !errors.Is(err, ErrOvertaken) {
		t.Errorf("a task that was overtaken releases its session: %v", err)
	}
}
