package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"hearth/infra/testkit"
	"hearth/messages/wire"
)

const (
	patience  = testkit.Patience
	taskToken = "task-token-that-nobody-may-see"
	userToken = "user-token-that-nobody-may-see"
	// nobody is the user that the bridge runs as where these tests have the right to choose, so that root's power over
	// other processes does not hide what an ordinary agent could do.
	nobody = 65534
)

// program is the bridge, and hostile an agent that attacks another user's (testdata/hostile).
var program, hostile string

func TestMain(m *testing.M) {
	if what := os.Getenv(launchVariable); what != "" {
		os.Exit(launch(what))
	}
	syscall.Umask(0o022) // other users run what is built here
	os.Exit(func() int {
		dir, err := os.MkdirTemp("/var/tmp", "hearth-bridge")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		if err := os.Chmod(dir, 0o755); err != nil {
			panic(err)
		}
		program = filepath.Join(dir, "bridge")
		hostile = filepath.Join(dir, "hostile")
		for _, arguments := range [][]string{
			{"-trimpath", "-ldflags", "-s -w -X hearth/cmd/version.linked=1.2.3-test", "-o", program, "."},
			{"-o", hostile, "./testdata/hostile"},
		} {
			build := exec.Command("go", append([]string{"build"}, arguments...)...)
			build.Env = append(os.Environ(), "CGO_ENABLED=0") // as the image's, and so that it runs in an empty root
			if out, err := build.CombinedOutput(); err != nil {
				panic("build: " + string(out))
			}
		}
		return m.Run()
	}())
}

// The program is in every image, and begins twice for every task: once as the bridge, and once as its helper.
func TestTheProgramIsSmall(t *testing.T) {
	const most = 8 << 20
	if info, err := os.Stat(program); err != nil || info.Size() > most {
		t.Errorf("%d bytes, %d are too many (%v); go tool nm -size -sort size tells of what", info.Size(), most, err)
	}
}

// TestSIGTERM runs the program as a container does and ends it as ECS does. Its agent tries to read the task token, and
// what it finds is its output.
func TestSIGTERM(t *testing.T) {
	g := testkit.NewGateway(t)
	root, err := os.MkdirTemp(filepath.Dir(program), "efs") // where nobody can get to
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(),
		"GATEWAY_WS_URL="+g.URL(), "TASK_ID=task-1", "TASK_TOKEN="+taskToken, "WARM_POOL_MODE=true",
		"WORKSPACE_ROOT="+root, "AGENT_IO=text",
		`AGENT_COMMAND=/bin/sh -c 'env; cat /proc/$PPID/environ 2>/dev/null | tr "\0" "\n"; cat /proc/$PPID/cmdline; echo; echo done; exec cat'`)
	if os.Getuid() == 0 {
		if err := os.Chown(root, nobody, nobody); err != nil {
			t.Fatal(err)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		cmd.Env = append(cmd.Env, "TMPDIR=/tmp") // root's own may be closed to others
	}
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // the second time, unless the test failed
		if t.Failed() {
			t.Logf("the log:\n%s", &log)
		}
	})
	p := testkit.Receive(t, g.Arrivals)
	testkit.Next[wire.BridgeHello](p)
	init := wire.InitUser{UserID: "alice", SessionID: "session-1", WorkspaceDir: filepath.Join(root, "alice"), Token: userToken}
	p.Send(init)
	signalled := false
	for {
		switch f := p.Receive().(type) {
		case wire.InitFailed:
			t.Fatalf("init failed: %+v", f)
		case wire.Data:
			if line := string(f.Payload); strings.Contains(line, taskToken) {
				t.Errorf("the agent has seen the task token: %s", line)
			} else if line == `"done"` {
				signalled = true
				p.Send(wire.Ack{Seq: f.Seq})
				if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
			}
		case wire.Exit:
			t.Errorf("the session is told to be over: %+v", f)
		case wire.Gone:
			if !signalled {
				t.Error("gone, and was not told to end")
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("the bridge ended with %v\n%s", err, &log)
			}
			if strings.Contains(log.String(), taskToken) || strings.Contains(log.String(), userToken) {
				t.Errorf("the log tells a token:\n%s", &log)
			}
			if _, err := os.Lstat(filepath.Join(root, "alice", ".optima", "token.json")); !os.IsNotExist(err) {
				t.Errorf("the token file was left behind: %v", err)
			}
			return
		}
	}
}

