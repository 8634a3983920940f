package bridge

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"hearth/infra/testkit"
	"hearth/messages/wire"
)

// preloadedConfig is a warm task's whose agent, a shell's script, starts before there is a user. The agent's temporary directory
// is in the directory that comes with it.
func preloadedConfig(t testing.TB, g *gateway, levels, script string) (cfg Config, temps string) {
	t.Helper()
	testkit.NeedRoot(t)
	cfg = testConfig(t, g)
	cfg.AgentPreload, cfg.AgentIO, cfg.Isolation = PreloadProcess, LinesText, levels
	cfg.AgentCommand = "sh -c '" + script + "'"
	cfg.WorkspaceRoot, temps = passable(t), passable(t)
	t.Setenv("TMPDIR", temps)
	return cfg, temps
}

// passable is a directory that every user can pass through.
func passable(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "hearth-bridge-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, passageDir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// awaitFile waits for the one file that a pattern matches.
func awaitFile(t testing.TB, pattern string) string {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) > 0 {
			return found[0]
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not come", pattern)
		}
	}
}

// TestPreloadedAgentGetsItsWorkspace lets an agent look around before and after it has a user.
func TestPreloadedAgentGetsItsWorkspace(t *testing.T) {
	const script = `echo before: $(ls -a ..) $(ls -A .); touch file 2>/dev/null && echo wrote; >$TMPDIR/waits
		read line; echo $line: $(ls -A ..) $(ls); pwd; cat .optima/token.json; echo
		mkdir a b && echo x >a/new && mv a/new b/new && cat "$WORKSPACE_DIR/b/new"; touch "$HEARTH_KEEPALIVE"; grep -c "^Cap...:.*[1-9a-f]" /proc/self/status; exec cat`
	for _, levels := range []string{"path", "landlock", "uid", "uid,landlock"} {
		t.Run(levels, func(t *testing.T) {
			g := newGateway(t)
			cfg, temps := preloadedConfig(t, g, levels, script)
			for _, name := range []string{"alice", "bob"} {
				if err := os.Mkdir(filepath.Join(cfg.WorkspaceRoot, name), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(filepath.Join(cfg.WorkspaceRoot, "alice", "old"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			r := start(t, cfg)
			p := g.next()
			awaitFile(t, temps+"/hearth-*/waits")
			r.becomeReady(p)
			p.SendData(1, `"after"`)
			place := filepath.Join(cfg.WorkspaceRoot, "workspace")
			var got []string
			for len(got) < 6 {
				switch f := p.Receive().(type) {
				case wire.Data:
					var line string
					if err := json.Unmarshal(f.Payload, &line); err != nil {
						t.Fatal(err)
					}
					got = append(got, line)
				case wire.Exit:
					t.Fatalf("%+v after %q", f, got)
				}
			}
			want := []string{"before: . .. workspace", "after: workspace old", place, `{"token":"` + testUserToken + `"}`, "x", "0"}
			if !slices.Equal(got, want) {
				t.Errorf("got %q\nwant %q", got, want)
			}
			var workspace, file unix.Stat_t
			for name, stat := range map[string]*unix.Stat_t{"": &workspace, "b/new": &file} {
				if err := unix.Stat(filepath.Join(cfg.WorkspaceRoot, "alice", name), stat); err != nil {
					t.Fatal(err)
				}
			}
			if file.Uid != workspace.Uid || file.Gid != workspace.Gid || strings.Contains(levels, "uid") == (file.Uid == 0) {
				t.Errorf("on disk the agent's file is of uid %d, gid %d, and the workspace of %d, %d", file.Uid, file.Gid, workspace.Uid, workspace.Gid)
			}
			p.Send(wire.Token{Token: "token-2-that-nobody-may-see"})
			p.Send(wire.Stop{GraceMs: 5000})
			for _, isExit := p.Receive().(wire.Exit); !isExit; _, isExit = p.Receive().(wire.Exit) {
			}
			p.AwaitEnd()
			if err := r.wait(); err != nil {
				t.Error(err)
			}
			if left, err := filepath.Glob(temps + "/*"); err != nil || len(left) > 0 {
				t.Errorf("left: %v %v", left, err)
			}
		})
	}
}

func TestPreloadedAgentThatFailsEndsItsTask(t *testing.T) {
	for name, c := range map[string]struct{ script, fails, says string }{
		"it ends":         {"echo out of ideas >&2; exit 3", "the agent has ended before it had a user", "out of ideas"},
		"it cannot start": {"", "find the program", ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			cfg, temps := preloadedConfig(t, g, "uid", c.script)
			if c.script == "" {
				cfg.AgentCommand = "no-such-program"
			}
			r := start(t, cfg)
			if err := r.wait(); err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("the bridge ends with %v", err)
			}
			if !strings.Contains(r.log.String(), c.says) {
				t.Errorf("the log does not say %q", c.says)
			}
			if left, err := filepath.Glob(temps + "/*"); err != nil || len(left) > 0 {
				t.Errorf("left: %v %v", left, err)
			}
		})
	}
}

func TestPreloadedAgentEndsWithItsTask(t *testing.T) {
	g := newGateway(t)
	cfg, temps := preloadedConfig(t, g, "path", `echo $$ >$TMPDIR/new; mv $TMPDIR/new $TMPDIR/pid; exec cat`)
	r := start(t, cfg)
	g.next()
	pid := strings.TrimSpace(readText(t, awaitFile(t, temps+"/hearth-*/pid")))
	r.cancel()
	if err := r.wait(); err != nil {
		t.Error(err)
	}
	if alive(t, pid) {
		t.Error("the agent outlives its bridge")
	}
	if left, err := filepath.Glob(temps + "/*"); err != nil || len(left) > 0 {
		t.Errorf("left: %v %v", left, err)
	}
}

// TestInitThatFailsEndsThePreloadedAgent has a workspace that cannot be made.
func TestInitThatFailsEndsThePreloadedAgent(t *testing.T) {
	g := newGateway(t)
	cfg, temps := preloadedConfig(t, g, "path", `echo $$ >$TMPDIR/new; mv $TMPDIR/new $TMPDIR/pid; exec cat`)
	if err := os.WriteFile(filepath.Join(cfg.WorkspaceRoot, "alice"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, cfg)
	p := g.next()
	pid := strings.TrimSpace(readText(t, awaitFile(t, temps+"/hearth-*/pid")))
	p.Send(r.initUser())
	expect[wire.Accepted](p)
	if f := expect[wire.InitFailed](p); f.Code != failWorkspace {
		t.Errorf("%+v", f)
	}
	if alive(t, pid) {
		t.Error("the agent lives on")
	}
	p.Send(wire.Stop{})
	if err := r.wait(); err != nil {
		t.Error(err)
	}
}

// TestPreloadedAgentThatDiesAsItsUserComes must not be ready: the user is better off with another task.
func TestPreloadedAgentThatDiesAsItsUserComes(t *testing.T) {
	g := newGateway(t)
	cfg, _ := preloadedConfig(t, g, "uid", "exec cat")
	b, err := newBridge(t.Context(), cfg, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.leave)
	pre, err := b.startPreloaded()
	if err != nil {
		t.Fatal(err)
	}
	b.preloaded = pre
	if err := pre.agent.signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	b.wg.Go(func() { b.watchPreloaded(pre) })
	<-pre.died
	proceed := make(chan struct{})
	close(proceed)
	b.session = &session{proceed: proceed, ctx: t.Context(), cancel: func() {}, in: newInbox(0), out: newOutbox(0, 1, OverflowPause), log: b.log}
	_, failed := b.prepare(b.session, wire.InitUser{UserID: "alice", SessionID: "session-1", WorkspaceDir: filepath.Join(cfg.WorkspaceRoot, "alice"), Token: testUserToken}, nil)
	if failed == nil || failed.Code != failAgent || !strings.Contains(failed.Message, "ended before it had a user") {
		t.Errorf("%+v", failed)
	}
}

func TestDedicatedTasksAreNotPreloaded(t *testing.T) {
	g := newGateway(t)
	cfg, _ := preloadedConfig(t, g, "path", "pwd; exec cat")
	cfg.Warm, cfg.UserID, cfg.SessionID = false, "alice", "session-1"
	r := start(t, cfg)
	p := r.begin(g)
	if got := p.collect(1)[0]; got != `"`+r.workspace()+`"` {
		t.Errorf("the agent is in %s", got)
	}
}
