package isolation

import (
	"context"
	"errors"
	"fmt"
	"hearth/infra/testkit"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func ownerOf(t *testing.T, name string) int {
	t.Helper()
	info, err := os.Lstat(name)
	if err != nil {
		t.Fatal(err)
	}
	stat := info.Sys().(*syscall.Stat_t)
	if stat.Uid != stat.Gid {
		t.Errorf("%s: uid %d, gid %d", name, stat.Uid, stat.Gid)
	}
	return int(stat.Uid)
}

func openDir(t *testing.T, name string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root
}

// must fails the test if a preparation failed.
func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

const alice = 12345

func TestOwnGivesAwayWhatIsTheUsersAlone(t *testing.T) {
	testkit.NeedRoot(t)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, "workspace", name) }
	victim, directory := filepath.Join(dir, "victim"), filepath.Join(dir, "directory")
	must(t,
		os.MkdirAll(at("a/b"), 0o700), os.Mkdir(directory, 0o700),
		os.WriteFile(victim, nil, 0o600), os.WriteFile(filepath.Join(directory, "file"), nil, 0o600),
		os.WriteFile(at("a/b/file"), nil, 0o640), os.WriteFile(at("somebody's"), nil, 0o600), os.Chown(at("somebody's"), 77, 77),
		os.Symlink(victim, at("to-file")), os.Symlink(directory, at("to-directory")), os.Link(victim, at("link")),
		unix.Mkfifo(at("fifo"), 0o600), unix.Mknod(at("device"), unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))),
	)
	left, err := Own(t.Context(), openDir(t, at("")), alice)
	if err != nil || left != 2 {
		t.Errorf("%d left alone, %v", left, err)
	}
	for _, name := range []string{"", "a", "a/b", "a/b/file", "somebody's", "to-file", "to-directory", "fifo"} {
		if got := ownerOf(t, at(name)); got != alice {
			t.Errorf("%q is %d's", name, got)
		}
	}
	for _, name := range []string{at("link"), at("device"), victim, directory, filepath.Join(directory, "file")} {
		if got := ownerOf(t, name); got != 0 {
			t.Errorf("%s is %d's", name, got)
		}
	}
	// What is the user's already is not gone through again.
	must(t, os.WriteFile(at("a/later"), nil, 0o600))
	if _, err := Own(t.Context(), openDir(t, at("")), alice); err != nil || ownerOf(t, at("a/later")) != 0 {
		t.Errorf("the second time: %v", err)
	}
}

func TestOwnIsBegunAgainIfItWasCutShort(t *testing.T) {
	testkit.NeedRoot(t)
	dir := filepath.Join(t.TempDir(), "workspace")
	must(t, os.MkdirAll(filepath.Join(dir, "a"), 0o700))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Own(ctx, openDir(t, dir), alice); !errors.Is(err, context.Canceled) || ownerOf(t, dir) != 0 {
		t.Errorf("error %v, and the workspace is %d's", err, ownerOf(t, dir))
	}
	if _, err := Own(t.Context(), openDir(t, dir), alice); err != nil || ownerOf(t, filepath.Join(dir, "a")) != alice {
		t.Errorf("the second time: %v", err)
	}
	deep := filepath.Join(t.TempDir(), "deep")
	must(t, os.MkdirAll(deep+strings.Repeat("/d", maxDepth+1), 0o700))
	if _, err := Own(t.Context(), openDir(t, deep), alice); err == nil || ownerOf(t, deep) != 0 {
		t.Errorf("an endless tree: %v", err)
	}
}

// TestOwnIsNotFooled changes a workspace while it is given away: its user swaps directories for symlinks to another's, and
// removes links to another's file that were made when nothing was there to prevent it.
func TestOwnIsNotFooled(t *testing.T) {
	testkit.NeedRoot(t)
	dir := t.TempDir()
	workspace := filepath.Join(dir, "workspace")
	victim, theirs := filepath.Join(dir, "victim"), filepath.Join(dir, "theirs")
	must(t, os.MkdirAll(workspace, 0o700), os.Mkdir(theirs, 0o700), os.WriteFile(victim, nil, 0o600),
		os.WriteFile(filepath.Join(theirs, "file"), nil, 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, name := range []string{"x", "y", "z"} {
		wg.Go(func() {
			path := filepath.Join(workspace, name)
			for ctx.Err() == nil { // what fails here, as things change, only makes it tame
				_ = os.Symlink(theirs, path)
				_ = os.Remove(path)
				_ = os.Mkdir(path, 0o700)
				_ = os.WriteFile(filepath.Join(path, "file"), nil, 0o600)
				_ = os.RemoveAll(path)
			}
		})
	}
	for range 100 {
		const links = 20
		link := func(i int) string { return filepath.Join(workspace, fmt.Sprintf("link-%d", i)) }
		for i := range links {
			must(t, os.Link(victim, link(i)))
		}
		must(t, os.Chown(workspace, 0, 0))
		wg.Go(func() {
			for i := range links {
				_ = os.Remove(link(i))
			}
		})
		if _, err := Own(t.Context(), openDir(t, workspace), alice); err != nil {
			t.Error(err)
		}
		for i := range links {
			_ = os.Remove(link(i))
		}
	}
	cancel()
	wg.Wait()
	for _, name := range []string{victim, theirs, filepath.Join(theirs, "file")} {
		if got := ownerOf(t, name); got != 0 {
			t.Errorf("%s was given to %d", name, got)
		}
	}
}
