package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hearth/messages/wire"
)

// result is what a finished shell has left.
type result struct {
	code           int
	stdout, stderr string
}

// shell runs the binary with its input piped.
func (g *gateway) shell(t *testing.T, input string, args ...string) result {
	t.Helper()
	return shell(t, input, nil, append([]string{"--url", g.URL, "--user", "ann"}, args...)...)
}

func shell(t *testing.T, input string, environ []string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &stdout, &stderr
	cmd.Env = append([]string{"HOME=" + t.TempDir()}, environ...)
	err := cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("the shell did not end; stdout %q, stderr %q", &stdout, &stderr)
	}
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

func TestPipedInput(t *testing.T) {
	for _, c := range []struct {
		name  string
		input string
		args  []string
		greet func(*peer, int)
		agent func(*peer, string)
		want  result
	}{
		{
			name: "the agent's exit ends it", input: "echo $((6*7))\nexit\n", agent: sh,
			want: result{stdout: "42\n"},
		},
		{
			name: "the agent's exit code is passed on", input: "exit 3\n", agent: sh,
			want: result{code: 3},
		},
		{
			name: "an agent that has nothing more to say is closed", input: "echo $((6*7))", args: []string{"--linger", "50ms"}, agent: sh,
			want: result{stdout: "42\n"},
		},
		{
			name: "verbose", input: "exit\n", args: []string{"--verbose"}, agent: sh,
			want: result{stderr: "ready in 12 ms (warm)  session s1\nthe agent has exited with 0\n"},
		},
		{
			name: "payloads that are not strings", input: "x\nexit\n",
			agent: func(p *peer, payload string) {
				if payload == `"x"` {
					p.say(`{ "a" : [1, "b"] }`, `null`, `"tab\tand \"quotes\""`)
				}
				sh(p, payload)
			},
			want: result{stdout: "{\"a\":[1,\"b\"]}\nnull\ntab\tand \"quotes\"\n"},
		},
		{
			name: "json", input: "\"x\"\n\n {\"b\": [1]}\n\"exit\"\n", args: []string{"--json"},
			agent: func(p *peer, payload string) {
				if payload == `"x"` {
					p.say(`"two\nlines"`, `{ "a" : 1 }`)
				}
				if payload == `{"b": [1]}` {
					p.say(`"as it is"`)
				}
				sh(p, payload)
			},
			want: result{stdout: "\"two\\nlines\"\n{\"a\":1}\n\"as it is\"\n"},
		},
		{
			name: "no json", input: "\"x\"\nx\n\"y\"\n", args: []string{"--json", "--linger", "50ms"}, agent: func(p *peer, payload string) { p.say(payload) },
			want: result{code: 1, stdout: "\"x\"\n", stderr: "error input: line 2: this is not JSON\n"},
		},
		{
			name: "a start that fails", input: "x\n",
			greet: func(p *peer, _ int) {
				p.send(wire.Error{Code: wire.CodeStartFailed, Message: "no host has room"})
				p.end(wire.ByeStartFailed)
			},
			want: result{code: 1, stderr: "error start_failed: no host has room\n"},
		},
		{
			name: "idle for too long", input: "x\n", agent: func(p *peer, _ string) { p.end(wire.ByeIdleTimeout) },
			want: result{code: 1, stderr: "error idle_timeout: the session was idle for too long\n"},
		},
		{
			name: "replaced by another client", input: "x\n", agent: func(p *peer, _ string) { p.end(wire.ByeReplaced) },
			want: result{code: 1, stderr: "error replaced: the session goes on at another client\nthe session goes on; to resume it: shell --resume s1\n"},
		},
		{
			name: "not allowed", input: "x\n", greet: func(p *peer, _ int) { _ = p.conn.WriteClose(1008, []byte("no")) },
			want: result{code: 1, stderr: "error not_allowed: the gateway closed the socket with 1008 \"no\"\nthe session goes on; to resume it: shell --resume s1\n"},
		},
		{
			name: "a cut in the middle is not seen", input: "1\n2\nexit\n",
			agent: func(p *peer, payload string) {
				if payload == `"1"` {
					p.cut()
				} else if payload == `"2"` {
					p.say(`"two"`)
				}
				sh(p, payload)
			},
			want: result{stdout: "two\n"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, func(g *gateway) {
				if c.greet != nil {
					g.greet = c.greet
				}
				if c.agent != nil {
					g.agent = c.agent
				}
			})
			if got := g.shell(t, c.input, c.args...); got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestResume(t *testing.T) {
	t.Parallel()
	g := newGateway(t, answering(sh), func(g *gateway) {
		g.greet = func(p *peer, _ int) { p.send(wire.Ready{Path: wire.PathResumed}) }
		g.outputs = []string{`"said before"`}
	})
	got := g.shell(t, "exit\n", "--resume", "s1", "--verbose")
	want := result{stdout: "said before\n", stderr: "resumed session s1\nthe agent has exited with 0\n"}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if hello := g.saw().hello; hello.SessionID != "s1" {
		t.Errorf("hello is %+v", hello)
	}
}

func TestLongLinesAndManyOfThem(t *testing.T) {
	t.Parallel()
	g := newGateway(t, answering(func(p *peer, payload string) {
		sh(p, payload)
		if payload != `"exit"` {
			p.say(payload)
		}
	}))
	input := strings.Repeat(strings.Repeat("<x>", 1000)+"\n", 300) + strings.Repeat("y", 1<<20) + "\n"
	if got := g.shell(t, input+"exit\n"); got != (result{stdout: input}) {
		t.Errorf("code %d, %d bytes of %d, stderr %q", got.code, len(got.stdout), len(input), got.stderr)
	}
	got := newGateway(t).shell(t, strings.Repeat("z", maxLine+1)+"\n", "--linger", "0")
	if want := (result{code: 1, stderr: "error input: a line is longer than 4 MiB\n"}); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestLossIsTold(t *testing.T) {
	t.Parallel()
	g := newGateway(t, answering(func(p *peer, payload string) {
		if payload == `"lose"` {
			p.g.outputs = append(p.g.outputs, "", "")
			p.send(wire.Gap{From: 1, To: 2})
		}
		sh(p, payload)
	}))
	got := g.shell(t, "lose\necho $((6*7))\nexit\n")
	if want := (result{stdout: "42\n", stderr: "outputs 1 to 2 are gone: they are no longer kept\n"}); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// A shell whose output nobody reads is stuck in a write, and still ends with a second interrupt.
func TestInterruptsWhileStandardOutputIsStuck(t *testing.T) {
	t.Parallel()
	stuck := make(chan struct{})
	g := newGateway(t, answering(func(p *peer, _ string) {
		for range 20 {
			p.say(`"` + strings.Repeat("x", 1<<16) + `"`)
		}
		close(stuck)
	}))
	cmd := exec.Command(binary, "--url", g.URL, "--linger", "1h")
	cmd.Stdin = strings.NewReader("go\n")
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = output.Close() }()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-stuck
	if _, err := io.ReadFull(output, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	deadline := time.After(patience)
	for {
		if err := cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		select {
		case <-ended:
			if code := cmd.ProcessState.ExitCode(); code != 130 {
				t.Fatalf("exit code %d", code)
			}
			return
		case <-deadline:
			t.Fatal("the shell does not end")
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func TestWhoTheShellIs(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		environ       []string
		args          []string
		authorization string
		query         string
	}{
		"nobody":            {query: "user=dev"},
		"$USER":             {environ: []string{"USER=eve"}, query: "user=eve"},
		"--user":            {environ: []string{"USER=eve"}, args: []string{"--user", "ann b"}, query: "user=ann+b"},
		"HEARTH_TOKEN":      {environ: []string{"HEARTH_TOKEN=secret", "USER=eve"}, authorization: "Bearer secret"},
		"a file goes first": {environ: []string{"HEARTH_TOKEN=secret"}, args: []string{"--token-file", file}, authorization: "Bearer from-file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, answering(sh))
			if got := shell(t, "exit\n", append(c.environ, "HEARTH_URL="+g.URL), c.args...); got != (result{}) {
				t.Fatalf("%+v", got)
			}
			request := g.saw().request
			if got := request.Header.Get("Authorization"); got != c.authorization {
				t.Errorf("Authorization is %q", got)
			}
			if got := request.URL.RawQuery; got != c.query || request.URL.Path != "/ws" {
				t.Errorf("asked for %v", request.URL)
			}
		})
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	g := newGateway(t, answering(sh))
	secure := httptest.NewTLSServer(g.Server.Config.Handler)
	defer secure.Close()
	refused := shell(t, "exit\n", nil, "--url", secure.URL)
	if refused.code != 1 || !strings.Contains(refused.stderr, "error unreachable: tls: failed to verify certificate") {
		t.Errorf("an unknown authority gives %+v", refused)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	if err := os.WriteFile(file, block, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := shell(t, "exit 3\n", []string{"SSL_CERT_FILE=" + file}, "--url", secure.URL+"/"); got != (result{code: 3}) {
		t.Errorf("%+v", got)
	}
}

func TestNoSession(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(nil)
	closed.Close()
	unauthenticated := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }))
	defer unauthenticated.Close()
	missing, empty := filepath.Join(t.TempDir(), "missing"), filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args   []string
		code   int
		stderr string
	}{
		{[]string{"--url", closed.URL}, 1, "error unreachable: dial tcp "},
		{[]string{"--url", unauthenticated.URL}, 1, "error refused: the gateway answered HTTP 401\n"},
		{[]string{"--nonsense"}, 2, "error usage: unknown flag --nonsense"},
		{[]string{"--linger=-1s"}, 2, "error usage: --linger must not be negative\n"},
		{[]string{"--resume", "no id"}, 2, "error usage: the session to resume is not an id\n"},
		{[]string{"--url", "ftp://host"}, 2, "error usage: the gateway's URL has scheme \"ftp\""},
		{[]string{"--url", "ws://user:secret@host"}, 2, "error usage: the gateway's URL must not hold credentials\n"},
		{[]string{"--url", "ws://"}, 2, "error usage: the gateway's URL has no host\n"},
		{[]string{"--token-file", missing}, 2, "error token: open " + missing + ": no such file or directory\n"},
		{[]string{"--token-file", empty}, 2, "error token: " + empty + " is empty\n"},
	} {
		got := shell(t, "", nil, c.args...)
		if got.code != c.code || got.stdout != "" || !strings.HasPrefix(got.stderr, c.stderr) || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("%q gives %+v", c.args, got)
		}
	}
	if help := shell(t, "", nil, "--help"); help.code != 0 || !strings.Contains(help.stdout, "printf 'echo $((6*7))\\nexit\\n' | shell --url") {
		t.Errorf("help is %+v", help)
	}
}