// TestAgentDiesWithTheBridge kills the bridge as the kernel does when memory is short. Where it can, the agent has a user of its
// own, with whom the kernel would forget about it.
func TestAgentDiesWithTheBridge(t *testing.T) {
	for _, preload := range []string{"off", "process"} {
		t.Run(preload, func(t *testing.T) {
			if preload == "process" {
				testkit.NeedRoot(t)
			}
			killBridge(t, preload)
		})
	}
}

func killBridge(t *testing.T, preload string) {
	t.Helper()
	g := testkit.NewGateway(t)
	root, err := os.MkdirTemp(filepath.Dir(program), "efs")
	if err == nil {
		err = os.Chmod(root, 0o711)
	}
	if err != nil {
		t.Fatal(err)
	}
	levels := "landlock"
	if os.Getuid() == 0 {
		levels = "uid,landlock"
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(),
		"GATEWAY_WS_URL="+g.URL(), "TASK_ID=task-1", "TASK_TOKEN="+taskToken,
		"WORKSPACE_ROOT="+root, "TMPDIR="+filepath.Dir(program), "AGENT_PRELOAD="+preload, "ISOLATION="+levels, "AGENT_IO=text", `AGENT_COMMAND=/bin/sh -c 'echo $$; trap "" HUP; while :; do sleep 0.01; done'`)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := testkit.Receive(t, g.Arrivals)
	init := wire.InitUser{UserID: "alice", SessionID: "session-1", WorkspaceDir: filepath.Join(root, "alice"), Token: userToken}
	p.Send(init)
	for {
		f, isData := p.Receive().(wire.Data)
		if !isData {
			continue
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
		agent := "/proc/" + strings.Trim(string(f.Payload), `"`) + "/stat"
		for deadline := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
			stat, err := os.ReadFile(agent)
			if err != nil || strings.Contains(string(stat), ") Z ") {
				return
			}
			if time.Now().After(deadline) {
				t.Fatal("the agent outlives its bridge")
			}
		}
	}
}

func TestWhatIsWrongIsTold(t *testing.T) {
	for _, c := range []struct {
		env  []string
		args []string
		code int
		says []string
	}{
		{nil, nil, exitBadArgs, []string{"bridge: GATEWAY_WS_URL: ", "bridge: TASK_ID: ", "bridge: TASK_TOKEN: ", "bridge: AGENT_COMMAND: "}},
		{[]string{"AGENT_IO=xml"}, nil, exitBadArgs, []string{"agent-io"}},
		{nil, []string{"--no-such-flag"}, exitBadArgs, []string{"no-such-flag"}},
		{[]string{"GATEWAY_WS_URL=ws://127.0.0.1:1", "TASK_ID=t", "TASK_TOKEN=x", "AGENT_COMMAND=cat", "WORKSPACE_ROOT=" + filepath.Join(t.TempDir(), "missing")},
			nil, exitFailed, []string{"WORKSPACE_ROOT", "volume"}},
		{nil, []string{"--version"}, 0, []string{"1.2.3-test"}},
		{nil, []string{"--help"}, 0, []string{"$GATEWAY_WS_URL", "$WARM_ORPHAN_TTL", "TASK_TOKEN"}},
	} {
		cmd := exec.Command(program, c.args...)
		cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, c.env...)
		out, _ := cmd.CombinedOutput() // the exit code is looked at
		if code := cmd.ProcessState.ExitCode(); code != c.code {
			t.Errorf("%v %v: code %d, want %d", c.env, c.args, code, c.code)
		}
		for _, text := range c.says {
			if !bytes.Contains(out, []byte(text)) {
				t.Errorf("%v %v: %q is not in:\n%s", c.env, c.args, text, out)
			}
		}
	}
}

func TestLogFormats(t *testing.T) {
	var out bytes.Buffer
	for _, format := range []string{"json", "console"} {
		log := newLogger("warn", format, &out)
		log.Warn().Msg("as " + format)
		log.Info().Msg("too low")
	}
	if got := out.String(); !strings.Contains(got, `"message":"as json"`) || !strings.Contains(got, "WRN") || !strings.Contains(got, "as console") || strings.Contains(got, "too low") {
		t.Errorf("log %q", got)
	}
}
