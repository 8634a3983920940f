package bridge

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"hearth/infra/testkit"
	"hearth/messages/wire"
)

// A bridge that cannot start agents dials nobody as one that can: it says why, hears that it was heard, and ends.
func TestUnfitBridgeSaysWhy(t *testing.T) {
	for name, test := range map[string]struct {
		change     func(*Config)
		code, says string
	}{
		"the program is not there": {func(c *Config) { c.AgentCommand = "no-such-agent --flag" }, "agent", `AGENT_COMMAND: find the program: exec: "no-such-agent": executable file not found`},
		"it cannot be executed": {func(c *Config) {
			c.AgentCommand = filepath.Join(c.WorkspaceRoot, "agent")
			writeFile(t, c.AgentCommand, "#!/bin/sh\n", 0o600)
		}, "agent", "permission denied"},
		"it is none for this machine": {func(c *Config) {
			c.AgentCommand = filepath.Join(c.WorkspaceRoot, "agent")
			writeFile(t, c.AgentCommand, "\x7fELF and no more", 0o755)
		}, "agent", "AGENT_COMMAND: execute "},
		"its interpreter is not there": {func(c *Config) {
			c.AgentCommand = filepath.Join(c.WorkspaceRoot, "agent")
			writeFile(t, c.AgentCommand, "#!/no/such/interpreter\n", 0o755)
		}, "agent", "no such file"},
		"the workspaces are not there":            {func(c *Config) { c.WorkspaceRoot += "/missing" }, "workspace", "WORKSPACE_ROOT: "},
		"the workspaces are something else":       {func(c *Config) { c.WorkspaceRoot = "/proc/self/fdinfo" }, "workspace", "WORKSPACE_ROOT: "},
		"a level of isolation cannot be had":      {func(c *Config) { c.Isolation, c.AgentRoot = "path,uid,chroot", "" }, "isolation", "ISOLATION: "},
		"the agent is to begin, and is not there": {func(c *Config) { c.Warm, c.AgentPreload, c.AgentCommand = true, PreloadProcess, "no-such-agent" }, "agent", "no-such-agent"},
		"a task for one session is of no use, too": {func(c *Config) {
			c.Warm, c.SessionID, c.UserID, c.AgentCommand = false, "session-1", "alice", "no-such-agent"
		}, "agent", "no-such-agent"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			cfg := testConfig(t, g)
			test.change(&cfg)
			if cfg.AgentPreload == PreloadProcess && os.Geteuid() != 0 {
				return // takes more than this user has, which is the isolation's failure
			}
			var log testkit.Log
			result := make(chan error, 1)
			go func() { result <- Run(context.Background(), cfg, zerolog.New(&log)) }()
			p := g.next()
			hello := p.hello
			if hello.State != wire.BridgeFailed || hello.Code != test.code || !strings.Contains(hello.Message, test.says) || hello.TaskID != cfg.TaskID {
				t.Errorf("hello %+v", hello)
			}
			p.Send(wire.Stop{Reason: "heard"})
			select {
			case err := <-result:
				if err == nil || err.Error() != hello.Message {
					t.Errorf("ended with %v", err)
				}
			case <-time.After(patience):
				t.Fatal("it does not end")
			}
		})
	}
}

// Nobody can be told: the bridge ends all the same, in its time.
func TestUnfitBridgeWithoutAGateway(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	cfg.GatewayURL, cfg.AgentCommand = "ws://127.0.0.1:1", "no-such-agent"
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	var log testkit.Log
	var why *unfit
	if err := Run(ctx, cfg, zerolog.New(&log)); !errors.As(err, &why) || why.code != failAgent {
		t.Errorf("ended with %v", err)
	}
	if !strings.Contains(log.String(), "the gateway could not be told") {
		t.Errorf("the log says %s", log.String())
	}
}

// The program that is tried runs for no longer than it takes to be killed, and nothing is left of the trial.
func TestTheTrialLeavesNothing(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	mark := filepath.Join(t.TempDir(), "ran")
	cfg.AgentCommand = script("sleep 1; touch " + mark + "; cat")
	r := start(t, cfg)
	g.next()
	entries, err := os.ReadDir(filepath.Join(cfg.WorkspaceRoot, ".hearth"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), "trial-") || strings.HasPrefix(entry.Name(), "rehearsal-") {
			t.Errorf("%s is left", entry.Name())
		}
	}
	time.Sleep(1500 * time.Millisecond)
	if _, err := os.Stat(mark); err == nil {
		t.Error("the program that was tried has run")
	}
	r.cancel()
}

func writeFile(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

// TestToldToEndWhileItTries: a bridge that is told to end before it knows whether it is fit has nothing to report.
func TestToldToEndWhileItTries(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	cfg.AgentCommand = "/no/such/agent"
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Run(ctx, cfg, zerolog.Nop()); err != nil {
		t.Error(err)
	}
}
