package report

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"hearth/infra/observe"
	"hearth/messages"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// logLine is a gateway's line, so many seconds after noon.
func logLine(seconds float64, level, message, fields string) string {
	at := noon.Add(time.Duration(seconds * float64(time.Second))).Format(time.RFC3339Nano)
	return fmt.Sprintf(`{"level":%q,"time":%q,%s"message":%q}`+"\n", level, at, fields, message)
}

func zipped(t *testing.T, text string) io.Reader {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

// TestADayOfTwoGateways: logs are merged by time, whatever else is in them, and a session that goes over to another gateway is one.
func TestADayOfTwoGateways(t *testing.T) {
	first := logLine(0, "info", "session begins", `"session":"a",`) +
		"panic: something else's line\n" +
		"2026-05-04T12:00:01Z stdout F " + logLine(1, "info", "session is ready", `"session":"a","path":"warm","tookMs":12.5,`) +
		strings.Repeat("x", 2*maxLine) + "\n" +
		logLine(4, "info", "session begins", `"session":"c",`) +
		logLine(9, "warn", "ECS call failed: denied", `"kind":"denied","error":"AccessDenied | no",`) +
		`{"level":"info","message":"no time"}` + "\n" +
		logLine(20, "info", "session ended", `"session":"a","reason":"closed","tookMs":20000,`)
	second := logLine(2, "info", "session begins", `"session":"b",`) +
		logLine(3, "info", "session is ready", `"session":"b","path":"cold","why":"pool_empty","tookMs":3000,`) +
		logLine(5, "info", "session ended", `"session":"b","reason":"start_failed","tookMs":3000,`) +
		strings.TrimSuffix(logLine(30, "audit", "an operator's request", `"action":"drain","operator":"ann",`), "\n") // its end is cut
	var trace bytes.Buffer
	day, err := Read([]io.Reader{strings.NewReader(first), zipped(t, second)}, &trace)
	if err != nil {
		t.Fatal(err)
	}
	if want := "time,length_s\n2026-05-04T12:00:00Z,20.000\n2026-05-04T12:00:02Z,3.000\n2026-05-04T12:00:04Z,26.000\n"; trace.String() != want {
		t.Errorf("the trace is\n%swant\n%s", &trace, want)
	}
	if day.SessionsBegun != 3 || day.SessionsOpen != 1 || day.OtherLines != 3 || day.Lines != 9 || day.StartsFailed != 1 ||
		day.HitRate < 0.333 || day.HitRate > 0.334 || day.Operators["drain by ann"] != 1 || day.ColdBecause["pool_empty"] != 1 ||
		day.Lengths.Count != 2 || day.Starts["warm"].P50Ms < 12.49 || day.Starts["warm"].P50Ms > 12.51 ||
		!day.From.Equal(noon) || !day.To.Equal(noon.Add(30*time.Second)) {
		t.Errorf("%+v", day)
	}
	if len(day.Problems) != 1 || day.Problems[0].Kind != "denied" || day.Problems[0].Reason != "AccessDenied | no" {
		t.Errorf("%+v", day.Problems)
	}
	quiet, err := Read([]io.Reader{strings.NewReader(logLine(-86400, "info", "session ended", `"session":"z","reason":"exited","tookMs":1,`))}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := Markdown(&text, day, quiet); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| sessions begun | 3 | 0 | +3 |", "| hit rate | 33.33 % | 0.00 % | +33.33 % |", "| sessions ended: exited | 0 | 1 | -1 |",
		`| warn | ECS call failed: denied (denied) | 1 (0) | 12:00:09, 12:00:09 | AccessDenied \| no |`,
	} {
		if !strings.Contains(text.String(), want+"\n") {
			t.Errorf("there is no %s in\n%s", want, &text)
		}
	}
	change := Compare(day, quiet).Change
	if change["sessions begun"] != 3 || change["sessions ended: exited"] != -1 {
		t.Errorf("%v", change)
	}
}

// TestMemoryStaysBounded: a long log, with ever new problems and a session that outlasts all others, takes no more than a short one.
func TestMemoryStaysBounded(t *testing.T) {
	heap := func(lines int) uint64 {
		from, to := io.Pipe()
		go func() {
			_, _ = io.WriteString(to, logLine(0, "info", "session begins", `"session":"long",`))
			for i := range lines {
				text := logLine(float64(i), "info", "session begins", fmt.Sprintf(`"session":"s-%d",`, i)) +
					logLine(float64(i), "info", "session ended", fmt.Sprintf(`"session":"s-%d","reason":"closed","tookMs":%d,`, i, i)) +
					logLine(float64(i), "warn", fmt.Sprintf("problem %d", i), "")
				if _, err := io.WriteString(to, text); err != nil {
					return
				}
			}
			_ = to.Close()
		}()
		s := newReader(io.Discard)
		source, err := newSource(from)
		if err != nil {
			t.Fatal(err)
		}
		for source.advance() == nil {
			s.take(&source.next)
		}
		if len(s.problems) > maxProblems+1 || len(s.sessions.open) != 1 {
			t.Errorf("%d problems and %d sessions are kept", len(s.problems), len(s.sessions.open))
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		runtime.KeepAlive(s)
		return m.HeapAlloc
	}
	// What waits behind the long session is all that grows: its begin and its length.
	if short, long := heap(1000), heap(11_000); long > short+10_000*256 {
		t.Errorf("%d bytes for a short log, %d for a long one", short, long)
	}
}

// TestMessagesAreKnown: the report knows lines by what the gateway writes today.
func TestMessagesAreKnown(t *testing.T) {
	for message, kind := range map[string]messages.EventKind{
		"session begins": messages.EventSessionBegun, "session is ready": messages.EventSessionReady, "session ended": messages.EventSessionEnded,
	} {
		if got, known := observe.KindOf(message); !known || got != kind {
			t.Errorf("%q is %q", message, got)
		}
	}
	if _, known := observe.KindOf("anything"); known {
		t.Error("anything is known")
	}
}
