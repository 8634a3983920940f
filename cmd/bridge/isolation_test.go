package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"hearth/cmd/document"
	"hearth/infra/testkit"
	"hearth/messages/wire"
)

// rewrite regenerates what the documents say of the bridge: go test ./cmd/bridge -run Document -rewrite
var rewrite = flag.Bool("rewrite", false, "write the bridge's parts of docs/configuration.md and docs/security.md anew")

// column is a set of levels that is tried.
type column struct {
	levels  string
	mounted bool
	title   string
}

// tables are what docs/security.md has, by what the container allows: agents that start in their workspace, and such as are given
// it later.
var tables = []struct {
	section string
	kind    kind
	preload bool
	columns []column
}{
	{"isolation", ordinary, false, []column{
		{"path", false, "path"},
		{"path,landlock", false, "landlock"},
		{"path,uid", false, "uid"},
		{"path,uid,landlock", false, "uid, landlock"},
		{"path,uid,chroot", false, "uid, chroot"},
		{"path,uid,landlock,chroot", false, "uid, landlock, chroot"},
	}},
	{"privileged", privileged, false, []column{
		{"path", false, "path"},
		{"path,landlock", false, "landlock"},
		{"path,uid", false, "uid"},
		{"path,uid,landlock", false, "uid, landlock"},
		{"path,uid,chroot", false, "uid, chroot"},
		{"path,uid,chroot", true, "uid, chroot (mounted)"},
		{"path,uid,landlock,chroot", false, "uid, landlock, chroot"},
	}},
	{"unprivileged", unprivileged, false, []column{
		{"path", false, "path"},
		{"path,landlock", false, "landlock"},
	}},
	{"preloaded", privileged, true, []column{
		{"path", false, "path"},
		{"path,landlock", false, "landlock"},
		{"path,uid", false, "uid"},
		{"path,uid,landlock", false, "uid, landlock"},
	}},
}

// TestIsolationDocument has one user's agent attack another's at every level, and holds the tables of what each level stops to
// what was stopped.
func TestIsolationDocument(t *testing.T) {
	testkit.NeedRoot(t)
	for _, table := range tables {
		t.Run(table.section, func(t *testing.T) {
			document.Section(t, "../../docs/security.md", table.section, attackAll(t, table.kind, table.columns, table.preload), *rewrite)
		})
	}
}

// attackAll makes a table.
func attackAll(t *testing.T, of kind, columns []column, preload bool) string {
	t.Helper()
	var rows []string
	for _, column := range columns {
		t.Run(column.title, func(t *testing.T) {
			for i, r := range attack(t, of, column.levels, column.mounted, preload) {
				t.Logf("%s: %s", r.Attempt, r.Error)
				if i == len(rows) {
					rows = append(rows, "| "+r.Attempt+" |")
				}
				cell := " stopped |"
				if r.Error == "" {
					cell = " **succeeds** |"
				}
				rows[i] += cell
			}
		})
	}
	head, line := "| another user's agent tries to… |", "|---|"
	for _, column := range columns {
		head, line = head+" "+column.title+" |", line+"---|"
	}
	return strings.Join(append([]string{head, line}, rows...), "\n") + "\n"
}

// TestAutoTakesWhatItCanGet runs a bridge as ECS does.
func TestAutoTakesWhatItCanGet(t *testing.T) {
	testkit.NeedRoot(t)
	c := openContainer(t, ordinary, "auto", false, false)
	s := c.begin("alice", "victim")
	var v victim
	s.output(&v)
	s.end()
	if got := levelsIn(t, s.log.String()); got != "path,uid,landlock" {
		t.Errorf("isolated by %s", got)
	}
	if !strings.Contains(s.log.String(), "chroot: AGENT_ROOT is not set") {
		t.Error("the log does not say why there is no chroot")
	}
}

// TestPreloadTakesMoreThanContainersHave runs a bridge as ECS does, which is not enough to start its agent before its user.
func TestPreloadTakesMoreThanContainersHave(t *testing.T) {
	testkit.NeedRoot(t)
	c := openContainer(t, ordinary, "auto", false, true)
	cmd := launched(ordinary, program)
	cmd.Env = append(append(cmd.Env, c.env...), "TASK_ID=task-1", "TASK_TOKEN="+taskToken, "GATEWAY_WS_URL=ws://127.0.0.1:1", "AGENT_COMMAND=cat")
	out, _ := cmd.CombinedOutput() // the exit code is looked at
	const want = "AGENT_PRELOAD: process cannot be had with ISOLATION=path,uid,landlock: needs root with the capabilities SYS_ADMIN"
	const untold = "the gateway could not be told why the task is of no use"
	if code := cmd.ProcessState.ExitCode(); code != exitFailed || !bytes.Contains(out, []byte(want)) || !bytes.Contains(out, []byte(untold)) || bytes.Count(out, []byte("\n")) != 2 {
		t.Errorf("code %d:\n%s", code, out)
	}
}

