package localecs

import (
	"bytes"
	"testing"

	"github.com/rs/zerolog"
)

// TestTasksLinesInTheLog: a line of a log stays one, with its level and its fields; all else, also what only looks like one, is text.
func TestTasksLinesInTheLog(t *testing.T) {
	const tail = `,"message":`
	for _, c := range []struct{ line, want string }{
		{"hello", `{"level":"info","container":"main","stream":"stdout","task":"01234567"` + tail + `"hello"}`},
		{`{"level":"warn","time":"then","n":12345678901234567890,"task":"t-1","message":"slow"}`,
			`{"level":"warn","container":"main","n":12345678901234567890,"task":"t-1"` + tail + `"slow"}`},
		{`{"level":"loud","message":"x"}`, `{"level":"info","container":"main","stream":"stdout","task":"01234567"` + tail + `"{\"level\":\"loud\",\"message\":\"x\"}"}`},
		{`{"level":"info","message":"x"} y`, `{"level":"info","container":"main","stream":"stdout","task":"01234567"` + tail + `"{\"level\":\"info\",\"message\":\"x\"} y"}`},
		{`[1]`, `{"level":"info","container":"main","stream":"stdout","task":"01234567"` + tail + `"[1]"}`},
	} {
		var log bytes.Buffer
		newOutput(nil, zerolog.New(&log)).line("0123456789abcdef", "main", "stdout", c.line)
		if log.String() != c.want+"\n" {
			t.Errorf("%s becomes\n%swant\n%s", c.line, &log, c.want)
		}
	}
}
