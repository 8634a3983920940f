package bridge

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// preloading is a warm task's configuration with a warm-up command, a shell's.
func preloading(t *testing.T, g *gateway, script string) Config {
	t.Helper()
	cfg := testConfig(t, g)
	cfg.AgentPreload, cfg.PreloadCommand = PreloadCache, "sh -c '"+script+"'"
	return cfg
}

func TestWarmUpComesBeforeTheFirstDial(t *testing.T) {
	g := newGateway(t)
	dir := t.TempDir()
	cfg := preloading(t, g, `env > "`+dir+`/env"; pwd > "`+dir+`/pwd"; echo some words; i=0; while [ $i -lt 300 ]; do echo $i >&2; i=$((i+1)); done; >"`+dir+`/done"`)
	r := start(t, cfg)
	p := g.next()
	if _, err := os.Stat(filepath.Join(dir, "done")); err != nil {
		t.Errorf("a hello before the command was through: %v", err)
	}
	env := readText(t, filepath.Join(dir, "env"))
	for _, name := range []string{"TASK_TOKEN=", "WORKSPACE_DIR=", "USER=", keepaliveVariable} {
		if strings.Contains("\n"+env, "\n"+name) {
			t.Errorf("the command is told %s", name)
		}
	}
	scratch := strings.TrimSpace(readText(t, filepath.Join(dir, "pwd")))
	if _, err := os.Stat(scratch); !os.IsNotExist(err) || !strings.Contains(env, "HOME="+scratch) {
		t.Errorf("the scratch directory %s: %v", scratch, err)
	}
	log := r.log.String()
	if !strings.Contains(log, "some words") || !strings.Contains(log, "AGENT_PRELOAD_COMMAND has run") {
		t.Error("the log does not tell of it")
	}
	if strings.Count(log, `"stream":"stderr"`) != maxUnownedLines+1 || !strings.Contains(log, "more than that is not told") {
		t.Error("the log has more of it than it should, or less")
	}
	r.becomeReady(p)
}

func TestWarmUpThatFailsIsToldAndPassedOver(t *testing.T) {
	for name, c := range map[string]struct {
		script, says string
		timeout      time.Duration
	}{
		"fails":     {"exit 3", "it ended with code 3", patience},
		"hangs":     {"echo $$ > $FILE; sleep 1000; :", "it was killed after 300ms", 300 * time.Millisecond},
		"is absent": {"", "find the program", patience},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			cfg := preloading(t, g, c.script)
			cfg.PreloadTimeout = c.timeout
			file := filepath.Join(t.TempDir(), "pid")
			cfg.Environ = append(cfg.Environ, "FILE="+file)
			if c.script == "" {
				cfg.PreloadCommand = "no-such-program"
			}
			r := start(t, cfg)
			r.begin(g)
			if log := r.log.String(); !strings.Contains(log, c.says) || !strings.Contains(log, `"level":"warn"`) {
				t.Errorf("the log does not say %q", c.says)
			}
			if pid, err := os.ReadFile(file); err == nil && alive(t, strings.TrimSpace(string(pid))) {
				t.Error("the command still runs")
			}
		})
	}
}

func TestWarmUpEndsWithItsTask(t *testing.T) {
	g := newGateway(t)
	file := filepath.Join(t.TempDir(), "pid")
	cfg := preloading(t, g, `echo $$ > "`+file+`.new"; mv "`+file+`.new" "`+file+`"; sleep 1000; :`)
	r := start(t, cfg)
	eventually(t, "the command starts", func() bool {
		_, err := os.Stat(file)
		return err == nil
	})
	r.cancel()
	if err := r.wait(); err != nil {
		t.Error(err)
	}
	if alive(t, strings.TrimSpace(readText(t, file))) {
		t.Error("the command outlives its bridge")
	}
}

func TestDedicatedTasksAreNotWarmed(t *testing.T) {
	g := newGateway(t)
	file := filepath.Join(t.TempDir(), "file")
	cfg := preloading(t, g, ">"+file)
	cfg.Warm, cfg.UserID, cfg.SessionID = false, "alice", "session-1"
	r := start(t, cfg)
	r.begin(g)
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the command has run: %v", err)
	}
}

func readText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func alive(t *testing.T, pid string) bool {
	t.Helper()
	if _, err := strconv.Atoi(pid); err != nil {
		t.Fatal(err)
	}
	_, err := os.Stat("/proc/" + pid)
	return err == nil
}