// TestConfigurationDocument holds docs/configuration.md to the flags.
func TestConfigurationDocument(t *testing.T) {
	var lines []document.Setting
	for _, s := range new(options).settings() {
		line := document.Setting{Variable: s.variable, Flag: "--" + s.flag(), Default: s.fallback, Help: s.help}
		if s.value.negatable {
			line.Flag = "--[no-]" + s.flag()
		}
		lines = append(lines, line)
	}
	document.Section(t, "../../docs/configuration.md", "bridge", document.Settings(lines), *rewrite)
}

// attack has user B's agent attack user A's, and gives the results in the order of the attempts.
func attack(t *testing.T, of kind, levels string, mounted, preload bool) []result {
	t.Helper()
	c := openContainer(t, of, levels, mounted, preload)
	alice := c.begin("alice", "victim")
	var v victim
	alice.output(&v)
	t.Cleanup(func() { // what no process takes with it
		if id, err := unix.SysvShmGet(v.PID, 0, 0); err == nil {
			if _, err := unix.SysvShmCtl(id, unix.IPC_RMID, nil); err != nil {
				t.Error(err)
			}
		}
	})

	home := c.dir
	if strings.Contains(levels, "chroot") {
		home = filepath.Join(c.dir, "root")
	}
	other, setUID := filepath.Join(c.dir, "other"), filepath.Join(home, "set-user-id")
	text, err := os.ReadFile(hostile)
	if err == nil {
		err = os.WriteFile(setUID, text, 0o755)
	}
	for _, do := range []func() error{
		func() error { return os.WriteFile(other, []byte("of the container's\n"), 0o644) },
		func() error { return os.Chown(setUID, 4242, 4242) },
		func() error { return os.Chmod(setUID, os.ModeSetuid|0o755) },
	} {
		if err == nil {
			err = do()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	v.Other, v.SetUID = other, c.inside(setUID)
	if preload {
		v.Workspace = filepath.Join(c.root, "alice") // to which it is known by another name
	}
	v.Gateway, v.Key = bystander(t, of), operatorKey
	score, err := os.ReadFile("/proc/self/oom_score_adj")
	if err != nil {
		t.Fatal(err)
	}
	if v.Score, err = strconv.Atoi(strings.TrimSpace(string(score))); err != nil {
		t.Fatal(err)
	}
	var stat unix.Stat_t
	if err := unix.Fstat(int(c.open.Fd()), &stat); err != nil {
		t.Fatal(err)
	}
	v.Open = stat.Ino
	v.Port = alice.Socket.LocalAddr().(*net.TCPAddr).Port
	order, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	bob := c.begin("bob", "attacker")
	bob.Send(wire.Data{Seq: 1, Payload: order})
	var results []result
	bob.output(&results)
	bob.end()
	results = append(results, result{Attempt: "keep its own user from every later session", Error: "the next one begins"})
	c.begin("bob", "victim").output(&victim{}) // or the test fails
	if got := levelsIn(t, bob.log.String()); got != levels {
		t.Errorf("isolated by %s", got)
	}
	return results
}

// bystander starts a process of the bridges' user that is nobody's agent, with something in its environment that is to be kept.
func bystander(t *testing.T, of kind) int {
	t.Helper()
	cmd := launched(of, hostile, "idle")
	cmd.Env = append(cmd.Env, "TASK_TOKEN_SECRET=secret")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // nobody else ends it, and
		_ = cmd.Wait()         // then that is how it ended
	})
	return cmd.Process.Pid
}

// levelsIn are the levels that a bridge's log tells of.
func levelsIn(t *testing.T, log string) string {
	t.Helper()
	for lines := bufio.NewScanner(strings.NewReader(log)); lines.Scan(); {
		var line struct{ Message, Levels string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "agents are isolated" {
			return line.Levels
		}
	}
	t.Fatal("the log does not tell the levels")
	return ""
}
