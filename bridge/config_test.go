package bridge

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hearth/messages/wire"
)

func TestSplitCommand(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
	}{
		{`cat`, []string{"cat"}},
		{"  a \t b\nc  ", []string{"a", "b", "c"}},
		{`sh -c 'echo "$HOME" \n'`, []string{"sh", "-c", `echo "$HOME" \n`}},
		{`a "b c"d "" '' e\ f "g\"h"`, []string{"a", "b cd", "", "", "e f", `g"h`}},
		{`a\'b`, []string{"a'b"}},
		{`ä "ö ü"`, []string{"ä", "ö ü"}},
	} {
		if got, err := SplitCommand(c.in); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, %v, want %q", c.in, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "  ", `'a`, `"a`, `a\`, `'' b`} {
		if got, err := SplitCommand(bad); err == nil {
			t.Errorf("%q: %q", bad, got)
		}
	}
}

func TestAgentEnviron(t *testing.T) {
	cfg := Config{
		AgentEnv: []string{"PATH", "TERM", "OWN", "LC_*", "AWS_*", "ECS*", "T*", "H*", "MISSING"},
		Environ: []string{
			"PATH=/bin", "TERM=xterm", "HOME=/root", "OWN=a=b", "OWNER=x", "LC_ALL=C", "LC_=x", "LC=x", "AWS_REGION=eu-central-1",
			"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/x", "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://x",
			"AWS_CONTAINER_AUTHORIZATION_TOKEN=y", "AWS_EXECUTION_ENV=AWS_ECS_EC2",
			"ECS_CONTAINER_METADATA_URI_V4=http://169.254.170.2/v4/x", "ECS_AGENT_URI=z",
			"HEARTH_KEEPALIVE=/etc/passwd", "TASK_TOKEN=secret", "DATABASE_PASSWORD=secret",
			"TMPDIR=/tmp", "USER=root", "LOGNAME=root",
		},
	}
	if got, want := cfg.withheld(), []string{"OWNER", "LC", "DATABASE_PASSWORD"}; !slices.Equal(got, want) {
		t.Errorf("withheld %q, want %q", got, want)
	}
	got := agentEnviron(cfg.passedOn(), place{
		user: "alice", workspace: "/mnt/efs/alice", temp: "/tmp/hearth-1", keepalive: "/mnt/efs/alice/.optima/keepalive.X",
	})
	want := []string{
		"PATH=/bin", "TERM=xterm", "OWN=a=b", "LC_ALL=C", "LC_=x", "AWS_REGION=eu-central-1",
		"HOME=/mnt/efs/alice", "WORKSPACE_DIR=/mnt/efs/alice", "PWD=/mnt/efs/alice",
		"TMPDIR=/tmp/hearth-1", "USER=alice", "LOGNAME=alice",
		"HEARTH_KEEPALIVE=/mnt/efs/alice/.optima/keepalive.X",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	got = agentEnviron([]string{"LANG=C", "PATH=/bin", "TERM=dumb"}, place{terminal: true})
	if slices.Contains(got, "TERM=dumb") || slices.Contains(got, "LANG=C") || !slices.Contains(got, "TERM=xterm-256color") {
		t.Errorf("on a terminal: %q", got)
	}
}

func TestValidateNamesEveryProblem(t *testing.T) {
	good := Config{
		GatewayURL: "wss://gateway.example:8443/base", TaskID: "task-1", TaskToken: "x", Warm: true,
		WorkspaceRoot: "/mnt/efs", TokenFile: ".optima/token.json",
		AgentCommand: "cat", AgentIO: LinesJSON, AgentStderr: StderrMerge, AgentOverflow: OverflowDrop,
		Isolation: "uid, landlock", UIDRange: "10000-59999", AgentRoot: "/srv/root", AgentReadPaths: []string{"/usr"},
		MaxFrameBytes: 1 << 20, OutputBufferBytes: 8 << 20, WarmOrphanTTL: time.Minute, StopGrace: 10 * time.Second,
		AgentPreload: PreloadCache, PreloadCommand: "node warm.js", PreloadTimeout: time.Minute,
	}
	if err := good.Validate(); err != nil {
		t.Errorf("a good configuration: %v", err)
	}
	for _, c := range []struct {
		change func(*Config)
		names  string
	}{
		{func(c *Config) { c.GatewayURL = "http://gateway" }, "GATEWAY_WS_URL"},
		{func(c *Config) { c.GatewayURL = "ws://" }, "GATEWAY_WS_URL"},
		{func(c *Config) { c.GatewayURL = "ws://user:pass@gateway" }, "GATEWAY_WS_URL"},
		{func(c *Config) { c.GatewayURL = "ws://[::1" }, "GATEWAY_WS_URL"},
		{func(c *Config) { c.TaskID = "../x" }, "TASK_ID"},
		{func(c *Config) { c.TaskToken = "" }, "TASK_TOKEN"},
		{func(c *Config) { c.Warm = false; c.UserID = "u" }, "SESSION_ID"},
		{func(c *Config) { c.Warm = false; c.SessionID = "s" }, "USER_ID"},
		{func(c *Config) { c.WorkspaceRoot = "mnt" }, "WORKSPACE_ROOT"},
		{func(c *Config) { c.TokenFile = "../token" }, "TOKEN_FILE"},
		{func(c *Config) { c.AgentPreload = "warm" }, "AGENT_PRELOAD"},
		{func(c *Config) { c.PreloadCommand = "" }, "AGENT_PRELOAD_COMMAND"},
		{func(c *Config) { c.PreloadTimeout = time.Hour }, "AGENT_PRELOAD_TIMEOUT"},
		{func(c *Config) { c.TokenFile = "/token" }, "TOKEN_FILE"},
		{func(c *Config) { c.TokenFile = "a/.." }, "TOKEN_FILE"},
		{func(c *Config) { c.AgentCommand = "'" }, "AGENT_COMMAND"},
		{func(c *Config) { c.AgentIO = "" }, "AGENT_IO"},
		{func(c *Config) { c.AgentStderr = "" }, "AGENT_STDERR"},
		{func(c *Config) { c.AgentStderr = "stdout" }, "AGENT_STDERR"},
		{func(c *Config) { c.AgentOverflow = "" }, "AGENT_OVERFLOW"},
		{func(c *Config) { c.Isolation = "" }, "ISOLATION"},
		{func(c *Config) { c.Isolation = "auto,uid" }, "ISOLATION"},
		{func(c *Config) { c.Isolation = "chroot" }, "ISOLATION"},
		{func(c *Config) { c.UIDRange = "10000" }, "UID_RANGE"},
		{func(c *Config) { c.UIDRange = "0-10" }, "UID_RANGE"},
		{func(c *Config) { c.UIDRange = "10001-10000" }, "UID_RANGE"},
		{func(c *Config) { c.UIDRange = "10000-4294967295" }, "UID_RANGE"},
		{func(c *Config) { c.AgentRoot = "root" }, "AGENT_ROOT"},
		{func(c *Config) { c.AgentReadPaths = []string{"/usr", "lib"} }, "AGENT_READ_PATHS"},
		{func(c *Config) { c.AgentConnectPorts, c.Isolation = []uint16{443}, "uid" }, "AGENT_CONNECT_PORTS"},
		{func(c *Config) { c.AgentLimits.Nice = 20 }, "AGENT_NICE"},
		{func(c *Config) { c.AgentLimits.Nice = -1 }, "AGENT_NICE"},
		{func(c *Config) { c.AgentEnv = []string{"PATH", "*"} }, "AGENT_ENV"},
		{func(c *Config) { c.AgentEnv = []string{"A=B"} }, "AGENT_ENV"},
		{func(c *Config) { c.AgentEnv = []string{"ECS_*"} }, "AGENT_ENV"},
		{func(c *Config) { c.AgentEnv = []string{"TASK_TOKEN"} }, "AGENT_ENV"},
		{func(c *Config) { c.MaxFrameBytes = 1 }, "MAX_FRAME_BYTES"},
		{func(c *Config) { c.OutputBufferBytes = 1 }, "OUTPUT_BUFFER_BYTES"},
		{func(c *Config) { c.WarmOrphanTTL = 0 }, "WARM_ORPHAN_TTL"},
		{func(c *Config) { c.StopGrace = 30 * time.Second }, "STOP_GRACE"},
	} {
		cfg := good
		c.change(&cfg)
		err := cfg.Validate()
		if err == nil || !strings.HasPrefix(err.Error(), c.names+": ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("want one problem with %s, got: %v", c.names, err)
		}
	}
	if err := (Config{}).Validate(); strings.Count(err.Error(), "\n") < 10 {
		t.Errorf("nothing set: %v", err)
	}
}

func TestTarget(t *testing.T) {
	for _, c := range []struct {
		base    string
		session wire.SessionID
		want    string
	}{
		{"ws://g:1", "", "ws://g:1/internal/warm/task-1"},
		{"ws://g:1/", "s-1", "ws://g:1/internal/task/s-1"},
		{"wss://g/base", "s-1", "wss://g/base/internal/task/s-1"},
	} {
		if got := target(c.base, c.session, "task-1"); got != c.want {
			t.Errorf("%s: %s, want %s", c.base, got, c.want)
		}
	}
}

func TestBackoffGrowsToItsBound(t *testing.T) {
	for failures, bound := range []time.Duration{100, 200, 400, 800, 1600, 3200, 5000, 5000} {
		for range 100 {
			if d := backoff(failures); d < 0 || d >= bound*time.Millisecond {
				t.Fatalf("%d failures: %v, bound %v", failures, d, bound*time.Millisecond)
			}
		}
	}
	if d := backoff(1 << 30); d > backoffMax {
		t.Errorf("after many failures: %v", d)
	}
}

// TestAScriptThatCannotBeRead is told at the start, with the setting that lets it be read.
func TestAScriptThatCannotBeRead(t *testing.T) {
	script := filepath.Join(t.TempDir(), "agent.sh")
	if err := os.WriteFile(script, []byte("cat\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	system := []string{"/usr", "/bin", "/lib", "/lib64", "/etc"}
	for _, c := range []struct {
		command, isolation string
		read               []string
		told               bool
	}{
		{"sh " + script, "landlock", system, true},
		{"sh " + script, "landlock", append(system, filepath.Dir(script)), false},
		{"sh " + script, "path", system, false},
		{"sh -c cat /etc/passwd /nowhere", "landlock", system, false},
	} {
		g := newGateway(t)
		cfg := testConfig(t, g)
		cfg.AgentCommand, cfg.Isolation, cfg.AgentReadPaths = c.command, c.isolation, c.read
		r := start(t, cfg)
		g.next()
		told := strings.Contains(r.log.String(), `"paths":["`+script+`"]`) && strings.Contains(r.log.String(), "AGENT_READ_PATHS has to have it")
		if told != c.told {
			t.Errorf("%+v: %s", c, r.log)
		}
	}
}
