package bridge

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hearth/bridge/isolation"
	"hearth/messages/wire"
)

// often is the interval of these tests.
const often = 5 * time.Millisecond

func lookOften(b *bridge) { b.lookAfter = often }

// keepaliveOf is where an agent that prints its environment variable, and then echoes, has its file.
func keepaliveOf(p *peer) string {
	p.t.Helper()
	return strings.Trim(p.collect(1)[0], `"`)
}

const namesItsFile = `/bin/sh -c 'echo "$HEARTH_KEEPALIVE"; exec cat'`

// Whatever the agent does to its file asks for more time; all that it says and reads, and time that goes by, does not.
func TestTouchingTheKeepaliveFileAsksForMoreTime(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	cfg.AgentCommand = namesItsFile
	r := startWith(t, cfg, lookOften)
	p := r.begin(g)
	file := keepaliveOf(p)
	if dir := filepath.Join(r.workspace(), ".optima"); filepath.Dir(file) != dir {
		t.Errorf("the file is %s, not in %s", file, dir)
	}
	if got := mode(t, file); got != 0o600 {
		t.Errorf("mode %v", got)
	}
	for _, test := range []struct {
		name  string
		touch func() error // changes the file once
	}{
		{"touched", func() error { return os.Chtimes(file, time.Time{}, time.Now().Add(time.Minute)) }},
		{"written", func() error { return appendTo(file) }},
		{"made anew", func() error {
			if err := os.Remove(file); err != nil {
				return err
			}
			time.Sleep(3 * often) // for the bridge to see that it is gone
			return os.WriteFile(file, nil, 0o600)
		}},
		{"replaced", func() error {
			if err := os.Symlink("/nowhere", file+".new"); err != nil {
				return err
			}
			return os.Rename(file+".new", file)
		}},
	} {
		time.Sleep(3 * often) // two changes within a tick of the kernel's clock would look like one
		if err := test.touch(); err != nil {
			t.Fatal(err)
		}
		if f := p.Receive(); f != (wire.Keepalive{}) {
			t.Errorf("%s: got %T %+v", test.name, f, f)
		}
	}
	for i := uint64(1); i <= 5; i++ {
		time.Sleep(2 * often)
		p.SendData(i, `1`)
		p.collect(1) // fails at a keepalive
	}
	p.Send(wire.Stop{Reason: "closed", GraceMs: 5000})
	skipTo[wire.Exit](p)
	if err := r.wait(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(file); !os.IsNotExist(err) {
		t.Errorf("the file outlived the session: %v", err)
	}
}

func appendTo(file string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString("still here\n")
	return errors.Join(err, f.Close())
}

// What the agent asks for while there is no gateway is said once there is one again, and only once.
func TestKeepaliveWaitsForTheGateway(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	cfg.AgentCommand = namesItsFile
	r := startWith(t, cfg, lookOften)
	p := r.begin(g)
	file := keepaliveOf(p)
	g.Refuse.Store(503)
	p.Cut()
	<-p.Done
	eventually(t, "the bridge dials in vain", func() bool { return strings.Contains(r.log.String(), "cannot reach the gateway") })
	if err := appendTo(file); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * often)
	g.Refuse.Store(0)
	for _, told := range []bool{true, false} {
		p = g.next()
		expect[wire.BridgeReady](p)
		if told {
			expect[wire.Keepalive](p)
		}
		p.SendData(1, `1`)
		p.awaitAck(1) // fails at a keepalive
		p.Cut()
	}
}

// A workspace may have been prepared by an earlier agent of its user: the file is made anew and leads nowhere else, and one
// session's end leaves another's alone.
func TestKeepaliveFilesAreApart(t *testing.T) {
	root := testRoot(t)
	var files []*workspace
	for range 2 {
		w, err := openWorkspace(t.Context(), root, filepath.Join(root.Name(), "alice"), "token.json", isolation.SameUser)
		if err == nil {
			err = w.makeKeepalive(keepaliveName(w.tokenFile))
		}
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, w)
	}
	path := func(w *workspace) string { return filepath.Join(w.path, w.keepalive.name) }
	if path(files[0]) == path(files[1]) {
		t.Fatal("two sessions share a file")
	}
	if err := files[0].close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path(files[0])); !os.IsNotExist(err) {
		t.Errorf("the first's file: %v", err)
	}
	if touched, err := files[1].keepalive.touched(files[1].root); touched || err != nil {
		t.Errorf("the second's file: touched %v, %v", touched, err)
	}
	if err := files[1].close(); err != nil {
		t.Error(err)
	}
}

// A killed task leaves its file behind. The next one of the user removes it once nobody can have renewed it for long; the
// files of tasks that live stay.
func TestWhatKilledTasksLeaveIsCleared(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	dir := filepath.Join(cfg.WorkspaceRoot, "alice", ".optima")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for name, age := range map[string]time.Duration{
		"keepalive.killed": keepaliveStale + time.Minute, "keepalive.lives": keepaliveStale - time.Minute,
		"someone-elses": 2 * keepaliveStale,
	} {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Chtimes(file, now, now.Add(-age))); err != nil {
			t.Fatal(err)
		}
	}
	r := start(t, cfg)
	r.begin(g)
	eventually(t, "the leftover is removed", func() bool {
		_, err := os.Lstat(filepath.Join(dir, "keepalive.killed"))
		return errors.Is(err, os.ErrNotExist)
	})
	for _, name := range []string{"keepalive.lives", "someone-elses"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestRenewingIsNoTouch(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &workspace{root: root, uid: isolation.SameUser, tokenFile: "token.json"}
	if err := w.makeKeepalive(keepaliveName(w.tokenFile)); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(keepaliveRenewal)
	if err := w.keepalive.renew(root, later); err != nil {
		t.Fatal(err)
	}
	if touched, err := w.keepalive.touched(root); touched || err != nil {
		t.Errorf("touched: %v, %v", touched, err)
	}
	if info, err := root.Lstat(w.keepalive.name); err != nil || info.ModTime().Sub(later).Abs() > time.Second {
		t.Errorf("renewed: %v, %v", info, err)
	}
	if err := w.close(); err != nil {
		t.Error(err)
	}
}
