package bridge

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hearth/bridge/isolation"
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

func TestTokenFileCannotLeaveTheWorkspace(t *testing.T) {
	root := testRoot(t)
	dir, outside := filepath.Join(root.Name(), "alice"), t.TempDir()
	w, err := openWorkspace(t.Context(), root, dir, ".optima/token.json", isolation.SameUser)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	if err := os.Symlink(outside, filepath.Join(dir, ".optima")); err != nil {
		t.Fatal(err)
	}
	if err := w.writeToken("secret"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v", err)
	}
	if entries, _ := os.ReadDir(outside); len(entries) != 0 {
		t.Errorf("outside: %v", entries)
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
