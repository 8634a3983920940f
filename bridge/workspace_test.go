package bridge

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"hearth/bridge/isolation"
	"hearth/infra/testkit"
	"hearth/messages/wire"
)

func testRoot(t *testing.T) *os.Root {
	root, err := openRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root
}

func mode(t *testing.T, name string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

func TestWorkspaceIsMadePrivate(t *testing.T) {
	root := testRoot(t)
	if err := os.Mkdir(filepath.Join(root.Name(), "old"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"new", "nested/deep", "old", "~0a1b"} {
		dir := filepath.Join(root.Name(), name)
		w, err := openWorkspace(t.Context(), root, dir+"/", ".optima/token.json", isolation.SameUser)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if w.path != dir || mode(t, dir) != fs.ModeDir|0o700 {
			t.Errorf("%s: path %s, mode %v", name, w.path, mode(t, dir))
		}
		if err := w.close(); err != nil {
			t.Errorf("%s: close: %v", name, err)
		}
	}
}

func TestWorkspaceCannotLeaveItsPlace(t *testing.T) {
	root := testRoot(t)
	in := func(name string) string { return filepath.Join(root.Name(), name) }
	outside := t.TempDir()
	for link, to := range map[string]string{"out": outside, "victim-link": "victim", "loop": "loop"} {
		if err := os.Symlink(to, in(link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(in("victim"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(in("file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{
		root.Name(), in("."), in("a/../.."), in("../" + filepath.Base(outside)), outside, "/", "alice", "",
		in("out"), in("out/x"), in("victim-link"), in("victim-link/x"), in("loop"), in("file"), in("file/x"),
	} {
		if w, err := openWorkspace(t.Context(), root, dir, ".optima/token.json", isolation.SameUser); err == nil {
			t.Errorf("%q was opened as %s", dir, w.path)
			_ = w.close()
		}
	}
	entries, err := os.ReadDir(outside)
	if err != nil || len(entries) != 0 {
		t.Errorf("outside: %v, %v", entries, err)
	}
}

func TestRootMustExist(t *testing.T) {
	if _, err := openRoot(filepath.Join(t.TempDir(), "missing")); err == nil || !strings.Contains(err.Error(), "volume") {
		t.Errorf("error %v", err)
	}
}

func readToken(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Token string }
	if err := json.Unmarshal(content, &file); err != nil {
		t.Fatalf("torn token file %q: %v", content, err)
	}
	return file.Token
}

func TestTokenFile(t *testing.T) {
	root := testRoot(t)
	dir := filepath.Join(root.Name(), "alice")
	w, err := openWorkspace(t.Context(), root, dir, ".optima/token.json", isolation.SameUser)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, ".optima", "token.json")
	if err := w.writeToken("first"); err != nil {
		t.Fatal(err)
	}
	if mode(t, name) != 0o600 || mode(t, filepath.Dir(name)) != fs.ModeDir|0o700 {
		t.Errorf("modes %v in %v", mode(t, name), mode(t, filepath.Dir(name)))
	}

	// Whoever reads while it is replaced sees one of the tokens, whole.
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 50 {
			if err := w.writeToken(wire.Secret(strings.Repeat("t", 1+i*100))); err != nil {
				t.Error(err)
			}
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		if token := readToken(t, name); token != "first" && strings.Trim(token, "t") != "" {
			t.Fatalf("read %q", token)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(name))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}

	if err := w.close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(name); !os.IsNotExist(err) {
		t.Errorf("the token file outlived its session: %v", err)
	}
	if err := w.writeToken("late"); err == nil {
		t.Error("a token was written after the end")
	}
}

func TestTokenFileOfAnotherSessionStays(t *testing.T) {
	root := testRoot(t)
	dir := filepath.Join(root.Name(), "alice")
	var both [2]*workspace
	for i, token := range []wire.Secret{"earlier", "later"} {
		var err error
		if both[i], err = openWorkspace(t.Context(), root, dir, "token.json", isolation.SameUser); err != nil {
			t.Fatal(err)
		}
		if err := both[i].writeToken(token); err != nil {
			t.Fatal(err)
		}
	}
	if err := both[0].close(); err != nil {
		t.Error(err)
	}
	if got := readToken(t, filepath.Join(dir, "token.json")); got != "later" {
		t.Errorf("token %q", got)
	}
	if err := both[1].close(); err != nil {
		t.Error(err)
	}
}

// TestWhatAnAgentLeavesLocksNobodyOut has something else in the place of the token's directory, or of its file, as an agent can
// leave it. The next session begins all the same, nothing is lost, nothing outside is touched, and the session ends.
func TestWhatAnAgentLeavesLocksNobodyOut(t *testing.T) {
	outside := t.TempDir()
	for name, leave := range map[string]func(name string) error{
		"file":             func(name string) error { return os.WriteFile(name, []byte("x"), 0o400) },
		"FIFO":             func(name string) error { return syscall.Mkfifo(name, 0o600) },
		"device or socket": func(name string) error { return syscall.Mknod(name, syscall.S_IFSOCK|0o600, 0) },
		"symlink outside":  func(name string) error { return os.Symlink(outside, name) },
		"symlink inside":   func(name string) error { return os.Symlink("..", name) },
		"symlink to none":  func(name string) error { return os.Symlink("nothing", name) },
		"symlink loop":     func(name string) error { return os.Symlink(filepath.Base(name), name) },
		"full directory":   func(name string) error { return os.MkdirAll(filepath.Join(name, "sub", "sub"), 0o700) },
		"closed directory": func(name string) error { return os.Mkdir(name, 0) },
	} {
		for _, place := range []string{"a", "a/b", "a/b/token.json"} {
			t.Run(name+" at "+place, func(t *testing.T) {
				g := newGateway(t)
				cfg := testConfig(t, g)
				cfg.TokenFile = "a/b/token.json"
				at := filepath.Join(cfg.WorkspaceRoot, "alice", place)
				if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), leave(at)); err != nil {
					t.Fatal(err)
				}
				r := start(t, cfg)
				p := r.begin(g)
				if got := readToken(t, filepath.Join(r.workspace(), cfg.TokenFile)); got != testUserToken {
					t.Errorf("the token file has %q", got)
				}
				aside, err := filepath.Glob(at + ".aside-*")
				inPlace := strings.Contains(name, "directory") && place != "a/b/token.json" || name == "file" && place == "a/b/token.json"
				if err != nil || (len(aside) == 1) == inPlace || strings.Contains(r.log.String(), "was moved aside") == inPlace {
					t.Errorf("moved aside: %q, %v", aside, err)
				}
				p.Send(wire.Stop{Reason: "closed"})
				skipTo[wire.Exit](p)
				if err := r.wait(); err != nil {
					t.Error(err)
				}
			})
		}
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 0 {
		t.Errorf("outside: %v, %v", entries, err)
	}
}

// TestWhatAnAgentDoesMeanwhileHangsNothing replaces the token's directory and the keepalive file while the session lives.
func TestWhatAnAgentDoesMeanwhileHangsNothing(t *testing.T) {
	for _, do := range []string{
		"mv .optima away; mkfifo .optima",
		"mv .optima away; ln -s /etc .optima",
		"mv .optima away; ln -s away .optima",
		"rm \"$HEARTH_KEEPALIVE\"; mkfifo \"$HEARTH_KEEPALIVE\"",
		"rm \"$HEARTH_KEEPALIVE\"; mkdir \"$HEARTH_KEEPALIVE\"; touch \"$HEARTH_KEEPALIVE/x\"",
		"rm \"$HEARTH_KEEPALIVE\"; ln -s /etc/passwd \"$HEARTH_KEEPALIVE\"",
		"chmod 0 .optima; chmod 0 .",
	} {
		t.Run(do, func(t *testing.T) {
			if strings.HasPrefix(do, "chmod") {
				testkit.NeedRoot(t) // a bridge that is the agent's user is shut out as well
			}
			g := newGateway(t)
			cfg := testConfig(t, g)
			cfg.AgentCommand = script(do + "; echo 1; exec cat")
			r := startWith(t, cfg, lookOften)
			p := r.begin(g)
			skipAllTo[wire.Data](p)
			p.Send(wire.Token{Token: testUserToken + "-2"})
			eventually(t, "the token is written", func() bool { return strings.Contains(r.log.String(), "wrote the new token") })
			p.Send(wire.Stop{Reason: "closed"})
			skipAllTo[wire.Exit](p)
			if err := r.wait(); err != nil {
				t.Error(err)
			}
			if r = start(t, cfg); r.begin(g) == nil { // and its user begins again
				t.Error("no session")
			}
		})
	}
}

// skipAllTo receives until a frame of one kind comes.
func skipAllTo[F wire.Frame](p *peer) {
	p.t.Helper()
	for {
		if _, ok := p.Receive().(F); ok {
			return
		}
	}
}

func TestTail(t *testing.T) {
	var short, long tail
	short.add("one")
	short.add("two")
	if short.String() != "one\ntwo\n" {
		t.Errorf("%q", short.String())
	}
	for range 100 {
		long.add(strings.Repeat("é", 100))
	}
	long.add(strings.Repeat("x", tailSize-101))
	if got := long.String(); len(got) > tailSize || len(got) < tailSize-4 || !strings.HasSuffix(got, "x\n") {
		t.Errorf("%d bytes", len(got))
	}
}

func TestRedactorHidesTokens(t *testing.T) {
	var r redactor
	r.add("old-token-value")
	r.add("new-token-value")
	r.add("a")
	if got := r.clean("a new-token-value a"); got != "a [secret] a" {
		t.Errorf("%q", got)
	}
	if got := clip("äöü", 3); got != "ä…" {
		t.Errorf("%q", got)
	}
	if got := clip("short", 10); got != "short" {
		t.Errorf("%q", got)
	}
}
