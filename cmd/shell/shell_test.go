package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"hearth/messages"
)

// result is what a finished shell has left.
type result struct {
	code           int
	stdout, stderr string
}

// shell runs the binary with its input piped.
func (g *gateway) shell(t *testing.T, input string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, append([]string{"--url", g.URL, "--user", "ann"}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &stdout, &stderr
	cmd.Env = append(os.Environ(), "HEARTH_TOKEN=")
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
			name: "json", input: "x\nexit\n", args: []string{"--json"},
			agent: func(p *peer, payload string) {
				if payload == `"x"` {
					p.say(`"two\nlines"`, `{ "a" : 1 }`)
				}
				sh(p, payload)
			},
			want: result{stdout: "\"two\\nlines\"\n{\"a\":1}\n"},
		},
		{
			name: "a start that fails", input: "x\n",
			greet: func(p *peer, _ int) {
				p.send(messages.Error{Code: messages.CodeStartFailed, Message: "no host has room"})
				p.end(messages.ByeStartFailed)
			},
			want: result{code: 1, stderr: "error start_failed: no host has room\n"},
		},
		{
			name: "idle for too long", input: "x\n", agent: func(p *peer, _ string) { p.end(messages.ByeIdleTimeout) },
			want: result{code: 1, stderr: "error idle_timeout: the session was idle for too long\n"},
		},
		{
			name: "replaced by another client", input: "x\n", agent: func(p *peer, _ string) { p.end(messages.ByeReplaced) },
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
					_ = p.conn.NetConn().Close()
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
			g := newGateway(t)
			if c.greet != nil {
				g.greet = c.greet
			}
			if c.agent != nil {
				g.agent = c.agent
			}
			if got := g.shell(t, c.input, c.args...); got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}
