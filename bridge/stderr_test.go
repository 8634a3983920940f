package bridge

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"hearth/messages/wire"
)

// TestAnAgentsTextIsLoggedOnlyWhereAsked: it may be a user's, and the log is not the user's.
func TestAnAgentsTextIsLoggedOnlyWhereAsked(t *testing.T) {
	for mode, want := range map[StderrMode]struct {
		outputs int
		logged  bool
	}{StderrLog: {1, true}, StderrMerge: {2, true}, StderrOutput: {2, false}} {
		t.Run(string(mode), func(t *testing.T) {
			g := newGateway(t)
			cfg := testConfig(t, g)
			cfg.AgentIO, cfg.AgentStderr = LinesText, mode
			cfg.AgentCommand = script(`echo out; echo of-the-user >&2; exit 1`)
			r := start(t, cfg)
			p := r.begin(g)
			p.collect(want.outputs)
			exit := expect[wire.Exit](p)
			p.Send(wire.Ack{Seq: uint64(want.outputs)})
			if err := r.wait(); err != nil {
				t.Error(err)
			}
			if exit.Stderr != "of-the-user\n" || strings.Contains(r.log.String(), "of-the-user") != want.logged {
				t.Errorf("exit %+v; logged: %v, want %v", exit, !want.logged, want.logged)
			}
		})
	}
}

// TestAnAgentCannotFloodTheLog: it takes so much, and says how much it has left out.
func TestAnAgentCannotFloodTheLog(t *testing.T) {
	for _, line := range []string{"", "short", strings.Repeat("x", 200), strings.Repeat("x", 2*maxLogLine)} {
		var out bytes.Buffer
		log := newStderrLog(zerolog.New(&out))
		const lines = 50_000
		for i := range lines {
			log.line(fmt.Sprint(line, i))
		}
		log.close()
		written := strings.Count(out.String(), `"level":"info"`)
		left := 0
		for text := range strings.Lines(out.String()) {
			var n int
			if _, err := fmt.Sscanf(text, `{"level":"warn","stream":"stderr","lines":%d,`, &n); err == nil {
				left += n
			}
		}
		if written == 0 || written+left != lines || out.Len() > 8*stderrBurst {
			t.Errorf("lines of %d bytes: %d written, %d left out of %d, %d bytes in the log", len(line), written, left, lines, out.Len())
		}
	}
}
